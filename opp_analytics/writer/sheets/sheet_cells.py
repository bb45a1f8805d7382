"""Convert values to spreadsheet cells and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pandas as pd

from opp_analytics import inputs, schema

__all__ = ["TEXTS", "day_order", "parse", "to_cell"]

TEXTS = ("unique_id", "name", "account_id", "stage", "status")
"""Text columns, even where the text looks like a number."""
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-]\d{2,4}\b")
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 110_000
"""Serial numbers of dates from 1954 to 2201; other numbers are not dates."""
_EPOCH = datetime(1899, 12, 30)


def parse(
    column: str,
    value: Any,
    number_format: str = "",
    epoch: datetime = _EPOCH,
    *,
    day_first: bool | None = None,
) -> Any:
    """Parse a cell for its column; what cannot be read for certain is kept as it is.

    Parameters
    ----------
    column : str
        Its column.
    value : object
        The cell.
    number_format : str
        Its number format in a workbook.
    epoch : datetime
        Day 0 of the workbook's dates.
    day_first : bool or None
        Order of day and month in the file's dates, from `day_order`.

    Examples
    --------
    >>> parse("value", "$12,000.50"), parse("probability", "60 %"), parse("close_date", "12/31/2026")
    (12000.5, 60.0, Timestamp('2026-12-31 00:00:00'))
    >>> parse("value", "a lot"), parse("name", " "), parse("close_date", "03/04/2027")
    ('a lot', None, '03/04/2027')
    """
    if isinstance(value, str):
        value = value.strip().replace("\u00a0", " ").strip()
    if schema.is_blank(value):
        return None
    if column in TEXTS:
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if isinstance(value, str):
        return _typed(column, value, day_first)
    if column == "close_date":
        return _serial_date(value, epoch)
    if column == "probability" and "%" in number_format and not isinstance(value, bool):
        return round(value * 100, 9)
    return value


def _typed(column: str, text: str, day_first: bool | None) -> Any:
    try:
        match column:
            case "value":
                return inputs.read_amount(text)
            case "probability":
                return inputs.read_percent(text)
            case "close_date":
                return inputs.read_date(text, day_first=day_first)
    except schema.BadCell:
        pass  # the plan says what is wrong with it
    return text


def _serial_date(value: Any, epoch: datetime) -> Any:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and _FIRST_SERIAL <= value <= _LAST_SERIAL:
        return pd.Timestamp(epoch) + pd.Timedelta(days=int(value))
    return value


def day_order(texts: Iterable[Any]) -> bool | None:
    """Whether the day comes first in a file's dates: None if no date says, or if they contradict each other.

    Examples
    --------
    >>> day_order(["03/04/2027", "25/04/2027"]), day_order(["03/04/2027", "04/25/2027"]), day_order(["03/04/2027"])
    (True, False, None)
    """
    parts = (_SLASHED.match(text.strip()) for text in texts if isinstance(text, str))
    pairs = [(int(found[1]), int(found[2])) for found in parts if found]
    orders = {first > 12 for first, second in pairs if first > 12 or second > 12}
    return orders.pop() if len(orders) == 1 else None


def to_cell(column: str, value: Any) -> Any:
    """Convert a value to a spreadsheet cell: typed if the column is, otherwise text; None if blank."""
    if schema.is_blank(value):
        return None
    if column in ("created_at", "updated_at"):
        return pd.Timestamp(value).isoformat()
    if column == "close_date":
        return pd.Timestamp(value).to_pydatetime()
    if column in schema.COLUMNS:
        return int(value) if column == "probability" else float(value) if column == "value" else str(value)
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, (bool, int, float)) else str(value)
