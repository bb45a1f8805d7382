"""Forecasts of simulated teams as they would have been made, each held against what came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.moment import last_day
from opp_analytics.analysis.forecasting.past_forecasts import Actual, PastForecast, PastForecasts
from opp_analytics.analysis.forecasting.question import Question
from opp_analytics.analysis.stats.intervals import wilson
from opp_analytics.arguments import MethodName
from opp_analytics.history import History
from tests import sandbox_world, worlds

METHODS: tuple[MethodName, ...] = ("learned", "run_rate", "stated")
SANDBOX = "the sandbox"
KINDS = (*(kind.name for kind in worlds.KINDS), SANDBOX)
_LEADS = {"M": (0, 5, 12, 20, 27), "Q": (3, 15, 30, 50, 70, 85)}
"""Days before the end at which forecasts are made, in turn."""
_GOALS = (0.7, 0.85, 1.0, 1.15, 1.3)
"""Targets as multiples of the mean of the periods before, in turn."""
_EACH = {"M": 1, "Q": 2}
"""Forecasts of each period."""
_FEWEST = {"M": 6, "Q": 3}
_SANDBOX_WEEKS = 150
CONFIDENCES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95)
LEAST = 0.001
"""Smallest chance of a target that is neither met nor out of reach."""
_WHICH = ["kind", "seed", "freq", "by", "group", "period", "lead"]
"""What tells a forecast from others of its method."""


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
    past = PastForecasts(
        Question.of_past(history, "the proof", freq=freq, method=Method("auto"), as_of=None, by=by)
    )
    wanted = _chosen(past, freq, job.seed)
    actual = past.sum_wins(wanted)
    goals = _targets(past, actual)
    for method in METHODS:
        made = (one for record in wanted for one in past.ask(record, wanted[record], Method(method)))
        for said in made:
            came = actual.get((said.record, said.group, str(said.period)), 0.0)
            row = _row(said, came, goals) | {
                "lead": last_day(said.period) - int(past.records.days[said.record])
            }
            yield {"kind": job.kind, "seed": job.seed, "freq": freq, "by": by or "", **row}


def _chosen(past: PastForecasts, freq: str, seed: int) -> dict[int, list[pd.Period]]:
    """Forecasts of each ended period, at leads that take turns, from the first on that learned can make unasked."""
    records = past.records
    period = records.period(int(records.days[0]))
    leads = _LEADS[freq]
    found: dict[int, list[pd.Period]] = {}
    each = _EACH[freq]
    for turn in range(each * 10_000):
        ahead = period + turn // each
        if not 0 <= records.find_final(ahead) < len(records.days):
            break
        record = records.find_at_lead(ahead, leads[(turn + seed) % len(leads)])
        if record < 0:
            continue
        day = int(records.days[record])
        lead = last_day(ahead) - day
        have = sum(records.find_at_lead(ended, lead) >= 0 for ended in records.ended(day))
        if have >= _FEWEST[freq] and ahead not in found.setdefault(record, []):
            found[record].append(ahead)
    return found


def _targets(past: PastForecasts, actual: Actual) -> dict[str, float]:
    """A target for each period: a multiple of the mean of the ones before it."""
    if past.question.by:
        return {}
    came = pd.Series({period: money for (_, _, period), money in actual.items()}).sort_index()
    before = came.rolling(12, min_periods=3).mean().shift()
    return {
        str(period): mean * _GOALS[turn % len(_GOALS)]
        for turn, (period, mean) in enumerate(before.items())
        if mean == mean
    }


def _row(said: PastForecast, actual: float, goals: dict[str, float]) -> dict[str, Any]:
    total, goal = said.total, goals.get(str(said.period), np.nan)
    chance = np.nan
    if total is not None and goal == goal:
        chance = float(np.clip(total.at_least(goal), LEAST, 1 - LEAST))
        chance = 1.0 if said.booked >= goal else chance
    ends = {
        name: np.nan if total is None else total.quantile((1 + side * confidence) / 2)
        for confidence in CONFIDENCES
        for name, side in ((low_of(confidence), -1), (high_of(confidence), 1))
    }
    return {
        "method": said.method,
        "period": str(said.period),
        "group": " · ".join(said.group),
        "booked": said.booked,
        "expected": said.expected,
        "actual": actual,
        "median": np.nan if total is None else total.quantile(0.5),
        **ends,
        "p_target": chance,
        "reached": float(actual >= goal) if goal == goal else np.nan,
    }


def low_of(confidence: float) -> str:
    """The column with the low end of a range."""
    return f"low{100 * confidence:g}"


def high_of(confidence: float) -> str:
    """The column with the high end of a range."""
    return f"high{100 * confidence:g}"


def held_of(confidence: float) -> str:
    """The column that is 1 where a range held, 0 where it did not, missing without a range."""
    return f"held{100 * confidence:g}"


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """The forecasts with what held, and the Winkler score of the 80% range."""
    cent = 0.005
    table = rows.copy()
    for confidence in CONFIDENCES:
        low, high = table[low_of(confidence)], table[high_of(confidence)]
        inside = (low - cent <= table["actual"]) & (table["actual"] <= high + cent)
        table[held_of(confidence)] = inside.astype("float64").where(table["median"].notna())
    low, high = table[low_of(0.8)], table[high_of(0.8)]
    below, above = np.maximum(low - table["actual"], 0), np.maximum(table["actual"] - high, 0)
    table["winkler"] = high - low + 10 * (below + above)
    table["error"] = table["expected"] - table["actual"]
    table["brier"] = (table["p_target"] - table["reached"]) ** 2
    stated = table[table["method"] == "stated"].set_index(_WHICH)[["winkler", "error"]]
    return table.join(stated.add_suffix("_stated"), on=_WHICH)


def summary(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """What held, by keys and method; ratios to the stated method's on the same forecasts."""
    found = {key: _summary(part) for key, part in table.groupby([*keys, "method"], sort=False)}
    result = pd.DataFrame.from_dict(found, orient="index")
    result.index = pd.MultiIndex.from_tuples(result.index, names=[*keys, "method"])
    return result


def _summary(part: pd.DataFrame) -> dict[str, float]:
    ranged, aimed = part[part["median"].notna()], part[part["p_target"].notna()]
    both = ranged[ranged["winkler_stated"].notna()]
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
        "winkler_ratio": both["winkler"].mean() / both["winkler_stated"].mean(),
        "wape": part["error"].abs().sum() / part["actual"].sum(),
        "wape_ratio": part["error"].abs().sum() / part["error_stated"].abs().sum(),
        "bias": part["error"].sum() / part["actual"].sum(),
        "brier": aimed["brier"].mean(),
        "brier_base": base * (1 - base),
    }
