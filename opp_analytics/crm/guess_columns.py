"""The columns of a file of deals: filled by their labels, and by what their cells hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import pandas as pd

from opp_analytics import inputs
from opp_analytics.arrays import Series
from opp_analytics.crm.find_shape import guess_preset, name_any
from opp_analytics.crm.mapping import (
    CLOSED_AT,
    FLAGS,
    LABELS,
    Mapped,
    match_labels,
    name_opportunities,
)
from opp_analytics.errors import DataError, MissingColumnError
from opp_analytics.org import FILE, LIKELY, Org, list_names, rank_label, tell_kind
from opp_analytics.table_files import FileTable, TableSource, drop_footer, quote_labels, read_table
from opp_analytics.text import count

_ID = re.compile(
    r"(^|_)(id|ids|key|number|no|nr|num|code|record|ref|uuid|guid|schlüssel|kennung)(_|$)|"
    r"nummer$|nr$"
)
"""Labels of ids, reduced to letters and digits; German ones end in the word."""
_OF_DEALS = re.compile(r"deal|opp|record|quote|vorgang|angebot|chance|szans|negoc|affaire|kans")
_OF_OTHERS = re.compile(
    r"account|customer|client|company|contact|owner|user|person|phone|tel|fax|zip|post|plz|tax|"
    r"vat|kunde|firma|product|row|stage|pipeline|category|campaign|assigned|lead_id|created_by"
)
"""What an id is of: the deal's comes first, another thing's is none."""
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_A_PERSON = re.compile(
    r"sourc|quell|origin|countr|land|region|city|ort|state|industr|branch|sector|product|produkt|"
    r"segment|campaign|kampag|type|typ|reason|grund|contact|kontakt|account|compan|customer|kund|"
    r"client|compet|partner|team|creat|erstell|cré|modif|geändert|chang|updat|last|categor|tag|"
    r"plan|contract|region|territ|next|step|note|descri"
)
"""Labels of texts that are no owners, or of people who own nothing."""
_NOT_PLANNED = re.compile(
    r"last|letzt|derni|ultim|laatst|ostatn|next|modif|updat|chang|activ|contact|birth|follow|call|"
    r"meeting|start|sync|import|export|stage"
)
"""Labels of days that are neither a deal's creation nor its close."""
_NOT_A_VALUE = re.compile(r"weight|gewicht|pond|discount|rabatt|cost|kosten|margin|tax|paid|commis")
_PERSON = re.compile(r"[^\W\d_][\w'’.-]*( [^\W\d_][\w'’.-]*){1,3}|[^@\s]+@[^@\s]+\.\w+")
_MONEY = re.compile(r"[$€£¥₹]|\b(USD|EUR|GBP|CHF|CAD|AUD|INR|PLN|BRL)\b")
_MOST = 200
"""Distinct cells that tell what a column holds."""
_MOST_STAGES, _MOST_STATUSES = 20, 4
_FEW = 3
"""A name that owns deals has so many on average."""
_MOSTLY, _HALF = 0.9, 0.5
_HOLDS = {
    "value": "number",
    "probability": "number",
    "name": "text",
    **dict.fromkeys(("close_date", "created_at", "updated_at", *CLOSED_AT), "day"),
    **dict.fromkeys(FLAGS, "flag"),
}
"""What the cells of a column are."""


class Guess(NamedTuple):
    """A column of a file that is probably one of ours."""

    theirs: str
    """The file's label."""
    ours: str | list[str]
    """Our name, as under ``[columns]`` of an org file; a list where the column serves two."""
    why: str
    """The reason, in words."""


