"""`win_rate`: rates with their intervals against the rate of all."""

from __future__ import annotations

import math
from collections.abc import Container

import pandas as pd

from opp_analytics import text
from opp_analytics.svg import marks
from opp_analytics.svg.axis import Axis
from opp_analytics.svg.rows import Row, Rows


def win_rate(table: pd.DataFrame, *, overall: float = math.nan, differs: Container[object] = ()) -> Rows:
    """Win rates with intervals, highest first; groups that differ beyond chance are highlighted.

    Parameters
    ----------
    table : DataFrame
        From `oa.win_rate` with one `by` column, or `oa.scorecard`.
    overall : float
        Rate of all, a line down the column.
    differs : collection
        Labels of the groups to highlight.
    """
    known = table[table["rate"].notna()]
    known = known.sort_values("rate", ascending=False, kind="stable")
    top = min(1.0, 0.1 + max([*known["rate_high"], 0.2]))
    # Room for the rate beside the longest interval.
    scale = Axis(top, end=86)
    ticks = marks.scale_labels([(scale.at(tick), text.percent(tick)) for tick in scale.ticks(4)])
    rows = [_row(name, row, scale, overall, name in differs) for name, row in known.iterrows()]
    return Rows(
        tuple(rows),
        heads=("", "Won of closed"),
        axis=marks.picture(*ticks, height=14, said=f"Scale from 0% to {text.percent(top)}"),
        label_width=136,
        figure_width=84,
    )


def _row(name: object, row: pd.Series, scale: Axis, overall: float, differs: bool) -> Row:
    rate, low, high = (text.percent(row[column]) for column in ("rate", "rate_low", "rate_high"))
    said = f"{name}: {rate}, 95% interval {low} to {high}"
    drawn = [
        *([marks.down(scale.at(overall), bottom=24, line="axis")] if math.isfinite(overall) else []),
        marks.across(12, left=scale.at(row["rate_low"]), right=scale.at(row["rate_high"]), line="mute"),
        marks.dot(scale.at(row["rate"]), 12, radius=5, fill="hi" if differs else "ink", title=said),
        marks.label(scale.at(row["rate_high"]), 16, rate, dx=8, kind="ink", halo=True),
    ]
    closed = int(row["won"] + row["lost"])
    figure = f"{int(row['won']):,} of {closed:,}"
    return Row(str(name), marks.picture(*drawn, height=24, said=said), (figure,), key=str(name))
