"""Past forecasts: what a method said at past records, each from the records up to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, periods
from opp_analytics.analysis.forecasting.choose import Situation, choose
from opp_analytics.analysis.forecasting.forecasters import past_outlook
from opp_analytics.analysis.forecasting.learned import Past, read_past
from opp_analytics.analysis.forecasting.look_ahead import look_ahead
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.outlook import Distribution
from opp_analytics.analysis.forecasting.past_books import PastBooks, past_books
from opp_analytics.analysis.forecasting.past_points import Records, last_day
from opp_analytics.analysis.forecasting.read_arguments import Asked
from opp_analytics.analysis.forecasting.run_rate import run_rate
from opp_analytics.analysis.forecasting.targets import Targets
from opp_analytics.analysis.shared.history_query import check_history
from opp_analytics.analysis.shared.replay import Replay
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.org import Org
from opp_analytics.periods import When

FORECAST = ["booked", "expected", "low", "median", "high"]
"""The columns of a past forecast."""
Wanted = Mapping[int, Sequence[pd.Period]]
"""The periods to forecast at each record."""
Actual = dict[tuple[int, tuple[str, ...], str], float]
"""Money won, by record, group and period."""


@dataclass(frozen=True)
class Said:
    """What a method said of a period and group at a record."""

    record: int
    period: pd.Period
    group: tuple[str, ...]
    booked: float
    expected: float
    total: Distribution | None
    method: str


@dataclass(frozen=True)
class PastForecasts:
    """The records of a history, and what methods said at them."""

    history: History
    records: Records
    by: list[str]
    confidence: float
    tz: str
    org: Org
    seed: int = 0

    @classmethod
    def of(
        cls,
        history: History,
        asked_by: str,
        *,
        freq: str,
        as_of: When | None,
        by: Sequence[str] = (),
        confidence: float = 0.8,
        seed: int = 0,
        tz: str | None,
    ) -> PastForecasts:
        """The records up to the end of a day; time zone and fiscal year are the org's where they are not given.

        Raises
        ------
        ArgumentTypeError, MissingColumnError, NotEnoughHistory
            When `history` is not a `History`, lacks a column of `by`, or has no record by then.
        """
        known = check_history(history, asked_by, *by).records
        org = Org.of(history)
        zone, alias = org.zone(tz), org.freq(periods.check_freq(freq))
        if as_of is not None:
            known = known[known["recorded_at"] <= periods.as_instant(as_of, tz=zone, end=True, name="as_of")]
        if known.empty:
            raise NotEnoughHistory(f"{asked_by} needs records, but there are none up to as_of={as_of!r}")
        records = Records.of(known, alias, zone, org.fiscal_year_start)
        level = arguments.between(confidence, "confidence", example=0.8)
        return cls(
            history, records, list(by), level, zone, org, arguments.whole(seed, "seed", low=0, example=0)
        )

    @property
    def freq(self) -> str:
        """Alias of the periods."""
        return self.records.freq

    @property
    def last_day(self) -> pd.Timestamp:
        """The day of the last record."""
        return pd.Timestamp(self.records.days[-1], unit="D")

    def made(self, method: Method, wanted: Wanted) -> pd.DataFrame:
        """The forecasts of a method, for the records at which it could be used.

        Returns
        -------
        DataFrame
            ``record``, ``made_at``, the columns of `by`, ``period`` (str), ``weeks_before``, ``booked``, ``expected``,
            ``low``, ``median``, ``high``, and ``method``: that of the record.
        """
        rows = [self._row(said) for said in self.said(method, wanted)]
        rows.sort(key=lambda row: (row["record"], row["period"]))
        columns = ["record", "made_at", *self.by, "period", "weeks_before", *FORECAST, "method"]
        table = pd.DataFrame(rows, columns=columns)
        return table.astype({"weeks_before": "int64", **dict.fromkeys(FORECAST, "float64")})

    def said(self, method: Method, wanted: Wanted) -> Iterator[Said]:
        """What a method said at the records at which it could be used, one group after the other."""
        chosen = {record: self._choose(method, record) for record in wanted}
        yield from self._learned({r: wanted[r] for r, one in chosen.items() if one == Method("learned")})
        for record, one in chosen.items():
            if one is not None and one.probability == "run_rate":
                yield from self._run_rate(record, wanted[record])
            elif one is not None and one.probability != "learned":
                yield from self._given(record, wanted[record], one)

    def actual(self, wanted: Wanted) -> Actual:
        """Money won in each wanted period as the last record shows it, by record, group at that record, and period."""
        last, deals = len(self.records.days) - 1, self._past.deals
        return {
            (record, group, str(period)): float(money)
            for record, ahead in wanted.items()
            for period in ahead
            for group, money in zip(
                deals.versions.groups, deals.wins(record, period, last).actual, strict=True
            )
        }

    @cached_property
    def books(self) -> PastBooks:
        """Won, lost and open deals at every record."""
        return past_books(self.history, self.records, by=self.by, tz=self.tz)

    @cached_property
    def _replays(self) -> dict[str, Replay]:
        return {}

    def _choose(self, method: Method, record: int) -> Method | None:
        """The method used at a record; None if none can be."""
        now = self.records.at(record)
        current = pd.Period(pd.Timestamp(now.day, unit="D"), self.freq)
        at = Situation(self.freq, current, self.records, now, lambda: self.books.at(record))
        try:
            return choose(method, at).method
        except NotEnoughHistory:
            return None

    @cached_property
    def _past(self) -> Past:
        """What the forecasts learn from."""
        return read_past(self.history, self.records, by=self.by, meaning=self.org)

    def _learned(self, wanted: Wanted) -> Iterator[Said]:
        jobs = [(record, period) for record, ahead in wanted.items() for period in ahead]
        # Those equally long before the end learn from the same points, which are then counted once.
        jobs.sort(key=lambda job: last_day(job[1]) - int(self.records.days[job[0]]))
        for record, period in jobs:
            outlook = past_outlook(self._past, record, period, seed=self.seed)
            if outlook is None:
                continue
            deals = self._past.deals
            booked, group = deals.booked(record, period), deals.open(record, period).group
            open_ = np.bincount(group, minlength=deals.size) > 0
            there = open_ | (booked != 0) | (outlook.new_business > 0) | (not self.by)
            expected = booked + outlook.expected_open + outlook.new_business
            for k in np.flatnonzero(there).tolist():
                name = deals.versions.groups[k]
                yield Said(record, period, name, booked[k], expected[k], outlook.totals[k], "learned")

    def _run_rate(self, record: int, ahead: Sequence[pd.Period]) -> Iterator[Said]:
        book, there = self.books.at(record), self.books.alive(record) | (not self.by)
        for period in ahead:
            rate = run_rate(book, period)
            if rate is None:
                continue
            booked = self.books.booked(record, period)
            more, totals = rate.outlook(book, booked, grouped=bool(self.by))
            for k in np.flatnonzero(there).tolist():
                yield Said(
                    record,
                    period,
                    self.books.groups[k],
                    booked[k],
                    booked[k] + more[k],
                    totals[k],
                    "run_rate",
                )

    def _given(self, record: int, ahead: Sequence[pd.Period], method: Method) -> Iterator[Said]:
        moment = self.records.moments[record]
        known = self._replay(method).until(moment)
        frame = known.as_of(moment)
        frame.attrs["recorded_at"] = moment.isoformat()
        asked = Asked(
            pd.Timestamp(self.records.days[record], unit="D"),
            self.freq,
            method,
            known,
            Targets(),
            [str(period) for period in ahead],
            self.confidence,
            self.seed,
            self.tz,
            self.org,
            self._past if method.new_business else None,
            only=True,
        )
        try:
            made = look_ahead(frame, asked, self.by)
        except NotEnoughHistory:
            return
        groups = made.deals.labels
        for period in ahead:
            outlook, booked = made.outlooks[period], made.deals.booked_in(period)
            expected = booked + outlook.expected_open + outlook.new_business
            for k in np.flatnonzero(~np.isnan(expected)).tolist():
                yield Said(record, period, groups[k], booked[k], expected[k], outlook.totals[k], method.name)

    def _replay(self, method: Method) -> Replay:
        if method.name not in self._replays:
            self._replays[method.name] = Replay.of(self.history, "backtest", *method.columns, *self.by)
        return self._replays[method.name]

    def _row(self, said: Said) -> dict[str, Any]:
        levels = ((1 - self.confidence) / 2, 0.5, (1 + self.confidence) / 2)
        ends = [np.nan] * 3 if said.total is None else [said.total.quantile(level) for level in levels]
        return {
            "record": said.record,
            "made_at": self.records.moments[said.record],
            **dict(zip(self.by, said.group, strict=True)),
            "period": str(said.period),
            "weeks_before": (last_day(said.period) - int(self.records.days[said.record])) // 7,
            **dict(zip(FORECAST, [said.booked, said.expected, *ends], strict=True)),
            "method": said.method,
        }


def scores(table: pd.DataFrame) -> dict[str, float | None]:
    """WAPE, bias and interval coverage of forecasts; None where nothing was booked, or nothing has a range."""
    total = float(table["actual"].sum())
    ranged = table[table["low"].notna()]
    return {
        "wape": float(table["error"].abs().sum()) / total if total > 0 else None,
        "bias": float(table["error"].sum()) / total if total > 0 else None,
        "interval_coverage": float(in_range(ranged).mean()) if len(ranged) else None,
    }


def in_range(table: pd.DataFrame) -> pd.Series[bool]:
    """True where the actual bookings are in the range, to the cent."""
    return (table["low"] - 0.005 <= table["actual"]) & (table["actual"] <= table["high"] + 0.005)


def score_groups(groups: Mapping[Any, pd.DataFrame], name: str) -> pd.DataFrame:
    """The scores of groups of forecasts, one row per group."""
    columns = {"n": "int64", "wape": "float64", "bias": "float64", "interval_coverage": "float64"}
    rows = {key: {"n": len(table), **scores(table)} for key, table in groups.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns))
    return table.rename_axis(name).astype(columns)
