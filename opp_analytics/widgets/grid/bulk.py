"""Bulk verbs: one change to many deals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from opp_analytics.errors import ArgumentValueError
from opp_analytics.text import count
from opp_analytics.widgets.grid.sheet import Answer, Sheet

__all__ = ["bulk"]


def bulk(
    sheet: Sheet, rows: Sequence[int], verb: str, *, field: str = "close_date", text: str = ""
) -> Answer:
    """Carry out a bulk verb on rows, as one step.

    Parameters
    ----------
    sheet : Sheet
        The sheet.
    rows : sequence of int
        Rows to change.
    verb : {"set", "shift", "month_end"}
        Put `text` into `field`; move close dates by `text` days; or move them to the end of their month.
    field : str
        Column that "set" fills.
    text : str
        Value of "set", typed as in a cell, or days of "shift", such as "7" or "-30".

    Raises
    ------
    ArgumentValueError
        When the days are not a whole number.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a"], "name": ["Acme"], "close_date": ["2026-11-22"]})
    >>> bulk(Sheet(frame), [0], "month_end").said
    'Moved 1 close date to the end of its month'
    """
    if verb == "set":
        title = sheet.column[field].title
        return sheet.edit(
            ((row, field, text or None) for row in rows),
            f"Set {title} in {count(len(rows))}" if text else f"Cleared {title} in {count(len(rows))}",
        )
    dates: dict[int, Any] = {row: sheet.value(row, "close_date") for row in rows}
    dated = {row: pd.Timestamp(day) for row, day in dates.items() if day is not None}
    if verb == "month_end":
        ends = {row: day + pd.offsets.MonthEnd(0) for row, day in dated.items()}
        moved = {row: end for row, end in ends.items() if end != dated[row]}
        whose = "its" if len(moved) == 1 else "their"
        label = f"Moved {count(len(moved), 'close date')} to the end of {whose} month"
    else:
        days = _days(text)
        moved = {row: day + pd.Timedelta(days=days) for row, day in dated.items()}
        label = f"Moved {count(len(dated), 'close date')} by {count(days, 'day')}".replace("-", "−")
    return sheet.edit(((row, "close_date", f"{day:%Y-%m-%d}") for row, day in moved.items()), label)


def _days(text: str) -> int:
    bare = text.strip().replace("−", "-")
    if not bare.lstrip("+-").isdigit() or not -36_500 <= int(bare) <= 36_500:
        raise ArgumentValueError(f"“{text.strip()}” is not a number of days. Try 7 or -30.")
    return int(bare)
