"""Charts of calls: which way each caller leans, and how far each source misses beside the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import describe_leans, heading, name_source, say_lean, sentence
from opp_analytics.charts.data import (
    ChartData,
    DotMark,
    Level,
    Measure,
    Place,
    RangeMark,
    TextColumn,
    choose_ticks,
    note_intervals,
    write_caption,
)
from opp_analytics.note import note_of

_SHARE = 0.5
"""Share of the width for the marks; the figures have the rest."""
_WIDEST = 1.5
"""Where intervals are cut, in distances of the furthest dot; they end at 100% at least."""
_SIZE = (9.5, 2.4)


def call_accuracy(table: pd.DataFrame) -> ChartData:
    """Prepare the bias of each caller with its interval, blue where it is beyond chance.

    Errors beside it.
    """
    known = table[table["bias"].notna()].sort_values("bias", ascending=False, kind="stable")
    rows = []
    for key, row in known.iterrows():
        figures = text.percent(row["wape"]), text.percent(row["model_wape"]), f"{int(row['n']):,}"
        rows.append((str(key), say_lean(row).startswith("usually"), figures))
    heads = ("missed by", "the model by", text.plural(text.noun(note_of(table).freq)))
    measure = Measure("percent", "called too low or too high, as a share of what was won")
    drawn = known[["bias_low", "bias", "bias_high"]]
    chart = _lay_out(
        "call_accuracy", table, rows, drawn, 0.0, measure, heads, "blue: leans beyond chance"
    )
    return replace(chart, title=f"{describe_leans(table)}.")


def forecast_value_added(table: pd.DataFrame) -> ChartData:
    """Prepare the error of each source over the model's, with its interval.

    Blue where beyond chance.

    With `by`, the calls of each group.
    """
    called = table.index.get_level_values("source").isin(["reps", "manager"])
    shown = (
        called
        if table.index.nlevels > 1
        else np.full(len(table), table["wape"][called].notna().any())
    )
    known = table[shown & table["error_ratio"].notna()].sort_values("error_ratio", kind="stable")
    rows = []
    for key, row in known.iterrows():
        *group, source = text.split_key(key)
        named = name_source(source, note_of(table).freq).removeprefix("the ")
        better = (
            "" if source == "model" else f"{round(row['better'] * row['n'])} of {int(row['n'])}"
        )
        figures = text.percent(row["wape"]), text.percent(row["bias"], signed=True), better
        rows.append((text.capital(" · ".join([*group, named])), row["differs"], figures))
    measure = Measure("number", "error, as a multiple of the model’s")
    drawn, blue = (
        known[["ratio_low", "error_ratio", "ratio_high"]],
        "blue: differs from the model beyond chance",
    )
    return _lay_out(
        "forecast_value_added",
        table,
        rows,
        drawn,
        1.0,
        measure,
        ("missed by", "bias", "better in"),
        blue,
    )


def _lay_out(
    kind: str,
    table: pd.DataFrame,
    rows: Sequence[tuple[str, bool, tuple[str, ...]]],
    drawn: pd.DataFrame,
    level: float,
    measure: Measure,
    heads: tuple[str, ...],
    blue: str,
) -> ChartData:
    """Lay out each row: estimate and interval on the left, three columns of figures beside."""
    judged = text.count(int(table["n"].max()) if len(table) else 0, text.noun(note_of(table).freq))
    note = write_caption(table, judged, note_intervals(table), blue)
    if not rows:
        return ChartData(sentence(table, kind), note, "too few periods to say", size=_SIZE)
    reach = max(1.0 + level, _WIDEST * float(drawn.iloc[:, 1].abs().max()))
    drawn, places = drawn.clip(-reach, reach), []
    for (name, differs, figures), (start, at, end) in zip(rows, drawn.to_numpy(), strict=True):
        interval = RangeMark(
            start, end, "hi" if differs else "mute", cut=(start == -reach, end == reach)
        )
        dot = DotMark(at, "hi" if differs else "bar")
        marks = (dot,) if math.isnan(start) else (interval, dot)
        places.append(Place(name, marks, figures=figures))
    ends = [0.0, level, *drawn.to_numpy().ravel()]
    room = 0.06 * float(np.nanmax(ends) - np.nanmin(ends))
    low, high = float(np.nanmin(ends)) - room, float(np.nanmax(ends)) + room
    above, write = choose_ticks(max(high, -low)), text.times if level else text.percent
    ticks = [
        (tick, write(tick))
        for tick in [*(-tick for tick in above[:0:-1]), *above]
        if low <= tick <= high
    ]
    return ChartData(
        heading(table, kind),
        note,
        places=tuple(places),
        levels=(Level(level),),
        size=_SIZE,
        least_rows=2,
        measure=replace(measure, low=low, high=low + (high - low) / _SHARE, ticks=tuple(ticks)),
        columns=tuple(
            TextColumn(at, head) for head, at in zip(heads, (0.68, 0.84, 1.0), strict=True)
        ),
    )
