"""Charts of what changed: the pipeline, a forecast, single deals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import heading
from opp_analytics.charts.data import BarMark, ChartData, Level, Place
from opp_analytics.charts.wording import (
    iterate,
    keep_largest,
    measure_column,
    name_method,
    name_rows,
    note_rest,
    shorten,
    write_caption,
)
from opp_analytics.org import day_of, money_of
from opp_analytics.schema import unstack_level

_MOST_GROUPS = 30
_MOST_DEALS = 20
# Sums of money that differ by less than half a cent are equal.
_CENT = 0.005
_PIPELINE, _FORECAST = ("opening", "closing"), ("then", "now")


def waterfall(table: pd.DataFrame) -> ChartData:
    """Prepare the steps from the opening pipeline to the closing one; with `by`, each group's ins and outs."""
    nothing = "no open deals in this period"
    if table.empty:
        return ChartData("Pipeline", write_caption(table), nothing)
    if table.index.nlevels > 1:
        return _prepare_groups(table, "value", _PIPELINE, "change in open value")
    count = text.count(int(table["count"].get("closing", 0)), "open deal")
    note = write_caption(table, f"{count} at the end")
    moved = table[(table["deals"] > 0) | table.index.isin(_PIPELINE)]
    says = [text.count(int(deals)) for deals in moved["deals"]]
    empty = "" if moved["deals"].any() else nothing
    return _prepare_steps(moved, "value", _PIPELINE, says, "Pipeline", note, "open value", empty=empty)


def forecast_change(table: pd.DataFrame, *, target: float = math.nan) -> ChartData:
    """Prepare the steps from the forecast then to the forecast now; with `by`, each group's ups and downs."""
    nothing = "nothing was expected at either time"
    if table.empty:
        return ChartData("Forecast", write_caption(table), nothing)
    if table.index.nlevels > 1:
        return _prepare_groups(table, "expected", _FORECAST, "change in expected money")
    note = write_caption(table, text.count(int(table["deals"]["now"])), name_method(table))
    moved = table[(table["expected"].abs() >= _CENT) | table.index.isin(_FORECAST)]
    says = [_name_cause(str(name), row) for name, row in moved.iterrows()]
    empty = "" if moved["expected"].any() else nothing
    return _prepare_steps(
        moved, "expected", _FORECAST, says, "Forecast", note, "expected money", target=target, empty=empty
    )


def _name_cause(name: str, row: pd.Series[Any]) -> str:
    """Name the one deal behind a step, or count its deals."""
    deals = int(row["deals"])
    if deals == 1 and name not in _FORECAST and not pd.isna(row["largest"]):
        return shorten(row["largest"], 24)
    return text.count(deals) if deals else ""


def _prepare_steps(
    moved: pd.DataFrame,
    column: str,
    ends: tuple[str, str],
    beside: Sequence[str],
    what: str,
    note: str,
    axis: str,
    *,
    empty: str,
    target: float = math.nan,
) -> ChartData:
    """Lay each step at the end of the one above it; both totals start at zero.

    Ups are blue; in a waterfall, whose movements are many, the largest movement alone is.
    """
    money, places, level = money_of(moved, beside=moved[column].abs().max()), [], 0.0
    steps = moved[column].drop(list(ends)).abs()
    largest = str(steps.idxmax()) if steps.any() else ""
    for (key, row), words in zip(moved.iterrows(), beside, strict=True):
        name, value, deals = str(key), float(row[column]), int(row["deals"])
        total = name in ends
        start, level = (0.0, value) if total else (level, level + value)
        label = f"{what} {_date_end(moved, name)}" if total else text.label(name)
        if ends == _FORECAST and name == "won":
            label = "won beyond its chance"
        figure = money(value, signed=not total)
        title = f"{text.capital(label)}: {figure}" + ("" if total or not deals else f", {text.count(deals)}")
        named = name == largest and ends == _PIPELINE
        blue = named or (value >= 0 and ends == _FORECAST)
        bar = BarMark(start, level, "bar" if total else "hi" if blue else "mute", title=title)
        places.append(
            Place(
                label,
                (bar,),
                ", ".join(filter(None, (figure, words))),
                max(start, level),
                f"{deals:,}" if deals and not total else "",
                (figure,),
                title,
                key=name,
                strong=total,
                highlight=named,
            )
        )
    aim = (Level(target, "ink", f"target {money(target)}"),) if math.isfinite(target) else ()
    return ChartData(
        heading(moved), note, empty, tuple(places), linked=True, measure=measure_column(moved, column, axis),
        levels=(Level(0.0), *aim),
    )  # fmt: skip


def _date_end(table: pd.DataFrame, end: str) -> str:
    """Date one end of a change; name it where the table does not tell its date."""
    moment = table.attrs.get(f"{end}_at")
    return text.day(day_of(table, moment)) if moment else end


def _prepare_groups(table: pd.DataFrame, column: str, ends: tuple[str, str], axis: str) -> ChartData:
    """Show for each group what came in to the right and what left to the left, the largest change first."""
    values = unstack_level(table[column], "movement")
    change = values[ends[1]] - values[ends[0]]
    shown = change.abs().sort_values(ascending=False, kind="stable").head(_MOST_GROUPS).index
    moved = values.loc[shown].drop(columns=list(ends))
    note = write_caption(
        table, text.count(len(change), "group"), "what came in and what left, with the change"
    )
    if not moved.to_numpy().any():
        return ChartData(heading(table), note, "nothing moved in this period")
    came, left = moved.clip(lower=0).sum(axis=1), moved.clip(upper=0).sum(axis=1)
    money = money_of(table)
    places = (
        Place(
            name, (BarMark(0, up, "hi"), BarMark(0, down, "mute")), money(by, signed=True), up, key=name
        )
        for name, up, down, by in zip(name_rows(shown), came, left, change[shown], strict=True)
    )  # fmt: skip
    rest = note_rest(len(change) - len(shown), "smaller group")
    return ChartData(
        heading(table), " · ".join(filter(None, (note, rest))), places=tuple(places),
        measure=measure_column(table, column, axis, low=1.05 * float(left.min())), levels=(Level(0.0),),
    )  # fmt: skip


def movements(table: pd.DataFrame) -> ChartData:
    """Prepare the deals that moved the pipeline most; the movements of one deal add up."""
    deals = table.groupby("unique_id", sort=False).agg(
        name=("name", "last"), value=("value", "sum"), moves=("movement", _join_moves)
    )
    moved = deals[deals["value"].abs() >= _CENT]
    shown = keep_largest(moved, "value", _MOST_DEALS)
    if shown.empty:
        return ChartData(heading(table), write_caption(table), "nothing moved in this period")
    money = money_of(table)
    places = (
        Place(
            str(row.Index if pd.isna(row.name) else row.name),
            (BarMark(0, row.value, "hi" if row.value >= 0 else "mute"),),
            f"{money(row.value, signed=True)}, {shorten(row.moves, 32)}",
            max(row.value, 0.0),
            key=str(row.Index),
        )
        for row in iterate(shown)
    )
    note = write_caption(
        table, text.count(len(table), "movement"), note_rest(len(moved) - len(shown), "smaller deal")
    )
    # The end of a name is often what tells two deals of one customer apart.
    return ChartData(
        heading(table), note, places=tuple(places), name_width=40,
        measure=measure_column(table, "value", "change in open value", signed=True), levels=(Level(0.0),),
    )  # fmt: skip


def _join_moves(moves: pd.Series[str]) -> str:
    """List the movements of a deal in order, each once."""
    return ", ".join(dict.fromkeys(text.label(move) for move in moves))
