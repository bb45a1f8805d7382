"""Past forecasts, made at each day's last record, and how they turned out.

Each uses only the records up to its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.learned import Learned
from opp_analytics.analysis.forecasting.method import Method, choose
from opp_analytics.analysis.forecasting.moment import Moment, Records, day_number, last_day
from opp_analytics.analysis.forecasting.question import ForecastQuestion
from opp_analytics.analysis.forecasting.run_rate import RunRates
from opp_analytics.arrays import Series
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.schema import HALF_CENT

FORECAST = ["booked", "expected", "low", "median", "high"]
"""The columns of a past forecast."""
Wanted = Mapping[int, Sequence[pd.Period]]
"""The periods to forecast at each record."""
Actual = dict[tuple[int, tuple[str, ...], str], float]
"""Money won, by record, group and period."""


class PastForecast(NamedTuple):
    """The forecast of one period and group at a record."""

    record: int
    period: pd.Period
    group: tuple[str, ...]
    booked: float
    expected: float
    quantile: Callable[[float], float] | None
    """The amount that the total does not exceed with a probability; None without a range."""
    used: str
    """The method that made it."""


class Way(Protocol):
    """A way to forecast some periods from the deals at a record, and from the records up to it."""

    def __call__(
        self, past: PastForecasts, record: int, moment: Moment, ahead: Sequence[pd.Period], /
    ) -> Iterator[PastForecast]:
        """Forecast the periods; nothing while the history is too short."""


@dataclass(frozen=True)
class PastForecasts:
    """A question asked at past records."""

    question: ForecastQuestion

    @property
    def records(self) -> Records:
        """The records to forecast at."""
        assert self.question.records is not None
        return self.question.records

    @property
    def notes(self) -> dict[str, Any]:
        """The note of a table of past forecasts."""
        question = self.question
        return {
            "as_of": question.today,
            "freq": question.freq,
            "method": question.method.label,
            "confidence": question.confidence,
            "tz": question.tz,
        }

    @cached_property
    def learned(self) -> Learned:
        """The learned method on the records, which holds their deals."""
        return self.question.learn(self.question.by)

    def choose_now(self, day: pd.Timestamp) -> Method:
        """Choose the method of "auto" for a day after the last record, from that record."""
        last = self.learned.versions.at(len(self.records.days) - 1).keep_alive()
        moment = replace(last, day=day_number(day))
        return choose(Method("auto"), moment, self.question.freq, self.records)

    def ask(
        self,
        record: int,
        moment: Moment,
        ahead: Sequence[pd.Period],
        /,
        *,
        method: Method | None = None,
    ) -> Iterator[PastForecast]:
        """Forecast periods by a method, by default the question's, from the deals at a record.

        Yield nothing while the method lacks history.
        """
        question, every, moment = self.question, moment, moment.keep_alive()
        try:
            used = choose(method or question.method, moment, question.freq, self.records)
            fitted = question.fit(used, moment, question.by)
        except NotEnoughHistory:
            return
        if isinstance(fitted, RunRates):
            fitted.score(record, every, ahead)
        if used.name != "run_rate" and not self.records.shows_deals(record):
            return
        for period in ahead:
            outlook, booked = fitted.outlook(moment, period), moment.booked_in(period)
            expected = booked + outlook.expected_open + outlook.new_business
            for group in np.flatnonzero(~np.isnan(expected)).tolist():
                total = outlook.totals[group]
                yield PastForecast(
                    record,
                    period,
                    moment.labels[group],
                    booked[group],
                    expected[group],
                    total.quantile if total else None,
                    used.label,
                )

    def tabulate(
        self, wanted: Wanted, *ways: Way, levels: Sequence[float] = ()
    ) -> list[pd.DataFrame]:
        """Tabulate the forecasts of each way, one row per record, group and period.

        A record that does not allow a way has no row of it.

        ``quantiles`` has those at `levels`.
        """
        confidence, by = self.question.confidence, self.question.by
        asked = ((1 - confidence) / 2, 0.5, (1 + confidence) / 2, *levels)
        rows: list[list[tuple[Any, ...]]] = [[] for _ in ways]
        for record, ahead in wanted.items():
            moment, made_at = self.learned.versions.at(record), self.records.moments[record]
            for found, way in zip(rows, ways, strict=True):
                for made in way(self, record, moment, ahead):
                    find = made.quantile or _find_nothing
                    low, median, high, *quantiles = map(find, asked)
                    lead = last_day(made.period) - moment.day
                    keys = (record, made_at, *made.group, str(made.period), lead)
                    money = (made.booked, made.expected, low, median, high)
                    found.append((*keys, *money, made.used, quantiles))
        names = ["record", "made_at", *by, "period", "lead", *FORECAST, "used", "quantiles"]
        kinds = {"lead": "int64", **dict.fromkeys(FORECAST, "float64")}
        return [
            pd.DataFrame(found, columns=names)
            .astype(kinds)
            .sort_values(["record", "period"], kind="stable", ignore_index=True)
            for found in rows
        ]

    def judge(self, wanted: Wanted, *ways: Way, levels: Sequence[float] = ()) -> list[pd.DataFrame]:
        """Tabulate the forecasts of each way beside the actual bookings."""
        return [self._compare(made, wanted) for made in self.tabulate(wanted, *ways, levels=levels)]

    def _compare(self, made: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
        """Compare forecasts with the actual bookings. A group without a forecast counts as 0."""
        by = self.question.by
        actual = self.sum_wins({record: wanted[record] for record in dict.fromkeys(made["record"])})
        if by:
            made = pd.concat([made, _fill_in_groups(made, actual, by)], ignore_index=True)
        made["actual"] = [actual.get(key, 0.0) for key in _keys(made, by)]
        made["error"] = made["expected"] - made["actual"]
        return made.drop(columns="record").set_index([*by, "made_at", "period"])

    def sum_wins(self, wanted: Wanted) -> Actual:
        """Sum the wins of each period as of the last record, by group at the earlier one."""
        last, groups = len(self.records.days) - 1, self.learned.versions.every.labels
        return {
            (record, group, str(period)): money
            for record, ahead in wanted.items()
            for period in ahead
            for group, money in zip(
                groups, self.learned.sum_wins(record, period, last), strict=True
            )
        }


def _find_nothing(level: float) -> float:
    return math.nan


def list_ended(records: Records) -> Wanted:
    """List each record's current and next period, if they had ended by the last record."""
    over, found = records.days[-1], {}
    for record, day in enumerate(records.days):
        current = records.period(int(day))
        ended = [period for period in (current, current + 1) if last_day(period) < over]
        if ended:
            found[record] = ended
    return found


