"""The slip ladder: what was due in a period, taken apart step by step into what became of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots.style import (
    COLOURS,
    INK,
    QUIET,
    canvas,
    caption,
    check_table,
    counted,
    finish,
    label_rows,
    legend,
    money,
    money_axis,
    nothing,
    rate_axis,
    row_names,
)
from opp_analytics.text import percent

_NAMES = {"pulled_out": "pulled out"}
_LEAST_ROWS = 4
"""A single bar as high as the page would look like more than it is."""
_COLUMNS = ("count", "value", "count_rate", "value_rate")


def slippage(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the table of `analysis.slippage`: a ladder of money; one bar of shares per group where it has groups.

    Parameters
    ----------
    table : DataFrame
        ``count``, ``value``, ``count_rate``, ``value_rate`` by ``outcome``, below any grouping columns.
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
    check_table(table, *_COLUMNS, made_by="slippage")
    grouped = isinstance(table.index, pd.MultiIndex)
    rows = len(table) // table.index.get_level_values(-1).nunique() if grouped and len(table) else 6
    ax = canvas(ax, rows=rows)
    period = " to ".join(table.attrs.get("period", []))
    title = f"Deals due {period}" if period else "Deals that were due"
    rate = table.attrs.get("slip_rate", np.nan)
    notes = ["what became of them", f"slip rate {percent(rate)} by count" if np.isfinite(rate) else ""]
    notes += ["period still running" if table.attrs.get("to_date") else ""]
    if not table["count"].sum():
        nothing(ax, "no open deal was due in this period")
    elif grouped:
        _shares(ax, table)
    else:
        _ladder(ax, table)
    return finish(ax, title, caption(table, *notes))


def _ladder(ax: Axes, table: pd.DataFrame) -> None:
    total = float(table["value"].sum())
    ends = total - table["value"].cumsum()
    names = ["due", *(_NAMES.get(str(o), str(o)) for o in table.index)]
    colours = [COLOURS["total"], *(COLOURS.get(str(o), QUIET) for o in table.index)]
    ax.barh(range(len(names)), [total, *table["value"]], left=[0.0, *ends], color=colours, height=0.62)
    # The line that leads from one step to the next.
    for row, edge in enumerate([total, *ends[:-1]]):
        ax.plot([edge, edge], [row - 0.31, row + 1.31], color=QUIET, linewidth=0.8)
    label_rows(ax, names)
    texts = [f"{counted(table['count'].sum(), 'deal')}, {money(total)}"]
    texts += [_said(row) for _, row in table.iterrows()]
    for row, (text, right) in enumerate(zip(texts, [total, *(ends + table["value"])], strict=True)):
        ax.annotate(
            text,
            (right, row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=INK,
        )
    money_axis(ax.xaxis, "value as it stood at the start")
    ax.set_xlim(0, max(total, 1e-9) * 1.38)


def _said(row: pd.Series[Any]) -> str:
    share = "" if np.isnan(row["value_rate"]) else f" ({percent(row['value_rate'])})"
    return f"{counted(row['count'], 'deal')}, {money(row['value'])}{share}"


def _shares(ax: Axes, table: pd.DataFrame) -> None:
    rows = table.xs("won", level="outcome").index
    counts = table["count"].groupby(level=list(range(table.index.nlevels - 1))).sum().reindex(rows)
    left = np.zeros(len(rows))
    for outcome in table.index.get_level_values("outcome").unique():
        share = table["count_rate"].xs(outcome, level="outcome").reindex(rows).fillna(0.0).to_numpy()
        name = _NAMES.get(str(outcome), str(outcome))
        ax.barh(
            range(len(rows)),
            share,
            left=left,
            color=COLOURS.get(str(outcome), QUIET),
            height=0.62,
            label=name,
        )
        left = left + share
    label_rows(ax, [f"{name} (n={n:,})" for name, n in zip(row_names(rows), counts, strict=True)])
    ax.set_ylim(max(len(rows), _LEAST_ROWS) - 0.4, -0.6)
    rate_axis(ax.xaxis, "share of the deals due")
    ax.set_xlim(0, 1)
    legend(ax)
