"""Convert values to CSV cells and back: a leading apostrophe says that the rest is text, exactly as it stands."""

from __future__ import annotations

from typing import Any

from opp_analytics import schema
from opp_analytics.writer.sheets.sheet_cells import TEXTS, parse, to_cell

__all__ = ["csv_text", "csv_title", "guarded", "read_csv_cell", "read_csv_title"]


def guarded(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would read as a formula.

    Examples
    --------
    >>> guarded("=1+1"), guarded("Acme")
    ("'=1+1", 'Acme')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "'", "\t", "\r") else text


def csv_text(column: str, value: Any) -> str:
    """A value as the text of a CSV cell.

    Examples
    --------
    >>> csv_text("value", 1200.0), csv_text("name", " Acme"), csv_text("name", "=1+1"), csv_text("name", None)
    ('1200', "' Acme", "'=1+1", '')
    """
    plain = to_cell(column, value)
    if plain is None:
        return ""
    if column == "close_date":
        return str(plain.date().isoformat())
    if isinstance(plain, float):
        return repr(int(plain)) if plain.is_integer() and abs(plain) < 2**53 else repr(plain)
    if not isinstance(plain, str):
        return str(plain)
    return guarded(plain) if read_csv_cell(column, plain) == plain else f"'{plain}"


def read_csv_cell(column: str, text: str, *, day_first: bool | None = None) -> Any:
    """The value of a CSV cell, as `parse` reads it; None if blank.

    Examples
    --------
    >>> read_csv_cell("name", " Acme"), read_csv_cell("name", "' Acme"), read_csv_cell("value", "$1,200")
    ('Acme', ' Acme', 1200.0)
    """
    exact = text.removeprefix("'")
    if exact != text and (column in TEXTS or column not in schema.COLUMNS):
        return exact or None
    return parse(column, exact, day_first=day_first)


def csv_title(column: str) -> str:
    """The name of a column as the text of a CSV cell."""
    return guarded(column) if column == column.strip() else f"'{column}"


def read_csv_title(text: str) -> str:
    """The name of a column, whose spaces do not matter unless there is an apostrophe."""
    return text.removeprefix("'") if text.startswith("'") else text.strip()
