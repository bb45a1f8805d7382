"""Win rates with their intervals and the number of deals behind each."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style


def win_rate(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate`: a point with its interval and n for each row; over time when the rows are periods.

    Parameters
    ----------
    table : DataFrame
        What `oa.win_rate` returns.
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
    >>> frame = pd.DataFrame({"stage": ["closed_won", "closed_lost"], "value": [1.0, 1.0], "owner": ["Ann", "Bo"]})
    >>> [label.get_text() for label in win_rate(oa.win_rate(frame, by="owner")).get_yticklabels()]
    ['Ann', 'Bo']
    """
    style.check_table(table, "won", "lost", "rate", "rate_low", "rate_high", made_by="oa.win_rate")
    over_time = table.index.name == "period"
    ax = style.canvas(ax, rows=0 if over_time else len(table))
    note = style.caption(table, _interval(table))
    if not (table["won"] + table["lost"]).any():
        style.nothing(ax, "no closed deals")
        return style.finish(ax, "Win rate", note)
    if over_time:
        _by_period(ax, table)
    else:
        _by_group(ax, table)
    return style.finish(ax, "Win rate", note)


def _interval(table: pd.DataFrame) -> str:
    confidence = table.attrs.get("confidence")
    return f"whiskers: {confidence:.0%} interval" if confidence else "whiskers: interval"


def _whiskers(table: pd.DataFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    ends = np.array([table["rate"] - table["rate_low"], table["rate_high"] - table["rate"]])
    # Rounding in the last place can leave a whisker of minus nothing.
    reach: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.maximum(ends, 0)
    return reach


def _by_group(ax: Axes, table: pd.DataFrame) -> None:
    places = np.arange(len(table))
    ax.errorbar(
        table["rate"], places, xerr=_whiskers(table), fmt="o", color=style.COLOURS["won"], ecolor=style.QUIET
    )
    names = ["all"] if len(table) == 1 and table.index.name is None else style.row_names(table.index)
    style.label_rows(ax, names)
    for place, won, lost in zip(places, table["won"], table["lost"], strict=True):
        text = f"{won:,} of {won + lost:,}" if won + lost else "none closed"
        ax.annotate(
            text,
            (1.02, place),
            xycoords=("axes fraction", "data"),
            va="center",
            color=style.QUIET,
            fontsize=style.row_text_size(ax, len(table)),
        )
    style.rate_axis(ax.xaxis)
    ax.set_xlim(-0.02, 1.02)


def _by_period(ax: Axes, table: pd.DataFrame) -> None:
    places = np.arange(len(table))
    ax.errorbar(
        places, table["rate"], yerr=_whiskers(table), fmt="o-", color=style.COLOURS["won"], ecolor=style.QUIET
    )
    style.label_slots(ax, style.slot_names(table))
    # Without values the axis would start where the data does and make a small change look large.
    ax.set_ylim(-0.02, 1.12)
    style.rate_axis(ax.yaxis)
    if len(table) <= 24:
        for place, won, lost in zip(places, table["won"], table["lost"], strict=True):
            ax.annotate(f"n={won + lost:,}", (place, 1.05), ha="center", color=style.QUIET, fontsize=7.5)
    style.note_running(ax, table)
