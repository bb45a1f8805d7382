"""New pipeline by period, and the open pipeline at its end."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.plots import labels, style

_TITLE = "Pipeline created in each period"
_MOST = 8
"""Largest number of groups with a color of their own."""


@style.drawing("deals", "value", "open_value")
def pipeline_created(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.pipeline_created`: the value created by period as bars (with `by`, stacked), the open value as a line."""
    values = _by_period(table, "value")
    ax = style.canvas(ax, size=(9.0, 4.2))
    if not table["deals"].any():
        style.nothing(ax, "no deal was created in these periods")
        return style.finish(ax, _TITLE, style.caption(table))
    bottom = np.zeros(len(values))
    grouped = isinstance(table.index, pd.MultiIndex)
    colors = style.series_colors(map(str, values.columns))
    for name in values:
        color = colors[str(name)][0] if grouped else style.COLORS["new"]
        words = str(name) if grouped else "created"
        ax.bar(range(len(values)), values[name], bottom=bottom, color=color, width=0.7, label=words)
        bottom = bottom + values[name].to_numpy()
    open_value = _by_period(table, "open_value").sum(axis=1)
    ax.plot(
        range(len(values)),
        open_value,
        color=style.INK,
        marker="o",
        markersize=4,
        linewidth=1.2,
        label="open at the end",
    )
    counts = _by_period(table, "deals").sum(axis=1).astype(int)
    for slot, (n, top) in enumerate(zip(counts, bottom, strict=True)):
        labels.above(ax, f"{n:,}", (slot, top))
    periods = table.groupby(level="period", sort=False)[["deals"]].sum()
    if "to_date" in table:
        periods["to_date"] = table.groupby(level="period", sort=False)["to_date"].any()
    periods.attrs = table.attrs
    labels.label_slots(ax, labels.slot_names(periods))
    labels.note_running(ax, periods)
    labels.money_axis(ax.yaxis, "value created, number of deals above it")
    style.headroom(ax)
    style.legend(ax)
    return style.finish(ax, _TITLE, style.caption(table, text.count(int(counts.sum()))))


def _by_period(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Periods in rows, groups in columns: the largest, then the rest together."""
    groups = [name for name in table.index.names if name != "period"]
    if not groups:
        return table[[column]]
    names = labels.row_names(table.reset_index("period").index)
    wide = table[column].groupby(
        [table.index.get_level_values("period"), pd.Index(names, name="group")], sort=False
    )
    found = wide.sum().unstack("group", sort=False).fillna(0.0)  # noqa: PD010
    largest = (
        table["value"]
        .groupby(pd.Index(names))
        .sum()
        .sort_values(ascending=False, kind="stable")
        .index[:_MOST]
    )
    rest = found.drop(columns=largest)
    kept = found[[name for name in found.columns if name in set(largest)]]
    return kept.assign(**{f"{rest.shape[1]} more": rest.sum(axis=1)}) if rest.shape[1] else kept
