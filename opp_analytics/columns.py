"""Every result column once: its meaning, unit and title; and a cell as people read it."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import pandas as pd
from babel.numbers import get_currency_symbol

from opp_analytics import text
from opp_analytics.arrays import Series
from opp_analytics.schema import is_blank

Unit = Literal["money", "rate", "points", "percent", "ratio", "other"]
"""Money, a rate from 0 to 1, a difference of two rates, a percent from 0 to 100, a ratio, or
another: counts, days, dates and texts."""
WORKBOOK_FORMATS = {
    "rate": '[<=0]0%;[<0.005]"<1%";0%',
    "points": '+0%;"−"0%;0%',
    "percent": '0"%"',
    "ratio": '[<0.05]"<0.1×";[<9.95]0.0"×";0"×"',
}
"""How a workbook shows the units that have no currency: as `text` writes them."""
ALMOST_SURE = '[<1]">99%";0%'
"""How it shows rates from 99.5% on; a format has room for two conditions."""


Sign = Literal["", "arrow", "past"]
"""How people see its sign: as a minus, as an arrow up or down, or 0 and below as what is past."""


class ResultColumn(NamedTuple):
    """A column of a result table."""

    meaning: str
    unit: Unit = "other"
    title: str = ""
    """Name in the workbook; empty where the column's own name says it."""
    rank: int = 2
    """Where it has room: 1 everywhere, 2 on pages and in a wide terminal, 3 in a sheet and JSON."""
    sign: Sign = ""


def _read(name: str) -> list[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


COLUMNS = {
    row["column"]: ResultColumn(
        row["meaning"],
        cast("Unit", row["unit"] or "other"),
        row["title"],
        int(row["rank"] or 2),
        cast("Sign", row["sign"] or ""),
    )
    for row in _read("columns.csv")
}
"""The columns of the public result tables."""
CHECKS = {row["check"]: (row["title"], row["what"]) for row in _read("audit_checks.csv")}
"""The checks of the audit: name, and what deals of it do."""
LABELS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("stage", "stage_after", "from_stage", "to_stage", "became"), text.stage),
    **dict.fromkeys(("outcome", "field", "method"), text.label),
    "movement": text.movement,
    **dict.fromkeys(("from_category", "to_category"), text.title),
    "check": lambda name: CHECKS[name][0] if name in CHECKS else text.title(name),
}
"""Columns of labels, and how people read them."""

FORECAST_COLUMNS = (
    "booked",
    "won_later",
    "open_count",
    "open_value",
    "weighted_open",
    "expected_open",
    "new_business",
    "expected",
    "low",
    "median",
    "high",
    "target",
    "p_target",
    "gap",
    "pipeline_coverage",
    "needed_pipeline",
    "attainment",
    "no_value",
    "no_probability",
    "to_date",
)
"""The columns of a forecast, in order; all are numbers."""
ALERT_FIGURES = (*FORECAST_COLUMNS, "world_changed")
"""What an alert may compare; the last is the number of alarms of `oa.world_changes` in the last
three periods."""
DEAL_FIGURES = ("win_chance", "period_chance", "days_in_stage", "pushes", "risk")
"""What an alert on a deal may compare beside the deal's columns."""
ALERT_WORDS = ("period", "condition", "figure", "line", "bound")
"""What the sentence of an alert may also hold; the last three only where one column is compared
with one line."""
_ESTIMATES = frozenset(
    {
        "weighted_open",
        "expected_open",
        "new_business",
        "expected",
        "low",
        "median",
        "high",
        "needed_pipeline",
        "counted_value",
        "weighted",
        "expected_value",
        "error",
        "expected_before",
        "expected_after",
        "change",
    }
)
"""Money that is estimated, in whole units beside a thousand or more: its cents say nothing."""
WHOLE = 1_000.0
"""Amounts from here on leave no room for cents beside them."""
_CHANGES = ("_before", "_after", "_change")
"""Endings of a column that compares another one at two times."""


def find_unit(column: str) -> Unit:
    """Find the unit of a result column; that of a column of somebody's own by the usual endings."""
    if column in COLUMNS:
        return COLUMNS[column].unit
    for ending in _CHANGES:
        if column.endswith(ending):
            return find_unit(column.removesuffix(ending))
    if "rate" in column.split("_") or column.endswith("_share"):
        return "rate"
    return "money" if column.endswith(("_value", "_total")) else "other"


