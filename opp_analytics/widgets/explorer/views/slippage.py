"""Outcome of the deals that were due."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import (
    slippage,
    slippage_deals,
)
from opp_analytics.schema import NO_LABEL
from opp_analytics.svg import Amount, Rows
from opp_analytics.widgets.explorer.views.view import MARKS, PART, View, last_known

__all__ = ["Slippage"]


class Slippage(View):
    """What became of the deals that were due."""

    title = "Slippage"
    of_history = True

    def table(self) -> pd.DataFrame:
        assert self.look.scoped is not None
        return slippage(self.look.scoped, start=self.look.start, end=self.look.end, by=self._by)

    @property
    def _by(self) -> str | None:
        return None if self.by == "all" else self.by

    def code(self) -> list[str]:
        group = "" if self._by is None else f', by="{self._by}"'
        return [
            *self.look.picker.history_code(self.choice),
            f'table = oa.slippage(chosen, start="{self.look.start}", end="{self.look.end}"{group})',
            "oa.plots.slippage(table)",
        ]

    def rows(self, table: pd.DataFrame) -> Rows:
        if self._by is None:
            # One row for each outcome, so that each opens its deals.
            whole = float(table["value"].sum())
            money = svg.money_of(table)
            kept = table[table["count"] > 0]
            chart = svg.bars(
                [
                    Amount(
                        text.capital(text.label(str(key))),
                        float(row["value"]),
                        money(row["value"]),
                        f"{text.capital(text.label(str(key)))}: {money(row['value'])}, {text.count(int(row['count']))}",
                        str(key),
                    )
                    for key, row in kept.iterrows()
                ]
            )
            inner = tuple(
                replace(
                    row,
                    figures=(
                        *row.figures,
                        f"{int(count):,}",
                        text.percent(value / whole) if whole else text.MISSING,
                    ),
                )
                for row, value, count in zip(chart.rows, kept["value"], kept["count"], strict=True)
            )
            return replace(chart, rows=inner, heads=("", "Value", "Deals", "Share"))
        due = table["value"].groupby(level=0).sum().sort_values(ascending=False, kind="stable")
        tables = {str(name): _one(table, name) for name in due.index[:MARKS]}
        return replace(svg.slippage(tables), heads=("", "Due"), label_width=136)

    def about(self) -> str:
        return (
            f"Deals open on {self.look.said(self.look.start)} and due by {self.look.said(self.look.end)}, by what became of them; "
            "value at the start"
        )

    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        scoped = self.look.scoped
        assert scoped is not None
        due = slippage_deals(scoped, start=self.look.start, end=self.look.end, by=self._by)
        if self._by is None:
            picked = due[due["outcome"] == key]
        else:
            # A group's name opens all its deals, a part of its bar those of one outcome.
            group, _, outcome = key.partition(PART)
            groups = pd.Series(due.index.get_level_values(self._by), index=due.index)
            named = groups.astype("object").where(groups.notna(), NO_LABEL).astype(str)
            picked = due[(named == group).to_numpy()]
            if outcome:
                picked = picked[picked["outcome"] == outcome]
        frame = picked[["unique_id", "name", "value", "outcome"]].rename(columns={"outcome": "became"})
        last = last_known(scoped, self.look.end).drop_duplicates("unique_id")
        return frame.merge(last.drop(columns=["name", "value"]), on="unique_id", how="left")


def _one(table: pd.DataFrame, group: Any) -> pd.DataFrame:
    one = pd.DataFrame(table.xs(group, level=0))
    one.attrs = dict(table.attrs)
    return one
