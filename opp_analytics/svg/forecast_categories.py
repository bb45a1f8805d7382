"""`forecast_categories`: how far closed money and each category reach toward the target."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.org import money_of
from opp_analytics.svg import marks
from opp_analytics.svg.axis import axis
from opp_analytics.svg.rows import Row, Rows

_TOTAL = 20.0
"""Percent right of a bar that its total needs on a phone."""
_CATEGORIES = ("closed", "commit", "best_case", "pipeline")


def forecast_categories(table: pd.DataFrame, period: str, *, target: float = math.nan) -> Rows:
    """One period by category at full value: each bar begins where those before it end.

    Parameters
    ----------
    table : DataFrame
        From `oa.forecast_categories`.
    period : str
        Label of its row.
    target : float, optional
        Money to reach.
    """
    money = money_of(table)
    row: Any = table.loc[period]
    amounts = [float(row[name]) for name in _CATEGORIES]
    totals = [sum(amounts[: place + 1]) for place in range(len(amounts))]
    # Room for the running total beside the longest bar.
    scale = axis([totals[-1], target], end=84)
    rows = []
    for name, amount, total in zip(_CATEGORIES, amounts, totals, strict=True):
        title = text.title(name)
        said = f"{title}: {money(amount)}; {money(total)} with all above"
        left, right = scale.at(total - amount), scale.at(total)
        drawn = [
            marks.bar(0, left, y=4, height=16, fill="pale"),
            marks.bar(left, right, y=4, height=16, fill="bar" if name == "closed" else "hi", title=said),
        ]
        if math.isfinite(target):
            drawn.append(marks.down(scale.at(target), bottom=24, line="target"))
        # A total that would meet the line of the target stands beyond it.
        goal = scale.at(target) if math.isfinite(target) else -math.inf
        place = goal if right <= goal < right + _TOTAL else right
        drawn.append(marks.label(place, 16, money(total), dx=6, kind="ink", halo=True))
        rows.append(Row(title, marks.picture(*drawn, height=24, said=said), (money(amount),), key=name))
    return Rows(tuple(rows), label_width=88)
