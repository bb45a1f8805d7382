"""The simulator: a sales team at work on the database, day by day.

The events of a deal on a day are random, with a seed from the sandbox's seed, the deal and the day, and depend
only on the deal's row. So there is no state between two days, a restart changes nothing, and an edit over the API
affects only the edited deal.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from opp_analytics.sandbox import rep_behavior
from opp_analytics.sandbox.arguments import check_number
from opp_analytics.sandbox.clock import LONGEST_DAYS, from_text, midnight, to_text
from opp_analytics.sandbox.stages import TenantStages
from opp_analytics.sandbox.store import CORE, Record, Store
from opp_analytics.sandbox.team import (
    ACCOUNTS,
    AFTERMATH_DAYS,
    LEAVE_PER_DAY,
    OFFERS,
    RECOVER_PER_DAY,
    REOPEN_PER_DAY,
    REPS,
    SOMEBODY,
    Rep,
    account_id,
    weigh_next_stages,
)

__all__ = ["TEAM_TENANT", "Simulator"]

TEAM_TENANT = 1
"""The tenant of the team: the first one."""

_REPS = {rep.unique_id: rep for rep in REPS} | {rep.name: rep for rep in REPS}
_ONWARD_PER_DAY = 0.2
"""Chance per working day that a deal goes on to a stage that shares its place among the worked ones."""
_WORKDAY_STARTS, _WORKDAY_SECONDS = timedelta(hours=8), 10 * 3_600


@dataclass
class _Event:
    """An event of a deal at a time of the day."""

    record: Record
    changes: dict[str, Any] = field(default_factory=dict)
    trashed: bool = False
    is_new: bool = False
    at: datetime = datetime.min


class Simulator:
    """The team of one store.

    Parameters
    ----------
    store
        Store whose settings hold the state of the team: seed, deals_per_week, and from the first day on
        origin and played_until (the first day not yet simulated).
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.watch: Callable[[Record, str], None] = lambda record, stamp: None
        """Called with each deal after something happened to it, and with the time."""

    def advance(self, days: int) -> None:
        """Move the clock by `days`, and simulate every day that has ended by then."""
        check_number(days, "days", low=0, high=LONGEST_DAYS, whole=True)
        until = self.store.clock.now() + timedelta(days=days)
        with self.store.transaction():
            self.play(until.date())
            self.store.clock.reach(until)
            self.store.save_settings(clock=to_text(until))

    def play(self, until: date) -> None:
        """Simulate all remaining days before `until`, inside the caller's transaction."""
        settings = self.store.read_setting
        begun = settings("played_until") or self.store.clock.now().date().isoformat()
        first, origin = date.fromisoformat(begun), date.fromisoformat(settings("origin") or begun)
        seed, rate = settings("seed"), settings("deals_per_week") / 5
        since = to_text(midnight(first - timedelta(days=AFTERMATH_DAYS)))
        desk = {record.unique_id: record for record in self.store.list_workable(TEAM_TENANT, since)}
        touched: dict[str, Record] = {}
        created: dict[str, Record] = {}
        for day in _working_days(first, until):
            # Counted from the origin, so that the same simulation can start on another date.
            number = (day - origin).days
            stages = self.store.stages
            events = [
                *_events(desk, day, f"{seed}/{number}", stages),
                *_arrivals(day, f"{seed}/{number}", rate, stages),
            ]
            for event in sorted(events, key=lambda event: (event.at, event.record.unique_id)):
                self._happen(event)
                key = event.record.unique_id
                desk[key] = event.record
                (created if event.is_new or key in created else touched)[key] = event.record
        self.store.insert(TEAM_TENANT, created.values())
        self.store.replace(TEAM_TENANT, touched.values())
        self.store.save_settings(origin=origin.isoformat(), played_until=max(first, until).isoformat())

    def _happen(self, event: _Event) -> None:
        stamp = to_text(self.store.clock.stamp(event.at))
        record = event.record
        record.attributes |= {**event.changes, "updated_at": stamp}
        if event.is_new:
            record.attributes["created_at"] = stamp
        record.deleted_at, record.deleted_by = (stamp, "team") if event.trashed else (None, None)
        self.watch(record, stamp)


def _working_days(first: date, until: date) -> Iterator[date]:
    for number in range((until - first).days):
        day = first + timedelta(days=number)
        if day.weekday() < 5:
            yield day


def _moment(day: date, dice: random.Random) -> datetime:
    return midnight(day) + _WORKDAY_STARTS + timedelta(seconds=dice.random() * _WORKDAY_SECONDS)


