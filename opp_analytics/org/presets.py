"""Default columns and stages of seven CRMs, and words that people use for their own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from opp_analytics.inputs import make_key
from opp_analytics.periods import read_period

Columns = Mapping[str, str | Sequence[str]]
"""Labels of a CRM to our names; one column may serve several, as a unique name is also the id."""


def list_names(ours: str | Sequence[str]) -> list[str]:
    """List our names of one label, the id first."""
    return [ours] if isinstance(ours, str) else sorted(ours, key=lambda name: name != "unique_id")


def map_labels(**labels: str) -> dict[str, str]:
    """Map the labels of each column of ours, separated by bars, to it.

    The first is written in an import.
    """
    return {label: ours for ours, every in labels.items() for label in every.split("|")}


_DATA = tomllib.loads(Path(__file__).with_name("presets.toml").read_text(encoding="utf-8"))


def _read_preset(preset: Mapping[str, Any]) -> dict[str, Any]:
    """Read a preset in the form of an org file: the labels of its columns to our names."""
    columns: dict[str, str | tuple[str, ...]] = {}
    for ours, labels in preset["columns"].items():
        for label in labels:
            columns[label] = (*list_names(columns[label]), ours) if label in columns else ours
    return {"stages": preset["stages"], "columns": columns}


PRESETS: dict[str, dict[str, Any]] = {
    name: _read_preset(one) for name, one in _DATA["presets"].items()
}
"""Settings by preset, in the form of an org file."""
LIKELY: dict[str, tuple[str, ...]] = {
    ours: tuple(words.split()) for ours, words in _DATA["likely"].items()
}
"""Likely labels of our columns in files of no known CRM, reduced to letters and digits, the
likeliest first."""
COLUMN_WORDS: dict[str, str] = _DATA["words"]
"""What people call the columns of the tables beside the deals, the likeliest first, as `make_key`
writes it."""
TABLE_LABELS: dict[str, list[list[str]]] = {
    kind: table["needs"] for kind, table in _DATA["tables"].items()
}
"""By kind of table, what its labels must name: one of each."""
_PERIOD = re.compile(r"(19|20)\d\d(Q[1-4]|-(0[1-9]|1[0-2]))?")
_FIRST_DAY = re.compile(r"(\d{4}-\d\d)-01( 00:00:00)?")


def name_table(kind: str, labels: Sequence[str]) -> dict[str, str]:
    """Map the labels of a people or targets table to our names.

    Each of our names is used once, for its likeliest label.
    """
    keys = {make_key(label): label for label in reversed(labels) if label}
    found = {
        ours: next((keys[word] for word in COLUMN_WORDS[ours].split() if word in keys), None)
        for ours in list_columns(kind)
    }
    return {theirs: ours for ours, theirs in found.items() if theirs}


def list_columns(kind: str) -> tuple[str, ...]:
    """List the columns of a table."""
    return (
        *(name for names in TABLE_LABELS[kind] for name in names),
        *_DATA["tables"][kind]["more"],
    )


def find_labels(name: str) -> str:
    """Find labels that are read as a column: a few of the likeliest."""
    return ", ".join(word.replace("_", " ") for word in COLUMN_WORDS[name].split()[1:5])


def find_near(label: str, names: Iterable[str]) -> str | None:
    """Find the column that a misspelled label means."""
    words = {word: name for name in names for word in COLUMN_WORDS[name].split()}
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
