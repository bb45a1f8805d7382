"""Why the forecast of a period moved."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import money_of
from opp_analytics.plots import labels, style
from opp_analytics.plots.steps import ins_and_outs, steps
from opp_analytics.schema import unstack_level

_ENDS = ("then", "now")


@style.drawing("expected", "value", "deals", "largest")
def forecast_change(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_change`: the steps from the forecast then to the forecast now; with `by`, each group's ups and downs."""
    if table.empty:
        ax = style.canvas(ax)
        style.nothing(ax, "nothing was expected at either time")
        return style.finish(ax, "Forecast", style.caption(table))
    title = sentence(table).partition(":")[0]
    if table.index.nlevels > 1:
        values = unstack_level(table["expected"], "movement")
        return ins_and_outs(ax, values, table, ends=_ENDS, what="change in expected money", title=title)
    moved = table[(table["expected"].abs() >= 0.005) | table.index.isin(_ENDS)]
    ax = style.canvas(ax, rows=len(moved))
    if moved["expected"].any():
        steps(ax, moved["expected"], _says(moved), table, ends=_ENDS, what="expected money")
    else:
        style.nothing(ax, "nothing was expected at either time")
    return style.finish(
        ax, title, style.caption(table, text.count(int(table["deals"]["now"])), style.method(table))
    )


def _says(moved: pd.DataFrame) -> list[str]:
    """The amount of each row, with the deal where it is one, else their number."""
    money, says = money_of(moved), []
    for name, row in moved.iterrows():
        amount, deals = money(row["expected"], signed=name not in _ENDS), int(row["deals"])
        one = deals == 1 and name not in _ENDS and not pd.isna(row["largest"])
        whose = labels.shorten(row["largest"], 24) if one else text.count(deals) if deals else ""
        says.append(f"{amount}, {whose}".removesuffix(", "))
    return says
