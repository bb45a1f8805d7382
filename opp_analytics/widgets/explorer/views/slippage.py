"""Outcome of the deals that were due."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import slippage_deals
from opp_analytics.schema import label_groups
from opp_analytics.svg import Rows, make_bar
from opp_analytics.widgets.explorer.views.history import HistoryView
from opp_analytics.widgets.explorer.views.view import MARKS, PART, Kpi


class SlippageView(HistoryView):
    """Outcome of the deals that were due."""

    analysis = "slippage"

    @property
    def _options(self) -> dict[str, Any]:
        return super()._options | ({} if self.by == "all" else {"by": self.by})

    @property
    def kpis(self) -> list[Kpi]:
        due, value = float(self.table["count"].sum()), float(self.table["value"].sum())
        slipped, moved = self._sum("count", "slipped"), self._sum("value", "slipped")
        first, last = self.format_day(self.start), self.format_day(self.end)
        share = text.percent(slipped / due) if due else text.MISSING
        return [
            Kpi("Deals due", f"{int(due):,}", f"open on {first}, due {first} to {last}"),
            Kpi("Value due", self.money(value), f"as on {first}"),
            Kpi("Slipped", share, f"{text.count(int(slipped))}, {self.money(moved)}"),
            self._rate("count", f"closed by {last}"),
        ]

    @cached_property
    def _cohort(self) -> pd.DataFrame:
        return slippage_deals(self.history, **self._options)

    @property
    def n(self) -> str:
        return text.count(int(self.table["count"].sum()), "deal due").replace(
            "deal dues", "deals due"
        )

    @property
    def behind(self) -> pd.DataFrame:
        return self._complete(self._cohort)

    @property
    def chart(self) -> Rows:
        if self.by == "all":
            return self._outcomes()
        due = self.table["value"].groupby(level=0).sum().sort_values(ascending=False, kind="stable")
        tables = {
            str(name): pd.DataFrame(self.table.xs(name, level=0)) for name in due.index[:MARKS]
        }
        for table in tables.values():
            table.attrs = dict(self.table.attrs)
        return replace(svg.slippage(tables), heads=("", "Due"), label_width=136)

    def _outcomes(self) -> Rows:
        """Draw one row for each outcome, so that each opens its deals."""
        money, whole = self.money, float(self.table["value"].sum())
        bars = []
        for key, row in self.table[self.table["count"] > 0].iterrows():
            name, value, deals = text.title(key), float(row["value"]), int(row["count"])
            title = f"{name}: {money(value)}, {text.count(deals)}"
            more = (f"{deals:,}", text.percent(value / whole) if whole else text.MISSING)
            bars.append(make_bar(name, value, money(value), title, str(key), more=more))
        return replace(svg.bars(bars), heads=("", "Value", "Deals", "Share"), figure_width=64)

    @property
    def about(self) -> str:
        return (
            f"Deals open on {self.format_day(self.start)} and due {self._span}, by what became of "
            "them; value at the start"
        )

    def find_deals(self, key: str) -> pd.DataFrame:
        due = self._cohort
        group, _, outcome = key.partition(PART)
        group, outcome = ("", key) if self.by == "all" else (group, outcome)
        if group:
            names = pd.Series(due.index.get_level_values(self.by), index=due.index)
            due = due[(label_groups(names) == group).to_numpy()]
        if outcome:
            due = due[due["outcome"] == outcome]
        return self._complete(due)

    def _complete(self, due: pd.DataFrame) -> pd.DataFrame:
        """Add the other columns of deals, as last known, to those that were due."""
        frame = due[["unique_id", "name", "value", "outcome"]].rename(columns={"outcome": "became"})
        return frame.merge(
            self._last_known().drop(columns=["name", "value"]), on="unique_id", how="left"
        )
