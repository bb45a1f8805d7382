"""The choice of the method: learned where the history allows, else run rate, else stated; and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis.forecasting.deals_by_period import Deals
from opp_analytics.analysis.forecasting.learned import FEWEST
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.past_points import SETTLED_DAYS, Now, Records, day_number, last_day
from opp_analytics.analysis.forecasting.run_rate import FEWEST_PERIODS, FEWEST_WINS, Book
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, NotEnoughHistory

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay
    from opp_analytics.history import History

_UNASKED = {"Q": 3, "Y": 3}
_MOST_UNASKED = 6
"""Ended periods from which "auto" learns; 3 for quarters and years."""
_NOUNS = {"D": "day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}


@dataclass(frozen=True)
class Chosen:
    """A method, and why it was taken."""

    method: Method
    why: str = ""
    """Empty where the method was asked for."""

    @property
    def label(self) -> str:
        """The method's name, and why "auto" took it."""
        return f"{self.method.name}: {self.why}" if self.why else self.method.name


@dataclass(frozen=True)
class Support:
    """How many ended periods have a record at a point, and the day from which there are enough."""

    have: int
    need: int
    freq: str
    enough_on: pd.Timestamp | None = None
    """None where there are enough."""

    @property
    def periods(self) -> str:
        """The periods that are needed, in words."""
        return text.count(self.need, f"ended {noun(self.freq)}")


@dataclass(frozen=True)
class Situation:
    """What the choice depends on."""

    freq: str
    current: pd.Period
    """The period of the forecast's day."""
    records: Records | None
    """None without a history."""
    now: Now
    book: Callable[[], Book]
    """Won, lost and open deals as known then."""

    @classmethod
    def of(cls, deals: Deals, history: History | Replay | None) -> Situation:
        """The situation of a forecast."""
        known = history is not None and len(history.records) > 0
        records = deals.records_of(history) if known and history is not None else None
        now = Now(day_number(deals.today), -1) if records is None else records.now(deals.today)
        return cls(deals.freq, deals.current, records, now, lambda: book_of(deals))


def book_of(deals: Deals) -> Book:
    """Won, lost and open deals as known at the day of a forecast."""
    return Book.of(deals.frame, deals.outcome, deals.group, deals.today, deals.tz)


def choose(method: Method, at: Situation, *, single_deals: bool = False) -> Chosen:
    """The method that a forecast uses.

    Parameters
    ----------
    method : Method
        The method asked for.
    at : Situation
        What is known at the time.
    single_deals : bool
        True for a question about single deals, which the run rate does not look at.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError
        When the method needs a history, or cannot answer a question about single deals.
    NotEnoughHistory
        When the data cannot serve the method that was asked for; the message says from when they can.
    """
    if single_deals and method.probability == "run_rate":
        raise ArgumentValueError(
            "method='run_rate' does not look at single deals; use 'learned', or 'stated' without a history"
        )
    if method.probability == "auto":
        return _automatic(at, single_deals=single_deals)
    if method.reads_history:
        _check_learned(method, at)
    if method.probability == "run_rate":
        short = _too_few_wins(at)
        if short:
            raise NotEnoughHistory(f"method='run_rate': {short}; use 'stated'")
    return Chosen(method)


def noun(freq: str) -> str:
    """The word for a period."""
    return _NOUNS.get(freq[0], "period")


def learned_support(records: Records, now: Now, period: pd.Period, need: int) -> Support:
    """The ended periods with a record as long before their end as a moment is before that of `period`."""
    lead = last_day(period) - now.day
    have = [k for k in records.ended(now) if records.at_lead(k, lead) >= 0]
    if len(have) >= need:
        return Support(len(have), need, records.freq)
    return Support(len(have), need, records.freq, _enough_on(records, now, lead, need, len(have)))


def _enough_on(records: Records, now: Now, lead: int, need: int, have: int) -> pd.Timestamp:
    """The day from which enough periods are over, if records go on as today."""
    waiting = need - have
    over = set(records.ended(now))
    period = pd.Period(pd.Timestamp(now.day, unit="D"), records.freq)
    while period - 1 not in over and last_day(period - 1) - lead >= (
        records.days[0] if now.newest >= 0 else now.day
    ):
        period -= 1
    while True:
        ahead = last_day(period) - lead >= now.day
        waiting -= ahead or records.at_lead(period, lead) >= 0
        if waiting <= 0:
            return pd.Timestamp(last_day(period) + SETTLED_DAYS, unit="D")
        period += 1


def _automatic(at: Situation, *, single_deals: bool) -> Chosen:
    need = _UNASKED.get(at.freq[0], _MOST_UNASKED)
    missing, until = "there is no history", ""
    if at.records is not None:
        support = learned_support(at.records, at.now, at.current, need)
        if support.enough_on is None:
            ended = text.count(support.have, f"ended {noun(at.freq)}")
            return Chosen(Method("learned"), f"{ended} with a record as long before the end as today")
        missing = f"learned needs {support.periods} with a record as long before the end as today; you have {support.have}"
        until = f"; until {text.day(support.enough_on, year=True)} "
    if single_deals:
        said = f"{missing}{until and until + 'stated'}; the run rate does not look at single deals"
        return Chosen(Method("stated"), said)
    short = _too_few_wins(at)
    if not short:
        return Chosen(Method("run_rate"), f"{missing}{until and until + 'run rate'}")
    return Chosen(Method("stated"), f"{missing}{until and until + 'stated'}; {short}")


def _check_learned(method: Method, at: Situation) -> None:
    if at.records is None:
        raise ArgumentTypeError(
            f"method={method.name!r} learns from past records; pass history= with records"
        )
    support = learned_support(at.records, at.now, at.current, FEWEST)
    if support.enough_on is not None:
        today = pd.Timestamp(at.now.day, unit="D").date()
        raise NotEnoughHistory(
            f"method={method.name!r} needs {support.periods} with a record as long before the end as "
            f"{today} is before the end of {at.current}; the history has {support.have}. It can be used "
            f"from {text.day(support.enough_on, year=True)} on if you keep recording; until then use 'run_rate' or 'stated'"
        )


def _too_few_wins(at: Situation) -> str:
    """What the run rate lacks; empty if nothing."""
    book = at.book()
    ended = book.ended(at.freq)
    wins = sum(int(book.wins_in(period).sum()) for period in ended)
    if len(ended) >= FEWEST_PERIODS and wins >= FEWEST_WINS:
        return ""
    return (
        f"the run rate needs {text.count(FEWEST_PERIODS, f'ended {noun(at.freq)}')} with "
        f"{text.count(FEWEST_WINS, 'win')}; the frame has {len(ended):,} with {wins:,}"
    )
