"""The waterfall from one open pipeline to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.plots import labels, style

_ENDS = ("opening", "closing")
_TITLE = "Open pipeline from opening to closing"


@style.drawing("count", "value", "deals")
def waterfall(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.waterfall`: the steps from the opening pipeline to the closing one; movements without deals are left out."""
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
