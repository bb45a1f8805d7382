"""Guesses of the columns that a file names in its own words: for people to confirm, never for a reader to use."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from opp_analytics.crm.mapping import Mapped, match_labels, name_opportunities
from opp_analytics.crm.recognize import guess_preset, name_any
from opp_analytics.errors import DataError, MissingColumnError
from opp_analytics.inputs import make_key
from opp_analytics.org import FILE, LIKELY, Org
from opp_analytics.table_files import FileTable, TableSource, drop_footer, quote_labels, read_table
from opp_analytics.text import count

_ID = re.compile(
    r"(^|_)(id|ids|key|number|no|nr|num|code|record|ref|uuid|guid|schlüssel|kennung)(_|$)|nummer$|nr$"
)
"""Labels of ids, reduced to letters and digits; German ones end in the word."""
_OF_DEALS = re.compile(r"deal|opp|record|quote|vorgang|angebot|chance")
_OF_OTHERS = re.compile(
    r"account|customer|client|company|contact|owner|user|person|phone|tel|fax|zip|post|plz|tax|vat|kunde|firma|product|row"
)
"""What an id is of: the deal's comes first, another thing's is none."""
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MONEY = re.compile(r"_(in_)?(usd|eur|gbp|chf|cad|aud|jpy|inr)$")


class Guess(NamedTuple):
    """A column of a file that is probably one of ours."""

    theirs: str
    """The file's label."""
    ours: str | list[str]
    """Our name, as under ``[columns]`` of an org file; a list where the column serves two."""
    why: str
    """The reason, in words."""


def guess_columns(source: TableSource, org: Org) -> list[Guess]:
    """Guess the columns of a file of opportunities that neither its labels nor the org name: the id first.

    No reader takes a guess by itself. Whoever asks for them says them, and reads with an org whose columns are
    ``{**org.columns, **{guess.theirs: guess.ours for guess in guesses}}``.
    """
    table = read_table(source, name_any(org.columns).know)
    matched = match_labels(table.labels, name_opportunities(org.columns))
    named = {line.ours for line in matched if line.how != "kept"}
    guesses = [] if "unique_id" in named else guess_ids(table, matched)[:1]
    for ours in LIKELY:
        taken = {guess.theirs for guess in guesses}
        likely = [] if ours in named else list_likely(ours, matched)
        guesses += [Guess(label, ours, f"{ours} by its label") for label in likely if label not in taken][:1]
    return guesses


def list_likely(ours: str, matched: Sequence[Mapped]) -> list[str]:
    """List the labels of a file that may be a column of ours, the likeliest first."""
    ranks = {key: rank for rank, key in enumerate(LIKELY.get(ours, ()))}
    # A status serves as the stage where no other column does.
    free = [line for line in matched if line.how == "kept" or (ours, line.ours) == ("stage", "status")]
    keys = {line.theirs: _MONEY.sub("", make_key(line.theirs)) for line in free}
    return sorted((label for label in keys if keys[label] in ranks), key=lambda label: ranks[keys[label]])


def guess_ids(table: FileTable, matched: Sequence[Mapped]) -> list[Guess]:
    """Guess which column identifies a deal, the likeliest first: unique, no blanks, named like an id; else the unique name."""
    found: list[tuple[int, Guess]] = []
    for place, label in enumerate(table.labels):
        ours = "" if matched[place].how in ("kept", "dropped") else matched[place].ours
        key = make_key(_HUMPS.sub(" ", label))
        is_name = ours == "name" or (not ours and key in LIKELY["name"])
        like_id = label in ("#", "№") or (bool(_ID.search(key)) and not _OF_OTHERS.search(key))
        if not is_name and (ours or not like_id):
            continue
        with suppress(DataError):
            # A row without it is a footer, or refused.
            rows = drop_footer(table, place).cells
            # A row that is there twice is read once.
            if len(rows) and (rows[place].is_unique or rows.drop_duplicates()[place].is_unique):
                why = f"unique and never blank in {count(len(rows), 'row')}"
                if is_name:
                    found.append((2, Guess(label, ["unique_id", "name"], f"the name is {why}")))
                else:
                    rank = int(not _OF_DEALS.search(key))
                    found.append((rank, Guess(label, "unique_id", f"named like an id, {why}")))
    return [guess for _, guess in sorted(found, key=lambda each: each[0])]


def find_column(name: str, matched: Sequence[Mapped], table: FileTable) -> int:
    """Find the place of the column that became `name`; without one, the error says what to add and what could serve."""
    places = [place for place, line in enumerate(matched) if line.ours == name and line.how != "dropped"]
    if places:
        return places[0]
    if name == "unique_id":
        what, preset = "opportunity ID", guess_preset(table.labels)
        products = [_IDS[preset]] if preset else [*_IDS.values()][:3]
        where = [f'in {product}, "{label}"' for product, label in products]
        what += f". Add it to the report ({'; '.join(where)})"
        could = [(guess, "is unique here") for guess in guess_ids(table, matched)]
    else:
        what = f"column for {name}"
        could = [(Guess(label, name, ""), "may be it") for label in list_likely(name, matched)]
    if could:
        guess, why = could[0]
        line = f"{json.dumps(guess.theirs, ensure_ascii=False)} = {json.dumps(guess.ours)}"
        way = f'"{guess.theirs}" {why}: put {line} under [columns] of {FILE}'
    else:
        way = f'If another column holds it, put "Its label" = "{name}" under [columns] of {FILE}'
    start = f", or run: opp-analytics start {shlex.quote(table.file)}" if Path(table.file).suffix else ""
    raise MissingColumnError(
        f"{table.file} has no {what}. {way}{start}. The file has {quote_labels(table.labels)}"
    )


_IDS = {
    "salesforce": ("Salesforce", "Opportunity ID"),
    "hubspot": ("HubSpot", "Record ID"),
    "pipedrive": ("Pipedrive", "ID"),
    "zoho": ("Zoho", "Record Id"),
    "dynamics": ("Dynamics 365", "Opportunity"),
    "close": ("Close", "id"),
    "attio": ("Attio", "Record ID"),
}
"""Products, and what each calls a deal's id in its reports."""
