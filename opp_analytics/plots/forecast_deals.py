"""The deals that make a forecast's range, and what each means for the target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style

_MOST = 12


def forecast_deals(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_deals`: the deals on which the target, or else the range, hangs most.

    Parameters
    ----------
    table : DataFrame
        What `oa.forecast_deals` returns, or its rows of one period.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        Twelve deals at most. With a target the bar goes from P(target) without the deal to P(target) with it; without
        one it is the deal's share of the period's variance.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(
        table,
        "period",
        "value",
        "chance",
        "variance_share",
        "p_if_won",
        "p_if_lost",
        made_by="oa.forecast_deals",
    )
    aimed = bool(table["p_if_won"].notna().any())
    weight = (table["p_if_won"] - table["p_if_lost"]).abs() if aimed else table["variance_share"]
    shown = table.loc[weight.dropna().sort_values(ascending=False, kind="stable").index[:_MOST]]
    ax = style.canvas(ax, rows=len(shown))
    title = "Deals that decide the target" if aimed else "Deals that make the range"
    note = style.caption(table, *([f"the first {_MOST}"] if len(table) > _MOST else []))
    if not len(shown):
        style.nothing(ax, "no open deal due in a period")
        return style.finish(ax, title, note)
    starts = shown["p_if_lost"] if aimed else np.zeros(len(shown))
    widths = shown["p_if_won"] - shown["p_if_lost"] if aimed else shown["variance_share"]
    ax.barh(range(len(shown)), widths, left=starts, height=0.6, color=style.COLOURS["weighted_open"])
    if aimed:
        for column, colour, label in (("p_if_lost", "lost", "if lost"), ("p_if_won", "won", "if won")):
            ax.plot(shown[column], range(len(shown)), "o", color=style.COLOURS[colour], label=label)
        style.legend(ax)
    style.label_rows(ax, [_name(row) for row in shown.itertuples()], width=44)
    style.rate_axis(ax.xaxis, "P(target reached)" if aimed else "share of the period's variance")
    ax.set_xlim(-0.02 if aimed else 0, 1.02)
    return style.finish(ax, title, note)


def _name(row: Any) -> str:
    name = getattr(row, "name", None) or getattr(row, "unique_id", None) or row.Index
    return f"{style.shorten(name, 26)} · {style.money(row.value)} · {row.period}"
