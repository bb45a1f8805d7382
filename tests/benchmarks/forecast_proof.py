"""``python -m tests.benchmarks.forecast_proof [--seed N] [--teams N] [--small] [--write]``: do the
forecast's ranges hold what they promise?

Replays simulated teams of many kinds on fresh seeds, holds each forecast against what came, and
prints what was kept; with ``--write``, writes that part of ``docs/forecast-proof.md`` and of its
rows, too. `real_histories` writes the other.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import pandas as pd

from tests.benchmarks._promises import KINDS, SANDBOX, WEEKS, Job, promises, replay
from tests.benchmarks._proof_page import DOCS, write
from tests.benchmarks._proof_rows import METHODS

_MOST_TEAMS = 9
"""Teams of a kind, so that each gives at least 200 forecasts."""
_TEAMS = {"young": 45, SANDBOX: 12}
"""More of these: each has few forecasts."""
_WITH_OWNERS = 2
"""Teams of each kind that are also forecast by owner."""
_FIXED = 20_260_101
"""First seed of the short form."""
BY_QUARTER = ("right", "rep shocks", "few big deals", SANDBOX)
"""The kinds that the short form forecasts by quarter too."""
_WORKERS = 2


def short(kinds: Sequence[str] = KINDS) -> pd.DataFrame:
    """Judged forecasts of one team of each kind, always the same ones, some also by quarter.

    Fixed weights by category, which take as long as all others, are left out.
    """
    quick = tuple(name for name in METHODS if name != "category_weights")
    asked = {kind: _asked(kind, owners=False) for kind in kinds}
    jobs = [
        Job(kind, _FIXED, pairs if kind in BY_QUARTER else pairs[:1], quick)
        for kind, pairs in asked.items()
    ]
    return _replayed(jobs, workers=1)


def full(seed: int, teams: int) -> pd.DataFrame:
    """Judged forecasts of some teams of each kind."""
    return _replayed(list(_jobs(seed, teams)), workers=_WORKERS)


def main() -> None:
    """Replay on fresh seeds, say which promises were kept, and write the page where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.forecast_proof", description=__doc__
    )
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="first seed; fresh by default"
    )
    parser.add_argument(
        "--teams", type=int, default=_MOST_TEAMS, help="of each kind; the rare ones more"
    )
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--small", action="store_true", help="one team of each kind, fixed seeds")
    scale.add_argument("--write", action="store_true", help="write the part of the page")
    asked = parser.parse_args()
    began = time.perf_counter()
    table = short() if asked.small else full(asked.seed, asked.teams)
    if asked.write:
        write(table, f"--seed {asked.seed} --teams {asked.teams}", DOCS)
    print("\n".join(" | ".join(promise.cells()) for promise in promises(table)))
    print(f"{(time.perf_counter() - began) / 60:.1f} minutes")


def _jobs(seed: int, teams: int) -> Iterator[Job]:
    for kind in KINDS:
        for turn in range(_TEAMS.get(kind, _MOST_TEAMS) * teams // _MOST_TEAMS):
            yield Job(kind, seed + turn, _asked(kind, owners=turn < _WITH_OWNERS))


def _asked(kind: str, *, owners: bool) -> tuple[tuple[str, str | None], ...]:
    """By month and quarter, the fast team by week, some also by owner."""
    if kind == WEEKS:
        return (("W", None),)
    return (("M", None), ("Q", None), *([("M", "owner_name")] if owners else []))


def _replayed(jobs: Sequence[Job], workers: int) -> pd.DataFrame:
    if workers == 1:
        return pd.concat(map(replay, jobs), ignore_index=True)
    with ProcessPoolExecutor(workers) as pool:
        return pd.concat(pool.map(replay, jobs), ignore_index=True)


if __name__ == "__main__":
    main()
