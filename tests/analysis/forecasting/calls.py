"""A team of two with calls worked by hand, and callers of a simulated team."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

import opp_analytics as oa
from opp_analytics.arguments import MethodName
from opp_analytics.history import History
from tests import worlds


def make(rows: list[dict[str, Any]], **settings: Any) -> oa.Org:
    return oa.Org(calls=rows, **settings)


def call(made_on: str, caller: str, commit: float | None, **of: str) -> dict[str, Any]:
    """A call for the month in which it is made: the caller's own number, unless `of` says whose
    (whole="" for the whole's)."""
    number = {name: whose for name, whose in (of or {"owner_name": caller}).items() if whose}
    return {"made_on": made_on, "period": made_on[:7], "caller": caller, "commit": commit, **number}


def play(months: int = 3) -> History:
    """Months from January 2025 on, recorded daily, in which nothing but stated chances can be used
    up to the third.

    On the 1st, Ann has a deal of 100 and Bo one of 50, at 50% and due on the 28th. On the 27th
    Ann's is won, and Bo's is won in odd months, lost in even ones.
    """
    rows = []
    for month in pd.period_range("2025-01", periods=months, freq="M"):
        for who, value in (("Ann", 100.0), ("Bo", 50.0)):
            end = "closed_lost" if who == "Bo" and month.month % 2 == 0 else "closed_won"
            rows.append((f"{who}{month}", f"{month}-01", "proposal", f"{month}-28", value, who))
            rows.append((f"{who}{month}", f"{month}-27", end, f"{month}-27", value, who))
    days = pd.date_range("2025-01-01", f"{month + 1}-20")
    # A deal that nobody calls is recorded anew each day.
    rows += [
        ("z", f"{day.date()}", "discovery", "2027-01-01", 10.0 + k, "Cy")
        for k, day in enumerate(days)
    ]
    log = pd.DataFrame(
        rows, columns=["unique_id", "seen_at", "stage", "close_date", "value", "owner_name"]
    )
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
    """A simulated team whose people, manager and chief call at random, withdraw, and leave months
    out."""
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
                    month.start_time
                    + pd.Timedelta(days=int(rng.integers(-10, month.days_in_month)))
                ).date()
                commit = None if rng.random() < 0.15 else round(float(rng.lognormal(12, 0.6)), 2)
                rows.append(
                    {
                        "made_on": str(day),
                        "period": str(month),
                        "caller": caller,
                        "commit": commit,
                        **of,
                    }
                )
    teams = [
        {"owner_name": name, "team": "East" if k % 2 else "West"}
        for k, name in enumerate(sorted(log["owner_name"].dropna().unique()))
    ]
    return history, make(rows, people=teams)


def known(
    rows: list[dict[str, Any]], month: str, day: pd.Timestamp
) -> dict[tuple[str, str, str], tuple[Any, float]]:
    """The calls in force on a day, by caller, owner and team, recomputed from the rows."""
    found: dict[tuple[str, str, str], tuple[Any, float]] = {}
    for order, row in enumerate(rows):
        key = row["caller"], row.get("owner_name") or "", row.get("team") or ""
        made = (pd.Timestamp(row["made_on"]), order)
        if row["period"] == month and made[0] <= day and (key not in found or found[key][0] < made):
            found[key] = made, np.nan if row["commit"] is None else row["commit"]
    return {key: one for key, one in found.items() if not np.isnan(one[1])}


class World:
    """What the records of a simulated team say, asked one day at a time."""

    def __init__(self, seed: int, kind: worlds.Kind) -> None:
        self.history, self.org = simulate(seed, kind)
        self.history = self.history.read_by(self.org)
        self.rows: list[dict[str, Any]] = [
            {
                str(name): cell or "" if name in ("owner_name", "team") else cell
                for name, cell in row.items()
            }
            for row in oa.calls(self.org)
            .astype("object")
            .where(lambda table: table.notna(), None)
            .to_dict("records")
        ]
        self.records = self.history.records["recorded_at"]
        self.last = self.history.as_of(self.records.iloc[-1])
        self.made: dict[Any, pd.DataFrame] = {}
        days = [one.tz_localize(None).normalize() for one in self.records]
        first, end = pd.Period(days[0], "M"), days[-1] - pd.Timedelta(days=15)
        self.points = []
        for month in pd.period_range(first, end.to_period("M")):
            if month.end_time.normalize() > end or not any(
                row["period"] == str(month) for row in self.rows
            ):
                continue
            length = month.days_in_month
            for place, left in enumerate((length - 1, 2 * length // 3, length // 3, 7)):
                day = month.end_time.normalize() - pd.Timedelta(days=left)
                on = [k for k, one in enumerate(days) if one <= day]
                if on and (day - days[on[-1]]).days <= 3:
                    self.points.append((month, place, day, self.records[on[-1]]))

    def ask(
        self,
        month: pd.Period,
        made: pd.Timestamp,
        method: MethodName,
        by: str = "",
        group: str = "",
    ) -> float:
        """The forecast of a record."""
        key = month, made, method, by
        if key not in self.made:
            self.made[key] = oa.forecast(
                self.history.as_of(made),
                as_of=made,
                history=self.history,
                freq="M",
                method=method,
                by=by or None,
                periods=[str(month)],
            )
        table = self.made[key]
        label = (group, str(month)) if by else str(month)
        return float(table["expected"].get(label, 0.0))

    def won(self, month: pd.Period, by: str = "", group: str = "") -> float:
        """Won in a month in the end. A team is that of the deal's owner, who never changes here."""
        last = self.last
        inside = (last["status"] == "won") & (last["close_date"].dt.to_period("M") == month)
        return float(last.loc[inside & (last[by] == group if by else True), "value"].sum())


def flip(differences: list[float]) -> float:
    """The two-sided sign-flip test, written out; 10,000 seeded flips beyond 12."""
    off = np.array(differences)
    if len(off) <= 12:
        signs = np.array(list(itertools.product([1, -1], repeat=len(off))))
    else:
        signs = np.random.default_rng(0).choice([-1, 1], (10_000, len(off)))
    return float((abs(signs @ off) >= abs(off.sum()) - 1e-9 * abs(off).sum()).mean())


def holm(p: dict[Any, float], level: float = 0.05) -> set[Any]:
    """The tests that Holm's procedure rejects."""
    found = set()
    for k, (name, value) in enumerate(sorted(p.items(), key=lambda item: item[1])):
        if value * (len(p) - k) >= level:
            break
        found.add(name)
    return found


def ratio_ends(ours: list[float], model: list[float]) -> tuple[float, float]:
    """The bootstrap interval of the ratio of two sums over periods, from six on."""
    rng, n = np.random.default_rng(0), len(ours)
    if n < 6:
        return np.nan, np.nan
    drawn = [
        (np.array(ours)[k].sum(), np.array(model)[k].sum()) for k in rng.integers(0, n, (2_000, n))
    ]
    ends = np.quantile([one / other for one, other in drawn if other], [0.025, 0.975])
    return float(ends[0]), float(ends[1])
