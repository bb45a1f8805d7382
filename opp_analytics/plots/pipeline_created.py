"""New pipeline by period, and the open pipeline at its end."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style
from opp_analytics.schema import unstack_level

_MOST = 3
"""Largest number of groups with a color of their own."""
_COLORS = (palette.HI, palette.BAR, palette.MUTE, palette.PALE)


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
    last = len(values) - 0.65
    ends = []
    for name, color in zip(values, _COLORS, strict=False):
        ax.bar(range(len(values)), values[name], bottom=bottom, color=color, width=0.7)
        bottom = bottom + values[name].to_numpy()
        ends.append(
            (
                last,
                float(bottom[-1] - values[name].iloc[-1] / 2),
                labels.shorten(name, 24) if grouped else "created",
                palette.QUIET if color == palette.PALE else color,
            )
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
    periods = table.groupby(level="period", sort=False)[["deals"]].sum()
    if "to_date" in table:
        periods["to_date"] = table.groupby(level="period", sort=False)["to_date"].any()
    slots = zip(labels.slot_names(periods), counts, strict=True)
    labels.label_slots(ax, [f"{name}\n{text.count(n)}" for name, n in slots])
    labels.note_running(ax, periods)
    labels.money_axis(ax.yaxis, "value created", table)
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
    found = unstack_level(wide.sum(), "group").fillna(0.0)
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
