"""Errors of past forecasts against the weeks left in the period."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style


@style.drawing("weeks_before", "expected", "low", "high", "actual", "error")
def backtest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest`: forecast minus actual against the weeks left, the last period in blue, earlier ones in gray.

    Time runs to the right, to the end of the period. With `by`, the errors of all groups are added up.
    """
    ax = style.canvas(ax)
    if table.empty:
        style.nothing(ax, "no period had ended by the last record")
        return style.finish(ax, "Past forecasts", style.caption(table))
    whole = table.groupby(level=["period", "made_at"]).agg({"weeks_before": "first", "error": "sum"})
    *earlier, last = dict.fromkeys(map(str, whole.index.get_level_values("period")))
    for period in (*earlier, last):
        part = whole.loc[period]
        color, width = (palette.HI, 2.2) if period == last else (palette.MUTE, 0.7)
        ax.plot(
            part["weeks_before"],
            part["error"],
            color=color,
            marker="o",
            markersize=1.6 * width,
            linewidth=width,
        )
    ax.axhline(0, color=palette.INK, linewidth=1)
    weeks = whole["weeks_before"]
    ax.set_xlim(weeks.max() + 0.3, weeks.min())
    labels.money_axis(ax.yaxis, "forecast − actual", table, signed=True)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    labels.axis_label(ax.xaxis, "weeks before the period's end")
    labels.at_ends(ax, _ends(whole, earlier, last, table.attrs.get("freq")))
    gray = f"gray: {text.spelled(len(earlier), 'earlier period')}" if earlier else ""
    note = style.caption(table, text.count(len(table), "forecast"), style.method(table), gray)
    return style.finish(ax, sentence(table), note)


def _ends(
    whole: pd.DataFrame, earlier: list[str], last: str, freq: str | None
) -> list[tuple[float, float, str, str]]:
    """Names beside the right ends: the last period, and the line where a forecast is right."""
    x = float(whole["weeks_before"].min())
    end = whole.loc[last].iloc[-1]
    named = (float(end["weeks_before"]), float(end["error"]), text.period(last, freq), palette.HI)
    return [named, (x, 0.0, "as booked", palette.INK)]
