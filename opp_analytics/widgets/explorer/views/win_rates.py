"""Win rates by group."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import win_rate
from opp_analytics.org import OPEN, outcome_codes
from opp_analytics.svg import Rows
from opp_analytics.widgets.explorer.views.view import MARKS, View

__all__ = ["WinRates"]

_EDGES = [0, 10_000, 50_000, 100_000, math.inf]
_SIZES = ["under 10K", "10K to 50K", "50K to 100K", "100K and more"]
_SIZES_CODE = (
    'deals = deals.assign(size=pd.cut(deals["value"], [0, 10_000, 50_000, 100_000, float("inf")], right=False, '
    f'labels={_SIZES!r}).astype("object"))'
)


class WinRates(View):
    """Win rates with their intervals."""

    title = "Win rates"

    def table(self) -> pd.DataFrame:
        deals, options = self._deals(), self._options()
        return win_rate(deals, start=self.look.start, end=self.look.end, **options)

    def _deals(self) -> pd.DataFrame:
        deals = self.look.deals
        if self.by != "size":
            return deals
        sizes = pd.cut(deals["value"], _EDGES, right=False, labels=_SIZES).astype("object")
        return deals.assign(size=sizes)

    def _options(self) -> dict[str, Any]:
        return {"freq": "M"} if self.by == "close_month" else {"by": self.by}

    def code(self) -> list[str]:
        option = 'freq="M"' if self.by == "close_month" else f'by="{self.by}"'
        sized = [_SIZES_CODE] if self.by == "size" else []
        return [
            *self._picked_code(),
            *sized,
            f'table = oa.win_rate(deals, {option}, start="{self.look.start}", end="{self.look.end}")',
            "oa.plots.win_rate(table)",
        ]

    def overall(self) -> pd.Series[Any]:
        """The rate of all picked deals."""
        return win_rate(self.look.deals, start=self.look.start, end=self.look.end).iloc[0]

    def rows(self, table: pd.DataFrame) -> Rows:
        rate = float(self.overall()["rate"])
        apart = (table["rate_low"] > rate) | (table["rate_high"] < rate)
        if self.by == "close_month":
            shown = table.rename_axis("month")
            chart = svg.win_rate(shown, overall=rate, differs=set(shown.index[apart]))
            inner = tuple(
                replace(row, label=text.period(row.key, "M"))
                for row in sorted(chart.rows, key=lambda row: row.key)
            )
            return replace(chart, rows=inner[-MARKS:])
        chart = svg.win_rate(table, overall=rate, differs=set(table.index[apart]))
        return replace(chart, rows=chart.rows[:MARKS])

    def about(self) -> str:
        return (
            f"Won ÷ (won + lost), closed {self.look.said(self.look.start)} to {self.look.said(self.look.end)}, with 95% interval. "
            "Vertical line: all picked deals. Blue: differs beyond chance"
        )

    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        deals = self._deals()
        first, last = self.look.day(self.look.start), self.look.day(self.look.end)
        closed = deals[(outcome_codes(deals) < OPEN) & deals["close_date"].between(first, last)]
        if self.by == "close_month":
            closed = closed[closed["close_date"].dt.strftime("%Y-%m") == key]
            return pd.DataFrame(closed)
        return self._group(closed, self.by, key)
