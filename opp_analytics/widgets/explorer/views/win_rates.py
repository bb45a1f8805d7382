"""Win rates with their intervals."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import evidence, win_rate
from opp_analytics.org import OPEN, outcome_codes
from opp_analytics.schema import label_groups
from opp_analytics.svg import Rows
from opp_analytics.widgets.explorer.views.view import MARKS, AnalysisCall, View

_EDGES = [0, 10_000, 50_000, 100_000, math.inf]
"""Bounds of the deal sizes: round amounts that split most pipelines into four parts."""
_SIZES = ["under 10K", "10K to 50K", "50K to 100K", "100K and more"]
_SIZES_CODE = (
    'deals = deals.assign(size=pd.cut(deals["value"], [0, 10_000, 50_000, 100_000, float("inf")], '
    f'right=False, labels={_SIZES!r}).astype("object"))'
)


class WinRatesView(View):
    """Win rates with their intervals."""

    worthless = ()
    noun = "closed deal"

    @cached_property
    def source(self) -> pd.DataFrame:
        if self.by != "size":
            return self.deals
        sizes = pd.cut(self.deals["value"], _EDGES, right=False, labels=_SIZES).astype("object")
        return self.deals.assign(size=sizes)

    @property
    def call(self) -> AnalysisCall:
        grouping = {"freq": "M"} if self.by == "close_month" else {"by": self.by}
        return AnalysisCall("win_rate", grouping | self._days)

    @property
    def _days(self) -> dict[str, Any]:
        return {"start": str(self.since.date()), "end": str(self.day.date())}

    def write_code(self) -> list[str]:
        *lines, table, drawing = super().write_code()
        return [*lines, *([_SIZES_CODE] if self.by == "size" else []), table, drawing]

    @property
    def since(self) -> pd.Timestamp:
        return self.selector.to_day(self.start)

    @cached_property
    def behind(self) -> pd.DataFrame:
        deals = self.source
        return deals[
            (outcome_codes(deals) < OPEN) & deals["close_date"].between(self.since, self.day)
        ]

    @property
    def chart(self) -> Rows:
        table, overall = self.table, float(win_rate(self.deals, **self._days)["rate"].iloc[0])
        chart = svg.win_rate(table, overall=overall)
        if self.by != "close_month":
            return replace(chart, rows=chart.rows[:MARKS])
        months = sorted(chart.rows, key=lambda row: row.key)[-MARKS:]
        names = [text.period(row.key, "M") + self._star(row.key) for row in months]
        return replace(
            chart, rows=tuple(replace(r, label=n) for r, n in zip(months, names, strict=True))
        )

    def _star(self, key: str) -> str:
        """Mark a month of which the window holds a part."""
        return (
            "*"
            if self.by == "close_month" and evidence.cut_period(key, self.table) is not None
            else ""
        )

    @property
    def about(self) -> str:
        return (
            f"Won ÷ (won + lost), closed {self._span}, with 95% interval. Vertical line: all "
            "picked deals. Blue: differs from the others beyond chance"
            + (
                ". *: a part of the month"
                if any(self._star(str(key)) for key in self.table.index)
                else ""
            )
        )

    def open_at(self, key: str) -> None:
        return None

    def find_deals(self, key: str) -> pd.DataFrame:
        months = self.behind["close_date"].dt.strftime("%Y-%m")
        return self.behind[
            label_groups(months if self.by == "close_month" else self.behind[self.by]) == key
        ]