def find_equally_early(
    records: Records, current: pd.Period, lead: int
) -> dict[int, list[pd.Period]]:
    """Find the record of each earlier period that is `lead` days before its end."""
    period = records.period(int(records.days[0]))
    found: dict[int, list[pd.Period]] = {}
    while period < current and last_day(period) < records.days[-1]:
        record = records.find_at_lead(period, lead)
        if record >= 0:
            found.setdefault(record, []).append(period)
        period += 1
    return found


def _fill_in_groups(made: pd.DataFrame, actual: Actual, by: Sequence[str]) -> pd.DataFrame:
    """Make rows for groups with wins in a period but no forecast."""
    known = set(_keys(made, by))
    beside = {(row["record"], row["period"]): row for row in made.to_dict("records")}
    nothing = {"booked": 0.0, "expected": 0.0, **dict.fromkeys(FORECAST[2:], np.nan)}
    rows = [
        {**beside[record, period], **dict(zip(by, group, strict=True)), **nothing}
        for (record, group, period), money in actual.items()
        if money and (record, period) in beside and (record, group, period) not in known
    ]
    return pd.DataFrame(rows, columns=made.columns).astype(made.dtypes)


def _keys(made: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...], str]]:
    groups = zip(*(made[column] for column in by), strict=True) if by else repeat((), len(made))
    return zip(made["record"], groups, made["period"], strict=True)


def judge_ranges(table: pd.DataFrame) -> Series:
    """Tell whether the actual bookings are in the range, to the cent.

    Missing where there is no range.
    """
    held = (table["low"] - HALF_CENT <= table["actual"]) & (
        table["actual"] <= table["high"] + HALF_CENT
    )
    return held.astype("boolean").mask(table["low"].isna())
