"""Default columns and stages of seven CRMs, and words that people use for their own."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from opp_analytics.inputs import make_key
from opp_analytics.periods import read_period
from opp_analytics.schema import Json

Columns = Mapping[str, str | Sequence[str]]
"""Labels of a CRM to our names; one column may serve several, as a unique name is also the id."""


def list_names(ours: str | Sequence[str]) -> list[str]:
    """List our names of one label, the id first."""
    return [ours] if isinstance(ours, str) else sorted(ours, key=lambda name: name != "unique_id")


def map_labels(**labels: str) -> dict[str, str]:
    """Map the labels of a CRM to our columns; each of ours has its labels, separated by bars.

    Imports write the first.
    """
    return {label: ours for ours, every in labels.items() for label in every.split("|")}


_DATA = tomllib.loads(Path(__file__).with_name("presets.toml").read_text(encoding="utf-8"))


def _read_preset(preset: Json) -> Json:
    """Read a preset in the form of an org file: the labels of its columns to our names."""
    columns: dict[str, str | tuple[str, ...]] = {}
    for ours, labels in preset["columns"].items():
        for label in labels:
            columns[label] = (*list_names(columns[label]), ours) if label in columns else ours
    return {"stages": preset["stages"], "columns": columns}


PRESETS: dict[str, Json] = {name: _read_preset(one) for name, one in _DATA["presets"].items()}
"""Settings by preset, in the form of an org file."""
_WORDS = tomllib.loads(Path(__file__).with_name("column_words.toml").read_text(encoding="utf-8"))
COLUMN_WORDS: dict[str, list[str]] = {
    ours: words.split() for ours, words in _WORDS["words"].items()
}
"""What people call the columns of the tables beside the deals, the likeliest first."""
TABLE_LABELS: dict[str, list[list[str]]] = {
    kind: table["needs"] for kind, table in _WORDS["tables"].items()
}
"""By kind of table, what its labels must name: one of each."""


@lru_cache(maxsize=4096)
def spell(label: str) -> str:
    """Reduce a label to its letters and digits, without case and accents."""
    plain = unicodedata.normalize("NFKD", label.casefold().replace("ł", "l"))
    return re.sub(r"[\W_]+", "", "".join(each for each in plain if not unicodedata.combining(each)))


_BEFORE, _AFTER = (
    [spell(word) for word in _WORDS["wrapping"][place].split()] for place in ("before", "after")
)


@lru_cache(maxsize=4096)
def list_spellings(label: str) -> tuple[str, ...]:
    """List the words that a label may stand for: itself, then what is left without its wrapping.

    ``Deal - Owner name`` may be ``owner``.
    """
    spellings = [spell(label)] if spell(label) else []
    for word in spellings:
        spellings += [
            rest for each in _BEFORE if (rest := word.removeprefix(each)) and rest != word
        ]
        spellings += [rest for each in _AFTER if (rest := word.removesuffix(each)) and rest != word]
        if len(spellings) > _MOST_SPELLINGS:
            break
    return tuple(dict.fromkeys(spellings))


_MOST_SPELLINGS = 40
"""A label of nothing but such words has more, and none of them is a column."""
LIKELY: dict[str, tuple[str, ...]] = {
    ours: tuple(dict.fromkeys(spell(word) for words in said.values() for word in words.split()))
    for ours, said in _WORDS["roles"].items()
}
"""Likely labels of our columns in files of any CRM in eight languages, as `spell` gives them, the
likeliest first."""
COLUMN_WORDS["owner_name"] = [
    *(word for words in _WORDS["roles"]["owner_name"].values() for word in words.split()),
    *COLUMN_WORDS["owner_name"],
]


def rank_label(label: str, words: Sequence[str]) -> int | None:
    """Rank a label among likely ones, the likeliest first; None if it is none of them."""
    places = (words.index(word) for word in list_spellings(label) if word in words)
    return next(places, None)


_PERIOD = re.compile(r"(19|20)\d\d(Q[1-4]|-(0[1-9]|1[0-2]))?")
_FIRST_DAY = re.compile(r"(\d{4}-\d\d)-01( 00:00:00)?")


def name_table(
    kind: str, labels: Sequence[str], columns: Columns = MappingProxyType({})
) -> dict[str, str]:
    """Map the labels of a table beside the deals to our names; `columns` come first.

    Each of our names is used once, for its likeliest label.
    """
    here = list_columns(kind)
    named = {spell(theirs): ours for theirs, ours in columns.items()}
    sure = {
        label: ours
        for label in labels
        if isinstance(ours := named.get(spell(label)), str) and ours in here
    }
    keys: dict[str, str] = {}
    # A label's own word comes before what another is without its wrapping.
    spellings = [(label, list_spellings(label)) for label in labels if label not in sure]
    for rank in range(max((len(words) for _, words in spellings), default=0)):
        for label, words in spellings:
            if rank < len(words):
                keys.setdefault(words[rank], label)
    likely = {
        ours: next((keys[key] for word in COLUMN_WORDS[ours] if (key := spell(word)) in keys), None)
        for ours in here
        if ours not in sure.values()
    }
    return sure | {theirs: ours for ours, theirs in likely.items() if theirs}


def list_columns(kind: str) -> tuple[str, ...]:
    """List the columns of a table."""
    return (
        *(name for names in TABLE_LABELS[kind] for name in names),
        *_WORDS["tables"][kind]["more"],
    )


def find_labels(name: str) -> str:
    """List a few of the likeliest labels of a column."""
    return ", ".join(word.replace("_", " ") for word in COLUMN_WORDS[name][1:5])


def find_near(label: str, names: Iterable[str]) -> str | None:
    """Find the column that a misspelled label means."""
    words = {word: name for name in names for word in COLUMN_WORDS[name]}
    near = get_close_matches(make_key(label), words, n=1, cutoff=0.7)
    return words[near[0]] if near else None


def find_periods(texts: Iterable[str], *, months: bool = False) -> dict[str, str]:
    """Find the periods among texts, each with its label in data.

    A workbook's ``Dec 2026`` is the first day of its month; where each of these days may begin a
    quarter, none is read without `months`.
    """
    listed = list(texts)
    dated = {text: day[1] for text in listed if (day := _FIRST_DAY.fullmatch(text))}
    if not months and len({int(month[5:]) % 3 for month in dated.values()}) < 2:
        dated = {}
    read = {text: dated.get(text, read_period(text)) for text in listed}
    return {text: label for text, label in read.items() if _PERIOD.fullmatch(label)}
