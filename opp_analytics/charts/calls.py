"""Charts of calls: which way each caller leans, and how far each source misses beside the model."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import name_source, say_lean, sentence
from opp_analytics.charts.data import (
    ChartData,
    DotMark,
    Level,
    Mark,
    Measure,
    Place,
    RangeMark,
    TextColumn,
    choose_ticks,
    note_intervals,
    write_caption,
)

_SHARE = 0.5
"""Share of the width for the marks; the figures have the rest."""
_WIDEST = 1.5
"""Where intervals are cut, in distances of the furthest dot; they end at 100% at least."""
_SIZE = (9.5, 2.4)


def call_accuracy(table: pd.DataFrame) -> ChartData:
    """Prepare the bias of each caller with its interval, the highest first; blue where it is beyond chance."""
    known = table[table["bias"].notna()].sort_values("bias", ascending=False, kind="stable")
    reach = max(1.0, _WIDEST * float(known["bias"].abs().max()))
    drawn, places = known[["bias_low", "bias", "bias_high"]].clip(-reach, reach), []
    for (key, row), ends in zip(known.iterrows(), drawn.to_numpy(), strict=True):
        lean, name = say_lean(row), str(key)
        marks = _mark(ends, blue=lean.startswith("usually"))
        figures = (text.percent(row["wape"]), text.percent(row["model_wape"]), f"{int(row['n']):,}")
        places.append(Place(name, marks, figures=figures, title=f"{name}: {lean}", key=name))
    heads = ("missed by", "the model by", text.plural(text.noun(table.attrs.get("freq"))))
    title = "called too low or too high, as a share of what was won"
    return _lay_out(table, places, drawn, 0.0, Measure("percent", title), heads, "blue: leans beyond chance")


def forecast_value_added(table: pd.DataFrame) -> ChartData:
    """Prepare the error of each source over the model's, with its interval, the smallest first; blue where it differs beyond chance.

    With groups, those of calls only.
    """
    freq = table.attrs.get("freq")
    called = table.index.get_level_values("source").isin(["reps", "manager"])
    shown = called if table.index.nlevels > 1 else np.full(len(table), table["wape"][called].notna().any())
    known = table[shown & table["error_ratio"].notna()].sort_values("error_ratio", kind="stable")
    reach = max(2.0, _WIDEST * float(known["error_ratio"].max()))
    drawn, places = known[["ratio_low", "error_ratio", "ratio_high"]].clip(0.0, reach), []
    for (key, row), ends in zip(known.iterrows(), drawn.to_numpy(), strict=True):
        *group, source = key if isinstance(key, tuple) else (key,)
        name = text.capital(" · ".join([*group, name_source(source, freq).removeprefix("the ")]))
        marks = _mark(ends, blue=row["differs"])
        better = "" if source == "model" else f"{round(row['better'] * row['n'])} of {int(row['n'])}"
        figures = (text.percent(row["wape"]), text.percent(row["bias"], signed=True), better)
        places.append(Place(name, marks, figures=figures, key=str(source)))
    heads, measure = (
        ("missed by", "bias", "better in"),
        Measure("number", "error, as a multiple of the model’s"),
    )
    return _lay_out(table, places, drawn, 1.0, measure, heads, "blue: differs from the model beyond chance")


def _mark(ends: Any, *, blue: bool) -> tuple[Mark, ...]:
    """Mark an estimate and its interval."""
    low, at, high = ends
    line = () if math.isnan(low) else (RangeMark(low, high, "hi" if blue else "mute"),)
    return *line, DotMark(at, "hi" if blue else "bar")


def _lay_out(
    table: pd.DataFrame,
    places: list[Place],
    drawn: pd.DataFrame,
    level: float,
    measure: Measure,
    heads: tuple[str, ...],
    blue: str,
) -> ChartData:
    """Put dots and lines into the left part, and three columns of figures beside them."""
    judged = text.count(int(table.attrs.get("n", 0)), text.noun(table.attrs.get("freq")))
    note = write_caption(table, judged, note_intervals(table), blue)
    if not places:
        return ChartData(sentence(table), note, "too few periods to say", size=_SIZE)
    ends = [0.0, level, *drawn.to_numpy().ravel()]
    room = 0.06 * float(np.nanmax(ends) - np.nanmin(ends))
    low, high = float(np.nanmin(ends)) - room, float(np.nanmax(ends)) + room
    above, write = choose_ticks(max(high, -low)), text.percent if measure.kind == "percent" else text.times
    ticks = tuple(
        (tick, write(tick)) for tick in [*(-tick for tick in above[:0:-1]), *above] if low <= tick <= high
    )
    return ChartData(
        sentence(table), note, places=tuple(places), levels=(Level(level),), size=_SIZE, least_rows=2,
        measure=replace(measure, low=low, high=low + (high - low) / _SHARE, ticks=ticks),
        columns=tuple(TextColumn(at, True, head, "ink") for head, at in zip(heads, (0.68, 0.84, 1.0), strict=True)),
    )  # fmt: skip
