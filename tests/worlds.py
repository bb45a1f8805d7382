"""Simulated sales teams of many kinds, whose forecasts can be held against what came.

A deal arrives, moves through four stages by weekly chances, slips past its date again and again, and is won or lost. Its
owner states a probability and a date that need not be right. Nothing here is shared with the forecast methods.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from opp_analytics.history import History

BEGIN = pd.Timestamp("2022-01-03")
_STAGES = ("discovery", "qualification", "proposal", "negotiation")
_STATED = (10, 25, 50, 75)
_OWNERS = ("Ada", "Ben", "Cleo", "Dev", "Eve", "Finn", "Gus")
_TO_WIN = (0.04, 0.10, 0.25, 1.0)
"""Chance that a deal that leaves its stage upward is won at once."""


@dataclass(frozen=True)
class Kind:
    """A kind of team."""

    name: str
    weeks: int = 140
    recorded_from: int = 0
    """The week of the first record."""
    deals_per_week: float = 12.0
    optimism: float = 1.0
    """Factor on stated probabilities."""
    spread: float = 0.9
    """Standard deviation of the logarithm of values."""
    growth: float = 0.0
    """Growth of arrivals a year, as a logarithm."""
    rush: float = 1.0
    """Factor on the speed of closing in the last two weeks of a quarter."""
    quarter_shock: float = 0.0
    """Standard deviation of the logarithm of each quarter's odds of winning."""
    rep_shock: float = 0.0
    """The same, for each rep and month."""
    broken_at: int | None = None
    """The week from which the odds of winning are halved."""


KINDS = (
    Kind("right"),
    Kind("optimistic", optimism=1.6),
    Kind("quarter shocks", quarter_shock=0.45),
    Kind("rep shocks", rep_shock=0.7),
    Kind("growth and rush", growth=0.35, rush=2.5, deals_per_week=7.0),
    Kind("few big deals", deals_per_week=3.0, spread=1.5, optimism=1.25),
    Kind("young", weeks=112, recorded_from=60),
    Kind("break", broken_at=80),
)


@dataclass
class _Book:
    """The deals of a team, one array for each field."""

    stage: list[int] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    due: list[int] = field(default_factory=list)
    born: list[int] = field(default_factory=list)
    end: list[str] = field(default_factory=list)


def log(kind: Kind, seed: int) -> pd.DataFrame:
    """The change log of one team of a kind, one row per deal and weekly record that shows a change."""
    rng = np.random.default_rng([seed, *map(ord, kind.name)])
    book, rows = _Book(), []
    quarterly = np.exp(kind.quarter_shock * rng.standard_normal(40))
    monthly = np.exp(kind.rep_shock * rng.standard_normal((len(_OWNERS), 120)))
    skill = np.exp(0.35 * rng.standard_normal(len(_OWNERS)))
    alive: list[int] = []
    for week in range(kind.weeks):
        monday = week * 7
        date = BEGIN + pd.Timedelta(days=monday)
        changed = set()
        for _ in range(rng.poisson(kind.deals_per_week * np.exp(kind.growth * week / 52))):
            alive.append(_arrive(book, kind, rng, monday))
            changed.add(alive[-1])
        odds = quarterly[(date.year - 2022) * 4 + date.quarter - 1]
        if kind.broken_at is not None and week >= kind.broken_at:
            odds *= 0.5
        rushing = kind.rush if (date + pd.Timedelta(days=14)).quarter != date.quarter else 1.0
        month = (date.year - 2022) * 12 + date.month - 1
        for deal in alive:
            own = odds * skill[book.owner[deal]] * monthly[book.owner[deal], month]
            if _work(book, rng, deal, monday, own, rushing):
                changed.add(deal)
        alive = [deal for deal in alive if not book.end[deal]]
        seen_at = date + pd.Timedelta(days=7, hours=6)
        rows += [(week, seen_at, *_row(book, kind, rng, deal)) for deal in sorted(changed)]
    columns = [
        "week",
        "seen_at",
        "unique_id",
        "stage",
        "status",
        "value",
        "close_date",
        "probability",
        "owner_name",
        "created_at",
    ]
    table = pd.DataFrame(rows, columns=columns)
    return _recorded(table, kind).drop(columns="week")


def history(kind: Kind, seed: int) -> History:
    """The recorded history of one team."""
    return History.from_changes(log(kind, seed))


def _recorded(table: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    """The log as seen by someone whose first record is that of a later week."""
    early = table["week"] < kind.recorded_from
    first = table[early].drop_duplicates("unique_id", keep="last")
    begin = BEGIN + pd.Timedelta(days=kind.recorded_from * 7, hours=6)
    return pd.concat([first.assign(seen_at=begin), table[~early]], ignore_index=True)


def _arrive(book: _Book, kind: Kind, rng: np.random.Generator, monday: int) -> int:
    book.stage.append(0)
    book.owner.append(int(rng.integers(len(_OWNERS))))
    book.value.append(float(np.round(10_000 * np.exp(kind.spread * rng.standard_normal()), -1)) + 10)
    book.due.append(monday + int(rng.gamma(3.0, 25.0)) + 7)
    book.born.append(monday + int(rng.integers(5)))
    book.end.append("")
    return len(book.stage) - 1


def _work(book: _Book, rng: np.random.Generator, deal: int, monday: int, odds: float, rushing: float) -> bool:
    """One week of a deal; True if anything changed."""
    luck, stage = rng.random(4), book.stage[deal]
    near = book.due[deal] <= monday + 14
    speed = (0.30 if near else 0.16) * rushing
    if luck[0] < min(speed, 0.9):
        up = 1.6 * odds
        if luck[1] < up / (up + 1.0):
            book.stage[deal] += 1
            if luck[2] < _TO_WIN[stage] or book.stage[deal] > 3:
                return _close(book, deal, "won", monday + int(5 * luck[3]))
            return True
        return _close(book, deal, "lost", monday + int(5 * luck[3]))
    if book.due[deal] < monday + 7 and luck[1] < 0.75:
        book.due[deal] = monday + 7 + int(rng.gamma(2.0, 14.0))
        return True
    if luck[2] < 0.04:
        book.value[deal] = (
            float(np.round(book.value[deal] * np.exp(0.2 * rng.standard_normal() - 0.05), -1)) + 10
        )
        return True
    return False


def _close(book: _Book, deal: int, end: str, day: int) -> bool:
    book.end[deal], book.due[deal] = end, day
    return True


def _row(book: _Book, kind: Kind, rng: np.random.Generator, deal: int) -> tuple[object, ...]:
    end = book.end[deal]
    stage = f"closed_{end}" if end else _STAGES[min(book.stage[deal], 3)]
    stated = {"won": 100, "lost": 0}.get(end)
    if stated is None:
        stated = int(
            np.clip(kind.optimism * _STATED[min(book.stage[deal], 3)] + 5 * rng.integers(-1, 2), 5, 95)
        )
    return (
        f"deal-{deal:05}", stage, end or "active", book.value[deal], BEGIN + pd.Timedelta(days=book.due[deal]),
        stated, _OWNERS[book.owner[deal]], (BEGIN + pd.Timedelta(days=book.born[deal])).tz_localize("UTC"),
    )  # fmt: skip
