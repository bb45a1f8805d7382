"""Forecasts of simulated teams as they would have been made, each held against what came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.choose import learned_support
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.past_forecasts import Actual, PastForecasts, Said
from opp_analytics.analysis.forecasting.past_points import last_day
from opp_analytics.analysis.stats.intervals import wilson
from opp_analytics.history import History
from tests import sandbox_world, worlds

METHODS = ("learned", "run_rate", "stated")
SANDBOX = "the sandbox"
KINDS = (*(kind.name for kind in worlds.KINDS), SANDBOX)
_LEADS = {"M": (0, 5, 12, 20, 27), "Q": (3, 15, 30, 50, 70, 85)}
"""Days before the end at which forecasts are made, in turn."""
_GOALS = (0.7, 0.85, 1.0, 1.15, 1.3)
"""Targets as multiples of the mean of the periods before, in turn."""
_FEWEST = {"M": 6, "Q": 3}
_SANDBOX_WEEKS = 150
_LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
LEAST = 0.001


@dataclass(frozen=True)
class Job:
    """The forecasts of one team, each by a period and perhaps a group."""

    kind: str
    seed: int
    asked: tuple[tuple[str, str | None], ...]
    """Pairs of freq and `by`."""


def history_of(kind: str, seed: int) -> History:
    """The history of a team."""
    if kind == SANDBOX:
        return sandbox_world.history(seed, _SANDBOX_WEEKS)
    return worlds.history(next(one for one in worlds.KINDS if one.name == kind), seed)


def held(job: Job) -> pd.DataFrame:
    """A row for each forecast, method and group of a team."""
    history = history_of(job.kind, job.seed)
    rows = [row for freq, by in job.asked for row in _held(job, history, freq, by)]
    return pd.DataFrame(rows)


def _held(job: Job, history: History, freq: str, by: str | None) -> Iterator[dict[str, Any]]:
    names = [] if by is None else [by]
    past = PastForecasts.of(history, "the proof", freq=freq, as_of=None, by=names, tz=None)
    wanted = _chosen(past, freq, job.seed)
    actual = past.actual(wanted)
    goals = _targets(past, actual)
    for method in METHODS:
        for said in past.said(Method(method), wanted):
            came = actual.get((said.record, said.group, str(said.period)), 0.0)
            row = _row(said, came, goals) | {
                "lead": last_day(said.period) - int(past.records.days[said.record])
            }
            yield {"kind": job.kind, "seed": job.seed, "freq": freq, "by": by or "", **row}


def _chosen(past: PastForecasts, freq: str, seed: int) -> dict[int, list[pd.Period]]:
    """One forecast of each ended period, at leads that take turns, from the first on that learned can make unasked."""
    records = past.records
    period = pd.Period(pd.Timestamp(records.days[0], unit="D"), past.freq)
    leads = _LEADS[freq]
    found: dict[int, list[pd.Period]] = {}
    for turn in range(10_000):
        if not 0 <= records.settles(period + turn) < len(records.days):
            break
        record = records.at_lead(period + turn, leads[(turn + seed) % len(leads)])
        if record < 0:
            continue
        enough = learned_support(records, records.at(record), period + turn, _FEWEST[freq])
        if enough.enough_on is None:
            found.setdefault(record, []).append(period + turn)
    return found


def _targets(past: PastForecasts, actual: Actual) -> dict[str, float]:
    """A target for each period: a multiple of the mean of the ones before it."""
    if past.by:
        return {}
    came = pd.Series({period: money for (_, _, period), money in actual.items()}).sort_index()
    before = came.rolling(12, min_periods=3).mean().shift()
    return {
        str(period): mean * _GOALS[turn % len(_GOALS)]
        for turn, (period, mean) in enumerate(before.items())
        if mean == mean
    }


def _row(said: Said, actual: float, goals: dict[str, float]) -> dict[str, Any]:
    ends = [np.nan] * len(_LEVELS) if said.total is None else [said.total.quantile(q) for q in _LEVELS]
    goal = goals.get(str(said.period), np.nan)
    chance = np.nan
    if said.total is not None and goal == goal:
        chance = float(np.clip(said.total.at_least(goal), LEAST, 1 - LEAST))
        chance = 1.0 if said.booked >= goal else chance
    return {
        "method": said.method,
        "period": str(said.period),
        "booked": said.booked,
        "expected": said.expected,
        "actual": actual,
        **dict(zip((f"q{q:g}" for q in _LEVELS), ends, strict=True)),
        "p_target": chance,
        "reached": float(actual >= goal) if goal == goal else np.nan,
    }


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """The forecasts with what held, and the Winkler score of the 80% range."""
    cent = 0.005
    table = rows.copy()
    for name, low, high in (("held50", 0.25, 0.75), ("held80", 0.1, 0.9), ("held95", 0.025, 0.975)):
        inside = (table[f"q{low:g}"] - cent <= table["actual"]) & (
            table["actual"] <= table[f"q{high:g}"] + cent
        )
        table[name] = inside.astype("float64").where(table["q0.5"].notna())
    below = np.maximum(table["q0.1"] - table["actual"], 0)
    above = np.maximum(table["actual"] - table["q0.9"], 0)
    table["winkler"] = table["q0.9"] - table["q0.1"] + 10 * (below + above)
    table["error"] = table["expected"] - table["actual"]
    table["brier"] = (table["p_target"] - table["reached"]) ** 2
    return table


def summary(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """What held, by keys and method; ratios to the stated method's on the same forecasts."""
    found = {key: _summary(part) for key, part in table.groupby([*keys, "method"], sort=False)}
    result = pd.DataFrame.from_dict(found, orient="index")
    result.index = pd.MultiIndex.from_tuples(result.index, names=[*keys, "method"])
    for name in ("winkler", "wape"):
        stated = result.xs("stated", level="method")[name]
        result[f"{name}_ratio"] = result[name] / stated.reindex(result.index.droplevel("method")).to_numpy()
    return result


def _summary(part: pd.DataFrame) -> dict[str, float]:
    ranged, aimed = part[part["q0.5"].notna()], part[part["p_target"].notna()]
    low, high = wilson(ranged["held80"].sum(), len(ranged))
    base = aimed["reached"].mean()
    return {
        "n": len(part),
        "ranged": len(ranged),
        "held80": ranged["held80"].mean(),
        "held80_low": float(low),
        "held80_high": float(high),
        "held50": ranged["held50"].mean(),
        "held95": ranged["held95"].mean(),
        "winkler": ranged["winkler"].mean(),
        "wape": part["error"].abs().sum() / part["actual"].sum(),
        "bias": part["error"].sum() / part["actual"].sum(),
        "brier": aimed["brier"].mean(),
        "brier_base": base * (1 - base),
    }
