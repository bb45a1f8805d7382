"""The simulator: a sales team at work on the database, day by day.

The events of a deal on a day are random, with a seed from the sandbox's seed, the deal and the day,
and depend only on the deal's row. So there is no state between two days, a restart changes nothing,
and an edit over the API affects only the edited deal.
"""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from opp_analytics.sandbox import team
from opp_analytics.sandbox.arguments import Json, check_number
from opp_analytics.sandbox.clock import LONGEST_DAYS, from_text, midnight, to_text
from opp_analytics.sandbox.store import CORE, DealStore, Record
from opp_analytics.sandbox.team import Rep, TenantStages

_TYPICAL_VALUE, _VALUE_SPREAD = 24_000, 0.8
_TYPICAL_CYCLE_DAYS, _CYCLE_SPREAD = 45, 0.45
_NO_VALUE, _NO_DATE = 0.06, 0.05
_KEEPS_PLANNED_DATE = 0.1
"""Chance that a closing leaves the planned close date in place, a common flaw of CRM data."""
_CRUNCH_DAYS = 10
"""Days before the end of a quarter in which late deals move to the next one."""


def state_probability(stage: str, rep: Rep, dice: random.Random) -> int:
    """Draw the probability that `rep` states, in steps of 5.

    It is the true one, shifted by optimism and mood.
    """
    truth = team.compute_outcomes(rep.skill)[stage][0]
    odds = math.log(truth / (1 - truth)) + rep.optimism + dice.gauss(0, 0.25)
    return min(95, max(5, 5 * round(20 / (1 + math.exp(-odds)))))


def draw_value(size: float, dice: random.Random) -> int | Decimal | None:
    """Draw a new deal's estimated value; sometimes it is missing."""
    value = dice.lognormvariate(math.log(_TYPICAL_VALUE * size), _VALUE_SPREAD)
    return None if dice.random() < _NO_VALUE else _round_price(value, dice)


def draw_close_date(day: date, dice: random.Random) -> str | None:
    """Draw the planned close date of a deal created on `day`.

    It is often the end of a month or quarter, and sometimes missing.
    """
    close = day + timedelta(
        days=round(dice.lognormvariate(math.log(_TYPICAL_CYCLE_DAYS), _CYCLE_SPREAD))
    )
    habit = dice.random()
    if habit < _NO_DATE:
        return None
    return _snap_to_deadline(close, habit).isoformat()


def close_deal(deal: Json, stage: str, day: date, dice: random.Random) -> Json:
    """Change a deal that is won or lost on `day`. Most reps set the close date to that day."""
    won = stage == "closed_won"
    status, chance = ("won", 100) if won else ("lost", 0)
    changes: Json = {"stage": stage, "status": status, "probability": chance}
    if deal["close_date"] is None or dice.random() >= _KEEPS_PLANNED_DATE:
        changes["close_date"] = day.isoformat()
    if won and (deal["value"] is None or dice.random() < 0.3):
        paid = float(deal["value"] or _TYPICAL_VALUE) * dice.uniform(0.85, 1.0)
        changes["value"] = _round_price(paid, dice)
    return changes


def reopen_deal(day: date, rep: Rep, dice: random.Random) -> Json:
    """Change a lost deal that is reopened on `day`."""
    close = day + timedelta(days=dice.randint(14, 45))
    chance = state_probability("negotiation", rep, dice)
    changes = {"stage": "negotiation", "status": "active", "probability": chance}
    return changes | {"close_date": close.isoformat()}


def groom_deal(deal: Json, day: date, rep: Rep, dice: random.Random) -> Json:
    """Change an open deal on a day without a stage change; mostly nothing."""
    changes: Json = {}
    close = _move_date(_parse_date(deal["close_date"]), day, deal["stage"], dice)
    if close is not None:
        changes["close_date"] = close.isoformat()
    if deal["value"] is None:
        if dice.random() < 0.02:
            value = dice.lognormvariate(math.log(_TYPICAL_VALUE), _VALUE_SPREAD)
            changes["value"] = _round_price(value, dice)
    elif dice.random() < 0.015:
        changes["value"] = _round_price(
            float(deal["value"]) * dice.lognormvariate(-0.04, 0.18), dice
        )
    if dice.random() < 0.015:
        changes["probability"] = state_probability(deal["stage"], rep, dice)
    return {name: value for name, value in changes.items() if value != deal[name]}


