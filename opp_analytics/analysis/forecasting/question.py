"""A forecast's checked arguments and its answer.

The answer is a method fitted to a moment, with an outlook for each period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, periods
from opp_analytics.analysis.forecasting.learned import Learned, fit_learned
from opp_analytics.analysis.forecasting.method import Method, choose
from opp_analytics.analysis.forecasting.moment import Moment, Records
from opp_analytics.analysis.forecasting.outlook import Fitted, Outlook
from opp_analytics.analysis.forecasting.run_rate import RunRates
from opp_analytics.analysis.forecasting.stage_rates import check_column, fit_stated
from opp_analytics.analysis.forecasting.targets import Target, Targets, read_moneys
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import (
    check_columns_begin,
    check_history,
    check_same_deals,
)
from opp_analytics.analysis.stats.distribution import Total
from opp_analytics.arrays import Flags, Floats
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.org import (
    DEFAULT,
    Org,
    find_known_day,
    get_org,
    list_derived,
    merge_orgs,
    place_teams,
)
from opp_analytics.periods import When, as_date, as_period, check_freq

_MOST_PERIODS = 1200
"""A century of months: more is a typing error, and takes minutes."""


@dataclass(frozen=True)
class ForecastQuestion:
    """A forecast's checked arguments."""

    today: pd.Timestamp
    freq: str
    method: Method
    history: History | None
    records: Records | None
    """From the history; None without one."""
    by: tuple[str, ...]
    confidence: float
    tz: str
    org: Org
    targets: Targets
    periods: tuple[pd.Period, ...] = ()
    """Periods that always have a row."""
    only: bool = False
    """True if only these are forecast."""
    new_business: bool = True
    """False if only the frame's own deals count."""
    teams_on: pd.Timestamp | None = None
    """Day whose teams people are in; None where a past record has its own."""

    @classmethod
    def of(
        cls,
        opportunities: pd.DataFrame,
        *,
        as_of: When,
        freq: str,
        method: Method,
        history: History | None,
        by: By = None,
        target: Target = None,
        totals: bool = False,
        periods: int | Sequence[str] | None = None,
        only: bool = False,
        new_business: bool = True,
        confidence: float = 0.8,
        tz: str | None = None,
        teams_on: pd.Timestamp | None = None,
    ) -> ForecastQuestion:
        """Check the arguments of a forecast.

        Defaults come from the org of the frame or the history.
        """
        names = check_by(by, level="period")
        org = merge_orgs(
            get_org(opportunities), get_org(history), names=("the frame's org", "the history's")
        )
        org = org or DEFAULT
        zone, alias = org.zone(tz), org.freq(check_freq(freq))
        today = as_date(as_of, tz=zone)
        if isinstance(opportunities, pd.DataFrame):
            of = "history" if "recorded_at" in opportunities.attrs else "frame"
            check_column(method, opportunities.columns, of=of)
        owners_of = partial(_list_owners, opportunities, history)
        day = teams_on or find_known_day(opportunities, today, zone)
        targets = read_moneys(
            target, alias, names, totals=totals, org=org, owners_of=owners_of, day=day
        )
        if only and periods is None:
            raise ArgumentValueError(
                "only=True needs periods, such as periods=1 for the current one"
            )
        if history is not None and isinstance(opportunities, pd.DataFrame):
            check_same_deals(opportunities, history)
        records = None
        if history is not None and len(history.records):
            records = _read_records(history, history.records, alias, zone, org)
            if set(names) & set(list_derived(org.people)):
                history = history.hold_teams(day)
        return cls(
            today,
            alias,
            method,
            history,
            records,
            tuple(names),
            arguments.share(confidence, example=0.8),
            zone,
            org,
            targets,
            tuple(_read_periods(periods, today, alias)),
            only,
            new_business,
            day,
        )

    @classmethod
    def of_past(
        cls,
        history: History,
        asked_by: str,
        *,
        freq: str,
        method: Method,
        as_of: When | None,
        by: By = None,
        confidence: float = 0.8,
        tz: str | None = None,
    ) -> ForecastQuestion:
        """Check the arguments of a question about past records, up to the end of `as_of`."""
        names = check_by(by, level="period")
        known = check_history(history, asked_by, *names).records
        org = Org.of(history)
        zone, alias = org.zone(tz), org.freq(check_freq(freq))
        if as_of is not None:
            known = known[
                known["recorded_at"] <= periods.as_instant(as_of, tz=zone, end=True, name="as_of")
            ]
        if known.empty:
            raise NotEnoughHistory(f"{asked_by} needs records, but there are none up to {as_of}")
        check_columns_begin(history, ("stage", "close_date"))
        check_column(method, history.table.columns, of="history")
        records = _read_records(history, known, alias, zone, org)
        level = arguments.share(confidence, example=0.8)
        today = pd.Timestamp(int(records.days[-1]), unit="D")
        return cls(
            today, alias, method, history, records, tuple(names), level, zone, org, Targets()
        )

    @property
    def current(self) -> pd.Period:
        """The period of `today`."""
        return pd.Period(self.today, self.freq)

    def is_over(self, period: pd.Period, moment: Moment) -> bool:
        """Return True if the deals of a moment were seen after the end of a period."""
        return bool(period < pd.Period(moment.today, self.freq))

    def place(self, opportunities: Any) -> Any:
        """Copy a frame with its people in the teams of the question's day."""
        if self.teams_on is None or not set(self.by) & set(list_derived(self.org.people)):
            return opportunities
        return place_teams(opportunities, self.teams_on, self.freq)

    def moves(self, earlier: ForecastQuestion, opportunities: pd.DataFrame) -> bool:
        """Return True if people who own some of the opportunities changed teams since."""
        placed, before = self.place(opportunities), earlier.place(opportunities)
        names = list(self.by)
        return placed is not before and not placed[names].equals(before[names])

    def read(
        self, opportunities: pd.DataFrame, *, final: bool | None = None, part: bool = False
    ) -> Moment:
        """Read a frame as of the question's day, in the finest groups."""
        frame = self.place(_with_org(opportunities, self.org))
        columns = [self.method.column]
        return Moment.of(
            frame, today=self.today, tz=self.tz, by=self.by, columns=columns, final=final, part=part
        )

    def wanted(self, moment: Moment) -> list[pd.Period]:
        """List the periods to forecast."""
        targeted = [pd.Period(label, self.freq) for label in self.targets.periods]
        return (
            list(self.periods)
            if self.only
            else moment.periods(self.freq, [*self.periods, *targeted])
        )

    def fit(self, method: Method, moment: Moment, by: Sequence[str]) -> Fitted:
        """Fit a method to the data of a moment."""
        if method.name == "run_rate":
            # To its past where the history has ended periods and the groups.
            known = isinstance(self.history, History) and set(by) <= set(self.history.table.columns)
            ended = known and self.records is not None and self.records.ended(moment.day)
            return self.learn(by).run_rates if ended else RunRates()
        if method.name != "learned":
            return fit_stated(method, moment, self.history, tz=self.tz)
        return self.learn(by)

    def learn(self, by: Sequence[str]) -> Learned:
        """Fit the learned method to the records."""
        if not isinstance(self.history, History) or self.records is None:
            raise ArgumentTypeError("this method learns from past records; pass history=")
        columns = [self.method.column]
        return fit_learned(
            self.history,
            self.records,
            tz=self.tz,
            org=self.org,
            by=by,
            columns=columns,
        )


