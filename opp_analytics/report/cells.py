"""Cells that several blocks share: titles, changes, and the deals behind a figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import describe
from opp_analytics.answers import CLOSED_AS, Context, forecasts, tables
from opp_analytics.charts import Place
from opp_analytics.org import record_link
from opp_analytics.report.model import Cell, Deal, Deals
from opp_analytics.schema import HALF_CENT

_MOST, _MOVED = 20, 0.1
"""Deals that a row opens to, about a screen: the workbook has the others; and what a chance must
move to be news."""
_TOLD = ("unique_id", "name", "stage", "close_date", "probability", "outcome", "value")
"""What is told of a deal, besides whose it is."""


def say_finding(table: pd.DataFrame) -> str:
    """Say a result table's sentence as a title, without its full stop."""
    return describe(table)


def show_change(now: float, then: float, show: Callable[[float], str]) -> Cell | None:
    """Show a difference as an arrow and its size, which `show` writes.

    None where either end is not known.
    """
    if not (math.isfinite(now) and math.isfinite(then)):
        return None
    size = show(abs(now - then))
    if now == then or size in ("0", text.MISSING):
        return Cell("no change", sign=0)
    return Cell(size, sign=1 if now > then else -1, size=abs(now - then))


def stress_largest(changes: Sequence[Cell | None]) -> list[Cell | None]:
    """Set the largest change of a column in blue, whatever its sign.

    Beside money, points and ratios are small.
    """
    top = max((cell.size for cell in changes if cell), default=0.0) - HALF_CENT
    return [
        replace(cell, tone="hi") if cell and cell.sign and cell.size > top else cell
        for cell in changes
    ]


def measure(context: Context, name: str, value: float, deals: float, key: str = "") -> Place:
    """Measure a bar of money, with its number of deals for a screen reader."""
    figure = context.money(value)
    return svg.make_bar(
        name, float(value), figure, f"{name}: {figure}, {text.count(int(deals))}", key
    )


def list_deals(
    context: Context,
    rows: pd.DataFrame,
    caption: str,
    *,
    sheet: str = "Deals",
    note: str = "",
    past: bool = False,
    further: Mapping[str, float] = MappingProxyType({}),
    period: str = "",
) -> Deals | None:
    """List rows of deals, the largest first, then the others in one line, and the total.

    `further` amounts come before the total. None without any deal.

    `sheet` is the workbook's with all of them. Of what is `past`, today's chances say nothing;
    else those from history are of `period`, by default of each deal's own.
    """
    if rows.empty:
        return None
    amounts = rows["value"].to_numpy(dtype=float)
    order = np.argsort(-np.abs(amounts), kind="stable")
    parts = text.round_parts([*amounts[order].tolist(), *further.values()])
    largest = rows.iloc[order[:_MOST]].filter([*_TOLD, *context.by])
    listed = [
        _show_deal(context, row, text.number(part), period)
        for row, part in zip(largest.to_dict("records"), parts[:_MOST], strict=False)
    ]
    listed = [replace(deal, stated="", history="") for deal in listed] if past else listed
    rest = parts[_MOST : len(rows)]
    others = rows["unique_id"].iloc[order[_MOST:]]
    there = (
        sum(one in tables.listed_ids(context) for one in others) if sheet == "Deals" else len(rest)
    )
    some = "" if there == len(rest) else f", {there:,} of them" if there else ", none of them"
    words = f"{text.count(len(rest), 'more deal')}{some} in the workbook, sheet “{sheet}”"
    sums = [
        *([(words, text.number(_add(rest)))] if rest else []),
        *zip(further, map(text.number, parts[len(rows) :]), strict=True),
    ]
    if len(parts) > 1:
        sums.append(("Total", text.number(_add(parts))))
    return Deals(
        caption,
        tuple(listed),
        note,
        sums=tuple(sums),
        history=forecasts.name_history(context, period),
    )


def _show_deal(context: Context, row: dict[Any, Any], amount: str, period: str) -> Deal:
    ended = outcome if (outcome := str(row.get("outcome"))) in CLOSED_AS else ""
    return Deal(
        name=_name(row),
        owner=str(row[context.person]) if context.person and context.person in row else "",
        stage=text.stage(row["stage"]),
        close=context.write_day(row["close_date"]),
        stated=ended or show_stated(row.get("probability")),
        history="" if ended else forecasts.show_history(context, row["unique_id"], period),
        amounts=(amount,),
        link=_link(context, row),
    )


def _add(parts: list[float]) -> float:
    return math.fsum(part for part in parts if math.isfinite(part))


def show_stated(probability: Any) -> str:
    """Show the chance that a deal's owner stated, in percent."""
    return text.MISSING if pd.isna(probability) else text.percent(float(probability) / 100)


def say_win_dates(context: Context, unique_id: Any) -> str:
    """Say when a deal would be won, if it is; empty without past wins."""
    low, high = (
        forecasts.own_chances(context)[name].get(unique_id) for name in ("won_low", "won_high")
    )
    day = context.write_day
    return "" if low is None or pd.isna(low) else f"if won, between {day(low)} and {day(high)}"


def open_chance(
    context: Context, row: Any, *further: str, of: pd.DataFrame | None = None
) -> Deals | None:
    """Open a deal's row to what adds up to its chance, and from what that moved.

    None where it is not learned.

    `of` has the chance explained, from `forecasts.explain`; by default the deal's own.
    """
    of, name = forecasts.own_chances(context) if of is None else of, row["unique_id"]
    why, period = (of[column].get(name) for column in ("why", "period"))
    if why is None or pd.isna(why):
        return None
    now, then = (
        float(known.get(name, math.nan))
        for known in (of["chance"], forecasts.earlier_chances(context))
    )
    if period == context.label and abs(now - then) >= _MOVED:
        since = context.write_day(forecasts.earlier(context).day)
        why += f"; {'rose' if now > then else 'fell'} from {text.percent(then)} since {since}"
    note = "".join(
        f"{text.capital(words)}. " for words in (f"From history {why}", *further) if words
    )
    return Deals(f"Chance of {_name(row)}", (), note.rstrip())


def name_deal(context: Context, row: Any, small: str = "") -> Cell:
    """Name a deal, linked to the CRM where the org says how; in front of `small` is its owner."""
    whose = str(row[context.person]) if small and context.person else ""
    return Cell(_name(row), name=True, small=small, whose=whose, link=_link(context, row))


def _link(context: Context, row: Any) -> str:
    return record_link(context.org.record_url, str(row["unique_id"])) or ""


def _name(row: Any) -> str:
    return str(
        row["unique_id"] if pd.isna(row["name"]) or not str(row["name"]).strip() else row["name"]
    )
