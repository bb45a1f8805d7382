"""The forecast methods by name, and which of them the data can serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import pandas as pd

from opp_analytics import arguments, text
from opp_analytics.analysis.forecasting.moment import SETTLED_DAYS, Moment, Records, last_day
from opp_analytics.analysis.forecasting.run_rate import (
    FEWEST_PERIODS,
    FEWEST_WINS,
    ended_periods,
    wins_in,
)
from opp_analytics.arguments import MethodName
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, NotEnoughHistory
from opp_analytics.inputs import did_you_mean
from opp_analytics.text import noun

METHODS: tuple[MethodName, ...] = get_args(MethodName)
FEWEST = 3
"""Ended periods below which nothing is learned: fewer give no spread (docs/definitions.md,
learned)."""
_UNASKED = {"Q": 3, "Y": 3}
_MOST_UNASKED = 6
"""Ended periods from which "auto" learns: six of the shorter ones, whose single results vary more,
else three."""


Rates = Mapping[str | tuple[str, str], float]
"""Rate (fraction) by stage, or by pipeline and stage."""


@dataclass(frozen=True)
class Method:
    """A forecast method with what it is given."""

    name: MethodName
    column: str = "probability"
    """The column of chances that "stated" reads."""
    stage_rates: Rates | None = None
    """For "stage" and for deals without a stated chance."""
    why: str = ""
    """Why "auto" took it; empty where it was asked for."""
    ended: int = 0
    """Ended periods that it learns from; none where it takes stated chances."""
    learns_on: str | None = None
    """The day, ISO, from which "auto" can learn from the records; None where it does, or there are
    none."""

    @property
    def label(self) -> str:
        """Name in tables; for a column other than ``probability``, that column's name."""
        return self.column if self.name == "stated" and self.column != "probability" else self.name


def read_method(
    method: Any = "auto",
    *,
    probability: Any = None,
    stage_rates: Any = None,
    argument: str = "method",
) -> Method:
    """Read the arguments that name a method."""
    names = f"use one of {', '.join(map(repr, METHODS))}"
    if not isinstance(method, str):
        raise ArgumentTypeError.of(argument, method, "is not a method", names)
    if method not in METHODS:
        way = f"{did_you_mean(method, METHODS)} {names}".lstrip()
        raise ArgumentValueError.of(
            argument,
            method,
            "is unknown",
            python_way=f"{way}. For a column, use probability={method!r}",
            shell_way=way,
        )
    if probability is not None:
        if not isinstance(probability, str):
            raise ArgumentTypeError(
                f"probability={probability!r} is not the name of a column; for given rates use "
                f"stage_rates={{'proposal': 0.4, …}}"
            )
        if method not in ("auto", "stated"):
            raise ArgumentValueError(
                f"probability={probability!r} goes with method='stated', not with {method!r}; "
                "leave one of them out"
            )
        method = "stated"
    if stage_rates is not None and method not in ("stage", "stated"):
        raise ArgumentValueError(
            f"stage_rates= goes with method='stage' or 'stated'; {method!r} learns its own chances"
        )
    rates = None if stage_rates is None else _read_rates(stage_rates)
    return Method(method, probability or "probability", rates)


def _read_rates(rates: Any) -> Rates:
    if isinstance(rates, pd.DataFrame):
        rates = arguments.frame(rates, "stage_rates", "rate", made_by="stage_rates")["rate"]
    if not isinstance(rates, (Mapping, pd.Series)):
        raise ArgumentTypeError(
            f"stage_rates={rates!r} is not a mapping from stage to rate, such as {{'proposal': "
            f"0.4}}"
        )
    read: dict[str | tuple[str, str], float] = {}
    for stage, rate in rates.items():
        if rate is None or rate is pd.NA or rate != rate:
            continue
        key = (str(stage[0]), str(stage[-1])) if isinstance(stage, tuple) else str(stage)
        read[key] = arguments.number(rate, f"stage_rates[{stage!r}]", low=0, example=0.4)
        if read[key] > 1:
            raise ArgumentValueError(
                f"stage_rates[{stage!r}]={rate!r} is above 1; rates are fractions, so divide "
                "percents by 100"
            )
    return read


def choose(
    method: Method,
    moment: Moment,
    freq: str,
    records: Records | None,
    *,
    single_deals: bool = False,
) -> Method:
    """Choose a forecast's method; "auto" tries learned, then run rate, then stated.

    Under "auto", learned and the run rate are used where the history allows.

    The run rate does not look at single deals: it does not answer where `single_deals` is True.
    """
    if single_deals and method.name == "run_rate":
        raise ArgumentValueError.of(
            "method",
            "run_rate",
            "does not look at single deals",
            "use 'learned', or 'stated' without a history",
        )
    if method.name == "auto":
        return _choose_unasked(moment, freq, records, single_deals=single_deals)
    if method.name == "learned":
        return replace(method, ended=_check_learned(moment.day, records))
    if method.name == "run_rate":
        ended, short = _describe_missing_wins(moment, freq)
        if short:
            raise NotEnoughHistory.of(
                "method", "run_rate", f"cannot be used: {short}", "use 'stated'"
            )
        return replace(method, ended=ended)
    return method


