"""What moved the open pipeline between two records."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import find_gap, movements
from opp_analytics.schema import ALL, unstack_level
from opp_analytics.svg import Row, Rows
from opp_analytics.widgets.explorer.choice import Choice
from opp_analytics.widgets.explorer.views.history import HistoryView
from opp_analytics.widgets.explorer.views.view import MARKS, AnalysisCall, Kpi, open_deals

_ENDS = ("opening", "closing")
_STEPS = ("opening", "new", "won", "lost", "moved", "closing")
"""Figures of a group; what is neither new, won nor lost has moved."""


class ChangesView(HistoryView):
    """What moved the open pipeline between two records."""

    analysis = "waterfall"

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
        return (
            f"due in {text.period(self.choice.due, self.org.freq('Q'))}" if self.choice.due else ""
        )

    @property
    def n(self) -> str:
        opening, closing = (int(self._sum("count", end)) for end in ("opening", "closing"))
        return f"{text.count(opening, 'open deal')} at the start, {closing:,} at the end"

    @cached_property
    def behind(self) -> pd.DataFrame:
        ends = [
            self._open_at(self.start),
            self._open_at(self.end),
            movements(self.history, **self._options),
        ]
        ids = pd.concat([frame["unique_id"] for frame in ends])
        known = self._last_known()
        return known[known["unique_id"].isin(ids)]

    @property
    def _is_grouped(self) -> bool:
        return self.by != "movement"

    @property
    def _options(self) -> dict[str, Any]:
        due = {"due": self.choice.due} if self.choice.due else {}
        return super()._options | due | ({"by": self.by} if self._is_grouped else {})

    @property
    def chart(self) -> Rows:
        if not self._is_grouped:
            return svg.waterfall(self.table)
        rows, money, goals = [], self.money, self._goals
        drawn = svg.waterfall(self.table, most=MARKS).rows
        pictures = {row.key: row.picture for row in drawn}
        values = self.rows["value"].drop(index=ALL)
        moved = (
            (values["closing"] - values["opening"])
            .abs()
            .sort_values(ascending=False, kind="stable")
        )
        for key in [*moved.head(MARKS).index, ALL]:
            figures = [self._write(self.rows.loc[key], name) for name in _STEPS]
            if goals is not None:
                # Of picked groups the total is theirs.
                picked = key == ALL and self.choice.names
                own = goals[goals.index.isin(moved.index) if picked else goals.index == key]
                gap = float(find_gap(own["target"].sum(skipna=False), own["booked"].sum()))
                is_unknown = own.empty or math.isnan(gap)
                figures.append(text.MISSING if is_unknown else money(gap) if gap > 0 else "met")
            label = "All" if key == ALL else key
            rows.append(
                Row(label, pictures.get(key, ""), tuple(figures), strong=key == ALL, key=key)
            )
        start, end = (f"Open\n{self.format_day(at)}" for at in (self.start, self.end))
        to_go = [] if goals is None else [f"To go\n{text.period(self._goal, self.org.freq('Q'))}"]
        heads = ("", start, "New", "Won", "Lost", "Moved", end, *to_go)
        return Rows(tuple(rows), heads, figure_width=80, wide=True)

    def _write(self, row: pd.Series[Any], step: str) -> str:
        """Write the value of a step above its deals."""
        value, deals = float(row["value", step]), int(row["deals", step])
        if not deals:
            return text.MISSING
        counted = text.count(deals, "change" if step == "moved" else "deal")
        return f"{self.money(value, signed=step not in _ENDS and bool(value))}\n{counted}"

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The value and deals of each step by group, of what moved the changes; the total last."""
        group, step = (self.table.index.get_level_values(level) for level in (0, -1))
        steps = step.where(step.isin(_STEPS), "moved")
        sums = self.table[["value", "deals"]].groupby([group, steps], sort=False).sum()
        found = pd.concat({name: unstack_level(sums[name], "movement") for name in sums}, axis=1)
        every = pd.MultiIndex.from_product([["value", "deals"], _STEPS])
        found = found.reindex(columns=every).fillna(0)
        return pd.concat([found, found.sum().to_frame(ALL).T])

    @property
    def _goal(self) -> str:
        """The period whose targets are shown: that of the deals, else the current month."""
        return self.choice.due or str(pd.Period(self.day, "M"))

    @property
    def _goal_call(self) -> AnalysisCall | None:
        """Ask for the targets of groups.

        None without any, and of deals that were picked otherwise than by these groups.
        """
        is_other = self.choice.picks(but="names") or {*self.choice.names} - {self.by}
        if self.selector.targets is None or not self._is_grouped or is_other:
            return None
        asked: dict[str, Any] = {
            "as_of": str(self.day.date()),
            "freq": "Q" if "Q" in self._goal else "M",
        }
        asked |= {"method": "stated", "by": self.by, "target": self.selector.targets}
        return AnalysisCall(
            "forecast", {**asked, "periods": [self._goal], "only": True, "totals": True}
        )

    @cached_property
    def _goals(self) -> pd.DataFrame | None:
        """What is booked of the target by group, and what is to go; None without targets."""
        if self._goal_call is None:
            return None
        found = self._goal_call.table(self.selector.select(Choice(), self.end))
        goals = pd.DataFrame(found[["booked", "target", "gap"]].xs(self._goal, level="period"))
        return goals if goals["gap"].notna().any() else None

    @property
    def shown_table(self) -> pd.DataFrame:
        if not self._is_grouped:
            return self.table
        columns = [f"{step}_{name}" for name in ("value", "deals") for step in _STEPS]
        flat = self.rows.set_axis(columns, axis=1).rename_axis(self.by)
        return flat if self._goals is None else flat.join(self._goals)

    def write_code(self) -> list[str]:
        lines = super().write_code()
        if not lines or self._goal_call is None or self._goals is None:
            return lines
        frame = self.selector.write_code(Choice(), self.end)
        goals, _ = self._goal_call.write_code("deals")
        keep = f'.xs({self._goal!r}, level="period")[["booked", "target", "gap"]]'
        return [*lines[:-1], *frame, f"{goals.replace('table =', 'goals =', 1)}{keep}", lines[-1]]

    @property
    def finding(self) -> str:
        money, values = self.money, self.table["value"]
        opening, closing = self._sum("value", "opening"), self._sum("value", "closing")
        how = f"{'rose' if closing > opening else 'fell'} {money(abs(closing - opening))}"
        if money(opening) == money(closing):
            how = f"stayed at {money(closing)}"
        found = f"Open pipeline{self._due and f' {self._due}'} {how} from {self._span}"
        if not self._is_grouped:
            moves = values.drop(["opening", "closing"]).rename(text.movement)
        else:
            moves = values.xs("closing", level=-1) - values.xs("opening", level=-1)
        name, largest = max(moves.items(), key=lambda move: abs(move[1]), default=("", 0.0))
        return (
            f"{found}; largest change: {name}, {money(largest, signed=True)}" if largest else found
        )

    @property
    def about(self) -> str:
        if self._is_grouped:
            rest = self.table.index.get_level_values(0).nunique() - MARKS
            more = f". {rest} that changed less are in the table only" if rest > 0 else ""
            return (
                "Open value: what came in (blue) and what left (gray). Moved: changes of value "
                f"and date, reopened, removed and handed over{more}"
            )
        cut = f". {self.chart.note}" if self.chart.note else ""
        return (
            "Open value, each change at the record that first showed it. Number of deals beside "
            f"each bar{cut}"
        )

    def open_at(self, key: str) -> str:
        return self.start if key == "opening" else self.end

    def find_deals(self, key: str) -> pd.DataFrame:
        if not self._is_grouped and key in _ENDS:
            return self._open_at(self.open_at(key))
        moves = movements(self.history, **self._options).rename(columns={"value": "change"})
        if not self._is_grouped:
            moves = moves.loc[moves["movement"] == key, ["unique_id", "change"]]
        else:
            moves = moves if key == ALL else moves[moves.index == key]
            moves = moves.assign(movement=moves["movement"].map(text.movement))[
                ["unique_id", "movement", "change"]
            ]
        return moves.merge(self._last_known(), on="unique_id", how="left")

    def _open_at(self, moment: str) -> pd.DataFrame:
        opened = self._take_due(open_deals(self.selector.select_recorded(self.choice, moment)))
        return opened.assign(change=opened["value"].fillna(0.0))

    def _take_due(self, opened: pd.DataFrame) -> pd.DataFrame:
        """Keep the deals in the chosen period."""
        if not self.choice.due:
            return opened
        return opened[opened["close_date"].between(*self.org.period_days(self.choice.due))]
