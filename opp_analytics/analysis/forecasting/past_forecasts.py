"""Past forecasts, made at each day's last record from the records up to it, and how they turned out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.learned import Learned
from opp_analytics.analysis.forecasting.method import Method, choose
from opp_analytics.analysis.forecasting.moment import Moment, Records, day_number, last_day
from opp_analytics.analysis.forecasting.outlook import Distribution
from opp_analytics.analysis.forecasting.question import Question
from opp_analytics.analysis.forecasting.run_rate import RunRates
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.schema import HALF_CENT

FORECAST = ["booked", "expected", "low", "median", "high"]
"""The columns of a past forecast."""
JUDGED = ["weeks_before", *FORECAST[1:], "actual", "error", "booked", "method"]
"""Columns of a past forecast compared with actual bookings."""
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
    total: Distribution | None
    method: str


@dataclass(frozen=True)
class PastForecasts:
    """A question asked at past records."""

    question: Question
    levels: tuple[float, ...] = ()
    """Further quantiles to give of each forecast, in the column ``quantiles``."""

    @property
    def records(self) -> Records:
        """The records to forecast at."""
        assert self.question.records is not None
        return self.question.records

    @property
    def notes(self) -> dict[str, Any]:
        """The attrs of a table of past forecasts."""
        question = self.question
        return {
            "as_of": question.today,
            "freq": question.freq,
            "method": question.method.label,
            "confidence": question.confidence,
            "tz": question.tz,
        }

    def choose_now(self, day: pd.Timestamp) -> Method:
        """Choose the method that forecasts on a day after the last record, from what it shows."""
        last = self.learned.versions.at(len(self.records.days) - 1).keep_alive()
        moment = replace(last, day=day_number(day))
        return choose(self.question.method, moment, self.question.freq, self.records)

    def tabulate(self, wanted: Wanted, *methods: Method | None) -> Iterator[pd.DataFrame]:
        """Tabulate the forecasts of each method at records that allow it, one row per record, group and period."""
        rows: list[list[dict[str, Any]]] = [[] for _ in methods]
        for record, ahead in wanted.items():
            moment = self.learned.versions.at(record)
            for found, method in zip(rows, methods, strict=True):
                found += map(self._row, self.ask(record, moment, ahead, method))
        keys = ["record", "made_at", *self.question.by, "period"]
        for found in rows:
            table = pd.DataFrame(
                found, columns=[*keys, "weeks_before", *FORECAST, "method", *self._further]
            )
            table = table.astype({"weeks_before": "int64", **dict.fromkeys(FORECAST, "float64")})
            yield table.sort_values(["record", "period"], kind="stable", ignore_index=True)

    def judge(self, wanted: Wanted, *methods: Method | None) -> list[pd.DataFrame]:
        """Tabulate the forecasts of each method beside the actual bookings."""
        return [self._compare(made, wanted) for made in self.tabulate(wanted, *methods)]

    def _compare(self, made: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
        """Compare forecasts with the actual bookings. A group without a forecast counts as 0."""
        by = self.question.by
        actual = self.sum_wins({record: wanted[record] for record in dict.fromkeys(made["record"])})
        if by:
            made = pd.concat([made, _fill_in_groups(made, actual, by)], ignore_index=True)
        made["actual"] = [actual.get(key, 0.0) for key in _keys(made, by)]
        made["error"] = made["expected"] - made["actual"]
        return made.set_index(["made_at", *by, "period"])[[*JUDGED, *self._further]]

    @property
    def _further(self) -> list[str]:
        return ["quantiles"] if self.levels else []

    def sum_wins(self, wanted: Wanted) -> Actual:
        """Sum the wins of each period as of the last record, by group at the earlier one."""
        last, groups = len(self.records.days) - 1, self.learned.versions.every.labels
        return {
            (record, group, str(period)): float(money)
            for record, ahead in wanted.items()
            for period in ahead
            for group, money in zip(
                groups, self.learned.sum_wins(record, period, last), strict=True
            )
        }

    @cached_property
    def learned(self) -> Learned:
        """The learned method on the records, which holds their deals."""
        return self.question.learn(self.question.by)

    def ask(
        self, record: int, moment: Moment, ahead: Sequence[pd.Period], method: Method | None
    ) -> Iterator[PastForecast]:
        """Forecast periods from the deals at a record.

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
                known = (booked[group], expected[group], outlook.totals[group])
                yield PastForecast(record, period, moment.labels[group], *known, used.label)

    def _row(self, made: PastForecast) -> dict[str, Any]:
        confidence = self.question.confidence
        levels = ((1 - confidence) / 2, 0.5, (1 + confidence) / 2, *self.levels)
        total = made.total
        ends = [np.nan if total is None else total.quantile(level) for level in levels]
        return {
            "record": made.record,
            "made_at": self.records.moments[made.record],
            **dict(zip(self.question.by, made.group, strict=True)),
            "period": str(made.period),
            "weeks_before": (last_day(made.period) - int(self.records.days[made.record])) // 7,
            **dict(zip(FORECAST, [made.booked, made.expected, *ends[:3]], strict=True)),
            "method": made.method,
            "quantiles": ends[3:],
        }


def list_ended(records: Records) -> Wanted:
    """List each record's current and next period, if they had ended by the last record."""
    over, found = records.days[-1], {}
    for record, day in enumerate(records.days):
        current = records.period(int(day))
        ended = [period for period in (current, current + 1) if last_day(period) < over]
        if ended:
            found[record] = ended
    return found


def _fill_in_groups(made: pd.DataFrame, actual: Actual, by: Sequence[str]) -> pd.DataFrame:
    """Make rows for groups with wins in a period but no forecast."""
    known = set(_keys(made, by))
    beside = {(row["record"], row["period"]): row for row in made.to_dict("records")}
    nothing = {"booked": 0.0, "expected": 0.0, **dict.fromkeys(("low", "median", "high"), np.nan)}
    rows = [
        {**beside[record, period], **dict(zip(by, group, strict=True)), **nothing}
        for (record, group, period), money in actual.items()
        if money and (record, period) in beside and (record, group, period) not in known
    ]
    return pd.DataFrame(rows, columns=made.columns).astype(made.dtypes)


def _keys(made: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...], str]]:
    groups = zip(*(made[column] for column in by), strict=True) if by else repeat((), len(made))
    return zip(made["record"], groups, made["period"], strict=True)


def score(table: pd.DataFrame) -> dict[str, Any]:
    """Score forecasts by WAPE, bias and interval coverage.

    None without bookings, or without ranges.
    """
    total, held = float(table["actual"].sum()), judge_ranges(table)
    return {
        "wape": float(table["error"].abs().sum()) / total if total > 0 else None,
        "bias": float(table["error"].sum()) / total if total > 0 else None,
        "interval_coverage": float(held.mean()) if held.notna().any() else None,
    }


def judge_ranges(table: pd.DataFrame) -> pd.Series[Any]:
    """Tell whether the actual bookings are in the range, to the cent.

    Missing where there is no range.
    """
    held = (table["low"] - HALF_CENT <= table["actual"]) & (
        table["actual"] <= table["high"] + HALF_CENT
    )
    return held.astype("boolean").mask(table["low"].isna())


def score_groups(groups: Mapping[Any, pd.DataFrame], name: str) -> pd.DataFrame:
    """Score groups of forecasts, one row per group."""
    columns = {"n": "int64", "wape": "float64", "bias": "float64", "interval_coverage": "float64"}
    rows = {key: {"n": len(table), **score(table)} for key, table in groups.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns))
    return table.rename_axis(name).astype(columns)
