"""The forecast of one period by person, team or other names.

It is shown beside targets, categories and calls.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import evidence, find_calls, heading, list_figures
from opp_analytics.org import CALL_KEY, calls_known, find_called_period
from opp_analytics.schema import ALL, BUCKETS, HALF_CENT, label_groups
from opp_analytics.svg import Row, Rows
from opp_analytics.widgets.explorer.views.forecast import ForecastView
from opp_analytics.widgets.explorer.views.view import MARKS, AnalysisCall, Kpi, open_deals

_MONTHS, _QUARTERS = (-2, 11), (-2, 3)
"""Periods to choose from, counted from the current one: those just ended, and a year ahead."""

_NO_TARGETS = (
    "No targets yet. Type one above to see what is still to go, or name a table with period, "
    "owner_name and target under [targets] of the org file."
)
_NO_TARGET_ALONE = (
    "No target for these deals. The org's targets are for the whole pipeline or a person's or "
    "team's part of it. Type one above for these deals alone."
)


class PeopleView(ForecastView):
    """Rows of people, teams or other names, which add up to the whole.

    They are `oa.forecast` of one period by these names.

    The period is the chosen month or quarter, by default the current month.
    """

    @property
    def freq(self) -> str:
        return "Q" if "Q" in (self.choice.due or "") else "M"

    @property
    def period(self) -> str:
        """Label of the period."""
        return self.choice.due or str(self._now)

    @property
    def periods(self) -> list[list[str]]:
        found = []
        for freq, (first, last) in (("M", _MONTHS), ("Q", _QUARTERS)):
            now = pd.Period(self.day, self.org.freq(freq))
            ahead = [now + step for step in range(first, last + 1)]
            found += [[str(each), f"for {text.period(str(each), now.freqstr)}"] for each in ahead]
        usual = str(pd.Period(self.day, self.org.freq("M")))
        return [["" if name == usual else name, words] for name, words in found]

    @cached_property
    def behind(self) -> pd.DataFrame:
        won = self._find_won(*self.org.period_days(self.period))
        return pd.concat([self._due_in(open_deals(self.deals), self.period), won])

    @property
    def kpis(self) -> list[Kpi]:
        """The figures of the period, as on the page."""
        row, money = self.by_period.loc[[self.period]].iloc[0], self.money
        several = self._is_part and self._groups > 1
        lacks = "several together have no range" if several else evidence.NO_RANGE
        spread = (
            text.money_range(row["low"], row["high"], money) if math.isfinite(row["low"]) else lacks
        )
        more = {"expected": spread, "p_target": f"target {money(row['target'])}"}
        won = len(self._find_won(*self.org.period_days(self.period)))
        found = list_figures(row, row, self.by_period, won, no_range=lacks)
        return [
            Kpi(each.name, each.figure, each.note or more.get(each.column, "")) for each in found
        ]

    @property
    def _levels(self) -> list[str]:
        """The columns of the rows; picked names of other columns are rows of their own."""
        return [*(column for column in super()._levels if column != self.by), self.by]

    @property
    def call(self) -> AnalysisCall:
        by: dict[str, Any] = {"by": self._levels, "periods": [self.period], "only": True}
        totals = {} if self._is_part else {"totals": True}
        return AnalysisCall(
            "forecast", self._ask(self.freq) | by | totals | self._aim([self.period])
        )

    @cached_property
    def by_period(self) -> pd.DataFrame:
        if self._is_part:
            return super().by_period
        whole = self.table[self.table.index.get_level_values(self.by) == ALL].droplevel(self.by)
        whole.attrs = self.table.attrs
        return whole

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Rows by group, the largest target or forecast first, the total last.

        Each row has its categories and its call.
        """
        table = self.table[self.table.index.get_level_values("period") == self.period].droplevel(
            "period"
        )
        groups = self._categories.droplevel("period")
        names = ["closed", "commit", "best_case", "commit_total", "best_case_total"]
        table = table.join(groups[names].reindex(table.index, fill_value=0.0))
        if not self._is_part:
            table.loc[ALL, names] = groups[names].sum()
        elif len(table) > 1:
            whole = self.by_period.loc[[self.period]].join(
                table[names].sum().to_frame(self.period).T
            )
            levels = table.index.names
            whole.index = pd.Index([(ALL,) * len(levels)] if len(levels) > 1 else [ALL])
            table = pd.concat([table, whole]).rename_axis(levels)
        table = table.join(
            find_calls(self._called, table, self.day, None if self._is_part else ("", ""))
        )
        counts = table[["booked", "expected", "target", "open_count"]].fillna(0.0).ne(0).any(axis=1)
        total = table.index.get_level_values(0) == ALL
        return pd.concat([evidence.rank_groups(table[counts & ~total]), table[total]])

    @property
    def _kinds_call(self) -> AnalysisCall:
        """Ask for the categories."""
        asked = {name: self.call.options[name] for name in ("as_of", "freq", "by")}
        return AnalysisCall("forecast_categories", asked)

    @cached_property
    def _categories(self) -> pd.DataFrame:
        found = self._kinds_call.table(self.source)
        return found[found.index.get_level_values("period") == self.period]

    @cached_property
    def _called(self) -> pd.DataFrame:
        """The calls of the period in force at the window's end.

        None beside deals alone, of which nobody called a number.
        """
        if self.selector.calls is None or self.is_alone:
            return self.org.calls.iloc[:0]
        calls = self.selector.calls.value
        called = calls_known(calls[calls["period"].isin(self._labels)], self.day)
        return called.sort_values("made_on", kind="stable")

    @property
    def _labels(self) -> list[str]:
        """How the calls spell the period."""
        now = pd.Period(self.period, self._freq)
        labels = [] if self.selector.calls is None else self.selector.calls.value["period"].unique()
        return [str(one) for one in labels if find_called_period(one, self._freq, self.org) == now]

    @property
    def shown_table(self) -> pd.DataFrame:
        return self.rows

    def _write_more(self) -> list[str]:
        categories, _ = self._kinds_call.write_code("deals")
        keep = f'categories.index.get_level_values("period") == {self.period!r}'
        lines = [
            categories.replace("table =", "categories =", 1),
            f"categories = categories[{keep}]",
        ]
        if self.selector.calls is None or self._called.empty:
            return lines
        mine = (
            f'calls["period"].isin({self._labels!r}) & (calls["made_on"] <= '
            f"{str(self.day.date())!r})"
        )
        newest = (
            f".drop_duplicates({CALL_KEY!r}, "
            'keep="last").dropna(subset=["commit"]).assign(in_force=True)'
        )
        lines += [
            f"calls = {self.selector.calls.words}",
            f'calls = calls[{mine}].sort_values("made_on", kind="stable")',
        ]
        return [*lines, f"calls = calls{newest}"]

    @property
    def amounts(self) -> pd.Series[Any]:
        return self.rows["expected"].rename(text.join_key)

    @property
    def chart(self) -> Rows:
        table, money = self.rows, self.money
        total = np.asarray(table.index.get_level_values(0) == ALL)
        aimed, called = (bool(table[name].notna().any()) for name in ("target", "call"))
        top = (
            None
            if aimed
            else 1.05 * max(float(table.loc[~total, ["high", "expected"]].max().max()), 1.0)
        )
        ranges = "due-only range" if self.method == "stated" else "80% range"
        heads = [
            "",
            "Closed",
            f"Forecast\n{ranges}",
            "Target" if aimed else "Due",
            "Commit",
            "Best case",
        ]
        heads += ["Call"] * called + ["Chance"] * aimed
        rows = []
        for key, row in pd.concat([table[~total].head(MARKS), table[total]]).iterrows():
            whole = ALL in text.split_key(key)
            spread = (
                text.money_range(row["low"], row["high"], money)
                if math.isfinite(row["low"])
                else ""
            )
            figures = [money(row["booked"]), _stack(money(row["expected"]), spread)]
            figures += [self._write_target(row) if aimed else money(row["open_value"])]
            figures += [money(row["commit_total"]), money(row["best_case_total"])]
            figures += [self._write_call(row, text.split_key(key)[-1])] * called
            figures += [self._write_chance(row)] * aimed
            picture = svg.progress(row, money, top=None if whole else top)
            name = ("Together" if self._is_part else "All") if whole else self.name_row(key)
            rows.append(Row(name, picture, tuple(figures), strong=whole, key=text.join_key(key)))
        axis = svg.progress_axis() if aimed else ""
        return Rows(tuple(rows), tuple(heads), axis, label_width=136, figure_width=84, wide=True)

    def name_row(self, key: Any) -> str:
        """Name a row by its groups, without what is the same in all rows."""
        labels = zip(self._levels, text.split_key(key), strict=True)
        named = [
            str(label) for name, label in labels if name == self.by or len(self._picked[name]) > 1
        ]
        return " · ".join(named)

    def _write_target(self, row: pd.Series[Any]) -> str:
        if not math.isfinite(row["target"]):
            return text.MISSING
        gap = row["gap"]
        below = f"{self.money(abs(gap))} {'to go' if gap > 0 else 'past'}" if gap else "met"
        return _stack(self.money(row["target"]), below)

    def _write_call(self, row: pd.Series[Any], name: Any) -> str:
        """Write the call in force, below it what somebody else says, or who called the number."""
        if not math.isfinite(row["call"]):
            return text.MISSING
        by = "" if pd.isna(row["caller"]) or row["caller"] == name else f"by {row['caller']}"
        if math.isfinite(row["override"]):
            by = f"{self.money(row['override'])} by {row['overrider']}"
        return _stack(self.money(row["call"]), by)

    @property
    def finding(self) -> str:
        return heading(self.table)

    @property
    def about(self) -> str:
        aims = ", line target" if self.rows["target"].notna().any() else ""
        drawn = f"Gray bar closed, dot forecast, blue band range{aims}"
        alone = ". Several together have no range" if self._is_part and self._groups > 1 else ""
        rest = len(self.rows) - 1 - MARKS
        more = f". {rest} smaller ones are in the table only" if rest > 0 else ""
        *own, whole = self.rows["call"]
        # Who called the whole is beside it.
        summed = (
            not self._is_part
            and pd.isna(self.rows["caller"].iloc[-1])
            and abs(whole - sum(own)) >= HALF_CENT
        )
        teams = ". In All a team’s call counts in place of its people’s" if summed else ""
        return (
            f"{text.period(self.period, self._freq)}, as of {self.format_day(self.end)}, "
            f"{self._method_words}. {drawn}. Commit and best case include what closed"
            f"{teams}{alone}{more}"
        )

    @property
    def notes(self) -> list[str]:
        if self.choice.target is not None:
            return []
        if self.selector.targets is None:
            return [_NO_TARGETS]
        return [_NO_TARGET_ALONE] if self.is_alone else []

    def find_deals(self, key: str) -> pd.DataFrame:
        if key in BUCKETS:
            return super().find_deals(key)
        found = super().find_deals(self.period)
        row = self._find_row(key)
        if row is None or ALL in text.split_key(row.name):
            return found
        names = zip(*(label_groups(found[level]) for level in self._levels), strict=True)
        return found[np.array([text.join_key(name) == key for name in names], dtype=bool)]

    def _find_row(self, key: str) -> pd.Series[Any] | None:
        found = [place for place, name in enumerate(self.rows.index) if text.join_key(name) == key]
        return self.rows.iloc[found[0]] if found else None


def _stack(figure: str, below: str) -> str:
    return f"{figure}\n{below}" if below else figure
