"""Words that charts share: captions, names of rows and periods, and texts that fit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.charts.data import Measure
from opp_analytics.columns import find_unit
from opp_analytics.org import Org, day_of

_BLANKS = re.compile(r"[^\S\u00a0]+")
"""Blanks at which a line may break."""


def shorten(name: Any, width: int = 32) -> str:
    """Fit a name into one line of at most `width` characters; … replaces its middle, so that both ends stay readable; a short last key stays whole."""
    line = _BLANKS.sub(" ", str(name)).strip() if name is not None else ""
    if len(line) <= width:
        return line
    first, dot, last = line.rpartition(" · ")
    if dot and len(last) <= width // 2:
        return f"{shorten(first, width - len(dot + last))}{dot}{last}"
    head = (width + 1) // 2
    return f"{line[:head]}…{line[len(line) - (width - head - 1) :]}"


def name_rows(index: pd.Index[Any]) -> list[str]:
    """Name the rows of a table: several keys joined by " · ", a single row without a key "all"."""
    if isinstance(index, pd.MultiIndex):
        return [text.join_key(key) for key in index]
    return ["all"] if len(index) == 1 and index.name is None else [str(key) for key in index]


def iterate(table: pd.DataFrame) -> Iterable[Any]:
    """Go through the rows of a table as named tuples."""
    return table.itertuples()


def name_periods(table: pd.DataFrame) -> list[str]:
    """Name the periods of a table; a star marks a running one."""
    freq = table.attrs.get("freq")
    keys = [key if isinstance(key, tuple) else (key,) for key in table.index]
    names = [" · ".join([*map(str, groups), _name_period(str(period), freq)]) for *groups, period in keys]
    running = table["to_date"] if "to_date" in table else [False] * len(table)
    return [f"{name}*" if now else name for name, now in zip(names, running, strict=True)]


def _name_period(period: str, freq: str | None) -> str:
    """Name a period; the day of a week never breaks."""
    name = text.period(period, freq)
    return name.replace(" ", "\u00a0", 1) if "/" in period else name


def note_periods(table: pd.DataFrame) -> str:
    """Explain the star of a running period and the day of a week."""
    weekly = any("/" in str(name) for name in table.index.get_level_values(-1))
    running = "to_date" in table and bool(table["to_date"].any())
    return " · ".join(
        [*(["weeks by their first day"] if weekly else []), *(["* to date"] if running else [])]
    )


def write_caption(table: pd.DataFrame, *says: str) -> str:
    """Write a caption: number of deals, dates of the table if known, then further notes."""
    return " · ".join(part for part in (*says[:1], *_write_dates(table), *says[1:]) if part)


def _write_dates(table: pd.DataFrame) -> list[str]:
    as_of, due = table.attrs.get("as_of"), table.attrs.get("due")
    opening, closing = table.attrs.get("opening_at"), table.attrs.get("closing_at")
    if opening and closing:
        window = text.days(day_of(table, opening), day_of(table, closing))
    else:
        window = f"as of {text.day(as_of, year=True)}" if as_of else ""
    return [window, f"due {text.days(*due)}" if due else ""]


def name_method(table: pd.DataFrame) -> str:
    """Name the forecast method for a caption, if the table has one."""
    name = table.attrs.get("method")
    return f"method: {text.label(name)}" if isinstance(name, str) else ""


def note_intervals(table: pd.DataFrame, noun: str = "interval") -> str:
    """Name the intervals by their confidence; empty if the table does not tell it."""
    confidence = table.attrs.get("confidence")
    return f"{text.percent(confidence)} {text.plural(noun)}" if confidence else ""


def note_order(parts: pd.DataFrame) -> str:
    """Name the parts of stacked bars from the left, without empty ones."""
    names = [text.label(name) for name in parts if parts[name].any()]
    return f"from the left: {', '.join(names)}" if names else ""


def note_rest(rest: int, noun: str) -> str:
    """Count what is not drawn; empty for none."""
    return f"{text.count(rest, noun)} not shown" if rest else ""


def keep_largest(table: pd.DataFrame, column: str, most: int) -> pd.DataFrame:
    """Keep the rows with the largest amounts of a column, up or down, largest first."""
    return table.sort_values(column, key=abs, ascending=False, kind="stable").head(most)


def measure_column(
    table: pd.DataFrame, column: str, title: str = "", *, signed: bool = False, low: float | None = None
) -> Measure:
    """Measure a column in its unit, money in the table's currency; the title is its name, unless another says more."""
    unit, currency = find_unit(column), Org.of(table).currency
    return Measure(
        "money" if unit == "money" else "percent" if unit == "rate" else "number",
        title or text.label(column), low=low, currency=currency, signed=signed,
    )  # fmt: skip


def measure_percent(
    title: str = "", *, low: float | None = -0.02, high: float | None = 1.02, ticks: Iterable[float] = ()
) -> Measure:
    """Measure fractions from 0 to 1 in percent."""
    return Measure("percent", title, low, high, ticks=tuple((tick, text.percent(tick)) for tick in ticks))