def _events(desk: dict[str, Record], day: date, seed: str, stages: TenantStages) -> Iterator[_Event]:
    """The events of `day`, at most one per deal."""
    for key, record in desk.items():
        if not _is_workable(record, day, stages):
            continue
        dice = random.Random(f"{seed}/{key}")
        event = _work(record, day, dice, stages)
        if event is not None:
            event.at = _moment(day, dice)
            yield event


def _worked(record: Record, stages: TenantStages) -> str | None:
    """The stage that the team works a deal by."""
    return stages.worked(record.attributes["stage"], record.attributes.get("pipeline"))


def _is_workable(record: Record, day: date, stages: TenantStages) -> bool:
    """True if anything can happen to a deal on `day`; this is faster than seeding a generator."""
    if record.deleted_at is not None:
        return _is_recent(record.deleted_at, day)
    stage = _worked(record, stages)
    if stage == "closed_lost":
        return _is_recent(record.attributes["updated_at"], day)
    return stage in LEAVE_PER_DAY and record.attributes["status"] in ("active", None)


def _work(record: Record, day: date, dice: random.Random, stages: TenantStages) -> _Event | None:
    """What happens to a deal, under the tenant's own stages."""
    pipeline = record.attributes.get("pipeline")
    event = _by_worked_stage(record, str(_worked(record, stages)), day, dice)
    if event is not None and "stage" in event.changes:
        named = stages.name_of(event.changes.pop("stage"), pipeline)
        event.changes |= {"stage": named} if named else {}
    if event is None and record.deleted_at is None:
        onward = stages.next_name(record.attributes["stage"], pipeline)
        if onward is not None and dice.random() < _ONWARD_PER_DAY:
            return _Event(record, {"stage": onward})
    return event


def _by_worked_stage(record: Record, stage: str, day: date, dice: random.Random) -> _Event | None:
    deal = {**record.attributes, "stage": stage}
    rep = _REPS.get(str(deal.get("owner_unique_id") or deal.get("owner_name")), SOMEBODY)
    if record.deleted_at is not None:
        return _Event(record) if dice.random() < RECOVER_PER_DAY else None
    if deal["stage"] == "closed_lost":
        return (
            _Event(record, rep_behavior.reopen_deal(day, rep, dice))
            if dice.random() < REOPEN_PER_DAY
            else None
        )
    if dice.random() < LEAVE_PER_DAY[deal["stage"]]:
        return _leave(record, deal, day, rep, dice)
    changes = rep_behavior.groom_deal(deal, day, rep, dice)
    return _Event(record, changes) if changes else None


def _leave(record: Record, deal: dict[str, Any], day: date, rep: Rep, dice: random.Random) -> _Event:
    chances = weigh_next_stages(deal["stage"], rep.skill)
    target = dice.choices(list(chances), list(chances.values()))[0]
    if target == "deleted":
        return _Event(record, trashed=True)
    if target == "inactive":
        return _Event(record, {"status": "inactive"})
    if target in ("closed_won", "closed_lost"):
        return _Event(record, rep_behavior.close_deal(deal, target, day, dice))
    return _Event(record, {"stage": target, "probability": rep_behavior.state_probability(target, rep, dice)})


def _is_recent(text: str, day: date) -> bool:
    return 0 < (day - from_text(text).date()).days <= AFTERMATH_DAYS


def _arrivals(day: date, seed: str, rate: float, stages: TenantStages) -> Iterator[_Event]:
    """The new deals of `day`: a Poisson number."""
    dice = random.Random(f"{seed}/new")
    while (waited := dice.expovariate(1.0)) < rate:
        rate -= waited
        rep = dice.choices(REPS, [rep.share for rep in REPS])[0]
        # A few accounts buy often, most rarely.
        account = ACCOUNTS[int(len(ACCOUNTS) * dice.random() ** 2)]
        offer, size = dice.choice(OFFERS)
        attributes = dict.fromkeys(CORE) | {
            "unique_id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
            "name": f"{account}: {offer}",
            "account_id": account_id(account),
            "value": rep_behavior.draw_value(size, dice),
            "close_date": rep_behavior.draw_close_date(day, dice),
            "probability": rep_behavior.state_probability("discovery", rep, dice),
            "status": "active",
            "owner_unique_id": rep.unique_id,
            "owner_name": rep.name,
            "owner_email": rep.email,
        }
        if stages.pipelines:
            attributes["pipeline"] = dice.choice(stages.pipelines)
        attributes["stage"] = stages.name_of("discovery", attributes.get("pipeline"))
        yield _Event(Record(attributes), is_new=True, at=_moment(day, dice))
