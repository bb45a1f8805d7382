"""The public functions, asked about a world with public arguments; None where they refuse."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import pandas as pd

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.analysis import find_lead
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
    def own_chances_by_id(self) -> pd.Series[Any]:
        """The chance from history of each open deal, by id: in its own period, where that is over
        in this one."""
        world, day = self.world, self.world.day
        table = _ask(
            lambda: oa.forecast_deals(
                self.deals,
                as_of=day,
                freq=world.freq,
                history=self.history,
                target=world.targets,
            )
        )
        if table.attrs["method"] not in ("learned", "stage"):
            return pd.Series(dtype="float64")
        due = pd.to_datetime(self.deals.set_index("unique_id")["close_date"])
        labels = due.where(due >= day, day).dt.to_period(table.attrs["freq"]).astype(str)
        mine = table["period"].to_numpy() == labels.reindex(table["unique_id"]).to_numpy()
        own: pd.DataFrame = table[mine]
        return own.set_index("unique_id")["chance"]

    @property
    def record_days(self) -> Any:
        """The day of each record in the business zone."""
        assert self.history is not None
        moments = self.history.records["recorded_at"]
        return moments.dt.tz_convert(self.tz).dt.tz_localize(None).dt.normalize()

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
    def past_ranges(self) -> Table:
        """How past forecasts turned out."""
        return self._of_history(
            lambda history: (
                oa.backtest(history, as_of=self.world.day, freq=self.world.freq, lead="now")
                .droplevel("method")
                .reset_index("made_at")
            )
        )

    @cached_property
    def categories(self) -> Table:
        """Forecast categories."""
        return _ask(
            lambda: oa.forecast_categories(self.deals, as_of=self.world.day, freq=self.world.freq)
        )

    @cached_property
    def flags(self) -> Table:
        """Deals to question."""
        return _ask(lambda: oa.deal_flags(self.deals, self.history, as_of=self.world.day))

    @property
    def closed_since(self) -> pd.Timestamp:
        """First day of this quarter and the three before."""
        return (pd.Period(self.world.day, self.org.freq("Q")) - 3).start_time

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
