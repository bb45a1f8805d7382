"""The slip ladder: the deals due in a period, split by outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import Money, money_of
from opp_analytics.plots import labels, palette, style
from opp_analytics.schema import unstack_level


@style.drawing("count", "value", "count_rate", "value_rate")
def slippage(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.slippage`: a ladder of value by outcome; with `by`, one bar of shares per group."""
    grouped = isinstance(table.index, pd.MultiIndex)
    due = int(table["count"].sum())
    if not due:
        ax = style.canvas(ax)
        style.nothing(ax, "no open deal was due in this period")
        return style.finish(ax, sentence(table), style.caption(table))
    if grouped:
        shares = _shares(table)
        note = style.caption(table, text.count(due), labels.in_order(shares))
        return style.finish(_bars(ax, shares), sentence(table), note)
    note = style.caption(table, text.count(due), "each by its outcome")
    return style.finish(_ladder(ax, table), sentence(table), note)


def _ladder(ax: Axes | None, table: pd.DataFrame) -> Axes:
    ax = style.canvas(ax, rows=len(table) + 1)
    total = float(table["value"].sum())
    ends = total - table["value"].cumsum()
    colors = [style.COLORS["total"], *map(style.color_of, table.index)]
    ax.barh(range(len(colors)), [total, *table["value"]], left=[0.0, *ends], color=colors, height=0.62)
    # The line from one step to the next.
    for row, edge in enumerate([total, *ends[:-1]]):
        ax.plot([edge, edge], [row - 0.31, row + 1.31], color=palette.QUIET, linewidth=0.8)
    labels.label_rows(ax, ["due", *(text.label(str(outcome)) for outcome in table.index)])
    money = money_of(table)
    says = [f"{text.count(int(table['count'].sum()))} · {money(total)}"]
    says += [_says(row, money) for row in table.itertuples()]
    labels.label_bars(ax, [total, *(ends + table["value"])], says, color=palette.INK)
    labels.money_axis(ax.xaxis, "value at the start of the period", table)
    return ax


def _says(row: Any, money: Money) -> str:
    share = "" if np.isnan(row.value_rate) else f" ({text.percent(row.value_rate)})"
    return f"{text.count(row.count)} · {money(row.value)}{share}"


def _shares(table: pd.DataFrame) -> pd.DataFrame:
    """The share of each outcome, a row per group with its number of deals, the most slipped deals first."""
    shares = unstack_level(table["count_rate"], "outcome").fillna(0.0)
    # Slipped first: it starts where all rows start, so its shares compare.
    shares = shares[sorted(shares.columns, key=lambda outcome: outcome != "slipped")]
    counts = unstack_level(table["count"], "outcome").loc[shares.index]
    due = counts.sum(axis=1)
    names = labels.row_names(shares.index)
    shares.index = pd.Index([f"{name} ({int(n):,})" for name, n in zip(names, due, strict=True)])
    slipped = counts["slipped"].to_numpy(dtype=float)
    return shares.iloc[np.lexsort((-due.to_numpy(dtype=float), -slipped))]


def _bars(ax: Axes | None, shares: pd.DataFrame) -> Axes:
    ax = style.canvas(ax, rows=len(shares))
    labels.label_rows(ax, shares.index.tolist())
    labels.percent_axis(ax.xaxis, "share of the deals due")
    ax.set_xlim(0, 1)
    labels.stacked(ax, shares, style.COLORS)
    return ax
