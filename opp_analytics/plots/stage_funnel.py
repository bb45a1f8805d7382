"""The funnel of one frame: open money per stage, with how many deals ever reached it."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style


def stage_funnel(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.stage_funnel`: a bar of open value per stage, labelled with counts and the bounds of who reached it.

    Parameters
    ----------
    table : DataFrame
        What `oa.stage_funnel` returns, with or without `by`.
    ax : Axes, optional
        Where to draw; a new figure when None. Its ``.figure`` can be saved.

    Returns
    -------
    Axes
        It shows itself at the end of a notebook cell.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.

    Examples
    --------
    >>> import opp_analytics as oa
    >>> frame = pd.DataFrame({"stage": ["discovery", "closed_won"], "value": [500.0, 900.0]})
    >>> [label.get_text() for label in stage_funnel(oa.stage_funnel(frame)).get_yticklabels()]
    ['discovery', 'qualification', 'proposal', 'negotiation']
    """
    style.check_table(
        table, "open_count", "open_value", "reached_low", "reached_high", made_by="oa.stage_funnel"
    )
    ax = style.canvas(ax, rows=len(table))
    if not len(table):
        style.nothing(ax, "no opportunities")
        return style.finish(ax, "Open pipeline by stage", style.caption(table))
    places = range(len(table))
    bars = ax.barh(places, table["open_value"], color=style.COLOURS["open"], height=0.7)
    texts = [
        f"{count:,} open · reached by {low:,}" + (f" to {high:,}" if high > low else "")
        for count, low, high in zip(
            table["open_count"], table["reached_low"], table["reached_high"], strict=True
        )
    ]
    style.label_rows(ax, style.row_names(table.index))
    style.label_bars(ax, bars, texts)
    style.money_axis(ax.xaxis, "open value")
    if not table["open_value"].any():
        ax.set_xticks([0])
    return style.finish(ax, "Open pipeline by stage", style.caption(table))
