"""Samples of `call_accuracy` and `forecast_value_added`: calls and same-day records.

The records tell what was known on the day of a call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.moment import NEAR_DAYS, first_day, last_day
from opp_analytics.analysis.forecasting.past_forecasts import PastForecasts, Wanted
from opp_analytics.analysis.forecasting.question import ForecastQuestion
from opp_analytics.analysis.shared.history_query import check_history
from opp_analytics.analysis.stats.intervals import adjust_p_values, compare_pairs
from opp_analytics.arrays import Series
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History, list_owners
from opp_analytics.org import Org, calls_known, find_called_period, leave_strangers_out
from opp_analytics.schema import Json
from opp_analytics.text import noun

FEWEST = 3
"""Periods below which there are no figures."""
LAST_LEAD = 7
"""Days before a period's end from which a call no longer says much."""
_DRAWS, _FEWEST_DRAWN = 2_000, 6
"""Bootstrap draws, and the periods from which their percentiles are an interval."""
NUMBER = ["owner_name", "team"]
"""Whose number a call is; both empty for the whole's."""
POINT = ["period", "place"]
"""A day on which calls are judged: the period, and the place among its leads."""

_Made = defaultdict[tuple[str, ...], tuple[float, float]]
"""Expected and booked money by group."""


class CallDay(NamedTuple):
    """A day on which the calls for an ended period are judged."""

    period: pd.Period
    place: int
    """Place among the period's leads, which months of 30 and 31 days share."""
    day: pd.Timestamp
    record: int


