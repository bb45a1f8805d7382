"""Typed columns of an export: stages, statuses, categories, flags, ids, amounts, times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import inputs
from opp_analytics.arrays import Series
from opp_analytics.crm.mapping import CLOSED_AT, FLAGS, Mapped, copy_shared
from opp_analytics.errors import DataError, DataWarning
from opp_analytics.org import VALUE_ORIGINAL, Org, Stages
from opp_analytics.schema import TEXT
from opp_analytics.table_files import FileTable
from opp_analytics.text import count

_DATES = ("close_date",)
_INSTANTS = (
    *CLOSED_AT,
    "deleted_at",
    "created_at",
    "updated_at",
    "changed_at",
    "seen_at",
    "seen_after",
)
_AMOUNTS = ("value", "won_value", VALUE_ORIGINAL)
_IDS = ("unique_id", "account_id", "owner_id")
_NEEDED = (*FLAGS, "changed_at", "seen_at", "seen_after")
"""Columns that decide what a deal is, or when something was so: a cell of theirs is never left
blank."""
UNREADABLE = ("refuse", "blank")
_WAY_OUT = "to read the rest with these cells blank, use "
FRACTIONS = ("deal probability", "hs_deal_stage_probability")
"""Labels under which HubSpot writes 0.8 for 80%."""
STATUSES = {
    "open": "active",
    "won": "won",
    "lost": "lost",
    "active": "active",
    "inactive": "inactive",
}
"""Pipedrive's open deals are active ones of the API."""
_STATECODES = {"0": "active", "1": "won", "2": "lost"}
"""Dynamics' own numbers of these, in its column `statecode`."""
CATEGORIES = {
    "commit": "commit",
    "forecast": "commit",
    "bestcase": "best_case",
    "best_case": "best_case",
    "pipeline": "pipeline",
    "omitted": "omitted",
    "not_forecasted": "omitted",
    "closed": None,
}
"""Salesforce's names and API names, and HubSpot's; a closed deal has no category of its own."""
_WITH_PIPELINE = re.compile(r"(?P<stage>.+?)\s*\((?P<pipeline>[^()]+)\)")


def is_time(ours: str) -> bool:
    """True if a column of ours holds dates or times."""
    return ours in _DATES or ours in _INSTANTS


