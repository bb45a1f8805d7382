"""`forecast`: closed money, forecast, range and target, as a bullet, as one line of a table, and month by month."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics.org import Money
from opp_analytics.svg import marks
from opp_analytics.svg.axis import Axis, axis

__all__ = ["MULTIPLES", "bullet", "month", "month_axis", "progress", "progress_axis"]

MULTIPLES = 2.6
"""End of the scale of `progress`, in multiples of the target."""
_BULLET = 56.0
_THREE = 120.0
"""Pixels at which the three labels of `progress_axis` do not touch."""
_HALF = 50.0
"""Percent of a bar above which words stand in it, on the side that the target does not cross."""
_FAR = 40.0
"""Percent between two labels of the bullet that do not touch, at its smallest width."""


def bullet(row: pd.Series[Any], money: Money) -> str:
    """The current period in one bar: closed, range, forecast, target.

    Parameters
    ----------
    row : Series
        A row of `oa.forecast`.
    money : function
        Amounts in words, from `money_of`.
    """
    scale = axis([row["high"], row["expected"], row["target"], row["booked"]])
    at = scale.at
    ranged = math.isfinite(row["low"]) and row["high"] > row["low"]
    aimed = math.isfinite(row["target"])
    spread = f"{money(row['low'])}–{money(row['high'])}" if ranged else money(row["expected"])
    closed = f"closed {money(row['booked'])}"
    drawn = [
        marks.bar(0, 100, y=16, height=16, fill="pale"),
        marks.bar(0, at(row["booked"]), y=16, height=16, fill="bar", title=closed),
    ]
    if ranged:
        title = f"{money(row['low'])} to {money(row['high'])}"
        drawn.append(marks.bar(at(row["low"]), at(row["high"]), y=16, height=16, fill="band", title=title))
    if math.isfinite(row["expected"]):
        drawn.append(marks.down(at(row["expected"]), top=12, bottom=36, line="hi"))
    if aimed:
        drawn.append(marks.down(at(row["target"]), top=8, bottom=40, line="target"))
        drawn.append(_held(at(row["target"]), 6, f"target {money(row['target'])}", "ink"))
    drawn.append(marks.label(0, 52, closed, room=marks.width_of(closed + spread) + 8))
    drawn.append(marks.label(100, 52, spread, anchor="end", kind="hi"))
    return marks.picture(*drawn, height=_BULLET, said=_said(row, money))


def _held(x: float, y: float, words: str, kind: Any) -> str:
    """A label over its mark that does not leave the picture."""
    if x > 100 - _FAR / 2:
        return marks.label(100, y, words, anchor="end", kind=kind)
    if x < _FAR / 2:
        return marks.label(0, y, words, kind=kind)
    return marks.label(x, y, words, anchor="middle", kind=kind)


def progress(row: pd.Series[Any], money: Money, *, top: float | None = None) -> str:
    """One row of a table of people or teams: closed as a bar, the range as a band, the forecast as a dot.

    Parameters
    ----------
    top : float, optional
        End of the scale in money, when rows share one. By default the row is scaled to its own target, which is drawn.
    """
    aim = row["target"] if math.isfinite(row["target"]) and row["target"] > 0 else None
    scale = axis([row["high"], row["expected"]]) if top is None else Axis(top)
    if aim and top is None:
        scale = Axis(MULTIPLES * aim)
    at = scale.at
    drawn = [
        marks.across(11, line="rule"),
        marks.bar(0, at(row["booked"]), y=7, height=8, fill="mute"),
    ]
    if math.isfinite(row["low"]):
        drawn.append(marks.bar(at(row["low"]), at(row["high"]), y=5, height=12, fill="band"))
    if math.isfinite(row["expected"]):
        drawn.append(marks.dot(at(row["expected"]), 11))
    if aim and top is None:
        drawn.append(marks.down(at(aim), bottom=22, line="target"))
    said = _said(row, money)
    return marks.picture(*drawn, marks.hint(said), height=22, said=said)


def progress_axis() -> str:
    """The scale of `progress`: nothing, the target, twice the target."""
    at = Axis(MULTIPLES).at
    return marks.picture(
        marks.label(0, 11, "0", kind="quiet", room=_THREE),
        marks.label(at(1), 11, "target", anchor="middle", kind="quiet"),
        marks.label(at(2), 11, "2×", anchor="middle", kind="quiet", room=_THREE),
        height=14,
        said="Scale: multiples of the target",
    )


def month(row: pd.Series[Any], scale: Axis, money: Money, *, name: str) -> str:
    """One coming period: open deals due, usual new business, forecast and range, target.

    Parameters
    ----------
    row : Series
        A row of `oa.forecast`; without a range it is too early to say.
    scale : Axis
        Shared by the periods.
    """
    at = scale.at
    known = math.isfinite(row["low"])
    # What is not known yet is drawn at the chances that were stated.
    due = row["booked"] + row["expected_open" if known else "weighted_open"]
    drawn = [
        marks.bar(0, at(due), y=8, height=16, fill="hi", title=f"Open deals at their chances: {money(due)}")
    ]
    aim = (
        [marks.down(at(row["target"]), top=2, bottom=30, line="target")]
        if math.isfinite(row["target"])
        else []
    )
    if not known:
        words = "too early to say"
        said = f"{name}: {money(due)} due, {words}"
        beside = (
            marks.label(at(due), 20, words, dx=8, kind="quiet", halo=True)
            if at(due) <= _HALF
            else marks.label(at(due), 20, words, anchor="end", dx=-8, kind="on")
            if row["target"] and at(row["target"]) < _HALF
            else marks.label(0, 20, words, dx=8, kind="on")
        )
        return marks.picture(*drawn, *aim, beside, height=32, said=said)
    drawn += [
        marks.bar(
            at(due),
            at(row["expected"]),
            y=8,
            height=16,
            fill="band",
            title=f"Usual new business: {money(row['expected'] - due)}",
        ),
        marks.across(16, left=at(row["low"]), right=at(row["high"]), line="bar"),
        marks.dot(at(row["expected"]), 16, fill="ink", title=_said(row, money)),
    ]
    return marks.picture(*drawn, *aim, height=32, said=f"{name}: {_said(row, money)}")


def month_axis(scale: Axis, target: float, money: Money) -> str:
    """The scale of `month`: nothing and the target, or round amounts without one."""
    if math.isfinite(target):
        words = f"target {money(target)}"
        room = 100 * (marks.width_of(words) + 16) / max(scale.at(target), 1.0)
        return marks.picture(
            marks.label(0, 11, "0", kind="quiet", room=room),
            _held(scale.at(target), 11, words, "quiet"),
            height=14,
            said="Scale to the target",
        )
    ticks = marks.scale_labels([(scale.at(tick), money(tick)) for tick in scale.ticks(2)])
    return marks.picture(*ticks, height=14, said="Scale in money")


def _said(row: pd.Series[Any], money: Money) -> str:
    words = f"closed {money(row['booked'])}, forecast {money(row['expected'])}"
    if math.isfinite(row["low"]):
        words += f", range {money(row['low'])} to {money(row['high'])}"
    return f"{words}, target {money(row['target'])}" if math.isfinite(row["target"]) else words
