"""Behavior of sales reps: changes of value, close date and stated probability, without effect on the outcome."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from opp_analytics.sandbox.team import Rep, compute_outcomes

__all__ = ["close_deal", "draw_close_date", "draw_value", "groom_deal", "reopen_deal", "state_probability"]

_TYPICAL_VALUE, _VALUE_SPREAD = 24_000, 0.8
_TYPICAL_CYCLE_DAYS, _CYCLE_SPREAD = 45, 0.45
_NO_VALUE, _NO_DATE = 0.06, 0.05
_KEEPS_PLANNED_DATE = 0.1
_CRUNCH_DAYS = 10


def state_probability(stage: str, rep: Rep, dice: random.Random) -> int:
    """The probability that `rep` states: the true one, shifted by optimism and mood, in steps of 5."""
    truth = compute_outcomes(rep.skill)[stage][0]
    odds = math.log(truth / (1 - truth)) + rep.optimism + dice.gauss(0, 0.25)
    return min(95, max(5, 5 * round(20 / (1 + math.exp(-odds)))))


def draw_value(size: float, dice: random.Random) -> int | Decimal | None:
    """A new deal's estimated value; sometimes it is missing."""
    value = dice.lognormvariate(math.log(_TYPICAL_VALUE * size), _VALUE_SPREAD)
    return None if dice.random() < _NO_VALUE else _round_price(value, dice)


def draw_close_date(day: date, dice: random.Random) -> str | None:
    """The planned close date of a deal created on `day`: often the end of a month or quarter, sometimes missing."""
    close = day + timedelta(days=round(dice.lognormvariate(math.log(_TYPICAL_CYCLE_DAYS), _CYCLE_SPREAD)))
    habit = dice.random()
    if habit < _NO_DATE:
        return None
    return _snap_to_deadline(close, habit).isoformat()


def close_deal(deal: Mapping[str, Any], stage: str, day: date, dice: random.Random) -> dict[str, Any]:
    """The changes to a deal won or lost on `day`. Most reps set the close date to that day."""
    won = stage == "closed_won"
    changes: dict[str, Any] = {
        "stage": stage,
        "status": "won" if won else "lost",
        "probability": 100 if won else 0,
    }
    if deal["close_date"] is None or dice.random() >= _KEEPS_PLANNED_DATE:
        changes["close_date"] = day.isoformat()
    if won and (deal["value"] is None or dice.random() < 0.3):
        paid = float(deal["value"] or _TYPICAL_VALUE) * dice.uniform(0.85, 1.0)
        changes["value"] = _round_price(paid, dice)
    return changes


def reopen_deal(day: date, rep: Rep, dice: random.Random) -> dict[str, Any]:
    """The changes to a lost deal that is reopened on `day`."""
    close = day + timedelta(days=dice.randint(14, 45))
    chance = state_probability("negotiation", rep, dice)
    return {
        "stage": "negotiation",
        "status": "active",
        "probability": chance,
        "close_date": close.isoformat(),
    }


def groom_deal(deal: Mapping[str, Any], day: date, rep: Rep, dice: random.Random) -> dict[str, Any]:
    """The changes to an open deal on a day without a stage change; mostly none."""
    changes: dict[str, Any] = {}
    close = _move_date(_parse_date(deal["close_date"]), day, deal["stage"], dice)
    if close is not None:
        changes["close_date"] = close.isoformat()
    if deal["value"] is None:
        if dice.random() < 0.02:
            changes["value"] = _round_price(
                dice.lognormvariate(math.log(_TYPICAL_VALUE), _VALUE_SPREAD), dice
            )
    elif dice.random() < 0.015:
        changes["value"] = _round_price(float(deal["value"]) * dice.lognormvariate(-0.04, 0.18), dice)
    if dice.random() < 0.015:
        changes["probability"] = state_probability(deal["stage"], rep, dice)
    return {name: value for name, value in changes.items() if value != deal[name]}


def _move_date(close: date | None, day: date, stage: str, dice: random.Random) -> date | None:
    """The new close date of an open deal, or None if it does not change."""
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
    """`close`, or the end of its month or quarter, which reps enter when they do not know."""
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
    """A typical price: a round number, sometimes with cents."""
    if dice.random() < 0.1:
        return Decimal(f"{value:.2f}")
    step = 500 if value > 10_000 else 50
    return max(step, step * round(value / step))
