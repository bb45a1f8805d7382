"""What changed in the open pipeline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import (
    movements,
    waterfall,
)
from opp_analytics.history import History
from opp_analytics.svg import Amount, Rows
from opp_analytics.widgets.explorer.views.view import MARKS, View, last_known, open_deals

__all__ = ["Changes"]


class Changes(View):
    """What moved the open pipeline between two records."""

    title = "Changes"
    of_history = True

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"start": self.look.start, "end": self.look.end}
        if self.choice.due:
            options["due"] = self.choice.due
        return options

    def table(self) -> pd.DataFrame:
        assert self.look.scoped is not None
        return waterfall(self.look.scoped, **self._options(), by=self._by)

    @property
    def _by(self) -> str | None:
        return None if self.by == "movement" else self.by

    def code(self) -> list[str]:
        due = f', due="{self.choice.due}"' if self.choice.due else ""
        group = "" if self._by is None else f', by="{self._by}"'
        return [
            *self.look.picker.history_code(self.choice),
            f'table = oa.waterfall(chosen, start="{self.look.start}", end="{self.look.end}"{due}{group})',
            "oa.plots.waterfall(table)",
        ]

    def rows(self, table: pd.DataFrame) -> Rows:
        if self._by is None:
            return svg.waterfall(table)
        money = svg.money_of(table)
        ends = pd.DataFrame({end: table["value"].xs(end, level=1) for end in ("opening", "closing")})
        deals = table["count"].xs("closing", level=1)
        ends = ends.sort_values("closing", ascending=False, kind="stable").head(MARKS)
        chart = svg.bars(
            [
                Amount(
                    str(key),
                    float(row["closing"]),
                    money(row["closing"]),
                    f"{key}: {money(row['opening'])} to {money(row['closing'])}",
                )
                for key, row in ends.iterrows()
            ]
        )
        changes = ends["closing"] - ends["opening"]
        return replace(
            chart,
            rows=tuple(
                replace(
                    row,
                    figures=(
                        *row.figures,
                        f"{int(deals[row.key]):,}",
                        f"{'+' if change > 0 else ''}{money(change)}",
                    ),
                )
                for row, change in zip(chart.rows, changes, strict=True)
            ),
            heads=("", "Open", "Deals", "Change"),
            figure_width=72,
        )

    def finding(self, table: pd.DataFrame) -> str:
        money = svg.money_of(table)
        movement = table.index.get_level_values(-1)
        opening, closing = (float(table["value"][movement == end].sum()) for end in ("opening", "closing"))
        due = f" due in {text.period(self.choice.due, self.look.org.freq('Q'))}" if self.choice.due else ""
        how = f"{'rose' if closing > opening else 'fell'} {money(abs(closing - opening))}"
        if money(opening) == money(closing):
            how = f"stayed at {money(closing)}"
        said = f"Open pipeline{due} {how} from {self.look.said(self.look.start)} to {self.look.said(self.look.end)}"
        name, largest = max(self._moved(table).items(), key=lambda moved: abs(moved[1]), default=("", 0.0))
        return f"{said}; largest change: {name}, {money(largest, signed=True)}" if largest else said

    def _moved(self, table: pd.DataFrame) -> dict[str, float]:
        """What each movement, or group, changed."""
        values = table["value"]
        if self._by is None:
            moved = values.drop(["opening", "closing"])
            return {text.label(str(name)): float(value) for name, value in moved.items()}
        change = values.xs("closing", level=-1) - values.xs("opening", level=-1)
        return {str(name): float(value) for name, value in change.items()}

    def about(self) -> str:
        return "Open value, each change at the record that first showed it. Number of deals beside each bar"

    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        scoped = self.look.scoped
        assert scoped is not None
        if self._by is not None:
            return self._group(self._open_at(scoped, self.look.end), self._by, key)
        if key in ("opening", "closing"):
            return self._open_at(scoped, self.look.start if key == "opening" else self.look.end)
        moved = movements(scoped, **self._options())
        moved = moved[moved["movement"] == key][["unique_id", "value"]].rename(columns={"value": "change"})
        last = last_known(scoped, self.look.end)
        return moved.merge(last.drop_duplicates("unique_id"), on="unique_id", how="left")

    def _open_at(self, scoped: History, moment: str) -> pd.DataFrame:
        opened = open_deals(scoped.as_of(moment))
        if self.choice.due:
            opened = opened[opened["close_date"].between(*self.look.org.period_days(self.choice.due))]
        return opened.assign(change=opened["value"].fillna(0.0))