@dataclass
class ColumnReader:
    """Reads columns at their types.

    Collects bad cells, and lines about values that were guessed.
    """

    org: Org
    day_first: bool | None
    """True if the day comes first in the file's dates; None when no row settles it."""
    zone: str
    """Zone of a time that names none."""
    decimal_comma: bool | None = None
    """True if the file's amounts have a decimal comma; None when nothing settles it."""
    unreadable: str = "refuse"
    """What becomes of a cell that can't be read: one of `UNREADABLE`."""
    bad: list[inputs.BadValue] = field(default_factory=list)
    blanked: list[inputs.BadValue] = field(default_factory=list)
    lines: list[Mapped] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        table: FileTable,
        columns: Sequence[tuple[str, inputs.Cells]],
        org: Org,
        zone: str,
        *,
        day_first: bool | None = None,
        decimal_comma: bool | None = None,
        unreadable: str = "refuse",
    ) -> ColumnReader:
        """Make the reader of a file, with its order of dates and its decimal sign.

        `columns`, each with our name, tell them where no option does.
        """
        times = [cells for ours, cells in columns if is_time(ours)]
        order = day_first if day_first is not None else inputs.find_day_order(times, table.file)
        why = ""
        if decimal_comma is None:
            amounts = [cells for ours, cells in columns if ours in _AMOUNTS]
            dots = inputs.has_dotted_dates(times)
            decimal_comma, why = inputs.find_decimal_comma(
                amounts, table.file, semicolons=table.semicolons, dots=dots
            )
        lines = [Mapped("", "value", "guessed", why)] if why else []
        return cls(org, order, zone, decimal_comma, unreadable, lines=lines)

    def read(self, ours: str, column: Series | inputs.Cells, label: str) -> Series:
        """Read a column at the type that its name has here.

        Amounts, dates and times come as `Cells`.
        """
        if isinstance(column, inputs.Cells) and ours in _AMOUNTS:
            return self._sort_bad(
                ours, *inputs.read_amounts(column, self.org.currency, self.decimal_comma)
            )
        if isinstance(column, inputs.Cells):
            read = (
                inputs.read_dates(column, self.day_first)
                if ours in _DATES
                else inputs.read_instants(column, self.day_first, self.zone)
            )
            return self._sort_bad(ours, *read)
        if ours == "probability":
            cells = inputs.Cells.of(column, label)
            percents, bad, fractional = inputs.read_percents(
                cells, fractions=label.casefold() in FRACTIONS
            )
            if fractional:
                self.lines.append(
                    Mapped(label, "probability", "guessed", "fractions, so 0.8 is 80%")
                )
            return self._sort_bad(ours, percents, bad)
        if ours in FLAGS:
            flags = self._sort_bad(
                ours, *inputs.read_flags(inputs.Cells.of(inputs.as_texts(column), label))
            )
            # An empty cell is no; but nothing says that such a deal is archived.
            return flags | column.isna() if ours == "is_active" else flags
        if ours in _IDS:
            return inputs.as_ids(column)
        if ours == "stage":
            stages, lines = read_stages(column, self.org.stages)
            self.lines += lines
            return stages
        if ours in ("status", "category"):
            statuses = {**STATUSES, **(_STATECODES if label == "statecode" else {})}
            return self._translate(
                ours, inputs.as_texts(column), statuses if ours == "status" else CATEGORIES
            )
        return (
            inputs.as_texts(column)
            if column.dtype == "object" or ours in ("name", "owner_name")
            else column
        )

    def read_original(self, column: Series, label: str, codes: Series) -> Series:
        """Read amounts that are in the currency of their row; a sign of another one is bad."""
        codes = codes.str.strip().where(codes.str.strip() != "").fillna(str(self.org.currency))
        read = []
        for code, rows in column.groupby(codes.to_numpy(), sort=False):
            amounts, bad = inputs.read_amounts(
                inputs.Cells.of(rows, label), str(code), self.decimal_comma
            )
            read.append(amounts)
            self._sort_bad(VALUE_ORIGINAL, amounts, bad)
        return pd.concat(read).reindex(column.index) if read else column.astype("float64")

    def _sort_bad(self, ours: str, read: Series, bad: list[inputs.BadValue]) -> Series:
        for one in bad:
            (self.bad if ours in _NEEDED or one.has_option else self.blanked).append(one)
        return read

    def settle(self, file: str) -> None:
        """Refuse all cells that can't be read, or warn of the cells left blank."""
        refused = self.bad + (self.blanked if self.unreadable == "refuse" else [])
        if refused:
            way = (f'{_WAY_OUT}unreadable="blank"', f"{_WAY_OUT}--unreadable blank")
            inputs.refuse(file, refused, *([way] if len(refused) > len(self.bad) else []))
        if self.blanked:
            head = f"{file}: {count(len(self.blanked), 'cell')} left blank: can't be read"
            said = [head, *inputs.list_bad(self.blanked)]
            DataWarning.warn("\n  ".join(said))

    def _translate(self, ours: str, texts: Series, words: Mapping[str, str | None]) -> Series:
        """Translate a CRM's words to ours; other words stay."""
        tally = texts.value_counts()
        read_as = {text: words.get(inputs.fold(text), text) for text in tally.index}
        self.lines += [
            Mapped(text, word or "", "mapped", f"{ours}, {count(int(tally[text]))}")
            for text, word in read_as.items()
            if word != text
        ]
        return _replace(texts, read_as)


