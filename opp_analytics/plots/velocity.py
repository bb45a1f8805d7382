"""Pipeline velocity: money per day, and its factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import Money, money_of
from opp_analytics.plots import labels, palette, style


@style.drawing("velocity", "open_count", "win_rate", "mean_won_value", "mean_days_to_win")
def velocity(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.velocity`: money per day of each group, with the four factors beside the bar."""
    ax = style.canvas(ax, rows=len(table))
    open_deals = text.count(int(table["open_count"].sum()), "open deal")
    note = style.caption(table, open_deals, "open deals × win rate × won value ÷ days to win")
    if not table["velocity"].notna().any():
        style.nothing(ax, "no won deals, so no velocity")
        return style.finish(ax, sentence(table), note)
    table = table.sort_values("velocity", ascending=False, kind="stable")
    speed = table["velocity"].fillna(0)
    ax.barh(range(len(table)), speed, height=0.7, color=palette.BAR)
    labels.label_rows(ax, labels.row_names(table.index))
    labels.label_bars(ax, speed.tolist(), [_factors(row, money_of(table)) for row in table.itertuples()])
    labels.money_axis(ax.xaxis, "value won per day", table)
    return style.finish(ax, sentence(table), note)


def _factors(row: Any, money: Money) -> str:
    if np.isnan(row.velocity):
        return f"{row.open_count:,} open, none won"
    won = money(row.mean_won_value)
    return (
        f"{row.open_count:,} × {text.percent(row.win_rate)} × {won} ÷ {text.number(row.mean_days_to_win)} d"
    )
