"""``python -m tests.benchmarks.real_histories [PATH]``: the forecast beside the formulas of others,
on two real histories.

PATH is the folder that holds both logs (docs/testing.md), by default ``../shared/data/real``.
Writes that part of ``docs/forecast-proof.md``; `forecast_proof` writes the other.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis.forecasting.forecast_deals import HORIZON_DAYS
from tests.benchmarks.__main__ import with_table
from tests.benchmarks._deal_points import list_points, score_chances, score_dates, tabulate_chances
from tests.benchmarks._figures import Figure
from tests.benchmarks._proof_rows import (
    Scores,
    bullets,
    compare,
    compare_leads,
    grid,
    judge,
    list_bad_ranges,
    list_losses,
    name_leads,
    tabulate_full_leads,
    tabulate_leads,
    tabulate_methods,
)
from tests.benchmarks._real_logs import FOLDER, LOGS, Plan, RealLog

_DOCS = Path(__file__).parents[2] / "docs"
_WORKERS = 2
_ABOUT = {
    "bank": """Loan applications of a Dutch bank (BPI Challenge 2012, [doi](https://doi.org/10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f)), October 2011 to March 2012: 13,087
applications, of which 2,246 were activated (won), 7,635 declined and 2,807 cancelled (lost). Forecast by week, from records of
each day's end and from records of Monday morning. Few weeks can be judged, and the forecasts of one week err together.""",
    "register": """A sample of the traffic fines of an Italian police force (bupaverse's eventdataR, [doi](https://doi.org/10.4121/uuid:270fd440-1057-4fb9-89a9-b699b47990f5)), 2006 to
2012: 10,000 fines, whose payments are wins and whose credit collections are losses. Forecast by month and by quarter, from records of
Monday morning. A stress test: fines come in waves of a factor 10, stop after 2007, and the money comes late.""",
}


def run(quick: bool) -> list[Figure]:
    """Error of learned against the run rate's on the bank's weekly records; nothing without the
    logs."""
    log = LOGS[0]
    if quick or not (FOLDER / log.file).is_file():
        return []
    rows = judge(
        log.history(log.read(FOLDER), log.plans[0], "weekly"), "W", {"kind": log.name, "seed": ""}
    )
    wape = {name: row["wape"] for name, row in compare(rows).items()}
    return [
        Figure.of(f"WAPE, {log.name} by week", name, [wape["learned"]], [wape[name]], unit="")
        for name in ("run_rate", "stage_projection_4")
    ]


def judge_log(
    log: RealLog, plan: Plan, recorded: str, folder: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge the forecasts of a log under one rule and one kind of records, and its single deals."""
    history = log.history(log.read(folder), plan, recorded)
    about = {
        "kind": log.name,
        "seed": f"{plan.name}, {recorded}",
        "plan": plan.name,
        "recorded": recorded,
    }
    rows = pd.concat([judge(history, freq, about).drop(columns="quantiles") for freq in log.freqs])
    return rows, list_points(history, log.freqs[0]).assign(**about)


def write(judged: list[tuple[pd.DataFrame, pd.DataFrame]], docs: Path) -> str:
    """Write the section of the page; where learned was behind, as text."""
    rows, points = (pd.concat(parts, ignore_index=True) for parts in zip(*judged, strict=True))
    parts: dict[str, Scores] = {}
    sections = [_log(str(kind), part, parts) for kind, part in rows.groupby("kind", sort=False)]
    losses = list_losses(parts)
    section = f"""```sh
.venv/bin/python -m tests.benchmarks.real_histories PATH         # the folder with both logs; writes this part
```

Neither log has a planned date, so a rule makes one, and neither has stated chances, so those of each stage are made up. Every
rule that was thought of before the run is shown; what rests on neither (run rate, three periods, last period, a year ago) is the
same under each. "Weighted pipeline" and "stated chances" are a floor here, not rivals.

{"".join(sections)}### Single deals

Each open deal at each week's last record: the chance that learned said, and whether the deal was won in the period that then
ran (on the bank's log the week after, on the register's the month). "Base rate" is the Brier score of always saying the share
won; AUC is the chance that a deal that was won had been given the higher chance. Deals come again from week to week.

{_chances(points)}

If won, when: of the deals won within {HORIZON_DAYS} days, which is what the dates are learned from, how many were won before, between and
after the days said (10% to 90%), and by how many days the middle one and the planned date missed in the median. Wins after the
end of a log are not seen, and dates of its first months are learned from deals that were all young.

{_dates(points)}

### Where another method did better on real histories

{bullets(losses)}

### Where learned's ranges were too narrow or too wide on real histories

{bullets(list_bad_ranges(parts))}"""
    page = docs / "forecast-proof.md"
    page.write_text(with_table(page.read_text(), "real", section))
    return "\n".join(losses)


def _log(kind: str, rows: pd.DataFrame, parts: dict[str, Scores]) -> str:
    """The tables of one log; what they compare is added to the parts."""
    sections = [f"### The {kind}\n\n{_ABOUT[kind]}\n\n"]
    for (freq, recorded, plan), part in rows.groupby(["freq", "recorded", "plan"], sort=False):
        name = f"{kind} by {text.noun(freq)}, {recorded} records, planned {plan}"
        summary, leads = compare(part), compare_leads(part)
        parts |= {name: summary} | name_leads(name, leads)
        sections.append(
            f"**By {text.noun(freq)}, {recorded} records, planned date "
            f"{plan}**\n\n{tabulate_methods(summary)}\n\n"
            f"{tabulate_leads(leads)}\n\n{tabulate_full_leads(leads, ['learned'])}\n\n"
        )
    return "".join(sections)


def _chances(points: pd.DataFrame) -> str:
    head = ["log", "planned date", "records", "deals", "won", "Brier", "base rate", "stated", "AUC"]
    groups = list(_points(points))
    # The first rule and records of each log; the others differ little.
    first: dict[str, tuple[tuple[str, ...], pd.DataFrame]] = {}
    for key, part in groups:
        first.setdefault(key[0], (key, part))
    bins = [
        f"{key[0]}, planned {key[1]}, {key[2]} records:\n\n{tabulate_chances(part)}"
        for key, part in first.values()
    ]
    return "\n\n".join([grid(head, [[*key, *score_chances(part)] for key, part in groups]), *bins])


def _dates(points: pd.DataFrame) -> str:
    head = [
        "log",
        "planned date",
        "records",
        "deals won",
        "before",
        "between",
        "after",
        "days off",
        "planned off",
    ]
    return grid(head, [[*key, *score_dates(part)] for key, part in _points(points)])


def _points(points: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    for key, part in points.groupby(["kind", "plan", "recorded"], sort=False):
        yield tuple(map(str, key)), part


def main() -> None:
    """Judge both logs, and write the page's part."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.real_histories", description=__doc__
    )
    parser.add_argument(
        "path", nargs="?", type=Path, default=FOLDER, help="the folder with both logs"
    )
    folder = parser.parse_args().path
    if missing := [log.file for log in LOGS if not (folder / log.file).is_file()]:
        sys.exit(
            f"{folder} has no {' and no '.join(missing)}; name the folder that holds both logs"
        )
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
