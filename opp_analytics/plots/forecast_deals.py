"""The deals on which a forecast depends most."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import money_of
from opp_analytics.plots import labels, style

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
    title = _title(shown, aimed=aimed)
    if shown.empty:
        style.nothing(ax, "no open deal is due in a period")
        return style.finish(ax, title, style.caption(table))
    places = range(len(shown))
    left = shown["p_if_lost"] if aimed else 0.0
    ax.barh(places, shown[width], left=left, height=0.6, color=style.COLORS["expected"])
    if aimed:
        for column in ("p_if_lost", "p_if_won"):
            ax.plot(shown[column], places, "o", color=style.COLORS[column.removeprefix("p_if_")])
    labels.label_rows(ax, [_name(row, table) for row in shown.itertuples()], width=48)
    labels.percent_axis(
        ax.xaxis, "probability of reaching the target" if aimed else "share of the period's variance"
    )
    ax.set_xlim(-0.02 if aimed else 0, 1.02)
    key = "gray: if it is lost, dark: if it is won" if aimed else ""
    further = f"largest {_MOST} shown" if len(table) > _MOST else ""
    return style.finish(ax, title, style.caption(table, text.count(len(table), "open deal"), key, further))


def _title(shown: pd.DataFrame, *, aimed: bool) -> str:
    """What the first deal decides, in its own period."""
    if shown.empty:
        return "No open deal decides a period"
    first: Any = next(shown.itertuples())
    if aimed:
        return sentence(shown[shown["period"] == first.period])
    share = text.percent(first.variance_share)
    return f"{_called(first)} makes {share} of the uncertainty of {_period(first, shown)}"


def _name(row: Any, table: pd.DataFrame) -> str:
    return f"{labels.shorten(_called(row), 26)} · {money_of(table)(row.value)} · {_period(row, table)}"


def _called(row: Any) -> str:
    return str(getattr(row, "name", None) or getattr(row, "unique_id", None) or row.Index)


def _period(row: Any, table: pd.DataFrame) -> str:
    return text.period(str(row.period), table.attrs.get("freq"))