@dataclass(frozen=True)
class _Column:
    """The contents of a column's cells."""

    label: str
    cells: Series
    order: bool | None
    """True if the day comes first in the file's dates."""

    @cached_property
    def key(self) -> str:
        return inputs.make_key(_HUMPS.sub(" ", self.label))

    @cached_property
    def tally(self) -> Series:
        """The count of each cell."""
        return self.cells.dropna().value_counts()

    @cached_property
    def texts(self) -> list[str]:
        return [str(cell) for cell in self.tally.index[:_MOST]]

    @cached_property
    def days(self) -> Series:
        """The cells as days; missing where they are none."""
        return inputs.read_dates(inputs.Cells.of(self.cells, self.label), self.order)[0]

    def holds(self, what: str) -> bool:
        """True if most cells are of a kind; of an empty column, too."""
        head = self.tally.index[:_MOST].to_series().reset_index(drop=True)
        if head.empty or what == "":
            return True
        cells = inputs.Cells.of(head, self.label)
        if what == "flag":
            bad = inputs.read_flags(inputs.Cells.of(inputs.as_texts(head), self.label))[1]
        elif what == "day":
            bad = min((inputs.read_dates(cells, first)[1] for first in (True, False)), key=len)
        else:
            bad = inputs.read_amounts(cells, None, False)[1]
            if len(bad) > _HALF * len(head):
                bad = inputs.read_amounts(cells, None, True)[1]
        is_one = len(bad) <= _HALF * len(head)
        return is_one != (what == "text")

    @property
    def has_money(self) -> bool:
        """True where the label or most cells have a sign of money."""
        signed = sum(bool(_MONEY.search(text)) for text in self.texts)
        return bool(_MONEY.search(self.label)) or 2 * signed > len(self.texts)

    @property
    def names_people(self) -> bool:
        """True for few names that repeat."""
        people = [
            text
            for text in self.texts
            if _PERSON.fullmatch(text)
            and ("@" in text or text == text.title() or text[0].isupper())
        ]
        return (
            1 < len(self.tally) <= self.tally.sum() / _FEW
            and len(people) >= _MOSTLY * len(self.texts)
            and not _NOT_A_PERSON.search(self.key)
        )


def guess_columns(source: TableSource, org: Org) -> list[Guess]:
    """Guess the columns that neither a file's labels nor the org name, the id first.

    No reader takes a guess by itself. Whoever asks for them says them, and reads with an org whose
    columns are ``{**org.columns, **{guess.theirs: guess.ours for guess in guesses}}``.
    """
    table = read_table(source, name_any(org.columns).know)
    matched = match_labels(table.labels, name_opportunities(org.columns))
    named = {line.ours for line in matched if line.how != "kept"}
    guesses = [] if "unique_id" in named else guess_ids(table, matched)[:1]
    columns = _list_columns(table)
    for ours in LIKELY:
        taken = {guess.theirs: list_names(guess.ours) for guess in guesses}
        if ours not in {"unique_id", *named, *chain(*taken.values())}:
            likely = [
                label
                for label in list_likely(ours, matched)
                if label not in taken
                # A label of one role is that, whatever its cells hold.
                and (
                    sum(rank_label(label, words) is not None for words in LIKELY.values()) == 1
                    or columns[label].holds(_HOLDS.get(ours, ""))
                )
            ]
            guesses += [Guess(label, ours, f"{ours} by its label") for label in likely[:1]]
    free = {
        line.theirs: columns[line.theirs]
        for line in matched
        if line.how == "kept" and line.theirs not in {guess.theirs for guess in guesses}
    }
    known = {
        line.ours: columns[line.theirs] for line in matched if line.how in ("mapped", "guessed")
    }
    plan, done = list_likely("close_date", matched)[:1], known.get("close_date")
    if plan and done and done.days.max() <= pd.Timestamp.now() < columns[plan[0]].days.max():
        why = "as only the other one has days to come"
        guesses += [Guess(done.label, "closed_at", why), Guess(plan[0], "close_date", why)]
    known |= {ours: columns[one.theirs] for one in guesses for ours in list_names(one.ours)}
    return [*guesses, *_guess_by_cells(free, known)]


def _list_columns(table: FileTable) -> dict[str, _Column]:
    cells = [table.cells[place] for place in table.cells]
    heads = [inputs.Cells.of(column.head(_MOST), "") for column in cells]
    order = inputs.find_day_order(heads)
    return {
        label: _Column(label, column, order)
        for label, column in reversed(list(zip(table.labels, cells, strict=True)))
    }


