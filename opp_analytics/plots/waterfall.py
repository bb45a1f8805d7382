"""The waterfall from one open pipeline to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.plots import labels, style

_ENDS = ("opening", "closing")
_TITLE = "Open pipeline from opening to closing"
_GROUPS_TITLE = "What moved the open pipeline, by group"
_MOST = 30
"""Largest number of groups with a bar."""


@style.drawing("count", "value", "deals")
def waterfall(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.waterfall`: the steps from the opening pipeline to the closing one; with `by`, each group's movements."""
    if table.index.nlevels > 1:
        return _groups(ax, table)
    ax = style.canvas(ax, size=(9.0, 4.6))
    moved = table[(table["deals"] > 0) | table.index.isin(_ENDS)]
    if not table["deals"].any():
        style.nothing(ax, "no open deals in this period")
    else:
        _steps(ax, moved)
    closing = text.count(int(table["count"].get("closing", 0)), "open deal")
    return style.finish(ax, _TITLE, style.caption(table, f"{closing} at the end"))


def _steps(ax: Axes, moved: pd.DataFrame) -> None:
    names, values = [str(name) for name in moved.index], moved["value"].to_numpy()
    # Both ends start at zero, each movement at the end of the previous one.
    tops = np.cumsum(np.where(np.array(names) == "closing", 0.0, values))
    bottoms = np.where(np.isin(names, _ENDS), 0.0, tops - values)
    colors = [style.color_of_move(name, value) for name, value in zip(names, values, strict=True)]
    ax.bar(range(len(names)), values, bottom=bottoms, color=colors, width=0.7)
    for slot, top in enumerate(tops[:-1]):
        ax.plot([slot + 0.35, slot + 0.65], [top, top], color=style.QUIET, linewidth=0.8)
    for slot, (name, value, deals) in enumerate(zip(names, values, moved["deals"], strict=True)):
        words = f"{labels.money(value, signed=name not in _ENDS)}\n{deals:,}"
        labels.above(ax, words, (slot, max(bottoms[slot], bottoms[slot] + value)), color=style.INK)
    labels.label_slots(ax, [text.label(name) for name in names])
    labels.money_axis(ax.yaxis, "open value, number of deals below it")
    peak = float(np.max([bottoms, bottoms + values])) or 1.0
    floor = float(min(0.0, np.min(bottoms + values)))
    ax.set_ylim(floor, peak + 0.16 * (peak - floor))
    ax.axhline(0, color=style.QUIET, linewidth=0.8)


def _groups(ax: Axes | None, table: pd.DataFrame) -> Axes:
    """One bar per group: what came in to the right, what left to the left, the change beside it."""
    values = table["value"].unstack("movement", sort=False)  # noqa: PD010
    change = values["closing"] - values["opening"]
    shown = change.abs().sort_values(ascending=False, kind="stable").head(_MOST).index
    moved = values.loc[shown].drop(columns=list(_ENDS))
    moved = moved.loc[:, (moved != 0).any()]
    ax = style.canvas(ax, rows=len(shown), size=(9.0, 4.2))
    if moved.empty:
        style.nothing(ax, "nothing moved in this period")
        return style.finish(ax, _GROUPS_TITLE, style.caption(table))
    right, left = np.zeros(len(moved)), np.zeros(len(moved))
    for name in moved:
        part = moved[name].to_numpy()
        start = np.where(part >= 0, right, left)
        color = style.color_of_move(str(name), part.sum())
        ax.barh(range(len(moved)), part, left=start, color=color, height=0.62, label=text.label(str(name)))
        right, left = right + part.clip(min=0), left + part.clip(max=0)
    sums = [labels.money(by, signed=True) for by in change[shown]]
    names = [
        f"{labels.shorten(name, 24)} {by}" for name, by in zip(labels.row_names(shown), sums, strict=True)
    ]
    labels.label_rows(ax, names, width=40)
    labels.money_axis(ax.xaxis, "change in open value; the sum beside each name")
    ax.axvline(0, color=style.QUIET, linewidth=0.8)
    style.legend(ax)
    rest = len(change) - len(shown)
    further = f"{text.count(rest, 'smaller group')} not shown" if rest else ""
    return style.finish(ax, _GROUPS_TITLE, style.caption(table, text.count(len(change), "group"), further))
