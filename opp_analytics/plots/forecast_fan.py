"""One period's forecast over time, up to the actual bookings."""

from __future__ import annotations

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.plots import labels, style


@style.drawing("booked", "expected", "low", "high")
def forecast_fan(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_fan`: booked, expected and the range of one period, record by record.

    Time runs to the right. Once the period has ended, a horizontal line shows its actual bookings.
    """
    ax = style.canvas(ax)
    days = table.index.tz_localize(None)  # type: ignore[attr-defined]
    confidence = table.attrs.get("confidence")
    ax.fill_between(
        days,
        table["low"],
        table["high"],
        color=style.COLORS["weighted_open"],
        alpha=0.35,
        linewidth=0,
        label=f"{text.percent(confidence)} range" if confidence else "range",
    )
    ax.plot(
        days, table["expected"], color=style.COLORS["expected"], marker="o", markersize=3, label="expected"
    )
    ax.step(days, table["booked"], where="post", color=style.COLORS["booked"], label="booked so far")
    if "actual" in table and table["actual"].notna().all():
        ax.plot(days, table["actual"], color=style.COLORS["target"], linewidth=2, label="actual")
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=8))  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(lambda day, _: text.day(mdates.num2date(day)))  # type: ignore[no-untyped-call]
    labels.money_axis(ax.yaxis, "value of the period", table)
    style.legend(ax)
    return style.finish(
        ax, _title(table), style.caption(table, text.count(len(table), "record"), style.method(table))
    )


def _title(table: pd.DataFrame) -> str:
    if "period" not in table or table.empty:
        return "Forecast over time"
    return f"Forecast of {text.period(table['period'].iloc[0], table.attrs.get('freq'))} over time"
