"""New pipeline by period, and the open pipeline at its end."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import in_columns, sentence
from opp_analytics.plots import labels, palette, style

_MOST = 8
"""Largest number of groups with a color of their own."""


@style.drawing("deals", "value", "open_value")
def pipeline_created(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.pipeline_created`: the value created by period as bars (with `by`, stacked), the open value as a line."""
    values = _by_period(table, "value")
    ax = style.canvas(ax, size=(9.0, 4.2))
    if not table["deals"].any():
        style.nothing(ax, "no deal was created in these periods")
        return style.finish(ax, sentence(table), style.caption(table))
    bottom = np.zeros(len(values))
    grouped = isinstance(table.index, pd.MultiIndex)
    colors = style.series_colors(map(str, values.columns))
    last = len(values) - 0.65
    ends = []
    for name in values:
        color = colors[str(name)][0] if grouped else palette.HI
        ax.bar(range(len(values)), values[name], bottom=bottom, color=color, width=0.7)
        bottom = bottom + values[name].to_numpy()
        ends.append(
            (last, float(bottom[-1] - values[name].iloc[-1] / 2), str(name) if grouped else "created", color)
        )
    open_value = _by_period(table, "open_value").sum(axis=1)
    ax.plot(
        range(len(values)),
        open_value,
        color=palette.INK,
        marker="o",
        markersize=4,
        linewidth=1.2,
    )
    ends.append((last, float(open_value.iloc[-1]), "open at the end", palette.INK))
    counts = _by_period(table, "deals").sum(axis=1).astype(int)
    for slot, (n, top) in enumerate(zip(counts, bottom, strict=True)):
        labels.above(ax, f"{n:,}", (slot, top))
    periods = table.groupby(level="period", sort=False)[["deals"]].sum()
    if "to_date" in table:
        periods["to_date"] = table.groupby(level="period", sort=False)["to_date"].any()
    labels.label_slots(ax, labels.slot_names(periods))
    labels.note_running(ax, periods)
    labels.money_axis(ax.yaxis, "value created, number of deals above it", table)
    style.headroom(ax)
    labels.at_ends(ax, ends)
    return style.finish(ax, sentence(table), style.caption(table, text.count(int(counts.sum()))))


def _by_period(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Periods in rows, groups in columns: the largest, then the rest together."""
    groups = [name for name in table.index.names if name != "period"]
    if not groups:
        return table[[column]]
    names = labels.row_names(table.reset_index("period").index)
    wide = table[column].groupby(
        [table.index.get_level_values("period"), pd.Index(names, name="group")], sort=False
    )
    found = in_columns(wide.sum(), "group").fillna(0.0)
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
