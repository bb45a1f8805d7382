"""The waterfall from one open pipeline to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import money_of
from opp_analytics.plots import labels, palette, style

_ENDS = ("opening", "closing")
_MOST = 30
"""Largest number of groups with a bar."""


@style.drawing("count", "value", "deals")
def waterfall(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.waterfall`: the steps from the opening pipeline to the closing one; with `by`, each group's ins and outs."""
    if table.index.nlevels > 1:
        return _groups(ax, table)
    moved = table[(table["deals"] > 0) | table.index.isin(_ENDS)]
    ax = style.canvas(ax, rows=len(moved))
    if table["deals"].any():
        _steps(ax, moved)
    else:
        style.nothing(ax, "no open deals in this period")
    closing = text.count(int(table["count"].get("closing", 0)), "open deal")
    # The bars tell the rest of the sentence.
    return style.finish(ax, sentence(table).partition(":")[0], style.caption(table, f"{closing} at the end"))


def _steps(ax: Axes, moved: pd.DataFrame) -> None:
    names, values = [str(name) for name in moved.index], moved["value"].to_numpy()
    # Both ends start at zero, each movement at the end of the one above it.
    ends = np.cumsum(np.where(np.array(names) == "closing", 0.0, values))
    starts = np.where(np.isin(names, _ENDS), 0.0, ends - values)
    colors = [style.color_of_move(name, value) for name, value in zip(names, values, strict=True)]
    ax.barh(range(len(names)), values, left=starts, color=colors, height=0.62)
    for row, end in enumerate(ends[:-1]):
        ax.plot([end, end], [row + 0.31, row + 0.69], color=palette.MUTE, linewidth=0.8)
    labels.label_rows(ax, [text.label(name) for name in names])
    money = money_of(moved)
    says = [
        f"{money(value, signed=name not in _ENDS)}, {text.count(deals)}"
        for name, value, deals in zip(names, values, moved["deals"], strict=True)
    ]
    labels.label_bars(ax, np.maximum(starts, starts + values).tolist(), says, color=palette.INK)
    labels.money_axis(ax.xaxis, "open value", moved)
    ax.axvline(0, color=palette.QUIET, linewidth=0.8)


def _groups(ax: Axes | None, table: pd.DataFrame) -> Axes:
    """One row per group: what came in to the right, what left to the left, the change beside it."""
    values = table["value"].unstack("movement", sort=False)  # noqa: PD010
    change = values["closing"] - values["opening"]
    shown = change.abs().sort_values(ascending=False, kind="stable").head(_MOST).index
    moved = values.loc[shown].drop(columns=list(_ENDS))
    ax = style.canvas(ax, rows=len(shown))
    note = style.caption(
        table, text.count(len(change), "group"), "what came in and what left, with the change"
    )
    if not moved.to_numpy().any():
        style.nothing(ax, "nothing moved in this period")
        return style.finish(ax, sentence(table).partition(":")[0], note)
    money = money_of(table)
    came, left = moved.clip(lower=0).sum(axis=1), moved.clip(upper=0).sum(axis=1)
    ax.barh(range(len(moved)), came, color=palette.HI, height=0.62)
    ax.barh(range(len(moved)), left, color=palette.MUTE, height=0.62)
    labels.label_rows(ax, labels.row_names(shown))
    labels.money_axis(ax.xaxis, "change in open value", table)
    labels.label_bars(ax, came.tolist(), [money(by, signed=True) for by in change[shown]], color=palette.INK)
    ax.set_xlim(left=1.05 * float(left.min()))
    ax.axvline(0, color=palette.QUIET, linewidth=0.8)
    rest = len(change) - len(shown)
    further = f"{text.count(rest, 'smaller group')} not shown" if rest else ""
    return style.finish(ax, sentence(table).partition(":")[0], f"{note} · {further}".removesuffix(" · "))
