"""The pipeline by stage or group."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import (
    forecast,
    stage_funnel,
)
from opp_analytics.org import split_by
from opp_analytics.schema import BUCKETS
from opp_analytics.svg import Amount, Rows
from opp_analytics.widgets.explorer.views.view import MARKS, View, due_in, open_deals, states_chances

__all__ = ["Pipeline"]


class Pipeline(View):
    """Open value by stage, group or close month."""

    title = "Pipeline"

    def table(self) -> pd.DataFrame:
        deals = self.look.deals
        if self.by == "close_month":
            return forecast(deals, as_of=self.look.end, freq="M", method=self._method)
        return stage_funnel(deals, by=self._split())

    @property
    def _method(self) -> str:
        """A method that the deals can serve; the open value is the same under each."""
        return "stated" if states_chances(self.look) else "auto"

    def _split(self) -> list[str]:
        """The grouping of the funnel: deals of several pipelines are never ranked together."""
        return list(dict.fromkeys([*([] if self.by == "stage" else [self.by]), *split_by(self.look.deals)]))

    def code(self) -> list[str]:
        if self.by == "close_month":
            call, drawn = (
                f'oa.forecast(deals, as_of="{self.look.end}", freq="M", method="{self._method}")',
                "forecast",
            )
        else:
            split = self._split()
            group = f", by={json.dumps(split[0] if len(split) == 1 else split)}" if split else ""
            call, drawn = f"oa.stage_funnel(deals{group})", "stage_funnel"
        return [*self._picked_code(), f"table = {call}", f"oa.plots.{drawn}(table)"]

    def _sums(self, table: pd.DataFrame) -> pd.DataFrame:
        sums = table[["open_value", "open_count"]]
        if self.by == "stage":
            sums = sums.groupby(level="stage", sort=False).sum()
            return sums[sums["open_count"] > 0] if len(sums) > 12 else sums
        if self.by == "close_month":
            return sums[sums["open_count"] > 0]
        grouped = sums.groupby(level=0, sort=False).sum()
        return grouped[grouped["open_count"] > 0].sort_values("open_value", ascending=False, kind="stable")

    def rows(self, table: pd.DataFrame) -> Rows:
        money = svg.money_of(table)
        sums = self._sums(table).head(MARKS)
        before = self._before()
        named = sums["open_value"].idxmax() if sums["open_value"].sum() > 0 else None
        chart = svg.bars(
            [
                Amount(
                    self._name(str(key)),
                    float(row["open_value"]),
                    money(row["open_value"]),
                    f"{self._name(str(key))}: {money(row['open_value'])} open, {text.count(int(row['open_count']))}",
                    str(key),
                    highlight=key == named,
                )
                for key, row in sums.iterrows()
            ]
        )
        return replace(
            chart,
            rows=tuple(
                replace(
                    row,
                    figures=(*row.figures, f"{int(count):,}", *_since(before, row.key, float(value), money)),
                )
                for row, value, count in zip(chart.rows, sums["open_value"], sums["open_count"], strict=True)
            ),
            heads=(
                "",
                "Open",
                "Deals",
                *([f"Since {self.look.said(self.look.start)}"] if before is not None else []),
            ),
            figure_width=84 if before is not None else 64,
        )

    def _before(self) -> pd.Series[Any] | None:
        if (
            self.look.picker.history is None
            or self.choice.start == self.choice.end
            or self.by == "close_month"
        ):
            return None
        then = self.look.picker.frame(self.choice, self.choice.start)
        table = stage_funnel(then, by=self._split())
        return table["open_value"].groupby(level=self.by, sort=False).sum()

    def _name(self, key: str) -> str:
        if self.by == "close_month":
            return text.period(key, "M").capitalize() if key in BUCKETS else text.period(key, "M")
        return text.capital(text.label(key)) if self.by == "stage" else key

    def finding(self, table: pd.DataFrame) -> str:
        if self.by == "stage":
            return super().finding(table)
        values = self._sums(table)["open_value"]
        total = float(values.sum())
        if not total:
            return "Nothing is open"
        key = str(values.idxmax())
        share, whole = text.percent(float(values.max()) / total), f"{svg.money_of(table)(total)} open"
        if self.by != "close_month":
            return f"{key} has {share} of {whole}"
        due = {"overdue": "is overdue", "unscheduled": "has no close date"}
        return f"{share} of {whole} {due.get(key) or f'is due in {self._name(key)}'}"

    def about(self) -> str:
        what = {"stage": "stage", "close_month": "month of the close date"}.get(self.by, text.label(self.by))
        return f"Open value by {what} on {self.look.said(self.look.end)}"

    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        opened = open_deals(self.look.deals)
        if self.by != "close_month":
            return self._group(opened, self.by, key)
        return due_in(self.look, opened, key)


def _since(before: pd.Series[Any] | None, key: str, now: float, money: Any) -> tuple[str, ...]:
    if before is None:
        return ()
    change = now - float(before.get(key, 0.0))
    return (f"{'▲' if change > 0 else '▼' if change < 0 else ''} {money(abs(change))}".strip(),)
