"""The forecast: what is booked, what is weighted, the range, and the target."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style
from opp_analytics.schema import BUCKETS


def forecast(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast`: booked and weighted money per period, the 10–90 % range, and the target.

    Overdue and unscheduled deals come first, in their own colours and apart from the periods: nobody promised
    them to one.

    Parameters
    ----------
    table : DataFrame
        What `oa.forecast` returns, with or without `by`.
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
    >>> frame = pd.DataFrame({"stage": ["proposal"], "value": [50.0], "close_date": ["2026-03-20"], "probability": [40]})
    >>> ax = forecast(oa.forecast(frame, as_of="2026-03-10"))
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['overdue', 'unscheduled', '2026-03*']
    """
    style.check_table(
        table, "booked", "weighted_open", "expected", "low", "high", "target", made_by="oa.forecast"
    )
    ax = style.canvas(ax, size=(max(7.5, min(16.0, 2.5 + 0.34 * len(table))), 4.6))
    title = f"Forecast by {'group and period' if table.index.nlevels > 1 else 'period'}"
    if not len(table) or not (table[["booked", "weighted_open", "open_count"]] != 0).any(axis=None):
        style.nothing(ax, "nothing won or open")
        return style.finish(ax, title, style.caption(table))
    _bars(ax, table)
    _ranges(ax, table)
    style.label_slots(ax, style.slot_names(table), width=26)
    style.note_running(ax, table)
    style.headroom(ax)
    style.money_axis(ax.yaxis, "booked and weighted open")
    if (table["expected"] < 0).any() or (table["booked"] < 0).any():
        ax.axhline(0, color=style.QUIET, linewidth=0.8)
    style.legend(ax)
    return style.finish(
        ax, title, style.caption(table, "range: 10 to 90 %" if table["low"].notna().any() else "")
    )


def _bars(ax: Axes, table: pd.DataFrame) -> None:
    places = np.arange(len(table))
    bucket = table.index.get_level_values("period")
    promised = ~np.asarray(bucket.isin(BUCKETS))
    booked, weighted = table["booked"].to_numpy(), table["weighted_open"].to_numpy()
    ax.bar(places[promised], booked[promised], color=style.COLOURS["booked"], label="booked", width=0.7)
    # A bar of no height on another would pin the axis to its foot.
    stacked = promised & (weighted != 0)
    if stacked.any():
        ax.bar(
            places[stacked],
            weighted[stacked],
            bottom=booked[stacked],
            color=style.COLOURS["weighted_open"],
            label="weighted open",
            width=0.7,
        )
    for name in BUCKETS:
        mine = np.asarray(bucket == name)
        if weighted[mine].any():
            ax.bar(
                places[mine], weighted[mine], color=style.COLOURS[name], label=f"{name}, weighted", width=0.7
            )


def _ranges(ax: Axes, table: pd.DataFrame) -> None:
    places = np.arange(len(table))
    drawn = (table["high"] > table["low"]).to_numpy()
    if drawn.any():
        median = table["median"].to_numpy()[drawn]
        ends = np.array([median - table["low"].to_numpy()[drawn], table["high"].to_numpy()[drawn] - median])
        ax.errorbar(
            places[drawn],
            median,
            yerr=np.maximum(ends, 0),
            fmt="o",
            markersize=4,
            capsize=3,
            color=style.COLOURS["expected"],
            label="median and range",
        )
    aimed = table["target"].notna().to_numpy()
    if aimed.any():
        target = table["target"].to_numpy()[aimed]
        ax.hlines(
            target,
            places[aimed] - 0.42,
            places[aimed] + 0.42,
            color=style.COLOURS["target"],
            linewidth=2.5,
            label="target",
        )
