"""The forecast by period: booked, expected, the range, and the target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import money_of
from opp_analytics.plots import labels, palette, style
from opp_analytics.schema import BUCKETS

_WIDTH = 0.7
_MOST_AMOUNTS = 8
"""Largest number of slots with room for an amount above each."""
_LETTER = 0.6

Ends = list[tuple[float, float, str, str]]


@style.drawing(
    "booked", "open_count", "open_value", "weighted_open", "new_business", "expected", "low", "median", "high", "target",
    "p_target", "gap", "pipeline_coverage",
)  # fmt: skip
def forecast(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast`: booked and expected money by period, the range, and the target.

    Overdue and unscheduled deals come first, pale and at their stated chances, because they are due in no period.
    """
    ax = style.canvas(ax, size=(max(7.5, min(16.0, 2.5 + 0.34 * len(table))), 4.6))
    if not (table[["booked", "weighted_open", "open_count"]].fillna(0) != 0).any(axis=None):
        style.nothing(ax, "nothing won or open")
        return style.finish(ax, "Forecast", style.caption(table))
    _bars(ax, table)
    ends = _ranges(ax, table)
    labels.label_slots(ax, labels.slot_names(table), width=26)
    labels.note_running(ax, table)
    labels.money_axis(ax.yaxis, "booked and expected", table)
    style.headroom(ax)
    if (table["expected"] < 0).any() or (table["booked"] < 0).any():
        ax.axhline(0, color=palette.QUIET, linewidth=0.8)
    booked, more = (part.where(_due(table), 0.0).fillna(0).to_numpy() for part in _parts(table))
    _name(ax, "booked", np.zeros(len(table)), booked)
    _name(ax, "expected", booked, more, shift=-0.19)
    labels.at_ends(ax, ends)
    deals = text.count(int(table["open_count"].sum()), "open deal")
    pale = "pale: weighted by stated chances" if _due(table).sum() < len(table) else ""
    return style.finish(ax, sentence(table), style.caption(table, deals, style.method(table), pale))


def _due(table: pd.DataFrame) -> NDArray[np.bool_]:
    return ~np.asarray(table.index.get_level_values("period").isin(BUCKETS), dtype=bool)


def _parts(table: pd.DataFrame) -> tuple[pd.Series[float], pd.Series[float]]:
    """Booked money, and what is expected beyond it."""
    return table["booked"], (table["expected"] - table["booked"]).fillna(0.0)


def _bars(ax: Axes, table: pd.DataFrame) -> None:
    """Booked, what is expected beyond it, and the weighted value of deals that are due in no period."""
    places, due = np.arange(len(table)), _due(table)
    booked, more = (part.to_numpy() for part in _parts(table))
    weighted = table["weighted_open"].to_numpy()
    ax.bar(places[due], booked[due], color=style.COLORS["booked"], width=_WIDTH)
    # A bar of height 0 on another would pin the axis to its foot.
    ahead = due & (more != 0)
    if ahead.any():
        ax.bar(places[ahead], more[ahead], bottom=booked[ahead], color=style.COLORS["expected"], width=_WIDTH)
    late = ~due & np.nan_to_num(weighted).astype(bool)
    if late.any():
        ax.bar(places[late], weighted[late], color=palette.PALE, width=_WIDTH)


def _ranges(ax: Axes, table: pd.DataFrame) -> Ends:
    """The range of each period, its amount above, and the target."""
    ends: Ends = []
    last = len(table) - 1
    wide = (table["high"] > table["low"]).to_numpy()
    if wide.any():
        middle = (table["low"] + table["high"]) / 2
        ax.errorbar(
            np.flatnonzero(wide),
            middle.to_numpy()[wide],
            yerr=style.whiskers(middle, table["low"], table["high"])[:, wide],
            fmt="none",
            capsize=4,
            elinewidth=1.4,
            color=palette.INK,
        )
        end = int(np.flatnonzero(wide)[-1])
        place = (end + 0.1, float(table["high"].iloc[end]))
        if end == last:
            ends.append((*place, _range_name(table), palette.INK))
        else:
            labels.beside(ax, _range_name(table), place, color=palette.INK)
    aimed = table["target"].notna().to_numpy()
    if aimed.any():
        targets, places = table["target"].to_numpy(), np.flatnonzero(aimed)
        ax.hlines(targets[aimed], places - 0.42, places + 0.42, color=style.COLORS["target"], linewidth=2.5)
        if aimed[last]:
            ends.append((last + 0.42, float(targets[last]), "target", style.COLORS["target"]))
        else:
            # Left of the line of the range.
            place = (int(places[-1]) - 0.24, float(targets[places[-1]]))
            labels.above(ax, "target", place, color=palette.INK)
    if len(table) <= _MOST_AMOUNTS:
        _amounts(ax, table)
    return ends


def _range_name(table: pd.DataFrame) -> str:
    if str(table.attrs.get("method", "")).startswith("stated"):
        return "open deals due only"
    confidence = table.attrs.get("confidence")
    return f"{text.percent(confidence)} range" if confidence else "range"


def _amounts(ax: Axes, table: pd.DataFrame) -> None:
    """The expected amount above each period, – where nothing is known."""
    money = money_of(table)
    tops = table[["booked", "expected", "high"]].max(axis=1).fillna(0).to_numpy()
    for slot in np.flatnonzero(_due(table)):
        labels.above(ax, money(float(table["expected"].iloc[slot])), (int(slot), float(tops[slot])))


def _name(
    ax: Axes,
    name: str,
    bottoms: NDArray[Any],
    heights: NDArray[Any],
    *,
    shift: float = 0.0,
) -> None:
    """Name a part of the bars inside its tallest one, upright where it is narrow, if it fits."""
    slot, size = int(np.argmax(heights)), style.text_size()
    low, high = ax.get_ylim()
    needs = len(name) * _LETTER * size + 4
    wide = (_WIDTH + 2 * min(shift, 0.0)) * style.room(ax, "x") / len(heights)
    tall = heights[slot] / (high - low) * style.room(ax, "y")
    level = wide > needs and tall > 1.5 * size
    if level or (tall > needs and wide > 1.2 * size):
        ax.text(
            slot + shift,
            bottoms[slot] + heights[slot] / 2,
            name,
            ha="center",
            va="center",
            rotation=0 if level else 90,
            color=labels.on(style.COLORS[name]),
            fontsize=size,
        )
