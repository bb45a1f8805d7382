"""Values as people read them: the same rules on the page, in sentences and, as number formats, in the workbook."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics.text import count as counted
from opp_analytics.text import percent

__all__ = ["EXCEL", "NUMERIC", "amount", "counted", "share", "text", "worth"]

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
"""Kinds that are aligned to the right."""
_NOTHING = "–"


def text(value: Any, kind: str) -> str:
    """A value of a kind of column as text; missing is a dash.

    Examples
    --------
    >>> text(1234567.8, "money"), text(-5000.0, "money"), text(0.254, "rate"), text(None, "text")
    ('1,234,568', '−5,000', '25 %', '–')
    """
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return _NOTHING
    if kind == "date":
        return f"{pd.Timestamp(value):%Y-%m-%d}"
    if kind not in NUMERIC:
        return str(value)
    number = float(value)
    if not math.isfinite(number):
        return _NOTHING
    if kind == "rate":
        return share(number)
    written = {
        "money": f"{number:,.0f}",
        "count": f"{number:,.0f}",
        "percent": f"{number:.0f} %",
        "number": f"{number:,.1f}",
    }[kind]
    return written.replace("-", "−") if written != "-0" else "0"


def share(fraction: float) -> str:
    """A fraction in percent; what is not quite nothing or everything is not written as if it were.

    Examples
    --------
    >>> share(0.125), share(0.001), share(0.9999), share(0.0), share(1e-15)
    ('13 %', '< 1 %', '> 99 %', '0 %', '0 %')
    """
    if math.isnan(fraction):
        return _NOTHING
    if 1e-9 < fraction < 0.005:
        return "< 1 %"
    if 0.995 < fraction < 1 - 1e-9:
        return "> 99 %"
    return percent(fraction)


def amount(money: float, currency: str) -> str:
    """Money with the currency's label, where there is one.

    Examples
    --------
    >>> amount(1200.0, "EUR"), amount(1200.0, "")
    ('1,200 EUR', '1,200')
    """
    written = text(money, "money")
    return f"{written} {currency}" if currency else written


def worth(values: pd.Series[Any], noun: str = "deal") -> str:
    """Deals with what they are worth together, where any of them has a value.

    Examples
    --------
    >>> worth(pd.Series([100.0, None])), worth(pd.Series([None], dtype=float))
    ('2 deals worth 100', '1 deal without a value')
    """
    held = f"worth {text(values.sum(), 'money')}" if values.notna().any() else "without a value"
    return f"{counted(len(values), noun)} {held}"
