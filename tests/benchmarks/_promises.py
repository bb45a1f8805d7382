"""Forecasts of simulated teams as they would have been made, and what the forecast is held to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis.forecasting.backtest import LEVELS
from opp_analytics.analysis.forecasting.moment import Records, last_day
from opp_analytics.analysis.forecasting.past_forecasts import Wanted, judge_ranges
from opp_analytics.analysis.forecasting.score import find_bands
from opp_analytics.history import History
from tests import sandbox_world, worlds
from tests.benchmarks._proof_rows import FEWEST, METHODS, OURS, compare, judge

SANDBOX = "the sandbox"
WEEKS = "weeks"
_TEAMS = {kind.name: kind for kind in (*worlds.KINDS, *worlds.HARD_KINDS)}
KINDS = (*_TEAMS, SANDBOX)
_LEADS = {
    "W": (0, 2, 4, 7, 10, 13),
    "M": (0, 2, 5, 9, 13, 20, 27, 45),
    "Q": (1, 5, 11, 20, 35, 50, 65, 80, 115, 150),
}
"""Days before the end at which forecasts are made, in turn; the longest before it begins."""
_EACH = {"W": 2, "M": 1, "Q": 2}
"""Forecasts of each period."""
_FEWEST = {"W": 6, "M": 6, "Q": 3}
"""Ended periods from which learned is used unasked."""
_GOALS = (0.7, 0.85, 1.0, 1.15, 1.3)
"""Targets as multiples of the mean of the periods before, in turn."""
_SANDBOX_WEEKS = 150
GIANT = worlds.GIANT
"""The kind whose one deal would make most of any sum over kinds, so that it is judged apart."""
LEAST = 0.001
"""Smallest chance of a target that is neither met nor out of reach."""


@dataclass(frozen=True)
class Job:
    """The forecasts of one team, each by a period and perhaps a group."""

    kind: str
    seed: int
    asked: tuple[tuple[str, str | None], ...]
    """Pairs of freq and `by`."""
    methods: tuple[str, ...] = METHODS
    """The methods asked where there is no `by`."""


def history_of(kind: str, seed: int) -> History:
    """The history of a team."""
    if kind == SANDBOX:
        return sandbox_world.history(seed, _SANDBOX_WEEKS)
    return worlds.history(_TEAMS[kind], seed)


def replay(job: Job) -> pd.DataFrame:
    """A row for each forecast, method and group of a team."""
    history, about = history_of(job.kind, job.seed), {"kind": job.kind, "seed": job.seed}
    parts = []
    for freq, by in job.asked:
        methods = OURS if by else job.methods
        rows = judge(
            history, freq, about, methods=methods, by=by, choose=_take_turns(freq, job.seed)
        )
        parts.append(_aim(rows).drop(columns="quantiles"))
    return pd.concat(parts, ignore_index=True)


def _take_turns(freq: str, seed: int) -> Callable[[Records], Wanted]:
    """Forecasts of each ended period, at leads that take turns, from the first on that learned can
    make unasked."""
    leads, each = _LEADS[freq], _EACH[freq]

    def choose(records: Records) -> Wanted:
        period = records.period(int(records.days[0]))
        found: dict[int, list[pd.Period]] = {}
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
        return {record: periods for record, periods in found.items() if periods}

    return choose


def _aim(rows: pd.DataFrame) -> pd.DataFrame:
    """Add a target for each period, a multiple of the mean of the ones before, its chance, and
    whether it was reached."""
    came = rows.drop_duplicates("period").set_index("period")["actual"].sort_index()
    goals = came.rolling(12, min_periods=3).mean().shift() * np.resize(_GOALS, len(came))
    goal = (
        rows["period"]
        .map(goals if (rows["by"] == "").all() else goals * np.nan)
        .to_numpy(dtype=np.float64)
    )
    # The first 99 levels are in order; the ends of the 95% range follow them.
    below = [
        np.interp(aim, at[:99], LEVELS[:99])
        for aim, at in zip(goal, rows["quantiles"], strict=True)
    ]
    chance = np.where(rows["booked"] >= goal, 1.0, np.clip(1 - np.array(below), LEAST, 1 - LEAST))
    known = ~np.isnan(goal) & rows["median"].notna().to_numpy()
    return rows.assign(
        p_target=np.where(known, chance, np.nan),
        reached=np.where(known, rows["actual"] >= goal, np.nan),
    )


def score_targets(rows: pd.DataFrame) -> tuple[float, float]:
    """Brier score of the chance of target, and that of always saying the base rate."""
    aimed = rows[rows["p_target"].notna()]
    base = aimed["reached"].mean()
    return float(((aimed["p_target"] - aimed["reached"]) ** 2).mean()), float(base * (1 - base))


@dataclass(frozen=True)
class Promise:
    """A figure with the bounds it is to stay in."""

    name: str
    low: float
    high: float
    measured: float

    @property
    def kept(self) -> bool:
        """True if the figure is inside."""
        return self.low <= self.measured <= self.high

    def cells(self) -> list[str]:
        """The row as text."""
        if self.low == -np.inf:
            return [self.name, f"at most {self.high:.2f}", f"{self.measured:.2f}", self._verdict]
        bound = f"{text.percent(self.low)} to {text.percent(self.high)}"
        return [self.name, bound, text.percent(self.measured), self._verdict]

    @property
    def _verdict(self) -> str:
        return "kept" if self.kept else "**missed**"


def promises(table: pd.DataFrame) -> list[Promise]:
    """What the learned method and the run rate are held to; of many teams or days left the least
    and the most."""
    whole, found = table[table["by"] == ""], []
    for method, wide in (("learned", whole), ("run_rate", whole[whole["freq"] == "M"])):
        rows = wide[(wide["method"] == method) & wide["median"].notna()]
        name = text.method(method) + ("" if method == "learned" else ", by month")
        ranges = (("80%", 0.75, 0.88), ("50%", 0.42, 0.60), ("95%", 0.90, 0.98))
        for (level, low, high), share in zip(ranges, held_in(rows), strict=True):
            found.append(Promise(f"{name}: {level} ranges held", low, high, share))
        # Where few wins make a range, a run rate has none most of the time.
        several = rows[(rows["kind"] != "few big deals") | (method == "learned")]
        found += _ends(
            f"{name}: 80% ranges held",
            several["held"].astype("float64").groupby([*_which(several)]),
        )
    learned = whole[(whole["method"] == "learned") & whole["median"].notna()]
    quarters = learned[learned["freq"] == "Q"]
    if len(quarters):
        bands = find_bands(quarters).astype("str") + " days left"
        held = quarters["held"].astype("float64")
        found += _ends("learned, by quarter: 80% ranges held", held.groupby(bands))
    scores = {key: compare(part, OURS) for key, part in whole.groupby([*_which(whole)])}
    for score, title in (("winkler", "Winkler score"), ("wape", "WAPE")):
        ratios = {
            key: float(own[score]["learned"] / own[score]["stated"])
            for key, own in scores.items()
            if own["n"]["learned"] >= FEWEST
        }
        worst = max(ratios, key=lambda key: ratios[key])
        name = f"learned: {title} by that of stated, largest: {_name_key(worst)}"
        found.append(Promise(name, -np.inf, 1, ratios[worst]))
    for name, part in (("all", learned), (SANDBOX, learned[learned["kind"] == SANDBOX])):
        brier, base = score_targets(part)
        title = f"learned: Brier score of p_target by that of the base rate, {name}"
        found.append(Promise(title, -np.inf, 1, brier / base))
    return [*found, *_by_owner(table)]


def held_in(rows: pd.DataFrame) -> list[float]:
    """The share of the 80%, 50% and 95% ranges that held."""
    return [
        judge_ranges(rows.assign(low=rows[f"low{end}"], high=rows[f"high{end}"]))
        .astype("float64")
        .mean()
        for end in ("", "_50", "_95")
    ]


def _which(rows: pd.DataFrame) -> tuple[pd.Series[str], pd.Series[str]]:
    return rows["kind"], rows["freq"]


def _name_key(key: object) -> str:
    return f"{key[0]} by {text.noun(key[1])}" if isinstance(key, tuple) else str(key)


def _ends(name: str, held: Any) -> list[Promise]:
    """The least and the most share that held, of the groups with enough forecasts."""
    shares = held.mean()[held.size() >= FEWEST].sort_values(kind="stable")
    ends = {"least": 0, "most": -1} if len(shares) else {}
    return [
        Promise(f"{name}, {end}: {_name_key(shares.index[k])}", 0.70, 0.92, float(shares.iloc[k]))
        for end, k in ends.items()
    ]


def _by_owner(table: pd.DataFrame) -> list[Promise]:
    """Where nothing more has a chance of 10%, the low end is what is booked: only the high end can
    miss, and 90% hold."""
    owners = table[(table["by"] != "") & (table["method"] == "learned") & table["median"].notna()]
    if owners.empty:
        return []
    sided = owners["low"] > owners["booked"] + 0.005
    both, one = (held_in(owners[rows])[0] for rows in (sided, ~sided))
    name = "learned by owner: 80% ranges held, where"
    return [
        Promise(f"{name} both ends can miss", 0.75, 0.90, both),
        Promise(f"{name} nothing more has a chance of 10% or more", 0.85, 0.96, one),
    ]
