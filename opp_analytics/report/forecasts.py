"""The forecasts of a report, by team and person.

A page shows all or part of them, now and at past records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from opp_analytics import analysis, text
from opp_analytics.analysis import find_calls
from opp_analytics.arguments import MethodName
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.note import note_of
from opp_analytics.org import Org, find_called_period
from opp_analytics.periods import as_date, to_dates
from opp_analytics.report.gaps import cover_gaps, list_deals_to_win
from opp_analytics.report.inputs import AHEAD, Inputs, Part
from opp_analytics.schema import ALL, TEXT, is_among

_Made = TypeVar("_Made")
_WEEK, _NEAR = pd.Timedelta(days=7), pd.Timedelta(days=3)
"""Compare with the record from a week ago, give or take 3 days."""
_TREND = 9
"""Weeks of the trend: two months, so that it begins before the month does; a longer period is shown
whole."""
_RANGE = ["expected", "low", "high"]
_FAN = ["booked", "expected", "low", "median", "high"]
_ZEROS = ["booked", "open_count", "open_value", "expected"]
"""Columns of a person that are 0 without deals."""
_HARDLY = 0.05
"""Chance of a deal below which it decides nothing."""
_JUDGED = 12
"""Past forecasts of a part to judge, a year of months."""


@dataclass(frozen=True)
class Earlier:
    """The record to compare with."""

    moment: pd.Timestamp
    """Its instant."""
    day: pd.Timestamp
    """Its date."""
    forecast: pd.DataFrame
    """`oa.forecast` as of that day."""
    people: pd.Series[float]
    """Expected money by person; empty if nobody is named."""

    def figure(self, period: str, column: str) -> float:
        """Look up a figure of the page's subject, as it was then."""
        return float(self.forecast[column].to_dict()[period])


