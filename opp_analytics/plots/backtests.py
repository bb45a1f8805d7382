"""How good forecasts have been: their errors one by one, by the weeks left, and by method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style

_PROMISED = 0.8
"""How often a 10–90 % band should hold the truth."""


def backtest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest`: each forecast's error against the weeks left, in share of what was booked in the end.

    Parameters
    ----------
    table : DataFrame
        What `oa.backtest` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        Time runs to the right, to the end of the period; one line per period.

    Raises
    ------
    ArgumentError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(table, "weeks_before", "expected", "actual", "error", made_by="oa.backtest")
    ax = style.canvas(ax)
    scores = [
        f"{name} {table.attrs[name]:.0%}"
        for name in ("wape", "bias", "coverage")
        if table.attrs.get(name) is not None
    ]
    note = style.caption(table, ", ".join(scores))
    if not len(table):
        style.nothing(ax, "no period was over by the last record")
        return style.finish(ax, "Forecasts against what was booked", note)
    periods = list(dict.fromkeys(table.index.get_level_values("period")))
    looks = style.series_colours(periods)
    for name in periods:
        part = table.xs(name, level="period")
        colour, mark = looks[name]
        label = name if len(periods) <= 12 else None
        ax.plot(
            part["weeks_before"],
            part["error"],
            color=colour,
            marker=mark,
            markersize=3.5,
            linewidth=1,
            label=label,
        )
    ax.axhline(0, color=style.INK, linewidth=1)
    ax.invert_xaxis()
    style.money_axis(ax.yaxis, "forecast − booked")
    ax.set_xlabel("weeks before the period's end", color=style.QUIET, fontsize=9)
    if len(periods) <= 12:
        style.legend(ax)
    return style.finish(ax, "Forecasts against what was booked", note)


def backtest_horizons(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_horizons`: error, bias and how often the band held, against the weeks left.

    Parameters
    ----------
    table : DataFrame
        What `oa.backtest_horizons` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        Time runs to the right, to the end of the period; the dotted line is how often the band should hold.

    Raises
    ------
    ArgumentError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(table, "n", "wape", "bias", "coverage", made_by="oa.backtest_horizons")
    ax = style.canvas(ax)
    title = "Forecast error by weeks before the period's end"
    note = style.caption(table, *_method(table))
    if not table["wape"].notna().any():
        style.nothing(ax, "nothing was booked in the periods that are over")
        return style.finish(ax, title, note)
    for column, label, colour, mark in (
        ("wape", "error (WAPE)", style.INK, "o"),
        ("bias", "bias", style.COLOURS["lost"], "s"),
        ("coverage", "band held", style.COLOURS["open"], "^"),
    ):
        ax.plot(table.index, table[column], label=label, color=colour, marker=mark, markersize=4.5)
    ax.axhline(0, color=style.QUIET, linewidth=0.8)
    ax.axhline(_PROMISED, color=style.COLOURS["open"], linewidth=0.9, linestyle=":")
    ax.invert_xaxis()
    style.rate_axis(ax.yaxis, "share of what was booked · of the forecasts")
    ax.set_xlabel("weeks before the period's end", color=style.QUIET, fontsize=9)
    style.legend(ax)
    return style.finish(ax, title, note)


def backtest_methods(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_methods`: each method's error and bias, and how often its band held.

    Parameters
    ----------
    table : DataFrame
        What `oa.backtest_methods` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        One row per method, the bar its error; further left is better.

    Raises
    ------
    ArgumentError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(table, "n", "wape", "bias", "coverage", made_by="oa.backtest_methods")
    ax = style.canvas(ax, rows=len(table))
    title = "Forecast error by method"
    note = style.caption(table, "error: WAPE, share of what was booked")
    if not table["wape"].notna().any():
        style.nothing(ax, "nothing was booked in the periods that are over")
        return style.finish(ax, title, note)
    places = np.arange(len(table))
    bars = ax.barh(
        places, table["wape"].fillna(0), height=0.62, color=style.COLOURS["weighted_open"], label="error"
    )
    ax.plot(table["bias"].abs(), places, "D", color=style.INK, markersize=4.5, label="of it bias")
    style.label_rows(ax, list(map(str, table.index)))
    style.label_bars(ax, bars, [_said(row) for row in table.itertuples()])
    style.rate_axis(ax.xaxis)
    style.legend(ax)
    return style.finish(ax, title, note)


def _said(row: Any) -> str:
    if np.isnan(row.wape):
        return " could forecast nothing"
    return f"{row.wape:.0%}, bias {row.bias:+.0%}, band held {row.coverage:.0%}"


def _method(table: pd.DataFrame) -> list[str]:
    return [str(table.attrs["probability"])] if table.attrs.get("probability") else []
