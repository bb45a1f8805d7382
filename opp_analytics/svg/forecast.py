"""One row of a forecast: as a bullet, as one line of a table, and as one coming period."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import charts
from opp_analytics.charts import ChartData
from opp_analytics.org import Money
from opp_analytics.svg import marks
from opp_analytics.svg.marks import Axis, draw_marks

MULTIPLES = 2.6
"""End of the scale of `progress`, in multiples of the target."""
_THREE = 120.0
"""Pixels at which the three labels of `progress_axis` do not touch."""
_HALF = 50.0
"""Percent of a bar above which words fit in it, on the side that the target does not cross."""
_FAR = 40.0
"""Percent between two labels of the bullet that do not touch, at its smallest width."""


def bullet(row: pd.Series[Any], money: Money) -> str:
    """Render the current period, a row of `oa.forecast`, in one bar: closed, range, forecast, target."""
    place = charts.bullet(row, money)
    scale = marks.axis([row["high"], row["expected"], row["target"], row["booked"]])
    drawn = [
        marks.bar(0, 100, y=16, height=16, fill="pale"),
        *draw_marks(place, scale, height=32, thick=16, middle=24),
    ]
    if math.isfinite(row["target"]):
        drawn.append(_hold(scale.at(row["target"]), 6, f"target {money(row['target'])}", "ink"))
    (spread,) = place.figures
    drawn.append(marks.label(0, 52, place.says, room=marks.measure_text(place.says + spread) + 8))
    drawn.append(marks.label(100, 52, spread, anchor="end", kind="hi"))
    return marks.picture(*drawn, height=56, said=place.title)


def _hold(x: float, y: float, words: str, kind: marks.Kind) -> str:
    """Write a label over its mark that does not leave the picture."""
    if x > 100 - _FAR / 2:
        return marks.label(100, y, words, anchor="end", kind=kind)
    if x < _FAR / 2:
        return marks.label(0, y, words, kind=kind)
    return marks.label(x, y, words, anchor="middle", kind=kind)


def progress(row: pd.Series[Any], money: Money, *, top: float | None = None) -> str:
    """Render one row of a table of people or teams: closed as a bar, the range as a band, the forecast as a dot.

    The row is scaled to its own target, which is drawn, unless `top` is the end of a scale that rows share.
    """
    place = charts.progress(row, money, aimed=top is None)
    scale = marks.fit_scale(ChartData("", places=(place,))) if top is None else Axis(top)
    if top is None and row["target"] > 0:
        scale = Axis(MULTIPLES * row["target"])
    drawn = draw_marks(place, scale, height=22, thick=8)
    return marks.picture(
        marks.across(11, line="rule"), *drawn, marks.hint(place.title), height=22, said=place.title
    )


def progress_axis() -> str:
    """Render the scale of `progress`: nothing, the target, twice the target."""
    at = Axis(MULTIPLES).at
    return marks.picture(
        marks.label(0, 11, "0", kind="quiet", room=_THREE),
        marks.label(at(1), 11, "target", anchor="middle", kind="quiet"),
        marks.label(at(2), 11, "2×", anchor="middle", kind="quiet", room=_THREE),
        height=14,
        said="Scale: multiples of the target",
    )


def month(row: pd.Series[Any], scale: Axis, money: Money, *, name: str) -> str:
    """Render one coming period on a shared scale: open deals due, usual new business, forecast and range, target."""
    place = charts.month(row, money, name=name)
    drawn = draw_marks(place, scale, height=32, thick=16)
    if place.says:
        end = scale.at(place.end)
        if end <= _HALF:
            drawn.append(marks.label(end, 20, place.says, dx=8, kind="quiet", halo=True))
        elif row["target"] and scale.at(row["target"]) < _HALF:
            drawn.append(marks.label(end, 20, place.says, anchor="end", dx=-8, kind="on"))
        else:
            drawn.append(marks.label(0, 20, place.says, dx=8, kind="on"))
    return marks.picture(*drawn, height=32, said=place.title)


def month_axis(scale: Axis, target: float, money: Money) -> str:
    """Render the scale of `month`: nothing and the target, or round amounts without one."""
    if math.isfinite(target):
        words = f"target {money(target)}"
        room = 100 * (marks.measure_text(words) + 16) / max(scale.at(target), 1.0)
        zero = marks.label(0, 11, "0", kind="quiet", room=room)
        goal = _hold(scale.at(target), 11, words, "quiet")
        return marks.picture(zero, goal, height=14, said="Scale to the target")
    ticks = marks.scale_labels([(scale.at(tick), money(tick)) for tick in scale.ticks(2)])
    return marks.picture(*ticks, height=14, said="Scale in money")
