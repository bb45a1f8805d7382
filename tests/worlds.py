"""Simulated sales teams of many kinds, whose forecasts can be held against what came.

A deal arrives, moves through four stages by chances of each step, slips past its date again and
again, and is won or lost. Its owner states a probability and a date that need not be right. Nothing
here is shared with the forecast methods.

Callers of known skill and bias say what a period will win. Their errors are the model's own, of
other periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
    stops_at: int | None = None
    """The week from which no deal arrives."""
    wander: float = 0.0
    """Standard deviation of a week's step in the logarithm of arrivals."""
    season: float = 0.0
    """Height of a yearly wave in the logarithm of arrivals."""
    late_days: float = 0.0
    """Mean days after which a new deal, a win or a loss is entered."""
    step: int = 7
    """Days between two records; everything but arrivals goes faster by the same factor."""
    size_slope: float = 0.0
    """How fast the odds of winning fall with size: their logarithm by that of the value."""
    revalued: float = 1.0
    """Median of what a deal is won at, by its value until then."""
    triples_at: int | None = None
    """The week from which three times as many deals arrive."""
    giant_at: int | None = None
    """The week in which a deal of a thousand times the usual value arrives, and stays open."""
    renewals: float = 0.0
    """Share of deals that are small, quick and mostly won."""
    reopens: float = 0.0
    """Share of lost deals that open again some weeks later."""
    swept_every: int = 0
    """Weeks between two days on which lost deals are closed; in between they stay open."""


KINDS = (
    Kind("right"),
    Kind("optimistic", optimism=1.6),
    Kind("quarter shocks", quarter_shock=0.45),
    Kind("rep shocks", rep_shock=0.7),
    Kind("growth and rush", growth=0.35, rush=2.5, deals_per_week=7.0),
    Kind("few big deals", deals_per_week=3.0, spread=1.5, optimism=1.25),
    Kind("young", weeks=112, recorded_from=60),
    Kind("break", broken_at=80),
    Kind("inflow stops", stops_at=105),
    Kind("inflow wanders", weeks=180, wander=0.12),
    Kind("seasons", weeks=180, season=0.7),
    Kind("late entries", late_days=6.0),
    Kind("weeks", weeks=45, step=1, deals_per_week=35.0),
)
GIANT = "giant deal"
HARD_KINDS = (
    Kind("odds fall with size", size_slope=0.5, spread=1.3),
    Kind("amounts revalued", revalued=0.7),
    Kind("volume triples", triples_at=80, deals_per_week=6.0),
    Kind(GIANT, giant_at=60),
    Kind("two kinds of business", renewals=0.5, spread=1.2),
    Kind("reopenings", reopens=0.35),
    Kind("bulk clean-ups", swept_every=13),
)
"""Kinds of trouble that real pipelines have."""


@dataclass
class _Book:
    """The deals of a team, one array for each field."""

    stage: list[int] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    due: list[int] = field(default_factory=list)
    born: list[int] = field(default_factory=list)
    end: list[str] = field(default_factory=list)
    small: list[bool] = field(default_factory=list)
    """True for a renewal."""
    asleep: list[tuple[int, int]] = field(default_factory=list)
    """Lost deals, by the day on which each opens again, or is closed at last."""


