"""The public functions, asked about a world with public arguments; None where they refuse."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import pandas as pd

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.analysis import explain_chances, find_lead
from opp_analytics.periods import check_freq
from opp_analytics.schema import BUCKETS
from tests.surfaces.facts import Pool
from tests.surfaces.worlds import World

__all__ = ["Answers"]

Table = Any
"""A result table, whose cells have any type; None where the function refuses."""
_WEEK, _NEAR = pd.Timedelta(days=7), pd.Timedelta(days=3)


def _ask(question: Callable[[], pd.DataFrame]) -> Table:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", oa.errors.DataWarning)
        try:
            return question()
        except oa.errors.OppAnalyticsError:
            return None


class Answers:
    """What the functions say of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deals = world.opportunities
        self.history = world.history
        self.org = oa.Org.of(self.deals)
        self.tz = self.org.zone(None)

    # -- forms

    def money(self, value: float, **form: Any) -> str:
        """An amount as people read it."""
        return text.money(float(value), self.org.currency, **form)

    def name(self, label: str) -> str:
        """A period in a sentence."""
        return text.period_name(label, self.world.freq, today=self.world.day)

    def pool(self, *tables: pd.DataFrame | None) -> Pool:
        """The figures that every text may hold, and those of tables."""
        world, pool = self.world, Pool(self.org.currency)
        current = pd.Period(world.day, world.freq)
        pool.periods([str(current + k) for k in range(-14, 5)], world.freq, world.day)
        pool.day(world.day).rate(0.8, 0.95)
        if self.since is not None:
            pool.day(self.since[1])
        elif self.history is not None:
            pool.day(*(self.record_days + _WEEK), *self.record_days)
        if self.history is not None:
            pool.day(self.record_days.iloc[-1])
        for table in tables:
            pool.table(table)
        pool.money(*world.called.values()).ratio(*self.usual_coverage.values())
        return pool

    @cached_property
    def names(self) -> list[str]:
        """Names whose digits are no figures."""
        columns = [
            name
            for name in ("name", "owner_name", "team", "unique_id", "pipeline")
            if name in self.deals
        ]
        return [str(name) for column in columns for name in self.deals[column].dropna().unique()]

    # -- questions

    @property
    def levels(self) -> list[str]:
        """Columns of the table of people."""
        has_teams = "team" in self.deals and (
            self.history is None or "team" in self.history.table.columns
        )
        return ["team", "owner_name"] if has_teams else ["owner_name"]

    def _forecast(self, frame: pd.DataFrame, day: pd.Timestamp, **asked: Any) -> Table:
        return _ask(
            lambda: oa.forecast(
                frame,
                as_of=day,
                freq=self.world.freq,
                history=self.history,
                target=self.world.targets,
                **asked,
            )
        )

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """The whole, this period and three ahead."""
        table = self._forecast(self.deals, self.world.day, periods=4)
        assert table is not None
        return table

    @property
    def current(self) -> Any:
        """The row of the current period."""
        return self.forecast.loc[self.world.period]

    @property
    def method(self) -> Any:
        """Its method."""
        return self.forecast.attrs["method"]

    @cached_property
    def people(self) -> Table:
        """Teams and people in the current period, with totals."""
        table = self._forecast(
            self.deals, self.world.day, by=self.levels, totals=True, periods=[self.world.period]
        )
        return None if table is None else pd.DataFrame(table.xs(self.world.period, level="period"))

    @cached_property
    def forecast_deals(self) -> pd.DataFrame:
        """Chances of single deals."""
        world = self.world
        table = _ask(
            lambda: oa.forecast_deals(
                self.deals,
                as_of=world.day,
                freq=world.freq,
                history=self.history,
                target=world.targets,
            )
        )
        assert table is not None
        return table

    @property
    def record_days(self) -> Any:
        """The day of each record in the business zone."""
        assert self.history is not None
        moments = self.history.records["recorded_at"]
        return moments.dt.tz_convert(self.tz).dt.tz_localize(None).dt.normalize()

    @cached_property
    def own_chances(self) -> pd.Series[Any]:
        """The chance from history of each open deal, by name: in its own period, where that is over
        in this one."""
        return self._own_chances("name")

    @cached_property
    def own_chances_by_id(self) -> pd.Series[Any]:
        """The same by id."""
        return self._own_chances("unique_id")

    def _own_chances(self, index: str) -> pd.Series[Any]:
        if self.forecast_deals.attrs["method"] not in ("learned", "stage"):
            return pd.Series(dtype="float64")
        return self._own_rows.set_index(index)["chance"]

    @cached_property
    def chances_under(self) -> dict[str, pd.Series[Any]]:
        """The chances from history, by name, under the head of each list: of a period, or of each
        deal's own."""
        freq, today = self.world.freq, self.world.day
        heads = {
            f"From history, {text.period_name(str(period), freq, today=today, short=True)}": rows.set_index(
                "name"
            )["chance"]
            for period, rows in self.forecast_deals.groupby("period")
        }
        return {**heads, f"From history, its {text.noun(freq)}": self.own_chances}

    @property
    def _own_rows(self) -> pd.DataFrame:
        table, day = self.forecast_deals, self.world.day
        due = pd.to_datetime(self.deals.set_index("unique_id")["close_date"])
        labels = due.where(due >= day, day).dt.to_period(table.attrs["freq"]).astype(str)
        own: pd.DataFrame = table[
            table["period"].to_numpy() == labels.reindex(table["unique_id"]).to_numpy()
        ]
        return own

    @cached_property
    def reasons(self) -> list[str]:
        """What adds up to each open deal's own chance, in words, the longest first."""
        history, asked = self.history, {"as_of": self.world.day, "freq": self.world.freq}
        if history is None or self.forecast_deals.attrs["method"] != "learned":
            return []
        lead, said = find_lead(self.forecast)[1], set[str]()
        for period, own in self._own_rows.groupby("period"):
            words = explain_chances(
                oa.deal_reasons(self.deals, history, period=str(period), **asked)
            )
            said |= set(words if period == lead else words.loc[own["unique_id"]])
        return sorted(said, key=len, reverse=True)

    @cached_property
    def earlier_chances(self) -> pd.Series[Any]:
        """The chances of the current period as of the record of about a week ago."""
        if self.since is None or self.history is None or not self.reasons:
            return pd.Series(dtype="float64")
        moment, day = self.since
        asked = {"as_of": day, "freq": self.world.freq, "periods": [self.world.period]}
        return oa.forecast_deals(self.history.as_of(moment), history=self.history, **asked)[
            "chance"
        ]

    @cached_property
    def since(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """The record of about a week ago: its instant and its day in the business zone."""
        if self.history is None:
            return None
        moments, days = self.history.records["recorded_at"], self.record_days
        past = days < self.world.day
        off = (days[past] - (self.world.day - _WEEK)).abs()
        if off.empty or off.min() > _NEAR:
            return None
        day = days[past][off == off.min()].iloc[0]
        return moments[days == day].iloc[-1], day

    @cached_property
    def earlier(self) -> Table:
        """The forecast of that record, by today's method."""
        return self._earlier(periods=[*dict.fromkeys(find_lead(self.forecast))])

    @cached_property
    def earlier_people(self) -> Table:
        """The same by team and person."""
        table = self._earlier(by=self.levels, totals=True, periods=[self.world.period])
        return None if table is None else pd.DataFrame(table.xs(self.world.period, level="period"))

    def _earlier(self, **asked: Any) -> Table:
        if self.since is None or self.history is None:
            return None
        moment, day = self.since
        return self._forecast(self.history.as_of(moment), day, method=self.method, **asked)

    @property
    def until(self) -> pd.Timestamp:
        """The last instant of the day."""
        return (self.world.day + pd.Timedelta(days=1)).tz_localize(self.tz) - pd.Timedelta(
            microseconds=1
        )

    @property
    def _window(self) -> dict[str, Any]:
        assert self.since is not None
        return {
            "start": self.since[0],
            "end": self.until,
            "period": self.world.period,
            "freq": self.world.freq,
        }

    @cached_property
    def change(self) -> Table:
        """Why the forecast moved since then."""
        return (
            self._of_history(lambda history: oa.forecast_change(history, **self._window))
            if self.since
            else None
        )

    @cached_property
    def change_deals(self) -> Table:
        """The deals that moved it."""
        return (
            self._of_history(lambda history: oa.forecast_change_deals(history, **self._window))
            if self.since
            else None
        )

    def _of_history(self, question: Callable[[oa.History], pd.DataFrame]) -> Table:
        history = self.history
        return None if history is None else _ask(lambda: question(history))

    @cached_property
    def track_record(self) -> Table:
        """How past forecasts turned out."""
        return self._of_history(
            lambda history: oa.track_record(history, as_of=self.world.day, freq=self.world.freq)
        )

    @cached_property
    def world_changes(self) -> Table:
        """What changed in what comes in or is won."""
        world = self.world
        return self._of_history(
            lambda history: oa.world_changes(history, as_of=world.day, freq=world.freq)
        )

    @cached_property
    def fan(self) -> Table:
        """The current period's forecast at each record."""
        world = self.world
        table = self._of_history(
            lambda history: oa.forecast_fan(
                history,
                period=world.period,
                freq=world.freq,
                method=self.method,
                as_of=world.day,
                at=history.records["recorded_at"],
            )
        )
        return None if table is None else table[table["expected"].notna()]

    @cached_property
    def usual_coverage(self) -> dict[str, float]:
        """By period, the median coverage of ended ones that hit their target, as many days before
        their end; deal by deal, of 3 at least."""
        found: dict[str, float] = {}
        if self.history is None or self.world.targets is None or self.history.records.empty:
            return found
        moments = self.history.records["recorded_at"]
        days = moments.dt.tz_convert(self.tz).dt.tz_localize(None).dt.normalize()
        freq = self.org.freq(self.world.freq)
        now = pd.Period(self.world.day, freq)
        ended = pd.period_range(days.min(), now - 1, freq=freq)
        ended = ended[ended.end_time.normalize() < days.max()]
        past = self._forecast(self.deals, self.world.day, periods=[str(period) for period in ended])
        if past is None or not len(ended):
            return found
        for label in self.forecast.index.difference(list(BUCKETS)):
            lead, covers = pd.Period(label, freq).end_time.normalize() - self.world.day, []
            for period in ended:
                end, row = period.end_time.normalize(), past.loc[str(period)]
                off = (days[days <= end] - (end - lead)).abs()
                if (
                    off.empty
                    or off.min() > pd.Timedelta(days=3)
                    or not row["booked"] >= row["target"]
                ):
                    continue
                place = off[off == off.min()].index[-1]
                deals = self.history.as_of(moments[place])
                mine, outcome = deals["close_date"].dt.to_period(freq) == period, oa.outcomes(deals)
                due = mine & (outcome == "open") & (deals["close_date"] >= days[place])
                to_go = row["target"] - deals["value"][mine & (outcome == "won")].sum()
                if to_go > 0 and deals["value"][due].sum() > 0:
                    covers.append(deals["value"][due].sum() / to_go)
            if len(covers) >= 3:
                found[str(label)] = float(pd.Series(covers).median())
        return found

    @cached_property
    def categories(self) -> Table:
        """Forecast categories."""
        return _ask(
            lambda: oa.forecast_categories(self.deals, as_of=self.world.day, freq=self.world.freq)
        )

    @cached_property
    def pacing(self) -> Table:
        """What the last periods had closed by the same point."""
        return _ask(lambda: oa.pacing(self.deals, as_of=self.world.day, freq=self.world.freq))

    @cached_property
    def flags(self) -> Table:
        """Deals to question."""
        return _ask(lambda: oa.deal_flags(self.deals, self.history, as_of=self.world.day))

    @cached_property
    def to_win(self) -> Table:
        """Each short person's largest deals that could close in time: their sum, and the chance
        that enough close."""
        people = self.people
        if people is None:
            return None
        deals, day = self.deals, self.world.day
        ends, chance = (
            pd.Period(day, self.world.freq).end_time.normalize(),
            pd.Series(math.nan, deals.index),
        )
        if "probability" in deals:
            chance = deals["probability"].astype("float64") / 100
        late, near = deals["close_date"] <= ends, deals["close_date"] <= day + pd.Timedelta(days=35)
        mine = deals[
            (oa.outcomes(deals) == "open")
            & (deals["value"] > 0)
            & (late | (near & (chance >= 0.5)))
        ]
        rows = []
        for key, gap in people["gap"].items():
            owner = key[-1] if isinstance(key, tuple) else key
            if not gap > 0 or owner == "(all)":
                continue
            own = mine[mine["owner_name"].fillna("(none)") == owner].sort_values(
                ["value", "unique_id"], ascending=[False, True]
            )
            reach = int((own["value"].cumsum() < gap).sum()) + 1
            own = own.head(min(max(3, reach), 8))
            sums = {0.0: 1.0}
            for value, p in zip(own["value"], chance.reindex(own.index).fillna(0.0), strict=True):
                further: dict[float, float] = {}
                for total, weight in sums.items():
                    for amount, share in ((total + value, p), (total, 1 - p)):
                        further[amount] = further.get(amount, 0.0) + weight * share
                sums = further
            enough = sum(weight for total, weight in sums.items() if total >= gap - 0.005)
            rows.append((owner, gap, float(own["value"].sum()), enough))
        return pd.DataFrame(rows, columns=["owner_name", "gap", "value", "p_enough"])

    @cached_property
    def findings(self) -> Table:
        """Findings of the audit."""
        return _ask(lambda: oa.audit(self.deals, as_of=self.world.day))

    @cached_property
    def audit(self) -> Table:
        """Findings by check."""
        return None if self.findings is None else oa.audit_summary(self.findings)

    @property
    def closed_since(self) -> pd.Timestamp:
        """First day of this quarter and the three before."""
        return (pd.Period(self.world.day, self.org.freq("Q")) - 3).start_time

    @cached_property
    def win_rate(self) -> Table:
        """Of all, in that window."""
        return self._win_rate(None)

    @cached_property
    def win_rates(self) -> Table:
        """By owner."""
        return self._win_rate("owner_name")

    def _win_rate(self, by: str | None) -> Table:
        day = self.world.day
        return _ask(
            lambda: oa.win_rate(self.deals, start=self.closed_since, end=day, as_of=day, by=by)
        )

    @cached_property
    def scores(self) -> Table:
        """Who differs beyond chance."""
        return _ask(
            lambda: oa.scorecard(
                self.deals, as_of=self.world.day, by="owner_name", start=self.closed_since
            )
        )

    @cached_property
    def flow(self) -> Table:
        """Stages over thirteen weeks."""
        if self.history is None:
            return None
        begins = self.history.records["recorded_at"].iloc[0]
        start = max((self.world.day - pd.Timedelta(weeks=13)).tz_localize(self.tz), begins)
        return self._of_history(
            lambda history: oa.stage_flow(history, start=start, end=self.world.day, by=self._split)
        )

    @property
    def _split(self) -> str | None:
        return "pipeline" if any(stage.pipeline for stage in self.org.stages) else None

    @cached_property
    def created(self) -> Table:
        """Pipeline created in weeks that end today."""
        weekly = check_freq(f"W-{self.world.day:%a}".upper())
        table = self._of_history(lambda history: oa.pipeline_created(history, freq=weekly))
        return (
            None if table is None else table[table.index <= str(pd.Period(self.world.day, weekly))]
        )

    @cached_property
    def created_by(self) -> Table:
        """Pipeline created in the current period, by owner."""
        table = self._of_history(
            lambda history: oa.pipeline_created(history, freq=self.world.freq, by="owner_name")
        )
        if table is None:
            return None
        return table[table.index.get_level_values("period") == self.world.period].droplevel(
            "period"
        )

    @cached_property
    def slippages(self) -> dict[str, pd.DataFrame]:
        """The outcome of what was due, this period and the two before."""
        found: dict[str, pd.DataFrame] = {}
        if self.history is None:
            return found
        begins = self.history.records["recorded_at"].iloc[0]
        for step in (2, 1, 0):
            period = pd.Period(self.world.day, self.world.freq) - step
            first, last = period.start_time, min(period.end_time.normalize(), self.world.day)
            start: Any = first if first.tz_localize(self.tz) >= begins else begins
            table = self._of_history(partial(oa.slippage, start=start, end=last))
            if table is not None:
                found[str(period)] = table
        return found
