"""The open deals to question, largest first, with the reasons."""

from __future__ import annotations

import textwrap

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style

_MOST = 15
_WIDTH = 72
"""Characters of the reasons beside a bar."""


@style.drawing("name", "value", "risk", "reasons")
def deal_flags(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.deal_flags`: the fifteen largest flagged deals with their reasons; those with several flags are blue."""
    flagged = table[table["risk"] > 0]
    shown = flagged.head(_MOST)
    ax = style.canvas(ax, rows=len(shown), size=(10.0, 4.2))
    says = sentence(table).partition(". The largest")[0]
    if shown.empty:
        style.nothing(ax, "no open deal has a flag")
        return style.finish(ax, says, style.caption(table))
    values = shown["value"].fillna(0.0)
    colors = [palette.HI if risk > 1 else palette.MUTE for risk in shown["risk"]]
    ax.barh(range(len(shown)), values, color=colors, height=0.7)
    names = shown["name"].fillna(pd.Series(shown.index, index=shown.index)).tolist()
    labels.label_rows(ax, names, width=36)
    labels.label_bars(
        ax,
        values.tolist(),
        [textwrap.shorten(str(reasons), _WIDTH, placeholder=" …") for reasons in shown["reasons"]],
    )
    labels.money_axis(ax.xaxis, "value", table)
    rest = len(flagged) - len(shown)
    further = f"{text.count(rest, 'smaller deal')} not shown" if rest else ""
    note = style.caption(table, text.count(len(flagged), "flagged deal"), "blue: several flags", further)
    return style.finish(ax, says, note)
