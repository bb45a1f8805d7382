"""A team whose history is long enough to learn from, and a frame whose wins give a run rate."""

from __future__ import annotations

import pandas as pd

import opp_analytics as oa
from opp_analytics.history import History

TODAY = "2026-11-11"
_MONTHS = pd.period_range("2026-01", "2026-10", freq="M")


def recorded_team(org: oa.Org | None = None) -> History:
    """Ten months that end alike, and open deals of Ann and Bo on November 10.

    On the 10th four deals are open and due in the month; on the 20th Ann wins two, Bo loses two,
    and Cy wins a deal that nobody had seen before.
    """
    rows: list[tuple[str, str, str, str | None, float, str]] = []
    for month in _MONTHS:
        tenth, twentieth, due = f"{month}-10T12:00Z", f"{month}-20T12:00Z", f"{month}-25"
        for k, (who, end) in enumerate(
            (
                ("Ann", "closed_won"),
                ("Ann", "closed_won"),
                ("Bo", "closed_lost"),
                ("Bo", "closed_lost"),
            )
        ):
            rows += [
                (f"{month}-{k}", tenth, "proposal", due, 1000.0 + 100 * k, who),
                (f"{month}-{k}", twentieth, end, f"{month}-20", 1000.0 + 100 * k, who),
            ]
        rows.append((f"{month}-new", twentieth, "closed_won", f"{month}-20", 300.0, "Cy"))
    for k, day in enumerate(
        ("2026-11-25", "2026-11-28", "2026-12-10", "2026-11-20", "2027-01-15", None)
    ):
        rows.append(
            (
                f"open-{k}",
                "2026-11-10T12:00Z",
                "proposal",
                day,
                2000.0 + 500 * k,
                "Ann" if k % 2 else "Bo",
            )
        )
    columns = ["unique_id", "seen_at", "stage", "close_date", "value", "owner_name"]
    log = pd.DataFrame(rows, columns=columns)
    return History.from_changes(
        log.assign(name=log["unique_id"], probability=80, created_at="2025-12-01T00:00:00Z"),
        org=org,
    )


def with_wins() -> pd.DataFrame:
    """A frame of two years of wins, and three open deals due in November 2026."""
    days = pd.date_range("2025-01-05", "2026-11-05", freq="10D")
    won = pd.DataFrame(
        {
            "unique_id": [f"w{k}" for k in range(len(days))],
            "stage": "closed_won",
            "close_date": days,
        }
    )
    due = pd.date_range("2026-11-20", periods=3)
    opened = pd.DataFrame({"unique_id": ["a", "b", "c"], "stage": "proposal", "close_date": due})
    frame = pd.concat([won, opened], ignore_index=True)
    return frame.assign(
        name=frame["unique_id"], value=1000.0, probability=50, created_at="2024-12-01T08:00:00Z"
    )


TEAMS = {"Ann": "East", "Bo": "East", "Cy": "West"}
TARGETS = {"Ann": 6000, "Bo": 5000, "Cy": 900}


def make_org() -> oa.Org:
    """Targets of three people in two teams for November and December 2026, and calls of Ann and
    Dee."""
    call = {"made_on": "2026-11-09", "period": "2026-11"}
    return oa.Org(
        currency="USD",
        people=[{"owner_name": name, "team": team} for name, team in TEAMS.items()],
        targets=[
            {"period": month, "owner_name": name, "target": target}
            for month in ("2026-11", "2026-12")
            for name, target in TARGETS.items()
        ],
        calls=[
            {**call, "caller": "Ann", "owner_name": "Ann", "commit": 5000},
            {**call, "caller": "Ann", "owner_name": "Ann", "made_on": "2026-11-10", "commit": 5500},
            {**call, "caller": "Dee", "owner_name": "Ann", "commit": 4000},
            {**call, "caller": "Dee", "owner_name": "Bo", "commit": 3000},
            {**call, "caller": "Dee", "owner_name": "Bo", "made_on": "2026-11-20", "commit": 1},
            {**call, "caller": "Dee", "team": "East", "commit": 8000},
        ],
    )
