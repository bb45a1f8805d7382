"""Forecast error, bias and coverage of the ranges against the weeks left in the period."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style


@style.drawing("n", "wape", "bias", "interval_coverage")
def backtest_horizons(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_horizons`: how far forecasts missed, against the weeks left; in gray, how far too high or low in all.

    Time runs to the right, to the end of the period. Below each week is the share of the ranges that held.
    """
    ax = style.canvas(ax)
    deals = text.count(int(table["n"].sum()), "forecast")
    known = table[table["wape"].notna()].sort_index(ascending=False)
    if known.empty:
        style.nothing(ax, "nothing was booked in the periods that have ended")
        return style.finish(ax, sentence(table), style.caption(table, deals, style.method(table)))
    places = range(len(known))
    ax.axhline(0, color=palette.QUIET, linewidth=0.8)
    ax.plot(places, known["bias"], color=palette.MUTE, marker="o", markersize=3, linewidth=1)
    ax.plot(places, known["wape"], color=palette.HI, marker="o", markersize=4.5, linewidth=2)
    held = [text.percent(share) for share in known["interval_coverage"]]
    labels.label_slots(ax, [f"{weeks}\n{share}" for weeks, share in zip(known.index, held, strict=True)])
    labels.percent_axis(ax.yaxis, "share of the booked value")
    confidence = table.attrs.get("confidence")
    ranges = f"{text.percent(confidence)} ranges" if confidence else "ranges"
    labels.axis_label(ax.xaxis, f"weeks before the period's end, and {ranges} that held")
    last = known.iloc[-1]
    ends = [("miss", last["wape"], palette.HI), ("bias", last["bias"], palette.MUTE)]
    labels.at_ends(ax, [(len(known) - 1, float(y), name, color) for name, y, color in ends])
    note = style.caption(table, deals, style.method(table), "bias: too high (+) or too low (−) in all")
    return style.finish(ax, sentence(table), note)
