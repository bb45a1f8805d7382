"""Open value by stage, group or close month."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import evidence
from opp_analytics.columns import write_label
from opp_analytics.org import split_by
from opp_analytics.schema import label_groups
from opp_analytics.svg import Rows, make_bar
from opp_analytics.widgets.explorer.views.view import MARKS, AnalysisCall, View, open_deals

_MOST_STAGES = 12
"""With more stages than this, those without open deals are left out."""


class PipelineView(View):
    """Open value by stage, group or close month."""

    noun = "open deal"

    @property
    def call(self) -> AnalysisCall:
        return self._call_at(self.end)

    def _call_at(self, moment: str) -> AnalysisCall:
        if self.by == "close_month":
            return AnalysisCall("forecast", self._ask("M", moment))
        # Deals of several pipelines are never ranked together.
        split = list(
            dict.fromkeys([*([] if self.by == "stage" else [self.by]), *split_by(self.deals)])
        )
        return AnalysisCall(
            "stage_funnel", {"by": split[0] if len(split) == 1 else split} if split else {}
        )

    @cached_property
    def _sums(self) -> pd.DataFrame:
        sums = self.table[["open_value", "open_count"]]
        if self.by == "stage":
            sums = sums.groupby(level="stage", sort=False).sum()
            return sums[sums["open_count"] > 0] if len(sums) > _MOST_STAGES else sums
        if self.by == "close_month":
            return sums[sums["open_count"] > 0]
        grouped = sums.groupby(level=0, sort=False).sum()
        return grouped[grouped["open_count"] > 0].sort_values(
            "open_value", ascending=False, kind="stable"
        )

    @property
    def amounts(self) -> pd.Series[Any]:
        return self._sums["open_value"]

    @property
    def chart(self) -> Rows:
        money, sums, before = self.money, self._sums.head(MARKS), self._values_at_start()
        largest = (
            evidence.find_largest(sums["open_value"])[0] if sums["open_value"].sum() > 0 else []
        )
        heads, bars = ("", "Open", "Deals"), []
        for key, value, deals in sums.itertuples():
            name, amount = self.name_row(str(key)), money(value)
            title = f"{name}: {amount} open, {text.count(int(deals))}"
            more = [f"{int(deals):,}"]
            if before is not None:
                change = value - float(before.get(key, 0.0))
                sign = "▲" if change > 0 else "▼" if change < 0 else ""
                more.append(f"{sign} {money(abs(change))}".strip())
            bars.append(
                make_bar(
                    name, float(value), amount, title, str(key), highlight=key in largest, more=more
                )
            )
        if before is None:
            return replace(svg.bars(bars), heads=heads, figure_width=64)
        since_head = f"Since {self.format_day(self.start)}"
        return replace(svg.bars(bars), heads=(*heads, since_head), figure_width=84)

    @property
    def _compares(self) -> bool:
        return self.selector.history is not None and self.start != self.end

    def _values_at_start(self) -> pd.Series[Any] | None:
        """Sum the open values at the window's start; None where it has none."""
        if not self._compares:
            return None
        table = self._call_at(self.start).table(self.selector.select(self.choice, self.start))
        level = "period" if self.by == "close_month" else self.by
        return table["open_value"].groupby(level=level, sort=False).sum()

    def write_code(self) -> list[str]:
        *lines, drawing = super().write_code()
        if self._compares:
            before, _ = self._call_at(self.start).write_code("first")
            lines += [
                *self.selector.write_code(self.choice, self.start, "first"),
                before.replace("table =", "before =", 1),
                'change = table["open_value"].sub(before["open_value"], fill_value=0)',
            ]
        return [*lines, drawing]

    @property
    def behind(self) -> pd.DataFrame:
        return open_deals(self.deals)

    def name_row(self, key: str) -> str:
        if self.by == "close_month":
            return text.capital(text.period(key, "M"))
        return write_label(self.by, key)

    @property
    def finding(self) -> str:
        if self.by == "stage":
            return super().finding
        values = self._sums["open_value"]
        if not values.any():
            return "Nothing is open"
        (key, *others), share = evidence.find_largest(values)
        whole = f"{self.money(float(values.sum()))} open"
        if not share:
            return text.capital(whole)
        if self.by != "close_month":
            names = text.joined([self.name_row(str(each)) for each in (key, *others)], most=3)
            return f"{names} {f'have {share} each' if others else f'has {share}'} of {whole}"
        due = {"overdue": "is overdue", "unscheduled": "has no close date"}
        return f"{share} of {whole} {due.get(str(key)) or f'is due in {self.name_row(str(key))}'}"

    @property
    def about(self) -> str:
        what = {"stage": "stage", "close_month": "month of the close date"}.get(
            self.by, text.group_label(self.by)
        )
        return f"Open value by {what} on {self.format_day(self.end)}"

    def find_deals(self, key: str) -> pd.DataFrame:
        if self.by == "close_month":
            return self._with_chances(self._due_in(self.behind, key), key, "M")
        return self.behind[label_groups(self.behind[self.by]) == key]
