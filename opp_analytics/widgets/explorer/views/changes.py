"""What moved the open pipeline between two records."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import movements
from opp_analytics.schema import label_groups
from opp_analytics.svg import Amount, Rows
from opp_analytics.widgets.explorer.views.history import HistoryView
from opp_analytics.widgets.explorer.views.view import MARKS, AnalysisCall, Kpi, open_deals


class ChangesView(HistoryView):
    """What moved the open pipeline between two records."""

    @property
    def kpis(self) -> list[Kpi]:
        whole = self._take_due(open_deals(self.selector.read_record(self.end)))
        before = f"{self.money(self._sum('value', 'opening'))} on {self.format_day(self.start)}"
        due = f"{self._due}, " if self._due else ""
        opened, value, weighted = self._sum_open(
            self._open_at(self.end), whole if self.choice.picks() else None, before, due
        )
        return [
            opened._replace(figure=f"{int(self._sum('count', 'closing')):,}"),
            value._replace(figure=self.money(self._sum("value", "closing"))),
            weighted,
            self._rate("deals", f"closed {self._span}"),
        ]

    @property
    def _due(self) -> str:
        return f"due in {text.period(self.choice.due, self.org.freq('Q'))}" if self.choice.due else ""

    @property
    def n(self) -> str:
        opening, closing = (int(self._sum("count", end)) for end in ("opening", "closing"))
        return f"{text.count(opening, 'open deal')} at the start, {closing:,} at the end"

    @cached_property
    def behind(self) -> pd.DataFrame:
        ends = [self._open_at(self.start), self._open_at(self.end), movements(self.history, **self._options)]
        ids = pd.concat([frame["unique_id"] for frame in ends])
        known = self._last_known()
        return known[known["unique_id"].isin(ids)]

    @property
    def _group(self) -> str | None:
        return None if self.by == "movement" else self.by

    @property
    def _options(self) -> dict[str, Any]:
        return super()._options | ({"due": self.choice.due} if self.choice.due else {})

    @property
    def call(self) -> AnalysisCall:
        return self._call("waterfall", **({} if self._group is None else {"by": self._group}))

    @property
    def chart(self) -> Rows:
        if self._group is None:
            return svg.waterfall(self.table)
        money, values = self.money, self.table["value"]
        ends = pd.DataFrame({end: values.xs(end, level=1) for end in ("opening", "closing")})
        ends["deals"] = self.table["count"].xs("closing", level=1)
        ends = ends.sort_values("closing", ascending=False, kind="stable").head(MARKS)
        bars = []
        for key, opening, closing, deals in ends.itertuples():
            title = f"{key}: {money(opening)} to {money(closing)}"
            more = (f"{int(deals):,}", f"{'+' if closing > opening else ''}{money(closing - opening)}")
            bars.append(Amount(str(key), float(closing), money(closing), title, more=more))
        return replace(svg.bars(bars), heads=("", "Open", "Deals", "Change"), figure_width=72)

    @property
    def finding(self) -> str:
        money, values = self.money, self.table["value"]
        opening, closing = self._sum("value", "opening"), self._sum("value", "closing")
        how = f"{'rose' if closing > opening else 'fell'} {money(abs(closing - opening))}"
        if money(opening) == money(closing):
            how = f"stayed at {money(closing)}"
        found = f"Open pipeline{self._due and f' {self._due}'} {how} from {self._span}"
        if self._group is None:
            moves = values.drop(["opening", "closing"]).rename(text.movement)
        else:
            moves = values.xs("closing", level=-1) - values.xs("opening", level=-1)
        name, largest = max(moves.items(), key=lambda move: abs(move[1]), default=("", 0.0))
        return f"{found}; largest change: {name}, {money(largest, signed=True)}" if largest else found

    @property
    def about(self) -> str:
        cut = f". {self.chart.note}" if self.chart.note else ""
        return f"Open value, each change at the record that first showed it. Number of deals beside each bar{cut}"

    def find_deals(self, key: str) -> pd.DataFrame:
        if self._group is not None:
            opened = self._open_at(self.end)
            return opened[label_groups(opened[self._group]) == key]
        if key in ("opening", "closing"):
            return self._open_at(self.start if key == "opening" else self.end)
        moves = movements(self.history, **self._options)
        moves = moves[moves["movement"] == key][["unique_id", "value"]].rename(columns={"value": "change"})
        return moves.merge(self._last_known(), on="unique_id", how="left")

    def _open_at(self, moment: str) -> pd.DataFrame:
        opened = self._take_due(open_deals(self.selector.select_recorded(self.choice, moment)))
        return opened.assign(change=opened["value"].fillna(0.0))

    def _take_due(self, opened: pd.DataFrame) -> pd.DataFrame:
        """Keep the deals in the chosen period."""
        if not self.choice.due:
            return opened
        return opened[opened["close_date"].between(*self.org.period_days(self.choice.due))]
