"""How fast: money per day by group, days to a win, and cohorts at equal age."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style


def velocity(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.velocity`: money per day of each group, with the factors it is made of.

    Parameters
    ----------
    table : DataFrame
        What `oa.velocity` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        One bar per row; beside it open deals × win rate × mean won value / days.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(
        table,
        "velocity",
        "open_count",
        "win_rate",
        "mean_won_value",
        "mean_days_to_win",
        made_by="oa.velocity",
    )
    ax = style.canvas(ax, rows=len(table))
    note = style.caption(table, "open deals × win rate × won value ÷ days to win")
    if not table["velocity"].notna().any():
        style.nothing(ax, "no won deals to tell the speed from")
        return style.finish(ax, "Pipeline velocity", note)
    bars = ax.barh(
        range(len(table)), table["velocity"].fillna(0), height=0.7, color=style.COLOURS["weighted_open"]
    )
    style.label_rows(ax, _names(table))
    style.label_bars(ax, bars, [_factors(row) for row in table.itertuples()])
    style.money_axis(ax.xaxis, "money per day")
    return style.finish(ax, "Pipeline velocity", note)


def _names(table: pd.DataFrame) -> list[str]:
    return ["all"] if len(table) == 1 and table.index.name is None else style.row_names(table.index)


def _factors(row: Any) -> str:
    if np.isnan(row.velocity):
        return f"{row.open_count:,} open, none won"
    return f"{row.open_count:,} × {row.win_rate:.0%} × {style.money(row.mean_won_value)} ÷ {row.mean_days_to_win:.0f} d"