def read_columns(
    table: FileTable, matched: list[Mapped], org: Org, *, zone: str | None = None, **written: Any
) -> tuple[dict[str, Series], list[Mapped], ColumnReader]:
    """Read the columns of a table under our names, at their types, on the rows of the file.

    What is `written`, such as the order of days and months, is as `ColumnReader.of` takes it.
    """
    table = copy_shared(table, matched)
    places = [place for place, line in enumerate(matched) if line.how != "dropped"]
    names = {place: matched[place].ours for place in places}
    cells = {
        place: inputs.Cells.of(table.cells[place], table.labels[place])
        for place, ours in names.items()
        if is_time(ours) or ours in _AMOUNTS
    }
    typed = [(names[place], column) for place, column in cells.items()]
    reader = ColumnReader.of(table, typed, org, zone or org.zone(None), **written)
    several = org.converts and "currency" in names.values()
    columns: dict[str, Series] = {}
    first: dict[str, int] = {}
    lines = list(matched)
    for place in places:
        ours, label = matched[place].ours, table.labels[place]
        if several and ours in (
            "won_value",
            VALUE_ORIGINAL if VALUE_ORIGINAL in names.values() else "value",
        ):
            codes = next(
                inputs.as_texts(table.cells[other])
                for other in places
                if names[other] == "currency"
            )
            column = reader.read_original(table.cells[place], label, codes)
        else:
            column = reader.read(ours, cells.get(place, table.cells[place]), label)
        if ours in columns:
            columns[ours] = _merge(ours, columns[ours], column, table, (first[ours], place))
            lines[place] = replace(
                lines[place],
                how="dropped",
                ours="",
                note=f"the same as {table.labels[first[ours]]!r}",
            )
        elif column.isna().all() and matched[place].how == "kept" and len(column):
            lines[place] = replace(lines[place], how="dropped", ours="", note="empty")
        else:
            columns[ours], first[ours] = column, place
    reader.settle(table.file)
    return columns, [*lines, *reader.lines], reader


def _merge(
    ours: str, one: Series, other: Series, table: FileTable, places: tuple[int, int]
) -> Series:
    """Merge two columns of one name, after a check that no row differs."""
    if ours == "is_deleted":
        return one | other
    differ = one.notna() & other.notna() & (one != other)
    if differ.any():
        row = int(np.flatnonzero(differ)[0])
        first, second = (
            f"{table.labels[place]}={table.cells[place].iloc[row]!r}" for place in places
        )
        raise DataError(
            f"{table.file}: row {table.cells.index[row]}: {first} and {second} would both be "
            f"{ours!r}; remove one of the columns, or give it another name under [columns] of the "
            "org file"
        )
    return one.where(one.notna(), other)


def read_stage(text: str, stages: Stages) -> str:
    """Read a stage by the org's names.

    An alias stays, so that it goes back out as it came, and an unknown one too.
    """
    if text in stages.kinds:
        return text
    named = _WITH_PIPELINE.fullmatch(text)
    return stages.match(text) or (named and stages.match(named["stage"])) or text


def read_stages(column: Series, stages: Stages) -> tuple[Series, list[Mapped]]:
    """Read stages by the org's names, where they differ in case or signs or name their pipeline.

    An unknown stage is never guessed: it stays, and a line says so.
    """
    texts = inputs.as_texts(column)
    tally = texts.value_counts()
    read_as = {text: read_stage(text, stages) for text in tally.index}
    lines = [
        Mapped(text, ours, "guessed", f"stage, {count(int(tally[text]))}")
        if ours != text
        else Mapped(
            text,
            "",
            "unknown",
            f"stage, {count(int(tally[text]))}; name it under stages in the org file",
        )
        for text, ours in read_as.items()
        if ours not in stages.kinds or ours != text
    ]
    return _replace(texts, read_as), lines


def _replace(texts: Series, read_as: Mapping[str, str | None]) -> Series:
    if all(text == ours for text, ours in read_as.items()):
        return texts
    codes, cells = pd.factorize(texts)
    ours = pd.array([read_as[cell] for cell in cells] + [None], dtype=TEXT)
    return pd.Series(ours.take(codes), index=texts.index)
