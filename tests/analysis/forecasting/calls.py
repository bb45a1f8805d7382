"""A team of two with calls worked by hand, and callers of a simulated team."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import opp_analytics as oa
from opp_analytics.history import History
from tests import worlds


def make(rows: list[dict[str, Any]], **settings: Any) -> oa.Org:
    return oa.Org(calls=rows, **settings)


def call(made_on: str, caller: str, commit: float | None, **of: str) -> dict[str, Any]:
    """A call for the month in which it is made: the caller's own number, unless `of` says whose (whole="" for the whole's)."""
    number = {name: whose for name, whose in (of or {"owner_name": caller}).items() if whose}
    return {"made_on": made_on, "period": made_on[:7], "caller": caller, "commit": commit, **number}


def play(months: int = 3) -> History:
    """Months from January 2025 on, recorded daily, in which nothing but stated chances can be used up to the third.

    On the 1st, Ann has a deal of 100 and Bo one of 50, at 50% and due on the 28th. On the 27th Ann's is won, and Bo's is won
    in odd months, lost in even ones.
    """
    rows = []
    for month in pd.period_range("2025-01", periods=months, freq="M"):
        for who, value in (("Ann", 100.0), ("Bo", 50.0)):
            end = "closed_lost" if who == "Bo" and month.month % 2 == 0 else "closed_won"
            rows.append((f"{who}{month}", f"{month}-01", "proposal", f"{month}-28", value, who))
            rows.append((f"{who}{month}", f"{month}-27", end, f"{month}-27", value, who))
    days = pd.date_range("2025-01-01", f"{month + 1}-20")
    # A deal that nobody calls is recorded anew each day.
    rows += [("z", f"{day.date()}", "discovery", "2027-01-01", 10.0 + k, "Cy") for k, day in enumerate(days)]
    log = pd.DataFrame(rows, columns=["unique_id", "seen_at", "stage", "close_date", "value", "owner_name"])
    return History.from_changes(log.assign(probability=50).sort_values("seen_at", kind="stable"))


CALLS = [
    # January: 100 on all four days, as came.
    call("2025-01-01", "Ann", 100),
    # February has 28 days: 140 on the 1st and 10th, 120 on the 19th and 21st.
    call("2025-02-01", "Ann", 140),
    call("2025-02-15", "Ann", 120),
    # March: known on the 21st and 24th only, with 10 and 7 days left.
    call("2025-03-12", "Ann", 80),
    call("2025-03-01", "Bo", 60),
    # Max puts 110 for Ann's 120.
    call("2025-02-12", "Max", 110, owner_name="Ann"),
]


def simulate(seed: int, kind: worlds.Kind) -> tuple[History, oa.Org]:
    """A simulated team whose people, manager and chief call at random, withdraw, and leave months out."""
    rng = np.random.default_rng(seed)
    history = worlds.history(kind, seed)
    log = history.changes()
    people = sorted(log["owner_name"].dropna().unique())[:3]
    months = pd.period_range(
        log["seen_at"].min().tz_localize(None), log["seen_at"].max().tz_localize(None), freq="M"
    )
    numbers: list[tuple[str, dict[str, str]]] = [(name, {"owner_name": name}) for name in people]
    numbers += [("Max", {"owner_name": name}) for name in people[:2]]
    numbers += [("Eva", {"team": "East"}), ("Eva", {}), ("Max", {})]
    rows = []
    for month in months:
        for caller, of in numbers:
            for _ in range(int(rng.integers(0, 4))):
                day = (
                    month.start_time + pd.Timedelta(days=int(rng.integers(-10, month.days_in_month)))
                ).date()
                commit = None if rng.random() < 0.15 else round(float(rng.lognormal(12, 0.6)), 2)
                rows.append(
                    {"made_on": str(day), "period": str(month), "caller": caller, "commit": commit, **of}
                )
    teams = [
        {"owner_name": name, "team": "East" if k % 2 else "West"}
        for k, name in enumerate(sorted(log["owner_name"].dropna().unique()))
    ]
    return history, make(rows, people=teams)