def log(kind: Kind, seed: int) -> pd.DataFrame:
    """The change log of one team of a kind, one row per deal and record that shows a change."""
    rng = np.random.default_rng([seed, *map(ord, kind.name)])
    book, rows = _Book(), []
    quarterly = np.exp(kind.quarter_shock * rng.standard_normal(40))
    monthly = np.exp(kind.rep_shock * rng.standard_normal((len(_OWNERS), 120)))
    skill = np.exp(0.35 * rng.standard_normal(len(_OWNERS)))
    alive: list[int] = []
    drift = 0.0
    for day in range(0, kind.weeks * 7, kind.step):
        week, date = day / 7, BEGIN + pd.Timedelta(days=day)
        changed = set()
        if kind.wander:
            drift += kind.wander * rng.standard_normal()
        for _ in range(rng.poisson(_count_arrivals(kind, week, drift))):
            alive.append(_arrive(book, kind, rng, day))
            changed.add(alive[-1])
        if week == kind.giant_at:
            book.value[alive.pop()] *= 1000
        entered = set(changed)
        woken = _wake(book, kind, rng, day)
        changed |= set(woken)
        alive += [deal for deal in woken if not book.end[deal]]
        odds = quarterly[(date.year - 2022) * 4 + date.quarter - 1]
        if kind.broken_at is not None and week >= kind.broken_at:
            odds *= 0.5
        rushing = kind.rush if (date + pd.Timedelta(days=14)).quarter != date.quarter else 1.0
        month = (date.year - 2022) * 12 + date.month - 1
        for deal in alive:
            own = odds * skill[book.owner[deal]] * monthly[book.owner[deal], month]
            due = book.due[deal]
            if _work(book, kind, rng, deal, day, own, rushing):
                changed.add(deal)
                _trouble(book, kind, rng, deal, day, due)
        entered |= {deal for deal in alive if book.end[deal]}
        alive = [deal for deal in alive if not book.end[deal]]
        for _, deal in book.asleep if kind.swept_every else ():
            # It looks open until somebody closes it.
            book.end[deal] = ""
        for deal in sorted(changed):
            late = int(rng.exponential(kind.late_days)) if kind.late_days and deal in entered else 0
            rows.append((day + late // kind.step * kind.step, *_row(book, kind, rng, deal)))
    columns = [
        "day",
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
    if kind.late_days:
        # What is entered later than a further change shows that change.
        table["day"] = table.groupby("unique_id")["day"].cummax()
        table = table.drop_duplicates(["unique_id", "day"], keep="last")
    return _recorded(table, kind)


def play_few(name: str, seed: int, weeks: int, **kind: Any) -> pd.DataFrame:
    """The change log of a small team of four, whose deals have names."""
    few = Kind(name, **{"weeks": weeks, "deals_per_week": 2.5, "optimism": 1.3, **kind})
    played = log(few, seed)
    owners = played["owner_name"].replace({"Eve": "Ada", "Finn": "Ben", "Gus": "Cleo"})
    return played.assign(owner_name=owners, name=played["unique_id"].str.replace("deal-", "Deal "))


def history(kind: Kind, seed: int) -> History:
    """The recorded history of one team."""
    return History.from_changes(log(kind, seed))


def _recorded(table: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    """The log as seen by someone whose first record is that of a later week."""
    begin, day = kind.recorded_from * 7, table.pop("day")
    first = table[day < begin].drop_duplicates("unique_id", keep="last")
    morning = BEGIN + pd.Timedelta(hours=6)
    table.insert(0, "seen_at", morning + pd.to_timedelta(day + kind.step, unit="D"))
    first.insert(0, "seen_at", morning + pd.Timedelta(days=begin))
    return pd.concat([first, table[day >= begin]], ignore_index=True)


def _count_arrivals(kind: Kind, week: float, drift: float) -> float:
    """Expected arrivals of one step."""
    if kind.stops_at is not None and week >= kind.stops_at:
        return 0.0
    wave = kind.season * np.sin(2 * np.pi * week / 52) if kind.season else 0.0
    if kind.triples_at is not None and week >= kind.triples_at:
        wave += np.log(3)
    return float(
        kind.deals_per_week * kind.step / 7 * np.exp(kind.growth * week / 52 + drift + wave)
    )


def _arrive(book: _Book, kind: Kind, rng: np.random.Generator, day: int) -> int:
    book.stage.append(0)
    book.owner.append(int(rng.integers(len(_OWNERS))))
    book.value.append(
        float(np.round(10_000 * np.exp(kind.spread * rng.standard_normal()), -1)) + 10
    )
    book.due.append(day + int(rng.gamma(3.0, 25.0 * kind.step / 7)) + kind.step)
    book.born.append(day + int(rng.integers(min(5, kind.step))))
    book.end.append("")
    book.small.append(bool(kind.renewals) and rng.random() < kind.renewals)
    if book.small[-1]:
        book.value[-1] = float(np.round(book.value[-1] / 10, -1)) + 10
    return len(book.stage) - 1


def _wake(book: _Book, kind: Kind, rng: np.random.Generator, day: int) -> list[int]:
    """Open lost deals again, or close them at last: those whose day it is."""
    woken = [deal for until, deal in book.asleep if until <= day]
    book.asleep = [(until, deal) for until, deal in book.asleep if until > day]
    for deal in woken:
        if kind.swept_every:
            _close(book, deal, "lost", day)
        else:
            book.end[deal], book.due[deal] = "", day + int(rng.gamma(3.0, 25.0))
    return woken


def _trouble(
    book: _Book, kind: Kind, rng: np.random.Generator, deal: int, day: int, due: int
) -> None:
    """Close a deal as real teams do; `due` is its date before."""
    end = book.end[deal]
    if end == "won" and kind.revalued != 1:
        book.value[deal] *= kind.revalued * np.exp(0.3 * rng.standard_normal())
    elif end == "lost" and kind.swept_every:
        book.due[deal] = due
        book.asleep.append((day + 7 * (kind.swept_every - day // 7 % kind.swept_every), deal))
    elif end == "lost" and kind.reopens and rng.random() < kind.reopens:
        book.asleep.append((day + 7 + int(rng.gamma(2.0, 21.0)), deal))


def _work(
    book: _Book,
    kind: Kind,
    rng: np.random.Generator,
    deal: int,
    day: int,
    odds: float,
    rushing: float,
) -> bool:
    """One step of a deal; True if anything changed."""
    luck, stage = rng.random(4), book.stage[deal]
    if kind.size_slope:
        odds *= (book.value[deal] / 10_000) ** -kind.size_slope
    if book.small[deal]:
        odds, rushing = 4 * odds, 2 * rushing
    near = book.due[deal] <= day + 2 * kind.step
    closed_on = day + int(min(5, kind.step) * luck[3])
    speed = (0.30 if near else 0.16) * rushing
    if luck[0] < min(speed, 0.9):
        up = 1.6 * odds
        if luck[1] < up / (up + 1.0):
            book.stage[deal] += 1
            if luck[2] < _TO_WIN[stage] or book.stage[deal] > 3:
                return _close(book, deal, "won", closed_on)
            return True
        return _close(book, deal, "lost", closed_on)
    if book.due[deal] < day + kind.step and luck[1] < 0.75:
        book.due[deal] = day + kind.step + int(rng.gamma(2.0, 2.0 * kind.step))
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
            np.clip(
                kind.optimism * _STATED[min(book.stage[deal], 3)] + 5 * rng.integers(-1, 2), 5, 95
            )
        )
    return (
        f"deal-{deal:05}",
        stage,
        end or "active",
        book.value[deal],
        BEGIN + pd.Timedelta(days=book.due[deal]),
        stated,
        _OWNERS[book.owner[deal]],
        (BEGIN + pd.Timedelta(days=book.born[deal])).tz_localize("UTC"),
    )


@dataclass(frozen=True)
class Caller:
    """Somebody who calls numbers: how far off by the model's error, and which way."""

    name: str
    skill: float = 1.0
    """Mean error by that of the model, before the bias."""
    bias: float = 0.0
    """Share added to each call."""
    alike: float = 0.0
    """Share of periods in which the error is the model's own; in the others it is that of another
    period."""
    aware: bool = True
    """False calls what some other period won."""


CALLERS = (
    Caller("equal"),
    Caller("informed", skill=0.7),
    Caller("optimist", bias=0.3),
    Caller("sandbagger", bias=-0.3),
    Caller("noise", aware=False),
)
HELPS, HURTS = 0.5, 1.5
"""What two managers leave of the error of the calls that they override."""


def call(known: pd.DataFrame, callers: Sequence[Caller], rng: np.random.Generator) -> pd.DataFrame:
    """What callers say on each day, a column for each.

    `known` has ``model`` (its forecast) and ``actual``, by ``period`` and ``place`` (of the day
    within the period), and perhaps ``owner_name``: then each person's number is called on its own.
    An error is drawn for a whole period, so that a caller who is wrong early often is wrong late,
    among the periods with a forecast at that place.
    """
    if "owner_name" in known.index.names:
        people = known.index.unique("owner_name")
        own = {
            name: call(pd.DataFrame(known.xs(name, level="owner_name")), callers, rng)
            for name in people
        }
        said = pd.concat(own, names=["owner_name"]).reorder_levels(known.index.names)
        return said.reindex(known.index)
    actual, error, cells = _spread(known)
    said = [_draw(actual, error, caller, rng)[cells] for caller in callers]
    return pd.DataFrame(np.transpose(said), known.index, [caller.name for caller in callers])


def expect(known: pd.DataFrame, caller: Caller) -> pd.Series[float]:
    """The mean of what a caller says on each day, over all draws."""
    actual, error, cells = _spread(known)
    period, place = cells
    # By row, and period that the error may be drawn from.
    others = np.where(
        np.arange(len(error)) == period[:, None], np.nan, caller.skill * error.T[place]
    )
    said = np.nanmean(_say(actual[cells][:, None], others), axis=1)
    return pd.Series((1 + caller.bias) * said, known.index)


def _spread(
    known: pd.DataFrame,
) -> tuple[NDArray[Any], NDArray[Any], tuple[NDArray[Any], NDArray[Any]]]:
    """What came and the model's errors, by period and place, with the cell of each row."""
    period, place = (
        pd.factorize(known.index.get_level_values(name), sort=True)[0]
        for name in ("period", "place")
    )
    table = np.full((2, period.max() + 1, place.max() + 1), np.nan)
    table[:, period, place] = known["actual"], known["model"] - known["actual"]
    return table[0], table[1], (period, place)


def _draw(
    actual: NDArray[Any], error: NDArray[Any], caller: Caller, rng: np.random.Generator
) -> NDArray[Any]:
    size = len(error)
    # Each period prefers the others in an order of its own, and errs at each place as the first
    # with a forecast there.
    order = rng.random((size, size))
    np.fill_diagonal(order, np.where(rng.random(size) < caller.alike, 2.0, -1.0))
    other = np.where(~np.isnan(error).T[:, None, :], order, -2.0).argmax(axis=2).T
    off, came = (np.take_along_axis(part, other, axis=0) for part in (error, actual))
    return (1 + caller.bias) * (_say(actual, caller.skill * off) if caller.aware else came)


def _say(actual: NDArray[Any], error: NDArray[Any]) -> NDArray[Any]:
    """Err the other way where nobody would call: the error stays as large."""
    return actual + np.where(actual + error < 0, -error, error)


def override(known: pd.DataFrame, called: pd.Series[float], left: float) -> pd.Series[float]:
    """What a manager makes of others' calls, of whose error the share `left` is left."""
    said = known["actual"] + left * (called - known["actual"])
    return said.where(said >= 0, 2 * known["actual"] - said)


def list_call_days(period: pd.Period) -> list[pd.Timestamp]:
    """The days on which people call: a period's first, a third and two thirds in, and a week before
    its end."""
    first, last = period.start_time.normalize(), period.end_time.normalize()
    length = (last - first).days + 1
    left = dict.fromkeys([length - 1, 2 * length // 3, length // 3, 7])
    return [last - pd.Timedelta(days=days) for days in left if days < length]


def submit(said: pd.Series[float], freq: str, caller: str | None = None) -> list[dict[str, Any]]:
    """Calls as rows of `oa.Org(calls=…)`: each person's own, or by `caller` for the whole or as an
    override."""
    rows = []
    for key, commit in said.dropna().items():
        period, place, *owner = cast("tuple[Any, ...]", key)
        day = list_call_days(pd.Period(period, freq))[place]
        names = {"caller": caller or owner[0], **({"owner_name": owner[0]} if owner else {})}
        rows.append({"made_on": day, "period": str(period), "commit": commit, **names})
    return rows
