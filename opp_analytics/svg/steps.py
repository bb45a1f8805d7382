"""A waterfall in rows: from one total to another, step by step, from zero on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from opp_analytics import text
from opp_analytics.org import Money
from opp_analytics.svg import marks
from opp_analytics.svg.axis import Axis, axis
from opp_analytics.svg.rows import Row, Rows

__all__ = ["Step", "steps"]

_COUNT = 24.0
"""Percent right of the longest bar that its count needs on a phone."""


@dataclass(frozen=True)
class Step:
    """One step."""

    label: str
    value: float
    """Money, signed."""
    deals: int
    """0 where it is not that of deals."""
    key: str


def steps(
    opening: tuple[str, float],
    moves: Sequence[Step],
    closing: tuple[str, float],
    money: Money,
    *,
    target: float = math.nan,
    keys: tuple[str, str] = ("opening", "closing"),
    highlight: str | None = None,
) -> Rows:
    """The rows of a waterfall: a total, its moves with the number of deals beside each bar, and the new total.

    The move whose key is `highlight` is blue; if None, every move up is.
    """
    levels = [opening[1]]
    for move in moves:
        levels.append(levels[-1] + move.value)
    scale = axis([*levels, closing[1], target], end=100 - _COUNT / 2)
    rows = [_total(*opening, scale, target, money, keys[0])]
    for move, level in zip(moves, levels, strict=False):
        blue = move.value > 0 if highlight is None else move.key == highlight
        rows.append(_step(move, level, scale, target, money, blue=blue, highlight=move.key == highlight))
    rows.append(_total(*closing, scale, target, money, keys[1]))
    return Rows(tuple(rows), axis=_axis(scale, target, money), label_width=160)


def _axis(scale: Axis, target: float, money: Money) -> str:
    if not math.isfinite(target):
        return marks.picture(marks.label(0, 11, money(0), kind="quiet"), height=14, said="Scale in money")
    at = scale.at(target)
    anchor: Literal["start", "middle", "end"] = "middle" if 30 <= at <= 70 else "end" if at > 70 else "start"
    goal = marks.label(at, 11, f"target {money(target)}", anchor=anchor, kind="quiet")
    return marks.picture(goal, height=14, said="Scale to the target")


def _aim(scale: Axis, target: float) -> list[str]:
    return [marks.down(scale.at(target), bottom=24, line="target")] if math.isfinite(target) else []


def _total(name: str, value: float, scale: Axis, target: float, money: Money, key: str) -> Row:
    said = f"{name}: {money(value)}"
    drawn = marks.bar(0, scale.at(value), y=4, height=16, fill="bar", title=said)
    return Row(
        name,
        marks.picture(drawn, *_aim(scale, target), height=24, said=said),
        (money(value),),
        strong=True,
        key=key,
    )


def _step(
    move: Step, level: float, scale: Axis, target: float, money: Money, *, blue: bool, highlight: bool
) -> Row:
    ends = sorted((scale.at(level), scale.at(level + move.value)))
    figure = ("+" if move.value > 0 else "") + money(move.value)
    said = f"{move.label}: {figure}" + (f", {text.count(move.deals)}" if move.deals else "")
    # A bar that is thinner than a pixel is still a mark.
    right = max(ends[1], ends[0] + 0.3)
    drawn = [
        marks.bar(ends[0], right, y=4, height=16, fill="hi" if blue else "mute", title=said),
        *_aim(scale, target),
        *([marks.label(right, 16, f"{move.deals:,}", dx=6, kind="quiet", halo=True)] if move.deals else []),
    ]
    picture = marks.picture(*drawn, height=24, said=said)
    return Row(move.label, picture, (figure,), key=move.key, highlight=highlight)
