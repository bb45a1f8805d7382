"""The forecast by period."""

from __future__ import annotations

import math

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import (
    forecast,
)
from opp_analytics.certificate import Certificate
from opp_analytics.org import WON, outcome_codes
from opp_analytics.schema import BUCKETS
from opp_analytics.svg import Row, Rows
from opp_analytics.widgets.explorer.views.view import MARKS, View, due_in, open_deals, states_chances

__all__ = ["Forecast"]


class Forecast(View):
    """Expected money by month or quarter, from stated chances, or from the run rate where none is stated."""

    title = "Forecast"

    def table(self) -> pd.DataFrame:
        return forecast(
            self.look.deals,
            as_of=self.look.end,
            freq=self.by,
            method=self._method,
            target=self.choice.target,
        )

    @property
    def _method(self) -> str:
        """Stated chances; where there are none, what past periods won."""
        return "stated" if states_chances(self.look) else "auto"

    def lacks(self, table: pd.DataFrame) -> str:
        return "" if states_chances(self.look) or _run_rate(table) else "chances"

    def code(self) -> list[str]:
        target = "" if self.choice.target is None else f", target={self.choice.target!r}"
        return [
            *self._picked_code(),
            f'table = oa.forecast(deals, as_of="{self.look.end}", freq="{self.by}", method="{self._method}"{target})',
            "oa.plots.forecast(table)",
        ]

    def coming(self, table: pd.DataFrame) -> pd.DataFrame:
        """Periods from the current one on that hold anything."""
        ahead = table.drop(index=[bucket for bucket in BUCKETS if bucket in table.index])
        current = ahead.index >= str(pd.Period(self.look.day(self.look.end), table.attrs["freq"]))
        return ahead[current & ((ahead["booked"] > 0) | (ahead["open_count"] > 0) | ahead["to_date"])]

    def rows(self, table: pd.DataFrame) -> Rows:
        money, coming = svg.money_of(table), self.coming(table).head(MARKS)
        ends = [*coming["expected"], *coming["high"].dropna(), *coming["target"].dropna()]
        scale = svg.axis([*ends, 1.0], end=92)
        target = float(coming["target"].dropna().iloc[0]) if coming["target"].notna().any() else math.nan
        freq = str(table.attrs["freq"])
        return Rows(
            tuple(
                Row(
                    text.period(str(key), freq),
                    svg.month(row, scale, money, name=text.period(str(key), freq)),
                    (
                        money(row["expected"]),
                        f"{money(row['low'])}–{money(row['high'])}" if math.isfinite(row["low"]) else "–",
                        text.percent(row["p_target"]) if row["to_date"] else text.MISSING,
                        f"{int(row['open_count']):,}",
                    ),
                    key=str(key),
                )
                for key, row in coming.iterrows()
            ),
            heads=("", "Forecast", "80% range", "Chance", "Due"),
            axis=svg.month_axis(scale, target, money),
            label_width=104,
            figure_width=92,
        )

    def finding(self, table: pd.DataFrame) -> str:
        money = svg.money_of(table)
        current = table[table["to_date"]]
        if current.empty:
            return "Nothing is due in the running period"
        row = current.iloc[0]
        name = text.period(str(current.index[0]), str(table.attrs["freq"]))
        said = f"{name}: {money(row['booked'])} closed, forecast {money(row['expected'])}"
        if math.isfinite(row["target"]):
            said += f" vs. {money(row['target'])} target; {text.percent(row['p_target'])} likely to hit"
        return said

    def about(self) -> str:
        how = (
            "stated chances: closed and open deals due"
            if states_chances(self.look)
            else "no chance is stated: closed, and what past periods still won at the same point"
        )
        return f"As of {self.look.said(self.look.end)}, {how}, with the 80% range"

    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        deals, day = self.look.deals, self.look.day(self.look.end)
        due = due_in(self.look, open_deals(deals), key)
        if key in BUCKETS:
            return due
        won = deals[outcome_codes(deals) == WON]
        moment = Certificate.moment_of(deals)
        if moment is None or self.look.day(str(moment)) > day:
            won = won[won["close_date"] <= day]
        first, last = self.look.org.period_days(key)
        both: pd.DataFrame = pd.concat([due, won[won["close_date"].between(first, last)]])
        return both


def _run_rate(table: pd.DataFrame) -> bool:
    return str(table.attrs["method"]).startswith("run_rate")
