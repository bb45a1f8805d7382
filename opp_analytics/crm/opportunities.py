"""The opportunities that the typed columns of an export describe."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opp_analytics.crm.mapping import Mapped
from opp_analytics.crm.problems import BadValue, refuse
from opp_analytics.crm.stage_chances import stage_chances
from opp_analytics.crm.tables.table import Table
from opp_analytics.crm.typed import Typed
from opp_analytics.crm.values.reader import FLAGS
from opp_analytics.errors import DataError
from opp_analytics.org import Org
from opp_analytics.periods import to_dates
from opp_analytics.schema import COLUMNS, TEXT
from opp_analytics.text import count

__all__ = ["OWN", "opportunities_of"]

_CLOSED_AT = ("closed_at", "won_at", "lost_at")
_USED_UP = (*FLAGS, *_CLOSED_AT)
"""Columns that become the status and the close date, and go."""
OWN = (*COLUMNS, "owner_name", "owner_id", "account_name", "currency", "pipeline", "category", *_USED_UP)
"""Names of ours that a label may have."""


def opportunities_of(
    read: Typed, org: Org, table: Table
) -> tuple[pd.DataFrame, list[Mapped], tuple[str, ...]]:
    """The opportunities, what was derived from other columns, and the rows left out, in words.

    Raises
    ------
    DataError
        When an id occurs twice with different rows, or a row is in another currency.
    """
    frame = pd.DataFrame(read.columns)
    lines: list[Mapped] = []
    frame = _with_status(frame, org, lines)
    frame = _with_probability(frame, org, lines)
    frame, deleted = _without_deleted(frame)
    frame = _with_close_dates(frame, org, lines)
    _check_currency(frame, org, table, lines)
    frame, repeated = _without_copies(frame, table)
    kept = [name for name in (*COLUMNS, *frame.columns) if name in frame and name not in _USED_UP]
    frame = frame[list(dict.fromkeys(kept))].reset_index(drop=True)
    if "probability" in frame:
        frame["probability"] = (frame["probability"] + 1e-9).round().astype("Int64")
    return org.apply(frame), lines, (*deleted, *repeated)


def _with_status(frame: pd.DataFrame, org: Org, lines: list[Mapped]) -> pd.DataFrame:
    """The status of deals in stages that the org does not know, from the CRM's own marks of won, lost and closed.

    A stage that is known decides alone, so that an edit of it needs no second one.
    """
    marks = [name for name in ("is_won", "is_lost", "is_closed") if name in frame]
    unknown = ~frame["stage"].isin(list(org.stages.kinds))
    if "status" in frame or not marks or not unknown.any():
        return frame
    no = pd.Series(False, index=frame.index)
    won = frame.get("is_won", no)
    lost = frame.get("is_lost", no) | (frame.get("is_closed", no) & ~won if "is_won" in frame else no)
    status = pd.Series(np.select([won, lost], ["won", "lost"], "active"), index=frame.index, dtype=TEXT)
    note = f"the CRM's own marks, for {count(int(unknown.sum()))} in unknown stages"
    lines.append(Mapped(" and ".join(marks), "status", "mapped", note))
    return frame.assign(status=status.where(unknown))


def _with_probability(frame: pd.DataFrame, org: Org, lines: list[Mapped]) -> pd.DataFrame:
    """The probability of each deal's stage where the export has none."""
    if "probability" in frame:
        return frame
    chances = stage_chances(frame, org)
    if not chances.notna().any():
        return frame
    lines.append(Mapped("", "probability", "mapped", "that of the stage, by the org; the export has none"))
    return frame.assign(probability=chances)


def _without_deleted(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    deleted = pd.Series(False, index=frame.index)
    if "is_deleted" in frame:
        deleted |= frame["is_deleted"]
    if "status" in frame:
        deleted |= frame["status"].str.casefold() == "deleted"
    if not deleted.any():
        return frame, ()
    return frame[~deleted], (f"{count(int(deleted.sum()), 'row')} of deleted deals",)


def _with_close_dates(frame: pd.DataFrame, org: Org, lines: list[Mapped]) -> pd.DataFrame:
    """A closed deal's date is the day it was closed, where the CRM writes that apart from the expected date."""
    marks = [name for name in _CLOSED_AT if name in frame]
    if not marks or "status" not in frame:
        return frame
    closed_at = frame[marks[0]]
    for name in marks[1:]:
        closed_at = closed_at.fillna(frame[name])
    days = to_dates(closed_at, tz=org.zone(None))
    closed = frame["status"].isin(["won", "lost"]) & days.notna()
    expected = frame.get("close_date", pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]"))
    lines.append(
        Mapped(" and ".join(marks), "close_date", "mapped", f"of {count(int(closed.sum()), 'closed deal')}")
    )
    return frame.assign(close_date=expected.where(~closed, days))


def _check_currency(frame: pd.DataFrame, org: Org, table: Table, lines: list[Mapped]) -> None:
    if "currency" not in frame:
        return
    codes = frame["currency"].dropna()
    wanted = org.currency or (codes.iloc[0] if len(codes) else None)
    other = codes[codes != wanted]
    if len(other):
        row, code = int(other.index[0]), other.iloc[0]
        raise DataError(
            f"{table.file}: row {row} is in {code}, not in {wanted} ({count(len(other), 'such row')}). Convert first, for "
            f"example: frame = pd.read_csv(file); frame['Amount'] *= frame['Currency'].map({{'{wanted}': 1, '{code}': rate}}); "
            f"frame['Currency'] = '{wanted}'; oa.read_export(frame, org)"
        )
    if wanted and org.currency is None:
        lines.append(
            Mapped(str(wanted), "", "unknown", f'currency; add currency = "{wanted}" to the org file')
        )


def _without_copies(frame: pd.DataFrame, table: Table) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The frame with one row for each id; a row that repeats another whole one is dropped."""
    twice = frame["unique_id"].duplicated()
    if not twice.any():
        return frame, ()
    kept = frame.drop_duplicates()
    differing = kept[kept["unique_id"].duplicated()]
    if len(differing):
        twin = kept[kept["unique_id"] == differing["unique_id"].iloc[0]]
        columns = [name for name in twin.columns if len(twin[name].drop_duplicates()) > 1]
        first, second = (int(row) for row in twin.index[:2])
        bad = BadValue(
            second, "unique_id", differing["unique_id"].iloc[0],
            f"is also in row {first}, with another {columns[0]}; export one row for each deal, without products or splits",
        )  # fmt: skip
        refuse(table.file, [bad])
    return kept, (f"{count(len(frame) - len(kept), 'row')} that repeat another one",)
