"""Charts of calls: which way each caller leans, and how far each source misses beside the model."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import describe_leans, name_source, say_lean
from opp_analytics.charts.data import (
    ChartData,
    DotMark,
    Level,
    Measure,
    Place,
    RangeMark,
    note_intervals,
)
from opp_analytics.note import note_of

_WIDEST = 1.5
"""Where intervals are cut, in distances of the furthest dot; they end at 100% at least."""


def call_accuracy(table: pd.DataFrame) -> ChartData:
    """Prepare the bias of each caller with its interval, blue where it is beyond chance.

    Errors beside it.
    """
    known = table[table["bias"].notna()].sort_values("bias", ascending=False, kind="stable")
    places = []
    for key, row in known.iterrows():
        figures = text.percent(row["wape"]), text.percent(row["model_wape"]), f"{int(row['n']):,}"
        leans = say_lean(row).startswith("usually")
        ends = row["bias_low"], row["bias"], row["bias_high"]
        places.append(_place(str(key), ends, figures, differs=leans))
    what = "called too low or too high, as a share of what was won"
    return ChartData(
        tuple(places),
        (_count_periods(table), note_intervals(table), "blue: leans beyond chance"),
        title=f"{describe_leans(table)}." if places else "",
        empty="" if places else _TOO_FEW,
        levels=(Level(0.0),),
        measure=_measure(known[["bias", "bias_low", "bias_high"]], 0.0, "percent", what),
        heads=("Missed by", "Model by", text.capital(text.plural(text.noun(note_of(table).freq)))),
    )


def forecast_value_added(table: pd.DataFrame) -> ChartData:
    """Prepare the error of each source over the model's, with its interval.

    Blue where beyond chance.

    With `by`, the calls of each group.
    """
    called = table.index.get_level_values("source").isin(["reps", "manager"])
    # Of a whole the model and the formulas are beside its calls.
    if table.index.nlevels == 1:
        called[:] = table["wape"][called].notna().any()
    known = table[called & table["error_ratio"].notna()].sort_values("error_ratio", kind="stable")
    places = []
    for key, row in known.iterrows():
        *group, source = text.split_key(key)
        named = name_source(source, note_of(table).freq).removeprefix("the ")
        better = (
            "" if source == "model" else f"{round(row['better'] * row['n'])} of {int(row['n'])}"
        )
        figures = text.percent(row["wape"]), text.percent(row["bias"], signed=True), better
        ends = row["ratio_low"], row["error_ratio"], row["ratio_high"]
        name = text.capital(" · ".join([*group, named]))
        places.append(_place(name, ends, figures, differs=bool(row["differs"])))
    drawn = known[["error_ratio", "ratio_low", "ratio_high"]]
    return ChartData(
        tuple(places),
        (
            _count_periods(table),
            note_intervals(table),
            "blue: differs from the model beyond chance",
        ),
        empty="" if places else _TOO_FEW,
        levels=(Level(1.0),),
        measure=_measure(drawn, 1.0, "times", "error, as a multiple of the model’s"),
        heads=("Missed by", "Bias", "Better in"),
    )


_TOO_FEW = "too few periods to say"


def _count_periods(table: pd.DataFrame) -> str:
    return text.count(int(table["n"].max()) if len(table) else 0, text.noun(note_of(table).freq))


def _place(
    name: str, ends: tuple[float, float, float], figures: tuple[str, ...], *, differs: bool
) -> Place:
    """Lay out an estimate with its interval."""
    low, at, high = ends
    dot = DotMark(at, "hi" if differs else "bar")
    interval = RangeMark(low, high, "hi" if differs else "mute")
    return Place(name, (dot,) if math.isnan(low) else (interval, dot), figures=figures)


def _measure(
    drawn: pd.DataFrame, level: float, kind: Literal["percent", "times"], what: str
) -> Measure:
    """Measure estimates and their intervals around a level, without the ends of wide ones."""
    reach = max(1.0 + level, _WIDEST * np.nan_to_num(drawn.iloc[:, 0].abs().max()))
    cut = drawn.clip(-reach, reach)
    ends = [0.0, level, *cut.min().dropna(), *cut.max().dropna()]
    room = 0.06 * (max(ends) - min(ends))
    return Measure(kind, what, min(ends) - room, max(ends) + room)