@dataclass(frozen=True)
class Forecasts:
    """The forecasts of a report.

    A table that needs records raises `NotEnoughHistory` where there are too few.
    """

    inputs: Inputs
    made: dict[Any, Any] = field(default_factory=dict, repr=False)
    """What is made of the whole once, for its page and those of its parts, which take their rows
    from it."""
    has_parts: bool = False
    """Whether pages of parts follow."""

    def _share(self, make: Callable[[], _Made], *key: Any) -> _Made:
        if key not in self.made:
            self.made[key] = make()
        found: _Made = self.made[key]
        return found

    @property
    def first_record(self) -> pd.Timestamp:
        """Day of the first record of all."""
        assert self.inputs.history is not None
        return as_date(self.inputs.history.records["recorded_at"].iloc[0], tz=self.inputs.tz)

    def _history(self) -> History:
        if self.inputs.history is None or self.inputs.records.empty:
            raise NotEnoughHistory("no record of the pipeline up to this day")
        return self.inputs.history

    def _forecast(
        self,
        moment: pd.Timestamp | None,
        method: MethodName,
        periods: int | tuple[str, ...],
        ranged: str = "",
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Forecast the whole by team and person, now or at a record.

        Keep the rows of the page's subject, and of its people.

        People have a range and a chance in the period `ranged` only: each takes as long as those of
        the whole.
        """
        levels, part = list(self.inputs.levels), self.inputs.part
        depth = levels.index(part.column) + 1 if part else 0

        def is_shown(labels: Sequence[str], period: str) -> bool:
            mine = part is None or (len(labels) >= depth and labels[depth - 1] == part.name)
            return mine and (len(labels) == depth or period == ranged)

        whole = partial(self._forecast_whole, moment, method, periods)
        # What a forecast was made from takes 80 MB at 100,000 deals; the page of the whole asks
        # once.
        leveled = (
            self._share(whole, "forecast", self.inputs.levels, moment, method, periods)
            if self.has_parts
            else whole()
        )
        table = leveled.show(is_shown)
        return _keep_part(table, part, levels) if levels else (table, table.iloc[:0])

    def _forecast_whole(
        self, moment: pd.Timestamp | None, method: MethodName, periods: int | tuple[str, ...]
    ) -> analysis.LeveledForecast:
        inputs, levels, now = self.inputs, list(self.inputs.levels), moment is None
        return analysis.LeveledForecast.of(
            inputs.whole if moment is None else self._read_record(moment),
            as_of=inputs.today if moment is None else as_date(moment, tz=inputs.tz),
            periods=periods if now else list(periods),  # type: ignore[arg-type]
            only=not now,
            method=analysis.read_method(method),
            by=levels or None,
            totals=bool(levels),
            freq=inputs.freq,
            history=inputs.whole_history if now else self._rated,
            target=inputs.target,
            tz=inputs.tz,
        )

    @property
    def _rated(self) -> History:
        """The whole's history at the rates of the last record."""
        history = self.inputs.whole_history
        assert history is not None
        return self._share(
            lambda: history.at_rates_of(self.inputs.records["recorded_at"].iloc[-1]), "rated"
        )

    def _read_record(self, moment: pd.Timestamp) -> pd.DataFrame:
        """Read all deals of a record."""
        return self._share(lambda: self._rated.as_of(moment), "record", moment)

    @cached_property
    def _then(self) -> tuple[pd.Timestamp, pd.DataFrame]:
        """The record to compare with: its time, and all deals then."""
        moment = find_earlier_record(self.inputs)
        return moment, self._read_record(moment)

    def _forecast_at(
        self, moment: pd.Timestamp, *periods: str
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Forecast periods as of a record, from all deals then."""
        return self._forecast(moment, self.method, periods)

    @cached_property
    def _now(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return self._forecast(None, self.inputs.method, AHEAD + 1, ranged=self.inputs.label)

    @property
    def forecast(self) -> pd.DataFrame:
        """`oa.forecast` of the page's subject, with rows for the current period and those ahead."""
        return self._now[0]

    @property
    def stated(self) -> bool:
        """True if only stated chances are used, which give no chance of hitting a target."""
        return self.method == "stated"

    @property
    def by_rate(self) -> bool:
        """True if the forecast is the run rate, which looks at no open deal."""
        return self.method == "run_rate"

    @property
    def current(self) -> pd.Series[Any]:
        """The forecast's row of the current period."""
        return self.forecast.loc[[self.inputs.label]].iloc[0]

    @property
    def leading(self) -> pd.Series[Any]:
        """The forecast's row of `lead`."""
        return self.forecast.loc[[str(self.lead)]].iloc[0]

    @cached_property
    def lead(self) -> pd.Period:
        """Period that leads the page: the current one, or the next once it is decided."""
        return pd.Period(analysis.find_lead(self.forecast)[1], self.inputs.freq)

    @property
    def lead_name(self) -> str:
        """The period of `lead` in a sentence."""
        return self.inputs.name_of(str(self.lead))

    @cached_property
    def ahead(self) -> pd.DataFrame:
        """The forecast's rows of the periods ahead."""
        names = [str(self.inputs.period + step) for step in range(1, AHEAD + 1)]
        return self.forecast[self.forecast.index.isin(names)]

    @cached_property
    def people(self) -> pd.DataFrame:
        """`oa.forecast` of the current period by team and person, with "(all)" rows.

        Empty where nobody is named.
        """
        return self._keep_period(self._now[1], self.inputs.period)

    def _keep_period(self, people: pd.DataFrame, period: pd.Period) -> pd.DataFrame:
        if not self.inputs.by:
            return people
        return people[people.index.get_level_values("period") == str(period)].droplevel("period")

    @property
    def persons(self) -> pd.DataFrame:
        """The rows of `people` for individuals, by name."""
        return self._keep_persons(self.people)

    @cached_property
    def leading_persons(self) -> pd.DataFrame:
        """Those of the period that leads.

        A range and a chance are known in the current one only.
        """
        return self._keep_persons(self._keep_period(self._now[1], self.lead))

    def _keep_persons(self, people: pd.DataFrame) -> pd.DataFrame:
        totals = [ALL in text.split_key(label) for label in people.index]
        rows = people.loc[~np.array(totals, dtype=bool)]
        return (
            rows.droplevel(list(range(rows.index.nlevels - 1))) if rows.index.nlevels > 1 else rows
        )

    @cached_property
    def calls(self) -> pd.DataFrame:
        """The calls in force on the as-of day, by row of `people`.

        Empty where nobody called the current period.
        """
        found = self._find_calls(self.inputs.today)
        return found if found["call"].notna().any() else found.iloc[:0]

    @cached_property
    def compared_people(self) -> pd.DataFrame:
        """`people` with their calls, and the ``change`` of each forecast.

        Those who had a deal at the earlier record and have none now are added.
        """
        table = self.people.assign(**self.calls.reindex(self.people.index))
        if self.no_changes:
            return table.assign(change=np.nan)
        then = self.earlier.people
        gone = then.index.difference(table.index, sort=False)
        rows = table.reindex(table.index.append(gone))
        rows.loc[gone, _ZEROS] = 0.0
        return rows.assign(change=rows["expected"] - then.reindex(rows.index).fillna(0.0))

    @cached_property
    def called(self) -> pd.Series[float]:
        """The call of the page's subject from each day on, NaN once withdrawn.

        Of one caller, or the sums of the level below.
        """
        days = sorted(self._called_now["made_on"].unique())
        found = [self._find_calls(day)[["call", "caller"]].reindex([self.whole]) for day in days]
        if not found:
            return pd.Series(dtype="float64")
        table = pd.concat(found).set_axis(days)
        whose = table["caller"].fillna("").where(table["call"].notna()).ffill()
        # A sum says nothing of the later call of somebody for all.
        return table["call"][whose.eq(whose.iloc[-1])[::-1].cummin()[::-1]]

    @property
    def whole(self) -> Any:
        """Label of the page's subject among `people`."""
        return (ALL,) * len(self.inputs.by) if len(self.inputs.by) > 1 else ALL

    @cached_property
    def _called_now(self) -> pd.DataFrame:
        calls, inputs = self.inputs.calls, self.inputs
        org, labels = Org.of(calls), calls["period"].unique()
        now = [
            label
            for label in labels
            if find_called_period(label, inputs.freq, org) == inputs.period
        ]
        return calls[calls["period"].isin(now)]

    def _find_calls(self, day: pd.Timestamp) -> pd.DataFrame:
        part = self.inputs.part
        return find_calls(
            self._called_now, self.people, day, (part.column, part.name) if part else ("", "")
        )

    @property
    def method(self) -> MethodName:
        """The forecast's method: the one asked for, or the one that "auto" chose."""
        method: MethodName = note_of(self.forecast).method
        return method

    @cached_property
    def earlier(self) -> Earlier:
        """The record to compare with, and the forecast as of it, by today's method."""
        inputs = self.inputs
        moment, _ = self._then
        day = as_date(moment, tz=inputs.tz)
        try:
            periods = dict.fromkeys([inputs.label, str(self.lead)])
            forecast, people = self._forecast_at(moment, *periods)
        except NotEnoughHistory:
            method = text.label(self.method)
            raise NotEnoughHistory(
                f"the method changed: {method} had too few records on {inputs.day(day)}, so that "
                "day’s forecast cannot be compared"
            ) from None
        return Earlier(moment, day, forecast, self._keep_period(people, inputs.period)["expected"])

    @cached_property
    def no_changes(self) -> str:
        """The reason that nothing can be compared; empty if it can."""
        try:
            _ = self.earlier
        except NotEnoughHistory as reason:
            return str(reason)
        return ""

    @cached_property
    def pacing(self) -> pd.DataFrame:
        """`oa.pacing` by day."""
        return analysis.pacing(self.inputs.opportunities, by_day=True, **self.inputs.asked)

    @cached_property
    def fan(self) -> pd.DataFrame:
        """`oa.forecast_fan` of the current period, one record per week.

        The record compared with is among them; the page's forecast is the last.

        A record that cannot be forecast from by the page's method has what had closed alone.
        """
        inputs = self.inputs
        moments = self._choose_weekly()
        known = self._fan_of_part(moments) if inputs.part else self._fan_of_whole(moments)
        table = known.reindex(moments)[_FAN].astype("float64")
        if not self.no_changes:
            earlier = self.earlier.forecast.loc[inputs.label, _FAN]
            table.loc[self.earlier.moment] = earlier.astype("float64")
        return self._end_fan(table)

    @cached_property
    def fan_today(self) -> pd.DataFrame:
        """`fan` without records: today's forecast alone."""
        none = pd.DatetimeIndex([], tz="UTC")
        return self._end_fan(pd.DataFrame(index=none, columns=_FAN, dtype="float64"))

    def _end_fan(self, table: pd.DataFrame) -> pd.DataFrame:
        """Add the page's forecast, and what had closed where that is not known."""
        inputs = self.inputs
        table.loc[inputs.until] = self.current[_FAN].astype("float64")
        days = to_dates(pd.Series(table.index), tz=inputs.tz).set_axis(table.index)
        won = inputs.won_now
        closed = [float(won["value"][won["close_date"] <= day].sum()) for day in days]
        left = (inputs.period.end_time - days).dt.days // 7
        shown = table.assign(
            booked=table["booked"].fillna(pd.Series(closed, table.index)),
            period=inputs.label,
            weeks_before=left,
            target=float(self.current["target"]),
        ).rename_axis("made_at")
        note = note_of(self.forecast).change(
            kind="forecast_fan", day=str(inputs.today.date()), tz=inputs.tz
        )
        return note.write(shown)

    def _choose_weekly(self) -> pd.DatetimeIndex:
        """Choose each week's last record before today, counted back from it.

        Of its week the one that the page compares with.
        """
        inputs = self.inputs
        moments = inputs.records["recorded_at"]
        weeks = ((inputs.today - to_dates(moments, tz=inputs.tz)).dt.days + 1) // 7
        compared = moments == (None if self.no_changes else self.earlier.moment)
        week, begun = weeks[compared].max(), (inputs.today - inputs.period.start_time).days // 7 + 1
        longest = max(_TREND - 1, begun, weeks[compared].max())
        kept = ~weeks.duplicated(keep="last") & (weeks != week) & weeks.between(1, longest)
        if not (kept | compared).any():
            if (first := self.first_record) > inputs.today - _WEEK:
                raise NotEnoughHistory(
                    f"the first record is from {inputs.day(first)}; the trend starts a week later"
                )
            raise NotEnoughHistory(
                f"no record in the {longest + 1} weeks before {inputs.day(inputs.today)}"
            )
        return pd.DatetimeIndex(moments[kept | compared])

    def _fan_of_whole(self, moments: pd.DatetimeIndex) -> pd.DataFrame:
        inputs = self.inputs
        asked: dict[str, Any] = {
            "period": inputs.label,
            "method": self.method,
            **inputs.asked,
        }
        try:
            return analysis.forecast_fan(self._history(), at=moments, **asked)
        except NotEnoughHistory:
            return pd.DataFrame(columns=_FAN)

    def _fan_of_part(self, moments: pd.DatetimeIndex) -> pd.DataFrame:
        """Take the part's rows from forecasts of the whole, record by record."""
        rows, period = {}, self.inputs.label
        for moment in moments:
            try:
                rows[moment] = self._forecast_at(moment, period)[0].loc[period, _FAN]
            except NotEnoughHistory:
                continue
        return pd.DataFrame.from_dict(rows, orient="index", columns=_FAN, dtype="float64")

    @cached_property
    def change(self) -> pd.DataFrame:
        """`oa.forecast_change` of the current period, from the earlier record to the last one."""
        table = self._change.sum_up()
        return note_of(table).change(causes=self._find_causes()).write(table)

    def _find_causes(self) -> dict[str, str]:
        """Say the new stage of the deals whose chance added and took most.

        The keys are "up" and "down". A deal that is in the same stage is not said.
        """
        moved = self.change_deals[self.change_deals["movement"] == "chance"]
        then, now = (
            frame.set_index("unique_id")["stage"] for frame in (self._then[1], self.inputs.whole)
        )
        causes = {}
        for way, sign in (("up", 1), ("down", -1)):
            for name in moved["unique_id"][sign * moved["expected"] > 0].head(1):
                if (
                    pd.notna(became := now.get(name))
                    and pd.notna(was := then.get(name))
                    and was != became
                ):
                    causes[way] = f"now in {text.stage(became)}"
        return causes

    @cached_property
    def change_deals(self) -> pd.DataFrame:
        """`oa.forecast_change_deals`, same span."""
        return self._change.list_deals()

    @cached_property
    def _change(self) -> analysis.ForecastChange:
        inputs, part = self.inputs, self.inputs.part
        (start, then), last = self._then, inputs.records["recorded_at"].iloc[-1]
        if last <= start:
            raise NotEnoughHistory(
                f"nothing was recorded after {inputs.day(as_date(start, tz=inputs.tz))}, so the "
                "deals that moved are not known"
            )
        asked: dict[str, Any] = {
            "start": start,
            "end": inputs.until,
            "period": inputs.label,
            "by": list(inputs.levels) if part else None,
            "freq": inputs.freq,
            "method": inputs.method,
            "tz": inputs.tz,
            "opening": then,
        }
        change = self._share(
            lambda: analysis.explain_change(self._rated, **asked),
            "change",
            asked["by"] and inputs.levels,
        )
        return change.keep_group(part.column, part.name) if part else change

    @cached_property
    def categories(self) -> pd.DataFrame:
        """`oa.forecast_categories`."""
        return analysis.forecast_categories(self.inputs.opportunities, **self.inputs.asked)

    @cached_property
    def _deal_forecast(self) -> analysis.DealForecast:
        inputs, by = self.inputs, self._leading_levels
        return self._share(
            lambda: analysis.DealForecast.of(
                inputs.whole,
                # The run rate looks at no single deal.
                method=analysis.read_method(
                    "auto" if inputs.method == "run_rate" else inputs.method
                ),
                by=by,
                history=inputs.whole_history,
                target=inputs.target,
                periods=AHEAD + 1,
                **inputs.asked,
            ),
            "deals",
            tuple(by or ()),
        )

    @property
    def _leading_levels(self) -> list[str] | None:
        """The columns that lead to the part; None for the whole."""
        levels, part = self.inputs.levels, self.inputs.part
        return list(levels[: levels.index(part.column) + 1]) if part else None

    @cached_property
    def forecast_deals(self) -> pd.DataFrame:
        """`oa.forecast_deals` of the whole, for the target of the period that leads.

        On a part's page, the part's rows.
        """
        part, made = self.inputs.part, self._deal_forecast
        table = self._share(
            lambda: made.list_deals(self.lead), "deals", made.question.by, self.lead
        )
        return table[(table[part.column] == part.name).to_numpy(dtype=bool)] if part else table

    def explain(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Index rows of `forecast_deals` by id, with ``why``: each chance in words.

        ``why`` says what adds up to the chance; it is missing for chances that are not learned.
        """
        said = map(analysis.explain_chances, self._deal_forecast.list_reasons(rows))
        return rows.set_index("unique_id").assign(why=pd.concat([pd.Series(dtype=TEXT), *said]))

    @cached_property
    def earlier_chances(self) -> pd.Series[float]:
        """Learned chances of the current period as of the earlier record, by id.

        They are of deals open then; empty without any.
        """
        try:
            change = self._change
        except NotEnoughHistory:
            return pd.Series(dtype="float64")
        then = change.rows[(change.rows["movement"] == "then") & change.rows["value"].gt(0)]
        by_deal = then.groupby("unique_id")
        chance: pd.Series[float] = by_deal["expected"].sum() / by_deal["value"].first()
        # A deal that was booked counts in full, which no learned chance does.
        chance = chance[chance < 1]
        return chance if change.notes["method"] == "learned" else chance.head(0)

    @cached_property
    def chances(self) -> pd.Series[Any]:
        """Each open deal's own chance from history, by id.

        None where the method takes it from elsewhere.
        """
        return self.own_chances["chance"].dropna()

    @property
    def _chances_then(self) -> pd.Series[float]:
        """Each open deal's own chance from history as of the earlier record, by id."""
        asked: dict[str, Any] = {
            **self.inputs.asked,
            "as_of": self.earlier.day,
            "periods": AHEAD + 1,
        }
        method = analysis.read_method("auto" if self.method == "run_rate" else self.method)

        def find() -> pd.Series[float]:
            made = analysis.DealForecast.of(
                self._then[1], method=method, history=self._rated, **asked
            )
            own: pd.Series[float] = analysis.select_own_chances(made.list_deals()).set_index(
                "unique_id"
            )["chance"]
            return own

        return self._share(find, "chances then")

    @cached_property
    def own_chances(self) -> pd.DataFrame:
        """Each open deal's own row of `forecast_deals`, by id, explained."""
        return self.explain(analysis.select_own_chances(self.forecast_deals))

    def show_history(self, unique_id: Any, period: str = "") -> str:
        """Show a deal's chance from history in a period, by default its own."""
        known = self.deals_of(period)["chance"] if period and len(self.chances) else self.chances
        return text.percent(float(known.get(unique_id, np.nan)))

    def name_history(self, period: str = "") -> str:
        """Head the chances from history of a period, by default of each deal's own.

        Empty where the method uses none.
        """
        inputs = self.inputs
        when = inputs.name_of(period, short=True) if period else f"its {inputs.noun}"
        return f"From history, {when}" if len(self.chances) else ""

    @cached_property
    def added(self) -> pd.DataFrame:
        """Amount each of `Inputs.deals` adds to the current and the next periods.

        The periods are columns.

        It is the value of one won in the period, value × chance of an open one; else missing. The
        run rate looks at no single deal.
        """
        deals, columns = self.inputs.deals, {}
        for period in [self.inputs.label, *self.ahead.index]:
            weighted = self.deals_of(period)["weighted"]
            weighted = weighted.head(0) if self.by_rate else weighted
            won = (deals["period"] == period) & (deals["outcome"] == "won")
            columns[period] = (
                deals["value"].where(won, deals["unique_id"].map(weighted)).astype("float64")
            )
        return pd.DataFrame(columns)

    def deals_of(self, period: str) -> pd.DataFrame:
        """The rows of `forecast_deals` for a period, by id."""
        return self._by_period.get(period, self._by_period[""])

    @cached_property
    def _by_period(self) -> dict[str, pd.DataFrame]:
        table = self.forecast_deals.set_index("unique_id")
        return {
            "": table.head(0),
            **{str(period): rows for period, rows in table.groupby("period")},
        }

    @cached_property
    def swings(self) -> pd.DataFrame:
        """`oa.forecast_deals` of the leading period, largest swing × chance first.

        Deals that can hardly be won in the period are left out.
        """
        inputs, table = self.inputs, self.forecast_deals
        late = (table["won_low"] > self.lead.end_time) & bool(len(self.chances))
        now = table[(table["period"] == str(self.lead)) & (table["chance"] >= _HARDLY) & ~late]
        now = analysis.evidence.rank_swings(now)
        details = ["unique_id", *(name for name in inputs.by if name not in now)]
        joined = now.merge(inputs.deals[details], on="unique_id", how="left")
        joined.attrs = table.attrs
        return joined

    @cached_property
    def past_ranges(self) -> pd.DataFrame:
        """`oa.backtest` at today's lead, by period.

        Recorded values may be refused.
        """
        inputs, history = self.inputs, self._history()
        whole = inputs.whole_history or history
        table = self._share(
            lambda: analysis.backtest(whole, methods=self.method, lead="now", **inputs.asked),
            "past",
            self.method,
        )
        table = table.droplevel("method").reset_index("made_at")
        return self._keep_part_of_past(table) if inputs.part else table

    def _keep_part_of_past(self, table: pd.DataFrame) -> pd.DataFrame:
        """Replace the whole's past forecasts with the part's.

        The part's are rows of forecasts by team and person.
        """
        kept = table.tail(_JUDGED).copy()
        whole = (self._forecast_at(at, str(period))[0] for period, at in kept["made_at"].items())
        rows = [
            then.loc[str(period), _RANGE] for period, then in zip(kept.index, whole, strict=True)
        ]
        kept[_RANGE] = np.array(rows, dtype="float64").reshape(-1, len(_RANGE))
        kept["actual"] = self.forecast["booked"].reindex(kept.index, fill_value=0.0)
        kept["error"] = kept["expected"] - kept["actual"]
        judged = kept.assign(held=analysis.judge_ranges(kept))
        return note_of(table).change(n=len(judged)).write(judged)

    @cached_property
    def usual_coverage(self) -> dict[str, float]:
        """Usual coverage by period: the median of ended ones that hit their target.

        Their coverage is taken with as many days left as the period has. At least 3 are needed.
        """
        inputs, part, history = self.inputs, self.inputs.part, self.inputs.whole_history
        if history is None or inputs.records.empty or not self.forecast["target"].notna().any():
            return {}
        labels = [inputs.label, *self.ahead.index]
        by = self._leading_levels
        try:
            then = self._share(
                lambda: analysis.list_past_coverage(history, labels, by=by, **inputs.asked),
                "coverage",
                tuple(by or ()),
            )
        except (NotEnoughHistory, DataError):
            return {}
        then = then[then[part.column] == part.name] if part else then
        return analysis.find_usual_coverage(then, self.forecast)

    @cached_property
    def deals_to_win(self) -> pd.DataFrame:
        """The open deals that could still close in the period that leads, the largest first."""
        return list_deals_to_win(self.inputs, self.lead)

    @cached_property
    def explained_to_win(self) -> pd.DataFrame:
        """Explained rows of `forecast_deals` for `deals_to_win`, by id.

        The rows are of the leading period.
        """
        rows, lead = self.forecast_deals, str(self.lead)
        return self.explain(
            rows[
                (rows["period"] == lead)
                & is_among(rows["unique_id"], self.deals_to_win["unique_id"])
            ]
        )

    @cached_property
    def to_win(self) -> pd.DataFrame:
        """Ways to close each person's gap to target in the leading period.

        One chance is shown: the target's, or with stated chances that of the deals.
        """
        found = cover_gaps(
            self.deals_to_win, self.leading_persons, partial(self.inputs.money, fine=True)
        )
        return found.drop(columns="p_target" if self.stated else "p_enough")


def find_earlier_record(inputs: Inputs) -> pd.Timestamp:
    """Find the record to compare with: the last by `since`, else nearest to 7 days ago.

    Where there are no two records to compare, or none near that day, the error says when there will
    be one.
    """
    moments = inputs.records["recorded_at"]
    if moments.empty:
        raise NotEnoughHistory("no record of the pipeline up to this day")
    days = to_dates(moments, tz=inputs.tz)
    if inputs.since is not None:
        by_then = moments[days <= inputs.since]
        if by_then.empty:
            raise NotEnoughHistory(
                f"no record by {text.day(inputs.since, year=True)}; the first one is from "
                f"{text.day(days.iloc[0], year=True)}"
            )
        return pd.Timestamp(by_then.iloc[-1])
    # Skip today's records: they are what is being compared.
    past = days < inputs.today
    if not past.any():
        raise NotEnoughHistory(
            f"the first record is from {text.day(days.iloc[0])}; a comparison is possible from "
            f"{text.day(days.iloc[0] + _WEEK - _NEAR)} on"
        )
    days, moments = days[past], moments[past]
    off = (days - (inputs.today - _WEEK)).abs()
    if off.min() > _NEAR:
        later = [day + _WEEK for day in [*days, inputs.today] if day + _WEEK > inputs.today]
        nearest = as_date(moments[off == off.min()].iloc[-1], tz=inputs.tz)
        raise NotEnoughHistory(
            f"no record from a week ago; the nearest is from {text.day(nearest, year=True)}, "
            f"and a comparison is possible from {text.day(min(later))} on"
        )
    # On a tie take the earlier day, which covers the whole week, and its last record.
    near = days[off == off.min()].iloc[0]
    return pd.Timestamp(moments[days == near].iloc[-1])


def _keep_part(
    table: pd.DataFrame, part: Part | None, levels: Sequence[Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the rows of the whole or of a part, by period, and the rows of its people.

    The table is `oa.forecast` by `levels`, with totals.
    """
    if part is None:
        return table[_is_total(table, levels)].droplevel(list(levels)), table
    place = levels.index(part.column)
    above, members = list(levels[:place]), list(levels[place + 1 :])
    mine = table[table.index.get_level_values(part.column) == part.name]
    mine = mine.droplevel(above) if above else mine
    whole = people = mine.droplevel(part.column)
    if members:
        whole = people[_is_total(people, members)].droplevel(members)
    else:
        people = pd.concat([mine, mine.rename(index={part.name: ALL}, level=part.column)])
    if whole.empty:  # A part that had no deal yet.
        labels = table.index.get_level_values("period").unique()
        aimed = ["target", "p_target", "gap", "pipeline_coverage", "needed_pipeline", "attainment"]
        unknown = dict.fromkeys(["low", "median", "high", *aimed], np.nan)
        whole = pd.DataFrame(0.0, index=labels, columns=table.columns).assign(**unknown)
    for rows in (whole, people):
        # What was left out is counted in the whole, not in the part.
        note_of(table).change(left_out={}).write(rows)
    return whole, people


def _is_total(table: pd.DataFrame, levels: Sequence[Any]) -> Any:
    return np.logical_and.reduce([table.index.get_level_values(name) == ALL for name in levels])