def _move_date(close: date | None, day: date, stage: str, dice: random.Random) -> date | None:
    """Draw the new close date of an open deal; None if it does not change."""
    mood = dice.random()
    if close is None:
        return day + timedelta(days=_TYPICAL_CYCLE_DAYS) if mood < 0.01 else None
    if close < day:
        # Overdue: the rep notices after some weeks.
        return (
            _snap_to_deadline(day + timedelta(days=dice.randint(7, 45)), dice.random())
            if mood < 0.05
            else None
        )
    quarter = _quarter_end(day)
    if close <= quarter and (quarter - day).days <= _CRUNCH_DAYS and stage != "negotiation":
        # At the end of a quarter, late deals move to the next one.
        return quarter + timedelta(days=dice.randint(15, 75)) if mood < 0.15 else None
    if mood < 0.012:
        return _snap_to_deadline(close + timedelta(days=dice.randint(7, 45)), dice.random())
    if mood < 0.016:
        return max(day + timedelta(days=1), close - timedelta(days=dice.randint(5, 20)))
    return None


def _snap_to_deadline(close: date, habit: float) -> date:
    """Keep `close`, or snap it to the end of its month or quarter.

    Reps enter that end when they do not know the date.
    """
    if habit < 0.25:
        return _month_end(close)
    return _quarter_end(close) if habit < 0.4 else close


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _quarter_end(day: date) -> date:
    return _month_end(day.replace(day=1, month=(day.month - 1) // 3 * 3 + 3))


def _parse_date(text: Any) -> date | None:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _round_price(value: float, dice: random.Random) -> int | Decimal:
    if dice.random() < 0.1:
        return Decimal(f"{value:.2f}")
    step = 500 if value > 10_000 else 50
    return max(step, step * round(value / step))


TEAM_TENANT = 1
"""The tenant of the team: the first one."""

_REPS = {rep.unique_id: rep for rep in team.REPS} | {rep.name: rep for rep in team.REPS}
_ONWARD_PER_DAY = 0.2
"""Chance per working day that a deal goes on to the tenant's next stage, where several of these are
one stage of the team."""
_WORKDAY_STARTS, _WORKDAY_SECONDS = timedelta(hours=8), 10 * 3_600


@dataclass
class _Event:
    record: Record
    changes: Json = field(default_factory=dict)
    trashed: bool = False
    is_new: bool = False
    at: datetime = datetime.min


class Simulator:
    """The team of one store; the store's settings hold the team's state.

    They are seed, deals_per_week and, from the first day on, origin and played_until (the first day
    not yet simulated).
    """

    def __init__(self, store: DealStore) -> None:
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
        since = to_text(midnight(first - timedelta(days=team.AFTERMATH_DAYS)))
        desk = {record.unique_id: record for record in self.store.list_workable(TEAM_TENANT, since)}
        touched: dict[str, Record] = {}
        created: dict[str, Record] = {}
        stages = self.store.stages
        # Counted from the origin, so that the same simulation can start on another date.
        for number in range((first - origin).days, (until - origin).days):
            day = origin + timedelta(days=number)
            if day.weekday() >= 5:
                continue
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
        self.store.save_settings(
            origin=origin.isoformat(), played_until=max(first, until).isoformat()
        )

    def _happen(self, event: _Event) -> None:
        stamp = to_text(self.store.clock.stamp(event.at))
        record = event.record
        record.attributes |= {**event.changes, "updated_at": stamp}
        if event.is_new:
            record.attributes["created_at"] = stamp
        record.deleted_at, record.deleted_by = (stamp, "team") if event.trashed else (None, None)
        self.watch(record, stamp)


def _moment(day: date, dice: random.Random) -> datetime:
    return midnight(day) + _WORKDAY_STARTS + timedelta(seconds=dice.random() * _WORKDAY_SECONDS)


def _events(
    desk: dict[str, Record], day: date, seed: str, stages: TenantStages
) -> Iterator[_Event]:
    """Draw the events of `day`, at most one per deal."""
    for key, record in desk.items():
        if not _is_workable(record, day, stages):
            continue
        dice = random.Random(f"{seed}/{key}")
        event = _work(record, day, dice, stages)
        if event is not None:
            event.at = _moment(day, dice)
            yield event


def _find_worked(record: Record, stages: TenantStages) -> str | None:
    return stages.find_worked(record.attributes["stage"], record.attributes.get("pipeline"))


def _is_workable(record: Record, day: date, stages: TenantStages) -> bool:
    """Return True if anything can happen to a deal on `day`.

    Asking this first is faster than seeding a generator.
    """
    if record.deleted_at is not None:
        return _is_recent(record.deleted_at, day)
    stage = _find_worked(record, stages)
    if stage == "closed_lost":
        return _is_recent(record.attributes["updated_at"], day)
    return stage in team.LEAVE_PER_DAY and record.attributes["status"] in ("active", None)


def _work(record: Record, day: date, dice: random.Random, stages: TenantStages) -> _Event | None:
    """Draw an event of a deal, under the tenant's own stages."""
    pipeline = record.attributes.get("pipeline")
    event = _draw_event(record, str(_find_worked(record, stages)), day, dice)
    if event is not None and "stage" in event.changes:
        named = stages.find_name(event.changes.pop("stage"), pipeline)
        event.changes |= {"stage": named} if named else {}
    if event is None and record.deleted_at is None:
        onward = stages.find_next(record.attributes["stage"], pipeline)
        if onward is not None and dice.random() < _ONWARD_PER_DAY:
            return _Event(record, {"stage": onward})
    return event


def _draw_event(record: Record, stage: str, day: date, dice: random.Random) -> _Event | None:
    deal = {**record.attributes, "stage": stage}
    rep = _REPS.get(str(deal.get("owner_unique_id") or deal.get("owner_name")), team.SOMEBODY)
    if record.deleted_at is not None:
        return _Event(record) if dice.random() < team.RECOVER_PER_DAY else None
    if deal["stage"] == "closed_lost":
        return (
            _Event(record, reopen_deal(day, rep, dice))
            if dice.random() < team.REOPEN_PER_DAY
            else None
        )
    if dice.random() < team.LEAVE_PER_DAY[deal["stage"]]:
        chances = team.weigh_next_stages(deal["stage"], rep.skill)
        target = dice.choices(list(chances), list(chances.values()))[0]
        if target == "deleted":
            return _Event(record, trashed=True)
        if target == "inactive":
            return _Event(record, {"status": "inactive"})
        if target in ("closed_won", "closed_lost"):
            return _Event(record, close_deal(deal, target, day, dice))
        return _Event(
            record, {"stage": target, "probability": state_probability(target, rep, dice)}
        )
    changes = groom_deal(deal, day, rep, dice)
    return _Event(record, changes) if changes else None


def _is_recent(text: str, day: date) -> bool:
    return 0 < (day - from_text(text).date()).days <= team.AFTERMATH_DAYS


def _arrivals(day: date, seed: str, rate: float, stages: TenantStages) -> Iterator[_Event]:
    """Draw the new deals of `day`: a Poisson number."""
    dice = random.Random(f"{seed}/new")
    while (waited := dice.expovariate(1.0)) < rate:
        rate -= waited
        rep = dice.choices(team.REPS, [rep.share for rep in team.REPS])[0]
        # A few accounts buy often, most rarely.
        account = team.ACCOUNTS[int(len(team.ACCOUNTS) * dice.random() ** 2)]
        offer, size = dice.choice(team.OFFERS)
        attributes = dict.fromkeys(CORE) | {
            "unique_id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
            "name": f"{account}: {offer}",
            "account_id": team.account_id(account),
            "value": draw_value(size, dice),
            "close_date": draw_close_date(day, dice),
            "probability": state_probability("discovery", rep, dice),
            "status": "active",
            "owner_unique_id": rep.unique_id,
            "owner_name": rep.name,
            "owner_email": rep.email,
        }
        if stages.pipelines:
            attributes["pipeline"] = dice.choice(stages.pipelines)
        attributes["stage"] = stages.find_name("discovery", attributes.get("pipeline"))
        yield _Event(Record(attributes), is_new=True, at=_moment(day, dice))
