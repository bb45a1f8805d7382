"""The forecast by period: booked, weighted, the range, and the target."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.plots import labels, palette, style
from opp_analytics.schema import BUCKETS


@style.drawing("booked", "open_count", "weighted_open", "expected", "low", "median", "high", "target")
def forecast(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast`: booked and weighted open value by period, the range, and the target.

    Overdue and unscheduled deals come first, in separate colors, because they are due in no period.
    """
    ax = style.canvas(ax, size=(max(7.5, min(16.0, 2.5 + 0.34 * len(table))), 4.6))
    title = f"Forecast by {'group and period' if table.index.nlevels > 1 else 'period'}"
    if not (table[["booked", "weighted_open", "open_count"]] != 0).any(axis=None):
        style.nothing(ax, "nothing won or open")
        return style.finish(ax, title, style.caption(table))
    _bars(ax, table)
    _ranges(ax, table)
    labels.label_slots(ax, labels.slot_names(table), width=26)
    labels.note_running(ax, table)
    style.headroom(ax)
    labels.money_axis(ax.yaxis, "booked and weighted open", table)
    if (table["expected"] < 0).any() or (table["booked"] < 0).any():
        ax.axhline(0, color=palette.QUIET, linewidth=0.8)
    style.legend(ax)
    deals = text.count(int(table["open_count"].sum()), "open deal")
    return style.finish(ax, title, style.caption(table, deals, style.method(table)))


def _bars(ax: Axes, table: pd.DataFrame) -> None:
    places = np.arange(len(table))
    bucket = table.index.get_level_values("period")
    due = ~np.asarray(bucket.isin(BUCKETS))
    booked, weighted = table["booked"].to_numpy(), table["weighted_open"].to_numpy()
    ax.bar(places[due], booked[due], color=style.COLORS["booked"], label="booked", width=0.7)
    # A bar of height 0 on another would pin the axis to its foot.
    stacked = due & (weighted != 0)
    if stacked.any():
        ax.bar(
            places[stacked],
            weighted[stacked],
            bottom=booked[stacked],
            color=style.COLORS["weighted_open"],
            label="weighted open",
            width=0.7,
        )
    for name in BUCKETS:
        mine = np.asarray(bucket == name)
        if weighted[mine].any():
            ax.bar(
                places[mine], weighted[mine], color=style.COLORS[name], label=f"{name}, weighted", width=0.7
            )


def _ranges(ax: Axes, table: pd.DataFrame) -> None:
    places = np.arange(len(table))
    wide = (table["high"] > table["low"]).to_numpy()
    if wide.any():
        confidence = table.attrs.get("confidence")
        ax.errorbar(
            places[wide],
            table["median"].to_numpy()[wide],
            yerr=style.whiskers(table["median"], table["low"], table["high"])[:, wide],
            fmt="o",
            markersize=4,
            capsize=3,
            color=style.COLORS["expected"],
            label=f"median and {text.percent(confidence)} range" if confidence else "median and range",
        )
    aimed = table["target"].notna().to_numpy()
    if aimed.any():
        ax.hlines(
            table["target"].to_numpy()[aimed],
            places[aimed] - 0.42,
            places[aimed] + 0.42,
            color=style.COLORS["target"],
            linewidth=2.5,
            label="target",
        )
