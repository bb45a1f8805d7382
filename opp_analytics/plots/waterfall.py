"""The waterfall chart, from one open pipeline to the next, and the deals that moved it most."""

from __future__ import annotations

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
    label_slots,
    money,
    money_axis,
    nothing,
)

ENDS = ("opening", "closing")


def waterfall(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the table of `analysis.waterfall`; movements that did not occur are left out.

    Parameters
    ----------
    table : DataFrame
        ``value`` (money, signed), ``count`` (signed), ``deals``, by ``movement`` from opening to closing.
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
    check_table(table, "count", "value", "deals", made_by="waterfall")
    ax = canvas(ax, size=(9.0, 4.6))
    moved = table[(table["deals"] > 0) | table.index.isin(ENDS)]
    if not table["deals"].sum():
        nothing(ax, "no open deals at either end, and none in between")
    else:
        _steps(ax, moved)
    since, until = (str(table.attrs.get(f"{name}_at", ""))[:10] for name in ENDS)
    title = f"Open pipeline, {since} to {until}" if since and until else "Open pipeline"
    due = table.attrs.get("due")
    closing = f"{counted(table['count'].get('closing', 0), 'open deal')} at the end"
    attrs = {key: value for key, value in table.attrs.items() if key != "n"}
    said = pd.DataFrame()
    said.attrs = attrs
    return finish(ax, title, caption(said, closing, f"due {due[0]} to {due[1]}" if due else "all open deals"))


def _steps(ax: Axes, moved: pd.DataFrame) -> None:
    names, values = [str(name) for name in moved.index], moved["value"].to_numpy()
    is_end = np.isin(names, ENDS)
    # Where each step starts and ends: the ends stand on the axis, the movements on each other.
    tops = np.cumsum(np.where(np.array(names) == "closing", 0.0, values))
    bottoms = np.where(is_end, 0.0, tops - values)
    heights = np.where(is_end, values, values)
    colours = [movement_color(name, value) for name, value in zip(names, values, strict=True)]
    ax.bar(range(len(names)), heights, bottom=bottoms, color=colours, width=0.7)
    for slot, top in enumerate(tops[:-1]):
        ax.plot([slot + 0.35, slot + 0.65], [top, top], color=QUIET, linewidth=0.8)
    peak = float(np.max([bottoms, bottoms + heights])) or 1.0
    floor = float(min(0.0, np.min(bottoms + heights)))
    for slot, (name, value, deals) in enumerate(zip(names, values, moved["deals"], strict=True)):
        sign = "" if name in ENDS or value < 0 else "+"
        ax.annotate(
            f"{sign}{money(float(value))}\n{int(deals):,}",
            (slot, max(bottoms[slot], bottoms[slot] + heights[slot])),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            color=INK,
        )
    label_slots(ax, [name.replace("_", " ") for name in names])
    money_axis(ax.yaxis, "open value, deals below it")
    ax.set_ylim(floor, peak + 0.16 * (peak - floor))
    ax.axhline(0, color=QUIET, linewidth=0.8)


def movement_color(name: str, value: float) -> str:
    """The color of a bar."""
    if name in ENDS:
        return COLOURS["total"]
    return COLOURS.get(name, COLOURS["rise"] if value >= 0 else COLOURS["fall"])
