"""Steps from one total to another, and what came in and went out of each group: for waterfalls of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.org import money_of
from opp_analytics.plots import labels, palette, style

__all__ = ["ins_and_outs", "steps"]

_MOST = 30
"""Largest number of groups with a bar."""


def steps(
    ax: Axes,
    values: pd.Series[Any],
    says: Sequence[str],
    table: pd.DataFrame,
    *,
    ends: tuple[str, str],
    what: str,
) -> None:
    """A bar for each row of `values`: both `ends` from zero, each step from the end of the one above it, with its text."""
    names, amounts = [str(name) for name in values.index], values.to_numpy(dtype=float)
    levels = np.cumsum(np.where(np.array(names) == ends[1], 0.0, amounts))
    starts = np.where(np.isin(names, ends), 0.0, levels - amounts)
    totals = dict.fromkeys(ends, "closing")
    colors = [
        style.color_of_move(totals.get(name, name), value) for name, value in zip(names, amounts, strict=True)
    ]
    ax.barh(range(len(amounts)), amounts, left=starts, color=colors, height=0.62)
    for row, level in enumerate(levels[:-1]):
        ax.plot([level, level], [row + 0.31, row + 0.69], color=palette.MUTE, linewidth=0.8)
    labels.label_rows(ax, [text.label(name) for name in names])
    labels.label_bars(ax, np.maximum(starts, starts + amounts).tolist(), says, color=palette.INK)
    labels.money_axis(ax.xaxis, what, table)
    ax.axvline(0, color=palette.QUIET, linewidth=0.8)


def ins_and_outs(
    ax: Axes | None,
    values: pd.DataFrame,
    table: pd.DataFrame,
    *,
    ends: tuple[str, str],
    what: str,
    title: str,
) -> Axes:
    """A row for each group: what came in to the right, what left to the left, the change beside it.

    `values` has a column for each step and both `ends`.
    """
    change = values[ends[1]] - values[ends[0]]
    shown = change.abs().sort_values(ascending=False, kind="stable").head(_MOST).index
    moved = values.loc[shown].drop(columns=list(ends))
    ax = style.canvas(ax, rows=len(shown))
    note = style.caption(
        table, text.count(len(change), "group"), "what came in and what left, with the change"
    )
    if not moved.to_numpy().any():
        style.nothing(ax, "nothing moved in this period")
        return style.finish(ax, title, note)
    money = money_of(table)
    came, left = moved.clip(lower=0).sum(axis=1), moved.clip(upper=0).sum(axis=1)
    ax.barh(range(len(moved)), came, color=palette.HI, height=0.62)
    ax.barh(range(len(moved)), left, color=palette.MUTE, height=0.62)
    labels.label_rows(ax, labels.row_names(shown))
    labels.money_axis(ax.xaxis, what, table)
    labels.label_bars(ax, came.tolist(), [money(by, signed=True) for by in change[shown]], color=palette.INK)
    ax.set_xlim(left=1.05 * float(left.min()))
    ax.axvline(0, color=palette.QUIET, linewidth=0.8)
    rest = len(change) - len(shown)
    further = f"{text.count(rest, 'smaller group')} not shown" if rest else ""
    return style.finish(ax, title, f"{note} · {further}".removesuffix(" · "))
