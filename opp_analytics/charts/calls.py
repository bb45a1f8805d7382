"""Charts of calls: which way each caller leans, and how far each source misses beside the model."""

from __future__ import annotations

import math
from collections.abc import Callable

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
    leans = [say_lean(row) for _, row in known.iterrows()]
    reach = max(1.0, _WIDEST * float(known["bias"].abs().max()))
    places = [
        Place(
            str(key),
            _mark(
                row["bias_low"],
                row["bias"],
                row["bias_high"],
                (-reach, reach),
                blue=lean.startswith("usually"),
            ),
            figures=(text.percent(row["wape"]), text.percent(row["model_wape"]), f"{int(row['n']):,}"),
            title=f"{key}: {lean}",
            key=str(key),
        )
        for (key, row), lean in zip(known.iterrows(), leans, strict=True)
    ]
    heads = ("missed by", "the model by", text.plural(text.noun(table.attrs.get("freq"))))
    title = "called too low or too high, as a share of what was won"
    return _lay_out(table, places, 0.0, title, heads, "blue: leans beyond chance", text.percent)


def forecast_value_added(table: pd.DataFrame) -> ChartData:
    """Prepare the error of each source over the model's, with its interval, the smallest first; blue where it differs beyond chance.

    With groups, those of calls only.
    """
    freq, sources = table.attrs.get("freq"), table.index.get_level_values("source")
    called = sources.isin(["reps", "manager"])
    shown = called if table.index.nlevels > 1 else np.full(len(table), table["wape"][called].notna().any())
    known = table[shown & table["error_ratio"].notna()].sort_values("error_ratio", kind="stable")
    reach = max(2.0, _WIDEST * float(known["error_ratio"].max()))
    places = []
    for key, row in known.iterrows():
        *group, source = key if isinstance(key, tuple) else (key,)
        better = "" if source == "model" else f"{round(row['better'] * row['n'])} of {int(row['n'])}"
        places.append(Place(
            text.capital(" · ".join([*group, name_source(source, freq).removeprefix("the ")])),
            _mark(row["ratio_low"], row["error_ratio"], row["ratio_high"], (0.0, reach), blue=row["differs"]),
            figures=(text.percent(row["wape"]), text.percent(row["bias"], signed=True), better),
            key=str(source),
        ))  # fmt: skip
    heads, title = ("missed by", "bias", "better in"), "error, as a multiple of the model’s"
    return _lay_out(
        table, places, 1.0, title, heads, "blue: differs from the model beyond chance", text.times
    )


def _mark(low: float, at: float, high: float, within: tuple[float, float], *, blue: bool) -> tuple[Mark, ...]:
    """Mark an estimate and its interval, as far as it is drawn."""
    dot = DotMark(at, "hi" if blue else "bar")
    if math.isnan(low):
        return (dot,)
    return RangeMark(max(low, within[0]), min(high, within[1]), "hi" if blue else "mute"), dot


def _lay_out(
    table: pd.DataFrame,
    places: list[Place],
    level: float,
    title: str,
    heads: tuple[str, ...],
    blue: str,
    write: Callable[[float], str],
) -> ChartData:
    """Put dots and lines into the left part, and three columns of figures beside them."""
    judged = text.count(int(table.attrs.get("n", 0)), text.noun(table.attrs.get("freq")))
    note = write_caption(table, judged, note_intervals(table), blue)
    if not places:
        return ChartData(sentence(table), note, "too few periods to say", size=_SIZE)
    ends = [0.0, level]
    for mark in (mark for place in places for mark in place.marks):
        ends += (
            [mark.low, mark.high]
            if isinstance(mark, RangeMark)
            else [mark.at]
            if isinstance(mark, DotMark)
            else []
        )
    room = 0.06 * (max(ends) - min(ends) or 1.0)
    low, high = min(ends) - room, max(ends) + room
    above = choose_ticks(max(high, -low))
    ticks = [
        (tick, write(tick)) for tick in [*(-tick for tick in above[:0:-1]), *above] if low <= tick <= high
    ]
    return ChartData(
        sentence(table), note, places=tuple(places), levels=(Level(level),), size=_SIZE, least_rows=2,
        measure=Measure("number", title, low, low + (high - low) / _SHARE, ticks=tuple(ticks)),
        columns=tuple(TextColumn(at, True, head, "ink") for head, at in zip(heads, (0.68, 0.84, 1.0), strict=True)),
    )  # fmt: skip
