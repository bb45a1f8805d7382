"""One period's forecast over time: the range narrowing towards what was booked."""

from __future__ import annotations

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style


def forecast_fan(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_fan`: booked, expected and the 10–90 % range of one period, record by record.

    Parameters
    ----------
    table : DataFrame
        What `oa.forecast_fan` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        Time runs to the right; the line across is what was booked in the end, once that is known.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(table, "booked", "expected", "low", "high", made_by="oa.forecast_fan")
    ax = style.canvas(ax)
    days = table.index.tz_localize(None)  # type: ignore[attr-defined]
    ax.fill_between(
        days,
        table["low"],
        table["high"],
        color=style.COLOURS["weighted_open"],
        alpha=0.35,
        linewidth=0,
        label="10 to 90 %",
    )
    ax.plot(
        days, table["expected"], color=style.COLOURS["expected"], marker="o", markersize=3, label="expected"
    )
    ax.step(days, table["booked"], where="post", color=style.COLOURS["booked"], label="booked by then")
    actual = table.attrs.get("actual")
    if actual is not None:
        ax.axhline(actual, color=style.COLOURS["target"], linewidth=2, label="booked in the end")
    locator = mdates.AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    style.money_axis(ax.yaxis, "money")
    style.legend(ax)
    said = [str(table.attrs[name]) for name in ("method",) if table.attrs.get(name)]
    period = table.attrs.get("period", "")
    return style.finish(
        ax, f"Forecast of {period} as it was made".replace("  ", " "), style.caption(table, *said)
    )
