"""Two weeks of a small pipeline, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd

from opp_analytics import History, Org
from opp_analytics.answers.context import Context, read_context

_Made = TypeVar("_Made")
AS_OF = "2026-03-16"

COLUMNS = [
    "unique_id",
    "name",
    "value",
    "stage",
    "status",
    "close_date",
    "probability",
    "owner_name",
]
LAST_WEEK = [
    ("a", "Alder", 100_000.0, "negotiation", "active", "2026-03-20", 80, "Ann"),
    ("b", "<script>alert(1)</script>", 50_000.0, "proposal", "active", "2026-03-12", 40, "Bo & Co"),
    ("c", "Cedar", 30_000.0, "discovery", "active", "2026-04-10", 20, "Ann"),
    ("d", "Damson", 20_000.0, "proposal", "active", "2026-03-13", 50, None),
    ("e", "Elder", 70_000.0, "closed_won", "won", "2026-03-03", 100, "Ann"),
]
THIS_WEEK = [
    ("a", "Alder", 120_000.0, "negotiation", "active", "2026-03-27", 80, "Ann"),
    ("b", "<script>alert(1)</script>", 50_000.0, "closed_lost", "lost", "2026-03-12", 0, "Bo & Co"),
    ("c", "Cedar", 30_000.0, "discovery", "active", "2026-04-10", 20, "Ann"),
    ("d", "Damson", 20_000.0, "proposal", "active", "2026-03-13", 50, None),
    ("e", "Elder", 70_000.0, "closed_won", "won", "2026-03-03", 100, "Ann"),
    ("f", "Fir", 10_000.0, "discovery", "active", None, 10, "Ann"),
]
TEAMS = [{"owner_name": "Ann", "team": "East"}, {"owner_name": "Bo & Co", "team": "West"}]
TARGETS = pd.DataFrame(
    {"period": "2026-03", "owner_name": ["Ann", "Bo & Co"], "target": [90_000.0, 40_000.0]}
)
MOVED = Org(
    people=[*TEAMS, {"owner_name": "Ann", "team": "West", "from_date": "2026-03-12"}],
    targets=TARGETS,
    calls=[
        {"made_on": "2026-03-05", "period": "2026-03", "caller": "Ann", "commit": 9_000}
        | {"owner_name": "Ann"}
    ],
)
"""An org of which one person changed teams between the records."""


def pipeline(rows: list[tuple[Any, ...]], **columns: Any) -> pd.DataFrame:
    """A frame of opportunities with the certificate of a complete load."""
    frame = pd.DataFrame(rows, columns=COLUMNS).assign(
        account_id=[f"account of {row[0]}" for row in rows],
        created_at="2026-02-02T09:00:00Z",
        updated_at="2026-03-09T09:00:00Z",
        **columns,
    )
    frame.attrs["load"] = {
        "fetched_at": "2026-03-16T06:00:00+00:00",
        "source": "https://crm.example",
        "pages": 1,
        "rows": len(frame),
        "total": len(frame),
        "complete": True,
        "reasons": [],
    }
    return frame


def close(won: dict[str, int]) -> list[tuple[Any, ...]]:
    """Twenty closed deals of each person, so many of them won."""
    ends = (("closed_won", "won"), ("closed_lost", "lost"))
    return [
        (f"{who}{k}", "x", 1.0, *ends[k >= count], "2026-03-02", 0, who)
        for who, count in won.items()
        for k in range(20)
    ]


def recorded(history: History, states: dict[str, list[tuple[Any, ...]]]) -> History:
    """The history after a record of each day's rows."""
    for day, rows in states.items():
        frame = pipeline(rows)
        frame.attrs = {}
        history.record(frame, at=f"{day}T06:00:00Z")
    return history


def context_of(
    opportunities: pd.DataFrame, history: History | None = None, **asked: Any
) -> Context:
    """The context of a report of `AS_OF`, as `weekly_report` makes them."""
    given: dict[str, Any] = {"as_of": AS_OF, "method": "stated", **asked}
    return read_context(opportunities, history, **given)


def key_of(context: Context, read: Callable[[Context], Any]) -> tuple[Any, ...]:
    """The key under which a context keeps what `read` makes."""
    asked = context.day, context.freq, context.since, context.method
    options = context.chosen, context.start, context.confidence
    return (*asked, *options, read.__module__, read.__name__, context.part, context.ids)


def plant(context: Context, read: Callable[[Context], _Made], table: _Made) -> None:
    """Let `read` give a table worked out by hand."""
    context.kept[key_of(context, read)] = table


def list_lost():
    """Many deals lost in February, one a day and each larger than the one before."""
    return [
        (
            f"k{day}",
            f"Kale {day}",
            1_000.0 + day,
            "closed_lost",
            "lost",
            f"2026-02-{day:02}",
            0,
            "Ann",
        )
        for day in range(1, 25)
    ]