@dataclass(frozen=True)
class Outlooks:
    """A method fitted to a moment, and an outlook for each period, by one level of groups."""

    moment: Moment
    method: Method
    fitted: Fitted
    outlooks: Mapping[pd.Period, Outlook]

    @property
    def unpriced(self) -> Flags:
        """True for open deals whose chance in their due period is unknown."""
        found = np.zeros(len(self.moment.value), dtype=bool)
        for period, outlook in self.outlooks.items():
            if not np.isnan(outlook.new_business).any():
                found |= self.moment.due_in(period) & np.isnan(outlook.chance)
        return found

    def expected(self, period: pd.Period) -> Floats:
        """Money expected in a period, by group."""
        outlook = self.outlooks[period]
        return self.moment.booked_in(period) + outlook.expected_open + outlook.new_business

    def sum_new_business(self, period: pd.Period, whole: Moment) -> Floats:
        """Sum the new business of a period in the coarser groups of `whole`."""
        place = {labels: k for k, labels in enumerate(whole.labels)}
        parts = [place[labels[: len(whole.labels[0])]] for labels in self.moment.labels]
        found = np.bincount(parts, weights=self.outlooks[period].new_business, minlength=whole.size)
        return found.astype(np.float64)


def answer(
    question: ForecastQuestion,
    moment: Moment,
    *,
    level: int | None = None,
    parts: Outlooks | None = None,
    single_deals: bool = False,
) -> Outlooks:
    """Choose the method and forecast each period.

    `moment` has the deals in the finest groups; `level` is how many columns of `by` to group by,
    None for all. `parts` is the answer by finer groups; its new business is summed here.
    """
    by = question.by[:level] if level is not None else question.by
    coarser = [labels[: len(by)] for labels in parts.moment.labels] if parts and by else []
    here = (
        moment.by_first(len(by)).keep_alive().with_groups([*question.targets.groups(by), *coarser])
    )
    single_deals = single_deals or not question.new_business
    method = choose(
        question.method, here, question.freq, question.records, single_deals=single_deals
    )
    # Deals alone take their chances from the whole, whatever groups the frame has.
    fitted = question.fit(method, here, by if question.new_business else ())
    outlooks = {}
    for period in question.wanted(here):
        if question.is_over(period, moment):
            # Give the outlook of a period that has ended: what is booked, for certain.
            booked = here.booked_in(period)
            sure = [Total(np.array([amount]), np.ones(1)) for amount in booked]
            none = np.zeros(len(booked))
            outlooks[period] = Outlook(
                np.zeros(len(here.value)), none, none, sure, open_ended=False
            )
        else:
            new = parts.sum_new_business(period, here) if parts else None
            if not question.new_business:
                new = np.zeros(here.size)
            outlooks[period] = fitted.outlook(here, period, new)
    return Outlooks(here, method, fitted, outlooks)


