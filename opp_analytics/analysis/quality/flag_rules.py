"""The flags: each finds deals to question, and says why in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods, text
from opp_analytics.analysis.quality.flag_facts import Past, Quantile
from opp_analytics.org import Org

__all__ = ["RULES", "Found", "Limits", "Open"]


@dataclass(frozen=True)
class Limits:
    """The thresholds of `deal_flags`."""

    pushes: int
    stay_days: int | None
    cut_share: float
    stale_days: int | None
    soon_days: int
    low_chance: float
    lately_days: int


@dataclass(frozen=True)
class Open:
    """The open deals of a frame, and what is known of them; all columns have the frame's index."""

    frame: pd.DataFrame
    org: Org
    today: pd.Timestamp
    tz: str
    limits: Limits
    past: pd.DataFrame | None
    """`Past.deals` for each row; missing values where the history does not know the deal."""
    learned: Past | None
    touched: pd.Series[Any]
    """When each deal last changed, other than by our own writes."""

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        today: pd.Timestamp,
        tz: str,
        limits: Limits,
        learned: Past | None,
        touched: pd.Series[Any],
    ) -> Open:
        """The deals of a frame, with what the history knows of each."""
        known = None
        if learned is not None:
            known = learned.deals.reindex(frame["unique_id"]).set_axis(frame.index)
            touched = known["changed_at"].fillna(touched)
        return cls(frame, Org.of(frame), today, tz, limits, known, learned, touched)

    def days_since(self, instants: pd.Series[Any]) -> pd.Series[Any]:
        """Whole days from instants to today; missing where unknown."""
        days: pd.Series[Any] = (self.today - periods.to_dates(instants, tz=self.tz)).dt.days
        return days

    def of_past(self, column: str) -> pd.Series[Any] | None:
        """A column of the history; None without it."""
        return self.past[column] if self.past is not None and column in self.past else None


Found = tuple[NDArray[np.bool_], Callable[[int], str]]
"""The flagged rows, and the reason of each by its place."""


def _figures(column: pd.Series[Any]) -> NDArray[np.float64]:
    """A number of each row; NaN, which passes no limit, where it is not known."""
    return column.to_numpy(dtype="float64", na_value=np.nan)


def _overdue(deals: Open) -> Found:
    late = _figures((deals.today - deals.frame["close_date"]).dt.days)
    return late > 0, lambda k: f"{text.count(int(late[k]), 'day')} overdue"


def _no_date(deals: Open) -> Found:
    return deals.frame["close_date"].isna().to_numpy(), lambda k: "no close date"


def _no_value(deals: Open) -> Found:
    return ~(_figures(deals.frame["value"]) > 0), lambda k: "no value"


def _next_action_passed(deals: Open) -> Found | None:
    if "next_action_at" not in deals.frame:
        return None
    late = _figures(deals.days_since(deals.frame["next_action_at"]))
    return late > 0, lambda k: f"next action was due {text.count(int(late[k]), 'day')} ago"


def _due_soon_unlikely(deals: Open) -> Found | None:
    if "probability" not in deals.frame:
        return None
    chance = _figures(deals.frame["probability"]) / 100
    left = _figures((deals.frame["close_date"] - deals.today).dt.days)
    soon = (left >= 0) & (left <= deals.limits.soon_days)
    return soon & (
        chance < deals.limits.low_chance
    ), lambda k: f"due in {text.count(int(left[k]), 'day')} at {text.percent(chance[k])}"


def _no_change(deals: Open) -> Found:
    learned = deals.learned.pauses if deals.learned else None
    limit = _limit(deals.limits.stale_days, learned)
    days = _figures(deals.days_since(deals.touched))
    after = (
        f"; {_said(learned, 'won deals never paused for more than')}"
        if learned and deals.limits.stale_days is None
        else ""
    )
    return days > limit, lambda k: f"{text.count(int(days[k]), 'day')} without a change{after}"


_STALE_DAYS = 30
"""Days without a change where nothing else is known."""


def _limit(given: int | None, learned: Quantile | None) -> int:
    if given is not None:
        return given
    return learned.days if learned else _STALE_DAYS


def _said(quantile: Quantile, what: str) -> str:
    return f"{text.percent(quantile.share)} of {what} {quantile.days} (n {quantile.n:,})"


def _pushed(deals: Open) -> Found | None:
    found, moved = deals.of_past("pushes"), deals.of_past("days_pushed")
    if found is None or moved is None:
        return None
    pushes, days = _figures(found), _figures(moved)

    def why(k: int) -> str:
        times = {1: "once", 2: "twice"}.get(int(pushes[k]), f"{int(pushes[k])} times")
        return f"pushed {times}, {text.count(int(days[k]), 'day')} in all"

    return pushes >= deals.limits.pushes, why


def _slow_in_stage(deals: Open) -> Found | None:
    entered = deals.of_past("entered_at")
    if entered is None or deals.past is None:
        return None
    stage = deals.frame["stage"].astype("object")
    # A deal that moved on after the last record just entered its stage.
    days = _figures(deals.days_since(entered).where(stage == deals.past["last_stage"]))
    given = deals.limits.stay_days
    learned = deals.learned.stays if deals.learned and given is None else {}
    limit = (
        _figures(stage.map({name: found.days for name, found in learned.items()})) if given is None else given
    )
    stages = stage.to_numpy()
    against = {
        name: f"{text.percent(found.share)} of won deals needed {found.days} or fewer (n {found.n:,})"
        for name, found in learned.items()
    }

    def why(k: int) -> str:
        stay = f"{text.count(int(days[k]), 'day')} in {text.label(str(stages[k]))}"
        return f"{stay}; {against.get(stages[k], f'the limit is {given}')}"

    return days > limit, why


def _moved_back(deals: Open) -> Found | None:
    best = deals.of_past("best_rank")
    if best is None:
        return None
    stages = [text.label(name) for name in deals.org.stages.open]
    ranks = {name: rank for rank, name in enumerate(deals.org.stages.open)}
    rank, highest = _figures(deals.frame["stage"].astype("object").map(ranks)), _figures(best)
    return (
        rank < highest,
        lambda k: f"back in {stages[int(rank[k])]}, was in {stages[int(highest[k])]}",
    )


def _value_cut(deals: Open) -> Found | None:
    peak = deals.of_past("peak")
    if peak is None:
        return None
    value, highest = _figures(deals.frame["value"]), _figures(peak) / 100

    def why(k: int) -> str:
        before, now = (text.money(amount[k], deals.org.currency) for amount in (highest, value))
        return f"value cut from {before} to {now}"

    return value < highest * (1 - deals.limits.cut_share), why


def _owner_changed(deals: Open) -> Found | None:
    at, before = deals.of_past("owner_at"), deals.of_past("owner_before")
    if at is None or before is None or "owner_name" not in deals.frame:
        return None
    days, owners = _figures(deals.days_since(at)), before.to_numpy()

    def why(k: int) -> str:
        return f"taken over from {owners[k]} {text.count(int(days[k]), 'day')} ago"

    return days <= deals.limits.lately_days, why


RULES: dict[str, Callable[[Open], Found | None]] = {
    "overdue": _overdue,
    "pushed": _pushed,
    "slow_in_stage": _slow_in_stage,
    "moved_back": _moved_back,
    "value_cut": _value_cut,
    "no_change": _no_change,
    "due_soon_unlikely": _due_soon_unlikely,
    "no_date": _no_date,
    "no_value": _no_value,
    "next_action_passed": _next_action_passed,
    "owner_changed": _owner_changed,
}
"""The flags, in the order of the table; None where the data cannot tell."""
