"""Win rates with their intervals and the number of deals behind each."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style


@style.drawing("won", "lost", "rate", "rate_low", "rate_high")
def win_rate(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate`: a point with its interval and n for each row, highest first; over time where the rows are periods."""
    over_time = table.index.name == "period"
    ax = style.canvas(ax, rows=0 if over_time else len(table))
    closed = table["won"] + table["lost"]
    confidence = table.attrs.get("confidence")
    interval = f"{text.percent(confidence)} intervals" if confidence else ""
    note = style.caption(table, text.count(int(closed.sum()), "closed deal"), interval)
    if not closed.any():
        style.nothing(ax, "no closed deals")
    elif over_time:
        _by_period(ax, table)
    else:
        _by_group(ax, table)
    return style.finish(ax, sentence(table), note)


def _by_group(ax: Axes, table: pd.DataFrame) -> None:
    table = table.sort_values("rate", ascending=False, kind="stable")
    places = range(len(table))
    reach = style.whiskers(table["rate"], table["rate_low"], table["rate_high"])
    ax.errorbar(table["rate"], places, xerr=reach, fmt="o", color=palette.BAR, ecolor=palette.MUTE)
    labels.label_rows(ax, labels.row_names(table.index))
    size = labels.row_text_size(ax, len(table))
    for place, won, lost in zip(places, table["won"], table["lost"], strict=True):
        words = f"{won:,} of {won + lost:,}" if won + lost else "none closed"
        labels.beside(ax, words, (1.0, place), size=size, coords=("axes fraction", "data"))
    labels.percent_axis(ax.xaxis)
    ax.set_xlim(-0.02, 1.02)


def _by_period(ax: Axes, table: pd.DataFrame) -> None:
    reach = style.whiskers(table["rate"], table["rate_low"], table["rate_high"])
    ax.errorbar(
        range(len(table)),
        table["rate"],
        yerr=reach,
        fmt="o-",
        color=style.COLORS["won"],
        ecolor=palette.QUIET,
    )
    labels.label_slots(ax, labels.slot_names(table))
    labels.percent_axis(ax.yaxis)
    labels.counts_above(ax, (table["won"] + table["lost"]).tolist())
    labels.note_running(ax, table)