@dataclass(frozen=True)
class CallSamples:
    """The calls for ended periods, and the days that they are judged on."""

    question: ForecastQuestion
    calls: pd.DataFrame
    """As `Org.calls`, for periods that are over; an empty ``owner_name`` or ``team`` is ""."""
    points: list[CallDay]
    left_out: dict[str, int]
    _levels: dict[tuple[str, ...], pd.DataFrame] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        history: History,
        asked_by: str,
        *,
        org: Org | None = None,
        freq: str | None = None,
        confidence: float = 0.95,
        as_of: pd.Timestamp | None = None,
    ) -> CallSamples:
        """Read the calls for final periods of `freq`, and find each lead day's record."""
        check_history(history, asked_by)
        history = history.read_by(org) if org else history
        meaning = Org.of(history)
        alias = freq or meaning.report.get("freq") or "M"
        question = ForecastQuestion.of_past(
            history, asked_by, method=Method("auto"), freq=alias, as_of=as_of, confidence=confidence
        )
        calls = leave_strangers_out(meaning.calls, partial(list_owners, history))
        if calls.empty:
            raise NotEnoughHistory(
                f"{asked_by} needs calls, but the org has none; name their file under [calls] of "
                "the org file, or make one with opp-analytics call"
            )
        read = {
            label: find_called_period(label, question.freq, meaning)
            for label in calls["period"].unique()
        }
        asked = [read[label] for label in calls["period"]]
        if not any(asked):
            other = calls["period"].iloc[0]
            fits = next(
                (one for sign, one in (("Q", "Q"), ("/", "W"), ("-", "M")) if sign in other), "Y"
            )
            raise NotEnoughHistory(
                f"{asked_by} judges calls for one {noun(question.freq)}, but all calls are for "
                f"other periods, such as {other}",
                python_way=f"pass freq={fits!r}",
                shell_way=f"use --freq {fits}",
            )
        records = question.records
        assert records is not None
        final = set(records.ended(int(records.days[-1])))
        calls.attrs = {}
        over = calls.fillna(dict.fromkeys(NUMBER, "")).assign(period=list(map(str, asked)))
        over = over[[one in final for one in asked]]
        points, lacking, others = [], 0, asked.count(None)
        for period in sorted(final.intersection(asked)):
            for place, lead in enumerate(list_leads(period)):
                day = last_day(period) - lead
                record = records.find_newest(day)
                if record >= 0 and day - records.days[record] <= NEAR_DAYS:
                    points.append(CallDay(period, place, pd.Timestamp(day, unit="D"), record))
                else:
                    lacking += 1
        left_out = {
            "other_periods": others,
            "period_not_over": len(calls) - others - len(over),
            "no_record": lacking,
        }
        return cls(question, over, points, left_out)

    @property
    def notes(self) -> Json:
        """The note of a table of judged calls."""
        return {"made_from": self.question.history, **PastForecasts(self.question).notes}

    @cached_property
    def in_force(self) -> pd.DataFrame:
        """Calls in force on each day, with ``place``, ``day`` and ``override``.

        Owners' own calls come first, then overrides; within each, the latest call is last.
        """
        by_period = dict(iter(self.calls.groupby("period")))
        found = [
            calls_known(by_period[str(point.period)], point.day).assign(
                place=point.place, day=point.day
            )
            for point in self.points
        ]
        table = pd.concat(found) if found else self.calls[:0].assign(place=0, day=pd.Timestamp(0))
        table["override"] = table["caller"] != table["owner_name"]
        return table.sort_values(["override", "made_on"], kind="stable")

    def read_level(self, *by: str) -> pd.DataFrame:
        """Tabulate, by group, what the records knew on each day, and the final result.

        Columns: ``model``, ``weighted``, ``last_period``, and ``actual`` for the final result.

        Index: the point, then the columns of `by`. Empty where the history lacks one.
        """
        if by in self._levels:
            return self._levels[by]
        history, rows = self.question.history, []
        assert history is not None
        if set(by) <= set(history.table.columns):
            past = PastForecasts(replace(self.question, by=by))
            wanted, versions = self._list_wanted(), past.learned.versions
            model, stated = (_ask(past, wanted, method) for method in (None, Method("stated")))
            actual = past.sum_wins(wanted)
            nothing: _Made = defaultdict(lambda: (np.nan, np.nan))
            for period, place, _, record in self.points:
                forecasts, plain = (made.get((record, period), nothing) for made in (model, stated))
                last = versions.sum_wins(record, period - 1).tolist()
                for group, won in zip(versions.every.labels, last, strict=True):
                    weighted, booked = plain[group]
                    before = max(booked, won)
                    came = actual[record, group, str(period)]
                    rows.append(
                        (str(period), place, *group, forecasts[group][0], weighted, before, came)
                    )
        keys = [*POINT, *by]
        table = pd.DataFrame(rows, columns=[*keys, "model", "weighted", "last_period", "actual"])
        self._levels[by] = table.set_index(keys).astype("float64")
        return self._levels[by]

    def _list_wanted(self) -> Wanted:
        wanted: dict[int, list[pd.Period]] = defaultdict(list)
        for point in self.points:
            wanted[point.record].append(point.period)
        return wanted


def _ask(
    past: PastForecasts, wanted: Wanted, method: Method | None
) -> dict[tuple[int, pd.Period], _Made]:
    """Forecast by record and period; a group without a forecast among others counts as 0."""
    found: dict[tuple[int, pd.Period], _Made] = {}
    for record, ahead in wanted.items():
        for made in past.ask(record, past.learned.versions.at(record), ahead, method=method):
            groups = found.setdefault((record, made.period), defaultdict(lambda: (0.0, 0.0)))
            groups[made.group] = made.expected, made.booked
    return found


