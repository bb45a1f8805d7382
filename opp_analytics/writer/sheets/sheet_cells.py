"""Convert values to spreadsheet cells and back."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pandas as pd

from opp_analytics import schema

__all__ = ["TEXTS", "guarded", "parse", "to_cell", "unguarded"]

TEXTS = ("unique_id", "name", "account_id", "stage", "status")
"""Text columns, even where the text looks like a number."""
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
_PLAIN = re.compile(r"-?\d+(\.\d+)?")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 110_000
"""Serial numbers of dates from 1954 to 2201; other numbers are not dates."""
_EPOCH = datetime(1899, 12, 30)


def guarded(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would read as a formula.

    Examples
    --------
    >>> guarded("=1+1"), guarded("Acme")
    ("'=1+1", 'Acme')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "'", "\t", "\r") else text


def unguarded(text: str) -> str:
    """Remove the apostrophe that `guarded` added."""
    return text.removeprefix("'")


def parse(column: str, value: Any, number_format: str = "", epoch: datetime = _EPOCH) -> Any:
    """Parse a cell for its column; ambiguous values are kept as they are.

    Examples
    --------
    >>> parse("value", "$12,000.50"), parse("probability", "60 %"), parse("close_date", "31.3.2026")
    (12000.5, 60.0, Timestamp('2026-03-31 00:00:00'))
    >>> parse("value", "a lot"), parse("name", " ")
    ('a lot', None)
    """
    if isinstance(value, str):
        value = value.strip().replace("\u00a0", " ").strip()
    if schema.is_blank(value):
        return None
    if column in TEXTS:
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if column == "close_date":
        return _date(value, epoch)
    if column == "probability":
        return _percent(value, number_format)
    if column == "value" and isinstance(value, str):
        return _amount(value)
    return value


def _amount(text: str) -> Any:
    bare = text.strip("$€£ ").replace(" ", "")
    if _GROUPED.fullmatch(bare):
        return float(bare.replace(",", ""))
    return float(bare) if _PLAIN.fullmatch(bare) else text


def _percent(value: Any, number_format: str) -> Any:
    if isinstance(value, str):
        bare = value.rstrip("% ")
        return float(bare) if _PLAIN.fullmatch(bare) else value
    if "%" in number_format and not isinstance(value, bool):
        return round(value * 100, 9)
    return value


def _date(value: Any, epoch: datetime) -> Any:
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and _FIRST_SERIAL <= value <= _LAST_SERIAL
    ):
        from openpyxl.utils.datetime import from_excel

        return pd.Timestamp(from_excel(int(value), epoch))
    if isinstance(value, str):
        dotted = _DOTTED.fullmatch(value)
        text = "{2}-{1:0>2}-{0:0>2}".format(*dotted.groups()) if dotted else value.replace("/", "-")
        try:
            return pd.Timestamp(datetime.fromisoformat(text))
        except ValueError:
            return value
    return value


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