def _guess_by_cells(free: dict[str, _Column], known: dict[str, _Column]) -> Iterator[Guess]:
    """Guess by their cells what no label names: status, stage, value, days and owner."""

    def take(ours: str, column: _Column, why: str) -> Guess:
        known[ours] = free.pop(column.label)
        return Guess(column.label, ours, why)

    for ours, most in (("status", _MOST_STATUSES), ("stage", _MOST_STAGES)):
        for column in [] if ours in known else [*free.values()]:
            kinds = [tell_kind(text) for text in column.texts]
            ends = {"won", "lost"} & set(kinds)
            if 1 < len(column.tally) <= min(most, column.tally.sum() / 2) and ends:
                if ours == "status" and len(ends) < 2 and "stage" in known:
                    continue
                role = ours if "stage" in known else "stage"
                yield take(role, column, f"{role}, as its cells say won or lost")
                break
    if "value" not in known:
        signed = [
            column
            for column in free.values()
            if column.has_money and column.holds("number") and not _NOT_A_VALUE.search(column.key)
        ]
        if signed:
            yield take("value", signed[0], "value, as its cells are amounts of money")
    days = [
        column
        for column in free.values()
        if not _NOT_PLANNED.search(column.key)
        and len(column.tally) > 1
        and not column.holds("number")
        and column.holds("day")
    ]
    for ours, other, sign in (("created_at", "close_date", 1), ("close_date", "created_at", -1)):
        # A day of the other's name is not this one.
        named = [one for one in days if rank_label(one.label, LIKELY[other]) is None]
        for column in [] if ours in known else [one for one in named if one.label in free]:
            rivals = (
                [known[other]] if other in known else [one for one in days if one is not column]
            )
            apart = [sign * (rival.days - column.days).dt.days.dropna() for rival in rivals]
            filled = column.days.notna().mean() >= (_MOSTLY if sign > 0 else _HALF)
            if (
                filled
                and apart
                and all(len(each) and (each >= 0).mean() >= _MOSTLY for each in apart)
            ):
                said = "before" if sign > 0 else "after"
                yield take(ours, column, f"{ours}, as its days are {said} the others")
                break
    people = [column for column in free.values() if column.names_people]
    if "owner_name" not in known and people:
        yield take("owner_name", people[0], "owner_name, as few names repeat in it")


def list_likely(ours: str, matched: Sequence[Mapped]) -> list[str]:
    """List the labels of a file that may be a column of ours, the likeliest first."""
    # A status serves as the stage where no other column does.
    ranks = {
        line.theirs: rank
        for line in matched
        if line.how == "kept" or (ours, line.ours) == ("stage", "status")
        if (rank := rank_label(line.theirs, LIKELY.get(ours, ()))) is not None
    }
    return sorted(ranks, key=lambda label: ranks[label])


def guess_ids(table: FileTable, matched: Sequence[Mapped]) -> list[Guess]:
    """Guess which column identifies a deal, the likeliest first.

    It is unique, has no blanks, and is named like an id; else it is the unique name.
    """
    found: list[tuple[int, Guess]] = []
    for place, label in enumerate(table.labels):
        ours = "" if matched[place].how in ("kept", "dropped") else matched[place].ours
        key = inputs.make_key(re.sub("[#№]", " no ", _HUMPS.sub(" ", label)))
        is_name = ours == "name" or (not ours and rank_label(label, LIKELY["name"]) is not None)
        like_id = not _OF_OTHERS.search(key) and (
            bool(_ID.search(key)) or rank_label(label, LIKELY["unique_id"]) is not None
        )
        is_name = is_name and not like_id
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
    """Find the place of the column that became `name`.

    Without one, the error says what to add and what could serve.
    """
    places = [
        place for place, line in enumerate(matched) if line.ours == name and line.how != "dropped"
    ]
    if places:
        return places[0]
    if name == "unique_id":
        what, preset = "opportunity ID", guess_preset(table.labels)
        products = [LABELS["ids"][preset]] if preset else [*LABELS["ids"].values()][:3]
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
    raise MissingColumnError(
        f"{table.file} has no {what}. {way}. The file has {quote_labels(table.labels)}"
    )
