"""The deals on which a forecast depends most."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.org import money_of
from opp_analytics.plots import labels, palette, style

_MOST = 12


@style.drawing("period", "value", "variance_share", "p_if_won", "p_if_lost", "swing")
def forecast_deals(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_deals`: the twelve deals that matter most for the target (or, without one, for the range).

    With a target, the bar runs from P(target) if the deal is lost to P(target) if it is won. Without one, it is the
    deal's share of the period's variance.
    """
    aimed = bool(table["swing"].notna().any())
    width = "swing" if aimed else "variance_share"
    shown = (
        table[table[width].notna()].sort_values(width, key=abs, ascending=False, kind="stable").head(_MOST)
    )
    ax = style.canvas(ax, rows=len(shown))
    title = "Deals that decide the target" if aimed else "Deals that drive the range"
    if shown.empty:
        style.nothing(ax, "no open deal is due in a period")
        return style.finish(ax, title, style.caption(table))
    places = range(len(shown))
    left = shown["p_if_lost"] if aimed else 0.0
    ax.barh(places, shown[width], left=left, height=0.6, color=style.COLORS["expected"])
    if aimed:
        for column in ("p_if_lost", "p_if_won"):
            ax.plot(shown[column], places, "o", color=style.COLORS[column.removeprefix("p_if_")])
        _name_ends(ax, shown.iloc[0])
    labels.label_rows(ax, [_name(row, table) for row in shown.itertuples()], width=48)
    labels.percent_axis(
        ax.xaxis, "probability of reaching the target" if aimed else "share of the period's variance"
    )
    ax.set_xlim(-0.12 if aimed else 0, 1.12 if aimed else 1.02)
    further = f"largest {_MOST} shown" if len(table) > _MOST else ""
    return style.finish(ax, title, style.caption(table, text.count(len(table), "open deal"), further))


def _name_ends(ax: Axes, row: pd.Series[Any]) -> None:
    """Name both ends of the first bar, outside it."""
    ends = sorted([(row["p_if_lost"], "if lost"), (row["p_if_won"], "if won")], key=lambda end: float(end[0]))
    for (place, words), shift, side in zip(ends, (-6, 6), ("right", "left"), strict=True):
        ax.annotate(
            words,
            (place, 0),
            xytext=(shift, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            color=palette.QUIET,
            fontsize=8.0,
        )


def _name(row: Any, table: pd.DataFrame) -> str:
    period = text.period(row.period, table.attrs.get("freq"))
    name = getattr(row, "name", None) or getattr(row, "unique_id", None) or row.Index
    return f"{labels.shorten(name, 26)} · {money_of(table)(row.value)} · {period}"
