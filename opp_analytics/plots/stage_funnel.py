"""The stage funnel: open value per stage."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import Money, money_of
from opp_analytics.plots import labels, style


@style.drawing("open_count", "open_value", "reached_low", "reached_high")
def stage_funnel(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.stage_funnel`: a bar of open value per stage, with its open deals."""
    ax = style.canvas(ax, rows=len(table))
    if table.empty:
        style.nothing(ax, "no opportunities")
        return style.finish(ax, sentence(table), style.caption(table))
    ax.barh(range(len(table)), table["open_value"], color=style.COLORS["open"], height=0.7)
    labels.label_rows(ax, labels.row_names(table.index))
    labels.label_bars(
        ax, table["open_value"].tolist(), [_says(row, money_of(table)) for row in table.itertuples()]
    )
    labels.money_axis(ax.xaxis, "open value", table)
    if not table["open_value"].any():
        ax.set_xticks([0])
    return style.finish(
        ax, sentence(table), style.caption(table, text.count(int(table["open_count"].sum()), "open deal"))
    )


def _says(row: Any, money: Money) -> str:
    return f"{money(row.open_value)}, {text.count(row.open_count)}"
