"""The waterfall chart, from one open pipeline to the next, and the deals that moved it most."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots.style import (
    QUIET,
    canvas,
    caption,
    check_table,
    counted,
    finish,
    label_bars,
    label_rows,
    money,
    money_axis,
    nothing,
)
from opp_analytics.plots.waterfall import ENDS, movement_color

_MOST = 20
_LEAST_ROWS = 4
"""A single bar as high as the page would look like more than it is."""


def movements(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the table of `analysis.movements`: the deals that moved the open pipeline most, largest first.

    Parameters
    ----------
    table : DataFrame
        ``unique_id``, ``name``, ``movement``, ``value`` (money, signed).
    ax : Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When this is not such a table.
    """
    check_table(table, "unique_id", "name", "movement", "value", made_by="movements")
    shown = table.sort_values("value", key=abs, ascending=False, kind="stable").head(_MOST)
    ax = canvas(ax, rows=len(shown))
    if shown.empty:
        nothing(ax, "nothing moved in this stretch of time")
    else:
        _bars(ax, shown)
    rest = len(table) - len(shown)
    since, until = (str(table.attrs.get(f"{name}_at", ""))[:10] for name in ENDS)
    title = f"What moved the pipeline, {since} to {until}" if since and until else "What moved the pipeline"
    return finish(ax, title, caption(table, f"{counted(rest, 'smaller movement')} not shown" if rest else ""))


def _bars(ax: Axes, shown: pd.DataFrame) -> None:
    colours = [movement_color(str(m), v) for m, v in zip(shown["movement"], shown["value"], strict=True)]
    bars = ax.barh(range(len(shown)), shown["value"], color=colours, height=0.7)
    named = shown["name"].fillna(shown["unique_id"])
    label_rows(ax, [str(name) for name in named])
    says = [
        f"{str(m).replace('_', ' ')} {money(v)}"
        for m, v in zip(shown["movement"], shown["value"], strict=True)
    ]
    label_bars(ax, bars, says)
    ax.set_ylim(max(len(shown), _LEAST_ROWS) - 0.4, -0.6)
    money_axis(ax.xaxis, "change of the open value")
    ax.axvline(0, color=QUIET, linewidth=0.8)
