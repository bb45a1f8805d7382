"""Further pictures of the forecast: over time, at the same point of earlier periods, coverage, and what is created against the need."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from opp_analytics import analysis, svg, text
from opp_analytics.analysis import find_usual_coverage, heading, list_past_coverage, sentence
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.schema import BUCKETS
from opp_analytics.svg import Row, Rows
from opp_analytics.widgets.explorer.choice import Choice
from opp_analytics.widgets.explorer.views.forecast import ForecastView
from opp_analytics.widgets.explorer.views.people import OnePeriodView
from opp_analytics.widgets.explorer.views.view import (
    COLUMNS,
    AnalysisCall,
    Kpi,
    Lack,
    Option,
    open_deals,
)

_TREND, _WEEKS, _RECENT = 9, 12, 4
"""Weeks of the trend and of what was created, as on the page; and those whose average is compared
with the need."""
_WEEK = pd.Timedelta(days=7)
_AHEAD = 4
"""Periods whose coverage is shown: the current one and three ahead, as on the page."""


class _WholeView(OnePeriodView):
    """A picture of the whole history, which no filter changes, beside the forecast of one period."""

    left_out: ClassVar[dict[str, int]] = {}
    amounts = pd.Series(dtype="float64")
    chart = Rows(())

    @property
    def lack(self) -> str | Lack:
        if self.selector.opportunities.empty:
            return "deals"
        if not self.selector.moments:
            return Lack(
                title="No history yet.",
                text=(
                    "This picture is made of past records of the pipeline. Record it daily, and "
                    "call the explorer with the history:"
                ),
                code="opp-analytics record\n\noa.explore(opportunities, history)",
            )
        if self.is_alone:
            return Lack(
                title="These are not all deals.",
                text=(
                    "This picture is of the whole history, of which the table has a part. Call "
                    "the explorer with all of it:"
                ),
                code='oa.explore(history.as_of("today"), history)',
            )
        try:
            return "nothing" if self.table.empty else ""
        except (NotEnoughHistory, DataError) as reason:
            words = f"{text.capital(str(reason).rstrip('.'))}."
            return Lack(title="Too little history yet.", text=words, code="opp-analytics record")

    @cached_property
    def by_period(self) -> pd.DataFrame:
        table = self._whole_call.table(self.deals)
        return table[~table.index.isin(BUCKETS)]

    @property
    def _whole_call(self) -> AnalysisCall:
        """Ask for the forecast of the period."""
        one = {"periods": [self.period], "only": True}
        return AnalysisCall("forecast", self._ask(self.freq) | one | self._aim([]))

    @property
    def method(self) -> str:
        return str(self.by_period.attrs["method"])

    @cached_property
    def source(self) -> Any:
        return self.selector.history

    def write_code(self) -> list[str]:
        if self.lack:
            return []
        made, drawing = self.call.write_code("history")
        return [made, *self._write_more(), drawing]


class OverTimeView(_WholeView):
    """The forecast of one period at each week's last record: `oa.forecast_fan` with what had closed, and the target."""

    @property
    def call(self) -> AnalysisCall:
        asked = {"period": self.period, "freq": self.freq, "method": self.method}
        return AnalysisCall(
            "forecast_fan", {**asked, "as_of": str(self.day.date()), "at": self._days}
        )

    @property
    def _days(self) -> list[str]:
        """The days of each week's last record, counted back from the last day.

        Of nine weeks, or of the whole period.
        """
        first, last = self.org.period_days(self.period)
        last = min(last, self.day)
        days = map(self.selector.to_day, self.selector.moments)
        weeks = {(last - day).days // 7: day for day in days if day <= last}
        longest = max(_TREND - 1, (last - first).days // 7 + 1)
        return [str(day.date()) for week, day in weeks.items() if week <= longest]

    @cached_property
    def table(self) -> pd.DataFrame:
        table = super().table
        if math.isfinite(self._target):
            table["target"] = self._target
        return table

    @property
    def _target(self) -> float:
        return float(self.by_period["target"].iloc[0])

    def _write_more(self) -> list[str]:
        return [f'table["target"] = {self._target!r}'] if math.isfinite(self._target) else []

    @cached_property
    def _pacing(self) -> pd.DataFrame | None:
        """What earlier periods had closed by each day.

        Of a period that is not the current one None.
        """
        if self.period != str(self._now):
            return None
        return analysis.pacing(self.deals, as_of=self.day, freq=self.freq, by_day=True)

    @cached_property
    def drawing(self) -> str:
        first, last = self.org.period_days(self.period)
        won = self._find_won(first, last)[["close_date", "value"]]
        won = won.assign(close_date=won["close_date"].where(won["close_date"] < self.day, self.day))
        begin = pd.DataFrame({"close_date": [first], "value": [0.0]}).astype(won.dtypes)
        return svg.forecast_fan(self.table, closed=pd.concat([begin, won]), pacing=self._pacing)

    @property
    def finding(self) -> str:
        known = self.table[self.table["expected"].notna()]
        return sentence(known if len(known) else self.table).removesuffix(".")

    @property
    def about(self) -> str:
        said = "" if self._pacing is None else analysis.explain_pacing(self._pacing)
        gray = said and f". {said}"
        how = {"learned": "chances from history", "run_rate": "run rate"}.get(
            self.method, "stated chances"
        )
        return (
            f"{self._as_of}. Forecast by {how} at each week’s last record, with the 80% range, "
            f"and what had closed{gray}"
        )

    @property
    def n(self) -> str:
        return text.count(len(self.table), "record")


class PacingView(OnePeriodView):
    """What had closed, and what was open and due, at the same point of earlier periods: `oa.pacing` of the picked deals."""

    months = quarters = (0, 0)
    worthless = ("without_value",)
    aims = _is_part = needs_chances = False

    @property
    def lack(self) -> str | Lack:
        return super().lack or (
            "" if self.table[["booked", "actual"]].fillna(0).ne(0).any(axis=None) else "nothing"
        )

    @property
    def amounts(self) -> pd.Series[Any]:
        return self.table["booked"]

    @cached_property
    def source(self) -> pd.DataFrame:
        return self.deals

    @property
    def call(self) -> AnalysisCall:
        options: dict[str, Any] = {"as_of": str(self.day.date()), "freq": self.freq}
        if self.selector.history is not None:
            options["history"] = Option(self.selector.select_history(self.choice), "chosen")
        return AnalysisCall("pacing", options)

    def write_code(self) -> list[str]:
        history = (
            [] if self.selector.history is None else self.selector.write_history_code(self.choice)
        )
        return [*history, *super(ForecastView, self).write_code()]

    def _find_point(self, period: str, row: pd.Series[Any]) -> pd.Timestamp:
        """Find the same point of a period."""
        return self.org.period_days(period)[1] - pd.Timedelta(days=int(row["days_left"]))

    @property
    def chart(self) -> Rows:
        money, rows = self.money, []
        for drawn, (_, row) in zip(svg.pacing(self.table).rows, self.table.iterrows(), strict=True):
            booked, actual, due = (money(row[name]) for name in ("booked", "actual", "open_value"))
            figures = (
                booked,
                actual,
                text.percent(row["booked_share"]),
                due,
                f"{int(row['deals']):,}",
            )
            rows.append(replace(drawn, label=drawn.label.rstrip("*"), figures=figures))
        heads = ("", "By then", "In the end", "Share", "Open then", "Deals won")
        return Rows(tuple(rows), heads, label_width=120, figure_width=80)

    @property
    def kpis(self) -> list[Kpi]:
        now, past = self.table[self.table["to_date"]].iloc[0], self.table[~self.table["to_date"]]
        money, noun = self.money, text.noun(self._freq)
        booked, actual, due = (
            float(past[name].mean()) for name in ("booked", "actual", "open_value")
        )
        earlier = f"earlier {noun}"
        mean = f"average of {text.spelled(len(past), earlier)}" if len(past) else f"no {earlier}"
        left = f"{text.count(int(now['deals']))}, {int(now['days_left'])} days left"
        usual = f"{money(due)} by then on average" if math.isfinite(due) else "not recorded then"
        return [
            Kpi("Closed so far", money(now["booked"]), left),
            Kpi("Closed by then", money(booked), mean),
            Kpi("Closed in the end", money(actual), mean),
            Kpi("Open and due", money(now["open_value"]), usual),
        ]

    @property
    def finding(self) -> str:
        return heading(self.table)

    @property
    def about(self) -> str:
        return (
            f"{self._as_of}. Strong: closed as many days before the end as today, faint: in the "
            "end, blue: now. "
            "Deals count as they are known now, by close date"
        )

    @property
    def notes(self) -> list[str]:
        notes, (last, now) = [], (self.day, self.table[self.table["to_date"]].iloc[0])
        later = self._find_won(*self.org.period_days(str(now.name)))
        later = later[later["close_date"] > last]
        if len(later):
            notes = [
                (
                    f"Of what is closed, {self.money(later['value'].sum())} in "
                    f"{text.count(len(later))} has a later date than {self.format_day(self.end)}."
                )
            ]
        return [*notes, *self._note_records()]

    def _note_records(self) -> list[str]:
        if self.table["open_value"].notna().all():
            return []
        if first := next(iter(self.selector.moments), None):
            return [
                f"What was open then is known from the first record on, {self.format_day(first)}."
            ]
        words = "Run opp-analytics record daily, and call the explorer with the history."
        return [f"What was open then is known from records. {words}"]

    @cached_property
    def behind(self) -> pd.DataFrame:
        return pd.concat([self.find_deals(str(period)) for period in self.table.index])

    def find_deals(self, key: str) -> pd.DataFrame:
        first, last = self.org.period_days(key)
        row = self.table.loc[[key]].iloc[0]
        return self._find_won(first, last if row["to_date"] else self._find_point(key, row))


class CoverageView(OnePeriodView):
    """What is open and due beside what is to go to the target of each coming period: columns of `oa.forecast`."""

    @property
    def period(self) -> str:
        """Label of the current period, also where another one was chosen before."""
        return str(self._now)

    @property
    def periods(self) -> list[list[str]]:
        quarter = str(pd.Period(self.day, self.org.freq("Q")))
        return [["", "by month"], [quarter, "by quarter"]]

    @property
    def call(self) -> AnalysisCall:
        call = super().call
        return replace(call, options={**call.options, "periods": _AHEAD})

    @property
    def lack(self) -> str | Lack:
        if lack := super().lack:
            return lack
        return "" if self._shown["target"].notna().any() else self.no_target

    @property
    def _shown(self) -> pd.DataFrame:
        labels = [str(self._now + step) for step in range(_AHEAD)]
        table = self.by_period[self.by_period.index.isin(labels)]
        return table[table["target"].notna() | (table["open_count"] > 0) | table["to_date"]]

    @property
    def amounts(self) -> pd.Series[Any]:
        return self.by_period["open_value"]

    @cached_property
    def _usual(self) -> dict[str, float]:
        """By period, the coverage that earlier ones which hit their target had as long before their end."""
        history = self.selector.history
        asked: dict[str, Any] = {"as_of": self.day, "freq": self.freq}
        if history is None or self.is_alone or self._is_part:
            return {}
        try:
            return find_usual_coverage(
                list_past_coverage(history, self._shown.index, **asked), self.table
            )
        except (NotEnoughHistory, DataError):
            return {}

    @property
    def chart(self) -> Rows:
        money, shown, rows = self.money, self._shown, []
        scale = svg.axis([*shown["open_value"], *shown["gap"].dropna(), 1.0])
        for key, row in shown.iterrows():
            name, usual = text.period(str(key), self._freq), self._usual.get(str(key))
            is_met = row["gap"] <= 0
            figures = [money(row["open_value"]), "met" if is_met else money(row["gap"])]
            figures += ["met" if is_met else text.times(row["pipeline_coverage"])]
            figures += [text.times(usual) if usual is not None else text.MISSING] * bool(
                self._usual
            )
            figures += [
                money(row["needed_pipeline"]) if row["needed_pipeline"] > 0 else text.MISSING
            ]
            rows.append(
                Row(name, svg.coverage(row, scale, money, name=name), tuple(figures), key=str(key))
            )
        usual_head = (
            [f"Usual of\n{text.plural(text.noun(self._freq))} that hit"] if self._usual else []
        )
        heads = ("", "Open, due", "To go", "Coverage", *usual_head, "To add")
        axis = svg.month_axis(scale, math.nan, money)
        return Rows(tuple(rows), heads, axis, label_width=104, figure_width=84)

    @property
    def finding(self) -> str:
        row, money = self._shown.iloc[0], self.money
        name, due = text.period(str(row.name), self._freq), money(row["open_value"])
        if row["gap"] <= 0:
            return f"{name} is at target; {due} more is due"
        to_go = f"{money(row['gap'])} to go"
        if not row["open_count"] or math.isnan(row["gap"]):
            return f"{name}: {due} is open and due{f', {to_go}' if row['gap'] > 0 else ''}"
        usual = self._usual.get(str(row.name))
        hit = (
            f"; {text.plural(text.noun(self._freq))} that hit had {text.times(usual)}"
            if usual
            else ""
        )
        return f"{name}: {due} due covers the {to_go} {text.times(row['pipeline_coverage'])}{hit}"

    @property
    def about(self) -> str:
        return (
            f"As of {self.format_day(self.end)}. Bar: open value due, line: what is to go to the "
            "target, coverage: the one by the other. "
            "To add: further pipeline that the target needs at the own win rate, as only a part "
            "of what is due is won"
        )

    @cached_property
    def behind(self) -> pd.DataFrame:
        return pd.concat(
            [self._due_in(open_deals(self.deals), str(key)) for key in self._shown.index]
        )

    def find_deals(self, key: str) -> pd.DataFrame:
        return self._with_chances(self._due_in(open_deals(self.deals), key), key, self.freq)


class CreatedView(_WholeView):
    """What was created in each of the last weeks, against what the target of a coming period needs a week."""

    months, quarters, usual = (0, 11), (0, 3), 1

    @property
    def call(self) -> AnalysisCall:
        return AnalysisCall("pipeline_created", {"freq": f"W-{self.day:%a}".upper()})

    @cached_property
    def table(self) -> pd.DataFrame:
        table = super().table
        return table[table.index <= self._last_week].tail(_WEEKS)

    @property
    def _last_week(self) -> str:
        return str(pd.Period(self.day, self.call.options["freq"]))

    def _write_more(self) -> list[str]:
        lines = [f"table = table[table.index <= {self._last_week!r}].tail({_WEEKS})"]
        if self._need > 0:
            whole, _ = self._whole_call.write_code("deals")
            lines += [
                *self.selector.write_code(Choice(), self.end),
                whole.replace("table =", "ahead =", 1),
            ]
            lines.append(f'need = ahead["needed_pipeline"][{self.period!r}] / {self._weeks_left}')
        return lines

    @property
    def _weeks_left(self) -> int:
        return max(1, math.ceil((self.org.period_days(self.period)[1] - self.day) / _WEEK))

    @property
    def _needed(self) -> float:
        """Pipeline that the period's target still needs; NaN without a target."""
        return float(self.by_period["needed_pipeline"].iloc[0])

    @property
    def _need(self) -> float:
        return self._needed / self._weeks_left

    @property
    def _average(self) -> float:
        return float(self.table["value"].tail(_RECENT).mean())

    @cached_property
    def drawing(self) -> str:
        average, line = (
            (self._need, "needed a week") if self._need > 0 else (self._average, "average")
        )
        return svg.pipeline_created(self.table, average=average, line=line, keyed=True)

    @property
    def finding(self) -> str:
        money, weeks = self.money, min(_RECENT, len(self.table))
        name = text.period(self.period, self._freq)
        made = f"{money(self._average)} a week created in the last {text.spelled(weeks, 'week')}"
        if math.isnan(self._need):
            return made
        return (
            f"{made}; {name} needs {f'{money(self._need)} a week' if self._need > 0 else 'no more'}"
        )

    @property
    def about(self) -> str:
        sub = (
            f"As of {self.format_day(self.end)}. Value of the deals created in seven days each, "
            "as first seen, whatever became of them"
        )
        if not self._need > 0:
            return sub
        name, left = text.period(self.period, self._freq), text.count(self._weeks_left, "week")
        return (
            f"{sub}. Line: the {self.money(self._needed)} of pipeline that {name} needs beyond "
            f"what is due, over the {left} to its end"
        )

    @property
    def notes(self) -> list[str]:
        return (
            []
            if math.isfinite(self._needed)
            else [f"{self.no_target['title']} {self.no_target['text']}"]
        )

    @property
    def n(self) -> str:
        return f"{text.count(len(self.behind))} created"

    @cached_property
    def _created(self) -> pd.DataFrame:
        history: History = self.source
        deals = analysis.pipeline_created_deals(history, **self.call.options)
        known = self.deals[
            [name for name in COLUMNS if name in self.deals and name not in ("name", "value")]
        ]
        return deals[deals["period"].isin(self.table.index)].merge(
            known, on="unique_id", how="left"
        )

    @cached_property
    def behind(self) -> pd.DataFrame:
        return self._created.drop(columns="period")

    def find_deals(self, key: str) -> pd.DataFrame:
        return self._created[self._created["period"] == key].drop(columns="period")
