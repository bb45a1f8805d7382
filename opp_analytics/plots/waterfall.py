"""The waterfall from one open pipeline to the next."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import money_of
from opp_analytics.plots import style
from opp_analytics.plots.steps import ins_and_outs, steps
from opp_analytics.schema import unstack_level

_ENDS = ("opening", "closing")


@style.drawing("count", "value", "deals")
def waterfall(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.waterfall`: the steps from the opening pipeline to the closing one; with `by`, each group's ins and outs."""
    if table.empty:
        ax = style.canvas(ax)
        style.nothing(ax, "no open deals in this period")
        return style.finish(ax, "Pipeline", style.caption(table))
    # The bars tell the rest of the sentence.
    title = sentence(table).partition(":")[0]
    if table.index.nlevels > 1:
        values = unstack_level(table["value"], "movement")
        return ins_and_outs(ax, values, table, ends=_ENDS, what="change in open value", title=title)
    moved = table[(table["deals"] > 0) | table.index.isin(_ENDS)]
    ax = style.canvas(ax, rows=len(moved))
    if table["deals"].any():
        money = money_of(table)
        says = [
            f"{money(value, signed=name not in _ENDS)}, {text.count(deals)}"
            for name, value, deals in zip(moved.index, moved["value"], moved["deals"], strict=True)
        ]
        steps(ax, moved["value"], says, table, ends=_ENDS, what="open value")
    else:
        style.nothing(ax, "no open deals in this period")
    closing = text.count(int(table["count"].get("closing", 0)), "open deal")
    return style.finish(ax, title, style.caption(table, f"{closing} at the end"))
