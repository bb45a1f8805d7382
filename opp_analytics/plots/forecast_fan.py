"""One period's forecast over time, up to the actual bookings."""

from __future__ import annotations

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style


@style.drawing("booked", "expected", "low", "high")
def forecast_fan(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_fan`: booked, expected and the range of one period, record by record.

    Time runs to the right. Once the period has ended, a horizontal line shows its actual bookings; a column ``target`` is
    drawn as one too.
    """
    ax = style.canvas(ax)
    if table.empty:
        style.nothing(ax, "no record to forecast from")
        return style.finish(ax, "No forecast of this period yet", style.caption(table))
    days = table.index.tz_localize(None)  # type: ignore[attr-defined]
    confidence = table.attrs.get("confidence")
    ax.fill_between(
        days,
        table["low"],
        table["high"],
        color=palette.BAND,
        linewidth=0,
    )
    ax.plot(days, table["expected"], color=style.COLORS["expected"], marker="o", markersize=3)
    ax.step(days, table["booked"], where="post", color=style.COLORS["booked"])
    named = {"expected": ("expected", palette.HI), "booked": ("booked so far", palette.BAR)}
    if "actual" in table and table["actual"].notna().all():
        ax.plot(days, table["actual"], color=style.COLORS["target"], linewidth=2)
        named["actual"] = ("actual", palette.INK)
    if "target" in table and table["target"].notna().any():
        ax.plot(days, table["target"], color=palette.INK, linewidth=2)
        named["target"] = ("target", palette.INK)
    ranged = f"{text.percent(confidence)} range" if confidence else "range"
    named["high"] = (ranged, palette.QUIET)
    last = mdates.date2num(days[-1])  # type: ignore[no-untyped-call]
    ends = [
        (last, float(table[column].iloc[-1]), name, color)
        for column, (name, color) in named.items()
        if table[column].notna().iloc[-1]
    ]
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=8))  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(lambda day, _: text.day(mdates.num2date(day)))  # type: ignore[no-untyped-call]
    labels.money_axis(ax.yaxis, "value of the period", table)
    labels.at_ends(ax, ends)
    return style.finish(
        ax, _title(table), style.caption(table, text.count(len(table), "record"), style.method(table))
    )


def _title(table: pd.DataFrame) -> str:
    return sentence(table) if {"period", "weeks_before"} <= set(table) else "Forecast over time"
