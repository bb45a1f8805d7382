"""Cells as text for journals and plan files: the wire's JSON, exact both ways."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from opp_analytics import schema
from opp_analytics.api import to_wire
from opp_analytics.writer.plan.cells import normalize

__all__ = ["from_text", "from_wire", "number", "to_text"]

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


def number(text: str) -> float | Decimal:
    """A JSON number with a fraction: a float, or a Decimal where a float would not be exact.

    Examples
    --------
    >>> number("12000.1"), number("12345678901234567.89")
    (12000.1, Decimal('12345678901234567.89'))
    """
    exact = Decimal(text)
    near = float(text)
    return near if Decimal(repr(near)) == exact else exact


def from_wire(column: str, value: Any) -> Any:
    """Convert a JSON value to a cell: dates to Timestamp, blanks to None; invalid values are kept."""
    if isinstance(value, Decimal):
        return value
    try:
        return normalize(column, value)
    except schema.BadCell:
        return value


def to_text(column: str, value: Any) -> str | None:
    """A cell as JSON text, None for a blank one.

    Examples
    --------
    >>> to_text("value", Decimal("0.10")), to_text("name", "Acme"), to_text("name", None)
    ('0.10', '"Acme"', None)
    """
    if schema.is_blank(value):
        return None
    try:
        plain = to_wire(column, value)
    except schema.BadCell:
        plain = value.isoformat() if isinstance(value, date) else value
    return _encode(plain).decode()


def from_text(column: str, text: str | None) -> Any:
    """Read back a cell that `to_text` wrote.

    Examples
    --------
    >>> from_text("close_date", to_text("close_date", date(2026, 3, 31)))
    Timestamp('2026-03-31 00:00:00')
    """
    return None if text is None else from_wire(column, json.loads(text, parse_float=number))