def _read_records(history: History, records: pd.DataFrame, freq: str, tz: str, org: Org) -> Records:
    gaps = history.find_gaps("stage", "close_date")
    return Records.of(records, freq, tz, org.fiscal_year_start, gaps)


def _list_owners(opportunities: Any, history: Any) -> set[str]:
    """List everybody who owns or owned a deal."""
    columns = (
        [opportunities["owner_name"]]
        if "owner_name" in getattr(opportunities, "columns", ())
        else []
    )
    if isinstance(history, History) and "owner_name" in history.table.columns:
        columns.append(history.collect(history.table.select("owner_name").distinct())["owner_name"])
    return {str(name) for column in columns for name in column.dropna().unique()}


def _read_periods(
    wanted: int | Sequence[str] | None, today: pd.Timestamp, freq: str
) -> list[pd.Period]:
    if wanted is None:
        return []
    if isinstance(wanted, (list, tuple, pd.Index)):
        return list(dict.fromkeys(as_period(label, freq, name="periods") for label in wanted))
    if isinstance(wanted, str):
        raise ArgumentTypeError.of(
            "periods", wanted, "is text", "use a list of labels or a number of periods"
        )
    count = arguments.whole(wanted, "periods", high=_MOST_PERIODS, example=3)
    return [pd.Period(today, freq) + k for k in range(count)]


def _with_org(opportunities: Any, org: Org) -> Any:
    if not isinstance(opportunities, pd.DataFrame) or get_org(opportunities) == org:
        return opportunities
    frame = opportunities.copy(deep=False)
    frame.attrs = {**opportunities.attrs, "org": org.facts}
    return frame
