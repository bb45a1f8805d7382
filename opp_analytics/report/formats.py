"""Formats of the page's table cells and of the workbook's numbers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import text

__all__ = ["EXCEL", "NUMERIC", "shown", "worth"]

EXCEL = {
    "money": "#,##0.00",
    "count": "#,##0",
    "rate": "0.0%",
    "percent": '0"%"',
    "number": "#,##0.0",
    "date": "yyyy-mm-dd",
}
"""Number format of each kind of column in a workbook."""
NUMERIC = frozenset(EXCEL) - {"date"}
"""Kinds that are right-aligned."""


def shown(value: Any, kind: str) -> str:
    """A value in a table of the page; money is shown in full, because it is summed.

    Examples
    --------
    >>> shown(1234567.8, "money"), shown(-5000.0, "money"), shown(0.254, "rate"), shown(None, "text")
    ('1,234,568', '−5,000', '25%', '–')
    """
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return text.MISSING
    if kind == "date":
        return f"{pd.Timestamp(value):%Y-%m-%d}"
    if kind == "rate":
        return text.chance(float(value))
    if kind == "percent":
        return text.percent(float(value) / 100)
    return text.number(float(value), int(kind == "number")) if kind in NUMERIC else str(value)


def worth(values: pd.Series[Any], currency: str | None, noun: str = "deal") -> str:
    """The number of deals and their total value.

    Examples
    --------
    >>> worth(pd.Series([100.0, None]), "USD"), worth(pd.Series([None], dtype=float), None)
    ('2 deals worth $100', '1 deal without a value')
    """
    held = f"worth {text.money(values.sum(), currency)}" if values.notna().any() else "without a value"
    return f"{text.count(len(values), noun)} {held}"