def find_rank(column: str, own: int = 2) -> int:
    """Find the rank of a result column; that of a column of somebody's own is `own`."""
    endings = [ending for ending in _CHANGES if column.endswith(ending)]
    known = column if column in COLUMNS or not endings else column.removesuffix(endings[0])
    return COLUMNS[known].rank if known in COLUMNS else own


def title_columns(columns: Iterable[str], own: Mapping[str, str] | None = None) -> list[str]:
    """Give each column a title, all different; those of `own` come first."""
    titles: list[str] = []
    taken: set[str] = set()
    for column in columns:
        known = (own or {}).get(column) or (COLUMNS[column].title if column in COLUMNS else "")
        title = text.one_line(known or text.title(column)).strip() or "(blank)"
        if title.casefold() in taken:
            title = f"{title} ({text.one_line(column)})"
        while title.casefold() in taken:
            title += "'"
        taken.add(title.casefold())
        titles.append(title)
    return titles


def write_label(column: Any, value: Any) -> str:
    """Write a value of a column of labels as people read it, such as a stage or a check.

    Any other as it is.
    """
    return LABELS.get(str(column), str)(value)


def write_key(levels: Iterable[Any], key: Any) -> str:
    """Write the key of a row by the names of its levels, several joined by a dot."""
    parts = zip(levels, text.split_key(key), strict=True)
    return text.join_key(tuple(write_label(level, part) for level, part in parts))


def make_formatter(
    column: str, values: Series, currency: str | None, *, compact: bool = False
) -> Callable[[Any], str]:
    """Make the `format_cell` of one column: money with cents in all of its cells, or in none.

    If `compact`, rounded for reading.
    """
    if compact and find_unit(column) == "money" and pd.api.types.is_numeric_dtype(values.dtype):
        return lambda value: text.MISSING if pd.isna(value) else text.money(float(value), currency)
    write = partial(format_cell, column, currency=currency)
    if not pd.api.types.is_float_dtype(values.dtype) or find_unit(column) != "money":
        return write
    estimated = column.removesuffix("_before").removesuffix("_after") in _ESTIMATES
    if not (estimated and values.abs().max() >= WHOLE) and (values.round(2) % 1).any():
        return lambda value: (
            cell if "." in (cell := write(value)) or cell == text.MISSING else f"{cell}.00"
        )
    return lambda value: write(
        value if pd.isna(value) or math.isinf(value) else math.floor(value + 0.5)
    )


def find_sign(column: str) -> Sign:
    """Find how people see the sign of a result column."""
    return COLUMNS[column].sign if column in COLUMNS else ""


def choose_workbook_format(column: str, currency: str | None) -> str | None:
    """Choose the number format in which a workbook shows a column: money in whole units.

    None for other units. A change has its sign.
    """
    if find_unit(column) != "money":
        return WORKBOOK_FORMATS.get(find_unit(column))
    shown = f"{sign_money(currency)}#,##0"
    return f'+{shown};"−"{shown};{shown}' if find_sign(column) == "arrow" else f'{shown};"−"{shown}'


def sign_money(currency: str | None) -> str:
    """Write the currency's sign as a number format begins with it.

    Empty when the currency is unknown.
    """
    symbol = get_currency_symbol(currency, locale="en_US") if currency else ""
    return f"[${symbol}]{'' if len(symbol) == 1 else ' '}" if symbol else ""


def format_cell(column: str, value: Any, currency: str | None) -> str:
    """Write a cell of a result table as people read it.

    Money has full digits, rates are percents, and a missing cell is a dash.
    """
    if not isinstance(value, str) and is_blank(value):
        return text.MISSING
    if isinstance(value, pd.Timestamp):
        try:
            day = text.day(value, year=True)
            return (
                day
                if value.tzinfo is None and value == value.normalize()
                else f"{day} {value:%H:%M}"
            )
        except (
            ValueError,
            OverflowError,
            NotImplementedError,
        ):  # at the ends of the calendar, or beyond
            return str(value)
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if not isinstance(value, (int, float, np.number)):
        return text.printable(write_label(column, value))
    try:
        amount = float(value)
    except OverflowError:
        return f"{Decimal(int(value)):.2e}"
    match find_unit(column):
        case "money":
            whole = column in _ESTIMATES and WHOLE <= abs(amount) < math.inf
            return text.money(math.floor(amount + 0.5) if whole else amount, currency, full=True)
        case "rate":
            return text.percent(amount)
        case "points":
            return text.points(amount, signed=True)
        case "percent":
            return text.percent(amount / 100)
        case "ratio":
            return text.times(amount)
    return text.number(amount, 0 if abs(amount) >= 100 or amount == int(amount) else 1)
