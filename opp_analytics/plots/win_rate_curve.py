"""The win-rate curve with the deals at risk under it, and the definitions of a win rate side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style

_MOST_CURVES = 8
"""More curves than this cannot be told apart in one picture."""


def win_rate_curve(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_curve`: share won (with its interval) and lost by age; one curve per group with `by`.

    Parameters
    ----------
    table : DataFrame
        What `oa.win_rate_curve` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        Its ticks name the age and, below, the deals still at risk. Of more than eight groups the first eight are drawn,
        and the caption says so.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(
        table, "at_risk", "won_share", "lost_share", "won_low", "won_high", made_by="oa.win_rate_curve"
    )
    ax = style.canvas(ax)
    title = "Won by age"
    if not len(table):
        style.nothing(ax, "no closed deals to follow")
        return style.finish(ax, title, style.caption(table))
    note = ""
    if table.index.nlevels == 1:
        _one(ax, table)
    else:
        groups = list(table.groupby(level=list(range(table.index.nlevels - 1)), sort=False))
        note = f"first {_MOST_CURVES} of {len(groups)} groups" if len(groups) > _MOST_CURVES else ""
        _several(ax, groups[:_MOST_CURVES])
    ax.set_ylim(0, 1)
    ax.set_xlim(left=0)
    style.rate_axis(ax.yaxis)
    ax.set_xlabel("days since created", color=style.QUIET, fontsize=9)
    style.legend(ax)
    return style.finish(ax, title, style.caption(table, note))


def _steps(days: pd.Index, values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """A step curve from day 0."""
    return np.concatenate([[0], days.to_numpy()]), np.concatenate([[0.0], values.to_numpy()])


def _one(ax: Axes, table: pd.DataFrame) -> None:
    days, win = _steps(table.index, table["won_share"])
    low, high = (_steps(table.index, table[name])[1] for name in ("won_low", "won_high"))
    ax.fill_between(days, low, high, step="post", color=style.COLOURS["won"], alpha=0.2, linewidth=0)
    ax.step(days, win, where="post", color=style.COLOURS["won"], label="won")
    ax.step(
        *_steps(table.index, table["lost_share"]), where="post", color=style.COLOURS["lost"], label="lost"
    )
    if "disqualified_share" in table and table["disqualified_share"].iloc[-1] > 0:
        ax.step(
            *_steps(table.index, table["disqualified_share"]),
            where="post",
            color=style.COLOURS["removed"],
            label="disqualified",
        )
    # A few ages are enough to see where the curve rests on few deals.
    chosen = np.unique(np.linspace(0, len(table) - 1, 5).round().astype(int))
    labels = [f"{table.index[k]:,}\n{table['at_risk'].iloc[k]:,} at risk" for k in chosen]
    places = table.index.to_numpy()[chosen]
    apart = np.concatenate([[True], np.diff(places) > 0.14 * max(places[-1], 1)])
    ax.set_xticks(places[apart], [label for label, keep in zip(labels, apart, strict=True) if keep])


def _several(ax: Axes, groups: Sequence[tuple[object, pd.DataFrame]]) -> None:
    names = [" · ".join(map(str, key if isinstance(key, tuple) else (key,))) for key, _ in groups]
    looks = style.series_colours(names)
    for name, (_, part) in zip(names, groups, strict=True):
        colour, mark = looks[name]
        days, win = _steps(part.index.get_level_values("days"), part["won_share"])
        label = f"{style.shorten(name, 24)} (n = {part['at_risk'].iloc[0]:,})"
        ax.step(days, win, where="post", color=colour, marker=mark, markersize=4, markevery=0.2, label=label)
