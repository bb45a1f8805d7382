"""Estimates held against the truth of the simulated team, over many seeds.

    python -m tests.truth [SEEDS]

plays a team for half a year, asks for its rates, curve and forecast, then lets every open deal come
to its end, and prints how often each interval held what is known to be true.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from opp_analytics import org
from opp_analytics.analysis import forecast, win_rate, win_rate_curve
from opp_analytics.analysis.stats.intervals import wilson
from opp_analytics.org import outcomes
from opp_analytics.sandbox import TRUE_WIN_RATE, TRUE_WIN_RATES
from opp_analytics.sandbox.clock import Clock, midnight
from opp_analytics.sandbox.simulator import TEAM_TENANT, Simulator
from opp_analytics.sandbox.store import DealStore
from opp_analytics.sandbox.team import REPS
from opp_analytics.sandbox.team import compute_outcomes as true_chances

BEGIN, WEEKS, TO_THE_END = date(2026, 1, 5), 26, 80
_ALL = 1_000_000
_SKILL = {rep.name: rep.skill for rep in REPS}


def played(
    seed: int, *, weeks: int = WEEKS, deals_per_week: int = 10
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The team's opportunities after some weeks, and the same ones once all have come to their
    end."""
    with tempfile.TemporaryDirectory() as folder:
        store = DealStore(Path(folder) / "team.db", Clock())
        store.clock.reach(midnight(BEGIN))
        with store.transaction():
            store.add_tenant()
            store.save_settings(seed=seed, deals_per_week=deals_per_week)
        simulator = Simulator(store)
        frames = []
        for until, rate in ((weeks, deals_per_week), (weeks + TO_THE_END, 0)):
            with store.transaction():
                store.save_settings(deals_per_week=rate)
                simulator.play(BEGIN + timedelta(weeks=until))
            store.clock.reach(midnight(BEGIN + timedelta(weeks=until)))
            texts = [text for _, text in store.read_page(TEAM_TENANT, limit=_ALL)[0]]
            frames.append(org.conform(pd.DataFrame([json.loads(text) for text in texts])))
        store.close()
    return frames[0], frames[1]


def checks(
    now: pd.DataFrame, end: pd.DataFrame, as_of: pd.Timestamp
) -> Iterator[tuple[str, float, bool]]:
    """What was claimed, how often it promises to hold, and whether it did."""
    whole = win_rate(end).iloc[0]
    yield (
        "win rate, every deal ended",
        0.95,
        _holds(whole["rate_low"], TRUE_WIN_RATE, whole["rate_high"]),
    )
    reps = win_rate(end, by="owner_name")
    for name, truth in TRUE_WIN_RATES.items():
        if name in reps.index:
            low, high = reps["rate_low"][name], reps["rate_high"][name]
            yield "win rate by rep, every deal ended", 0.95, _holds(low, truth, high)
    curve = win_rate_curve(now, as_of=as_of).iloc[-1]
    held = _holds(curve["won_low"], TRUE_WIN_RATE, curve["won_high"])
    yield "win-rate curve, eventual, young pipeline", 0.95, held
    yield from _forecast(now, end, as_of)


def _forecast(
    now: pd.DataFrame, end: pd.DataFrame, as_of: pd.Timestamp
) -> Iterator[tuple[str, float, bool]]:
    """The range of what the open deals bring in the end, at their true chances."""
    deals = now[(outcomes(now) == "open") & now["value"].notna()].copy()
    deals["true"] = [
        true_chances(_SKILL[name])[stage][0]
        for name, stage in zip(deals["owner_name"], deals["stage"], strict=True)
    ]
    deals["close_date"] = as_of
    won = set(end.loc[outcomes(end) == "won", "unique_id"])
    actual = float(deals.loc[deals["unique_id"].isin(won), "value"].sum())
    row = forecast(deals, as_of=as_of, freq="Y", probability="true").iloc[-1]
    yield "forecast range at true chances", 0.80, _holds(row["low"], actual, row["high"])
    yield "forecast median at true chances: half lie below", 0.50, actual <= row["median"]


def _holds(low: float, truth: float, high: float) -> bool:
    return bool(low - 1e-9 <= truth <= high + 1e-9)


def table(seeds: int) -> pd.DataFrame:
    """How often each claim held over the seeds, with the interval of that share itself."""
    as_of = pd.Timestamp(BEGIN + timedelta(weeks=WEEKS))
    rows = [row for seed in range(1, seeds + 1) for row in checks(*played(seed), as_of)]
    found = pd.DataFrame(rows, columns=["claim", "promised", "held"]).groupby("claim", sort=False)
    held = found.agg(promised=("promised", "first"), n=("held", "size"), held=("held", "sum"))
    low, high = wilson(held["held"], held["n"], confidence=0.99)
    return held.assign(share=held["held"] / held["n"], share_low=low, share_high=high)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description=__doc__)
    parser.add_argument(
        "seeds", nargs="?", type=int, default=100, help="simulated teams; 100 by default"
    )
    with pd.option_context("display.width", 200, "display.max_columns", None):
        print(table(parser.parse_args().seeds).round(3))
