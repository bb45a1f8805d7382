"""The unit of a result column, told by its name, and a cell as people read it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from opp_analytics import text

__all__ = ["WORKBOOK_FORMATS", "Unit", "format_cell", "formatter", "unit_of"]

Unit = Literal["money", "rate", "percent", "ratio", "other"]
WORKBOOK_FORMATS = {"rate": "0.0%", "percent": '0"%"', "ratio": '0.0"×"'}
"""How a workbook shows the units that have no currency."""

_MONEY = frozenset(
    [
        "value",
        "expected",
        "expected_open",
        "then",
        "now",
        "change",
        "new_business",
        "low",
        "median",
        "high",
        "actual",
        "error",
        "booked",
        "weighted_open",
        "target",
        "gap",
        "closed",
        "commit",
        "best_case",
        "pipeline",
        "omitted",
        "velocity",
    ]
)
_RATES = frozenset(
    [
        "rate",
        "conversion",
        "p",
        "p_target",
        "chance",
        "stated",
        "realized",
        "realized_low",
        "realized_high",
        "won_low",
        "won_high",
        "attainment",
        "forecast_bias",
        "forecast_bias_low",
        "forecast_bias_high",
        "interval_coverage",
        "wape",
        "bias",
        "behind",
        "behind_low",
        "behind_high",
    ]
)


def unit_of(column: str) -> Unit:
    """The unit of a result column: money, a rate from 0 to 1, a percent from 0 to 100, a ratio, or another.

    Examples
    --------
    >>> [unit_of(name) for name in ("open_value", "expected_change", "value_rate_low", "probability", "deals")]
    ['money', 'money', 'rate', 'percent', 'other']
    """
    if column in _RATES or "rate" in column.split("_") or column.endswith("_share"):
        return "rate"
    if column == "probability":
        return "percent"
    if column == "pipeline_coverage":
        return "ratio"
    if column == "no_value":  # deals without one
        return "other"
    if (
        column in _MONEY
        or column.endswith(("_value", "_total"))
        or column.startswith(("needed_", "expected_"))
    ):
        return "money"
    return "other"


def formatter(column: str, values: pd.Series[Any], currency: str | None) -> Callable[[Any], str]:
    """How `format_cell` writes the cells of a column: money with cents in all of them, or in none.

    Examples
    --------
    >>> list(map(formatter("value", pd.Series([1200.5, 80.0]), "USD"), [1200.5, 80.0, None]))
    ['$1,200.50', '$80.00', '–']
    """
    write = partial(format_cell, column, currency=currency)
    amounts = pd.api.types.is_float_dtype(values.dtype) and unit_of(column) == "money"
    if not amounts or not (values.round(2) % 1).any():
        return write
    return lambda value: _with_cents(write(value))


def _with_cents(said: str) -> str:
    return said if "." in said or said == text.MISSING else f"{said}.00"


def format_cell(column: str, value: Any, currency: str | None) -> str:
    """A cell of a result table as people read it: money in full digits, percents, dates, a dash where it is missing.

    Parameters
    ----------
    column : str
        Column of the cell.
    value : object
        Its value.
    currency : str or None
        ISO code of the money columns; None for no sign.

    Examples
    --------
    >>> format_cell("open_value", 1380000.0, "USD"), format_cell("rate", 0.285, None), format_cell("low", None, None)
    ('$1,380,000', '29%', '–')
    """
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return text.MISSING
    if isinstance(value, pd.Timestamp):
        return _moment(value)
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if not isinstance(value, (int, float, np.number)):
        return text.printable(value)
    return _number(unit_of(column), float(value), currency)


def _moment(value: pd.Timestamp) -> str:
    if value.tzinfo is None and value == value.normalize():
        return text.day(value, year=True)
    return f"{text.day(value, year=True)} {value:%H:%M}"


def _number(unit: Unit, value: float, currency: str | None) -> str:
    match unit:
        case "money":
            return text.money(value, currency, full=True)
        case "rate":
            return text.percent(value)
        case "percent":
            return text.percent(value / 100)
        case "ratio":
            return text.times(value)
    return text.number(value, 0 if abs(value) >= 100 or value == int(value) else 1)
