"""`waterfall`: the open pipeline from one record to another, movement by movement."""

from __future__ import annotations

import pandas as pd

from opp_analytics import text
from opp_analytics.org import money_of
from opp_analytics.periods import as_date
from opp_analytics.svg.rows import Rows
from opp_analytics.svg.steps import Step, steps


def waterfall(table: pd.DataFrame) -> Rows:
    """The open pipeline at the opening, each movement with its deals, and the pipeline at the closing.

    The largest movement is the highlight.

    Parameters
    ----------
    table : DataFrame
        From `oa.waterfall`, without groups.
    """
    ends = {end: f"Pipeline {_day(table, end)}".strip() for end in ("opening", "closing")}
    moves = [
        Step(text.title(name), float(row["value"]), int(row["deals"]), str(name))
        for name, row in table.iterrows()
        if name not in ends and row["deals"]
    ]
    opening, closing = ((ends[end], float(table["value"][end])) for end in ends)
    largest = max(moves, key=lambda move: abs(move.value), default=None)
    highlight = largest.key if largest is not None and largest.value else ""
    return steps(opening, moves, closing, money_of(table), highlight=highlight)


def _day(table: pd.DataFrame, end: str) -> str:
    moment = table.attrs.get(f"{end}_at")
    return text.day(as_date(moment, tz=table.attrs.get("tz") or "UTC")) if moment else end