def _choose_unasked(
    moment: Moment, freq: str, records: Records | None, *, single_deals: bool
) -> Method:
    need = _UNASKED.get(freq[0], _MOST_UNASKED)
    missing, until, learns_on = "there is no history", "", None
    if records is not None:
        have = count_ended_periods(records, moment.day)
        if have >= need:
            ended = text.count(have, f"ended {noun(freq)}")
            why = f"{ended} with a record as long before the end as today"
            return Method("learned", why=why, ended=have)
        needed = text.count(need, f"ended {noun(freq)}")
        missing = (
            f"learned needs {needed} with a record as long before the end as today; you have "
            f"{have}{_describe_gaps(records)}"
        )
        enough = find_day_of_enough(records, moment.day, need)
        until, learns_on = f"; until {text.day(enough, year=True)} ", f"{enough:%Y-%m-%d}"
    stated, (rated, short) = (
        Method("stated", learns_on=learns_on),
        _describe_missing_wins(moment, freq),
    )
    if single_deals:
        why = f"{missing}{until and until + 'stated'}; the run rate does not look at single deals"
        return replace(stated, why=why)
    if not short:
        why = f"{missing}{until and until + 'run rate'}"
        return Method("run_rate", why=why, ended=rated, learns_on=learns_on)
    return replace(stated, why=f"{missing}{until and until + 'stated'}; {short}")


def _check_learned(day: int, records: Records | None) -> int:
    if records is None:
        raise ArgumentTypeError.of(
            "method",
            "learned",
            "learns from past records",
            python_way="pass history= with records",
            shell_way="name a folder with records: --history",
        )
    have = count_ended_periods(records, day)
    if have >= FEWEST:
        return have
    today, enough_on = pd.Timestamp(day, unit="D").date(), find_day_of_enough(records, day, FEWEST)
    raise NotEnoughHistory.of(
        "method",
        "learned",
        f"needs {text.count(FEWEST, f'ended {noun(records.freq)}')} with a record as long before "
        f"the end as {today} is before the end of {records.period(day)}; the history has "
        f"{have}{_describe_gaps(records)}. It can be used from "
        f"{text.day(enough_on, year=True)} on if you keep recording",
        "until then use 'run_rate' or 'stated'",
    )


def _describe_gaps(records: Records) -> str:
    """Say from when on stages and planned dates are known, where an imported history lacks them."""
    if not records.gaps:
        return ""
    return (
        " (stages and planned dates are known from "
        f"{text.day((max(records.gaps) + 1).start_time, year=True)} on)"
    )


def count_ended_periods(records: Records, day: int) -> int:
    """Count ended periods that have a record at today's lead time."""
    lead = last_day(records.period(day)) - day
    return sum(records.find_to_learn(period, lead) >= 0 for period in records.ended(day))


def find_day_of_enough(records: Records, day: int, need: int) -> pd.Timestamp:
    """Find the day from which enough periods have ended, if records go on as today."""
    lead = last_day(records.period(day)) - day
    ended = records.ended(day)
    waiting = need - sum(records.find_to_learn(period, lead) >= 0 for period in ended)
    earliest = int(records.days[0]) if records.find_newest(day) >= 0 else day
    period = records.period(day)
    while period - 1 not in ended and last_day(period - 1) - lead >= earliest:
        period -= 1
    while True:
        ahead = last_day(period) - lead >= day
        waiting -= (ahead and records.knows(period)) or records.find_to_learn(period, lead) >= 0
        if waiting <= 0:
            return pd.Timestamp(last_day(period) + SETTLED_DAYS, unit="D")
        period += 1


def _describe_missing_wins(moment: Moment, freq: str) -> tuple[int, str]:
    """Count the ended periods of the run rate, and describe what it lacks; empty if nothing."""
    ended = ended_periods(moment, freq)
    wins = sum(len(wins_in(moment, period)) for period in ended)
    if len(ended) >= FEWEST_PERIODS and wins >= FEWEST_WINS:
        return len(ended), ""
    return len(ended), (
        f"the run rate needs {text.count(FEWEST_PERIODS, f'ended {noun(freq)}')} with "
        f"{text.count(FEWEST_WINS, 'win')}; the table of deals has {len(ended):,} with {wins:,}"
    )