def list_leads(period: pd.Period) -> list[int]:
    """List the days left at which a period's calls are judged.

    These are its first day, a third and two thirds of the way through, and a week before its end.
    """
    length = last_day(period) - first_day(period) + 1
    leads = dict.fromkeys([length - 1, 2 * length // 3, length // 3, LAST_LEAD])
    return [lead for lead in leads if lead < length]


@dataclass(frozen=True)
class Errors:
    """Errors of forecast sources by period (rows).

    Each is the mean over the period's leads, summed over the numbers judged together.
    """

    size: pd.DataFrame
    signed: pd.DataFrame
    actual: Series

    @classmethod
    def of(cls, cells: pd.DataFrame, sources: Sequence[str], *kept: int) -> Errors:
        """Average the errors of `sources` from ``actual`` by period and `kept` levels.

        `cells` has these columns, and the levels are of its index.

        It has a level ``period``, the lead's ``place``, and whose number it is.
        """
        off = cells[list(sources)].sub(cells["actual"], axis=0)
        levels = [level for level, name in enumerate(cells.index.names) if name != "place"]
        size, signed, came = (
            pd.DataFrame(part.groupby(level=levels).mean()).groupby(level=[*kept, "period"]).sum()
            for part in (off.abs(), off, cells[["actual"]])
        )
        return cls(size, signed, came["actual"])

    @classmethod
    def split(cls, cells: pd.DataFrame, sources: Sequence[str]) -> dict[str, Errors]:
        """Average cells by the first level of their index, each as `of` does."""
        every = cls.of(cells, sources, 0)
        parts = every.size, every.signed, every.actual
        return {
            key: cls(*(part.loc[key] for part in parts)) for key in every.actual.index.unique(0)
        }

    @property
    def enough(self) -> bool:
        """True if there are enough periods for figures."""
        return len(self.actual) >= FEWEST

    def judge(self, source: str, *, confidence: float) -> Json:
        """Judge a source, and compare it with the model; too few periods have ``n`` alone."""
        if not self.enough:
            return {"n": len(self.actual)}
        error, model, signed = (
            part.to_numpy() for part in (self.size[source], self.size["model"], self.signed[source])
        )
        n, total, tail, cents = (
            len(error),
            self.actual.sum(),
            (1 - confidence) / 2,
            np.round(signed, 2),
        )
        bias = _divide(signed.sum(), total)
        drawn = np.random.default_rng(0).integers(0, n, (_DRAWS, n))
        ratios = _divide(error[drawn].sum(axis=1), model[drawn].sum(axis=1))
        known = n >= _FEWEST_DRAWN and bool(model.any())
        low, high = np.nanquantile(ratios, [tail, 1 - tail]) if known else (np.nan, np.nan)
        # Around the bias, which is a share of what came: a caller who adds a tenth errs more in a
        # large period.
        off = (signed - bias * self.actual.to_numpy()).std(ddof=1)
        reach = _divide(stdtrit(n - 1, 1 - tail) * off * n**0.5, total)
        return {
            "n": n,
            "wape": _divide(error.sum(), total),
            "bias": bias,
            "bias_low": bias - reach,
            "bias_high": bias + reach,
            "over": (cents > 0).mean(),
            "under": (cents < 0).mean(),
            "error_ratio": _divide(error.sum(), model.sum()),
            "ratio_low": low,
            "ratio_high": high,
            "model_wape": _divide(model.sum(), total),
            "better": (np.round(error - model, 2) < 0).mean(),
            "p": np.nan if source == "model" else self.compare(source),
        }

    def compare(self, source: str, other: str = "model") -> float:
        """Compute the p-value of the difference between two sources' errors.

        NaN from too few periods.
        """
        return compare_pairs(self.size[source] - self.size[other]) if self.enough else np.nan


def _divide(part: Any, whole: Any) -> Any:
    """Divide; NaN where the whole is not above 0."""
    out = np.full(np.shape(whole), np.nan)
    return np.divide(part, whole, out=out, where=np.asarray(whole) > 0)[()]


def tabulate(rows: Iterable[Json], columns: Sequence[str], *, confidence: float) -> pd.DataFrame:
    """Tabulate judged rows.

    ``differs`` marks p-values by Holm's adjustment, over the rows that have one.
    """
    table = pd.DataFrame(list(rows), columns=[*columns, "p"]).astype("float64")
    differs, p = np.zeros(len(table), dtype=bool), table.pop("p").dropna()
    differs[p.index] = adjust_p_values(p.to_numpy()) < 1 - confidence
    return table.assign(differs=differs, n=table["n"].astype("int64"))
