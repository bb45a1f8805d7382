"""The columns of an export under our names, at their types."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.crm.mapping import Mapped
from opp_analytics.crm.problems import refuse
from opp_analytics.crm.tables.table import Table
from opp_analytics.crm.values.dates import Times, day_order
from opp_analytics.crm.values.reader import Reader, is_time
from opp_analytics.errors import DataError
from opp_analytics.org import Org

__all__ = ["Typed", "typed"]


@dataclass(frozen=True)
class Typed:
    """Columns under our names, and what was found while reading them."""

    columns: dict[str, pd.Series[Any]]
    """On the rows of the file."""
    lines: list[Mapped]
    """Each column and value that was mapped, guessed, kept or dropped."""
    day_first: bool | None
    """Whether the day comes first in the file's dates; None when it did not matter."""


def typed(
    table: Table, matched: list[Mapped], org: Org, *, day_first: bool | None = None, zone: str | None = None
) -> Typed:
    """The columns of a table under our names, at their types.

    Parameters
    ----------
    table : Table
        Without its footer.
    matched : list of Mapped
        What each label means, from `match_labels`.
    org : Org
        Its stages, currency and time zone.
    day_first : bool, optional
        Whether ``03/04/2027`` is April 3; by default the file's other rows decide.
    zone : str, optional
        Zone of a time that names none; by default the org's.

    Raises
    ------
    DataError
        When a cell cannot be read, or two columns of one name differ in a row.
    """
    places = [place for place, line in enumerate(matched) if line.how != "dropped"]
    times = {
        place: Times.of(table.cells[place], table.labels[place])
        for place in places
        if is_time(matched[place].ours)
    }
    order = day_first if day_first is not None else day_order(times.values(), table.file)
    reader = Reader(org, order, zone or org.zone(None))
    columns: dict[str, pd.Series[Any]] = {}
    first: dict[str, int] = {}
    lines = list(matched)
    for place in places:
        ours, label = matched[place].ours, table.labels[place]
        column = reader.read(ours, times.get(place, table.cells[place]), label)
        if ours in columns:
            columns[ours] = _one_of(ours, columns[ours], column, table, (first[ours], place))
            lines[place] = replace(
                lines[place], how="dropped", ours="", note=f"the same as {table.labels[first[ours]]!r}"
            )
        elif column.isna().all() and matched[place].how == "kept" and len(column):
            lines[place] = replace(lines[place], how="dropped", ours="", note="empty")
        else:
            columns[ours], first[ours] = column, place
    if reader.bad:
        refuse(table.file, reader.bad)
    return Typed(columns, [*lines, *reader.lines], order)


def _one_of(
    ours: str, one: pd.Series[Any], other: pd.Series[Any], table: Table, places: tuple[int, int]
) -> pd.Series[Any]:
    """Two columns of one name as one, after a check that no row differs."""
    differ = one.notna() & other.notna() & (one != other)
    if differ.any():
        row = int(np.flatnonzero(differ)[0])
        first, second = (f"{table.labels[place]}={table.cells[place].iloc[row]!r}" for place in places)
        raise DataError(
            f"{table.file}: row {table.cells.index[row]}: {first} and {second} would both be {ours!r}; remove one of the "
            "columns, or give it another name under [columns] of the org file"
        )
    return one.where(one.notna(), other)
