"""``python -m tests.benchmarks.real_histories [PATH]``: the forecast beside the formulas of others,
on five real histories.

PATH is the folder that holds the logs (docs/testing.md), by default ``../shared/data/real``.
Writes that part of ``docs/forecast-proof.md``; `forecast_proof` writes the other.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

from opp_analytics import text
from tests.benchmarks._proof_rows import (
    OURS,
    bullets,
    compare,
    compare_leads,
    grid,
    judge,
    list_bad_ranges,
    list_losses,
    list_scores,
    write_error,
    write_part,
)
from tests.benchmarks._real_logs import FOLDER, LOGS, Plan, RealLog

_DOCS = Path(__file__).parents[2] / "docs"
_WORKERS = 2


def judge_log(log: RealLog, plan: Plan, recorded: str, folder: Path) -> pd.DataFrame:
    """Judge the forecasts of a log under one rule and one kind of records."""
    history = log.history(log.read(folder), plan, recorded)
    about = {
        "kind": log.name,
        "seed": f"{plan.name}, {recorded}",
        "plan": plan.name,
        "recorded": recorded,
    }
    return pd.concat([judge(history, freq, about).drop(columns="quantiles") for freq in log.freqs])


def write(judged: list[pd.DataFrame], docs: Path) -> str:
    """Write the section of the page and its rows; where learned was behind, as text."""
    rows = pd.concat(judged, ignore_index=True)
    whole, parts, scores, leads = {}, {}, {}, {}
    for (kind, freq, recorded, plan), part in rows.groupby(
        ["kind", "freq", "recorded", "plan"], sort=False
    ):
        name = f"{kind} by {text.noun(freq)}, {recorded} records, planned {plan}"
        whole[name] = parts[name] = compare(part)
        scores |= list_scores(name, whole[name])
        for band, one in compare_leads(part).items():
            parts[f"{name}, {band} days left"] = one
            leads |= list_scores(f"{name}, {band} days left", one)
    losses, bad = list_losses(parts), list_bad_ranges(parts)
    tables = {
        "methods": scores,
        "days left": leads,
        "another method did better": {name: {"by": line} for name, line in losses.items()},
        "ranges too narrow or too wide": {name: {"held": line} for name, line in bad.items()},
    }
    section = f"""{grid(["WAPE · 80% ranges held", "learned", "run rate", "best formula of others"], _list_logs(whole))}

Another method was better by more than half a point and beyond chance, with that many days left or over all:

{bullets({name: line for name, line in losses.items() if "beyond" in line})}"""  # noqa: E501
    write_part(docs, "real", section, tables)
    return "\n".join(f"{name}: {line}" for name, line in losses.items())


def _list_logs(whole: dict[str, pd.DataFrame]) -> list[list[str]]:
    """The errors of learned, the run rate and the nearest formula of others, by log."""
    found = []
    for name, scores in whole.items():
        others = scores["wape"].drop(list(OURS), errors="ignore")
        best = str(others.idxmin())
        own = [write_error(scores.loc[one]) if one in scores.index else "–" for one in OURS[:2]]
        found.append([name, *own, f"{text.method(best)} {text.percent(others[best])}"])
    return found


def main() -> None:
    """Judge the logs, and write the page's part."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.real_histories", description=__doc__
    )
    parser.add_argument(
        "path", nargs="?", type=Path, default=FOLDER, help="the folder with the logs"
    )
    folder = parser.parse_args().path
    if missing := [log.file for log in LOGS if not (folder / log.file).is_file()]:
        sys.exit(f"{folder} has no {' and no '.join(missing)}; name the folder that holds the logs")
    began = time.perf_counter()
    asked = [
        (log, plan, recorded) for log in LOGS for recorded in log.recorded for plan in log.plans
    ]
    with ProcessPoolExecutor(_WORKERS) as pool:
        judged = list(pool.map(judge_log, *zip(*asked, strict=True), [folder] * len(asked)))
    print(write(judged, _DOCS))
    print(f"{(time.perf_counter() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
