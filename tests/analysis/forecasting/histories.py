"""Histories small enough to work by hand."""

import pandas as pd

from opp_analytics.history import History
from opp_analytics.org import Org
from tests.history.logs import recorded, row

ROWS = [
    row("a", "2026-01-01", "proposal", probability=30),
    row("b", "2026-01-01", "proposal", probability=35),
    row("c", "2026-01-01", "discovery", probability=80),
    row("d", "2026-01-01", "discovery", probability=100),
    row("e", "2026-01-01", "proposal", probability=None),
    row("f", "2026-03-20", "proposal", probability=10),
    row("a", "2026-01-15", "closed_won", probability=100, close_date="2026-01-15"),
    row("b", "2026-01-15", "closed_lost", probability=0, close_date="2026-01-15"),
    row("c", "2026-01-20", "negotiation", probability=90),
    row("c", "2026-03-15", "closed_won", probability=100, close_date="2026-03-15"),
    row("d", "2026-01-10", "discovery", deleted=True),
]
PAST = recorded(
    ROWS, ["2026-01-01T12:00Z", "2026-01-15T12:00Z", "2026-02-15T12:00Z", "2026-04-05T12:00Z"]
)
_MONTHS = [
    row("a", "2026-01-02", "proposal", close_date="2026-02-20", value=100.0),
    row("a", "2026-02-20", "closed_won", close_date="2026-02-20", value=100.0),
    row("n", "2026-02-15", "closed_won", close_date="2026-02-15", value=30.0),
    row("m", "2026-03-15", "closed_won", close_date="2026-03-15", value=50.0),
    row("z", "2026-04-01", "proposal", close_date="2026-04-25", value=80.0),
]
MONTHS = recorded(_MONTHS)
MONTHS_TO_MARCH = recorded(_MONTHS[:4])
TWO_PIPELINES = Org(
    stages=[
        {"name": "proposal", "kind": "open", "pipeline": "New"},
        {"name": "proposal", "kind": "open", "pipeline": "Renewal"},
        {"name": "closed_won", "kind": "won"},
        {"name": "closed_lost", "kind": "lost"},
    ]
)


def even_months(
    months: int, *, owners: bool = False, until: str | None = None, org: Org | None = None
) -> History:
    """Months that are all alike, from January 2026 on.

    20 days before its end two deals of 100 in proposal are open and due in the month; 10 days
    before it one is won, the other lost, and a deal of 30 that nobody had seen before is won. There
    are records on both days: of 30 the 10th and the 20th. With `owners`, Ann wins, Bo loses, and Cy
    wins the unseen deals. With an `org`, deals won are in its pipeline Renewal, deals lost in New.
    """
    rows = []
    for month in pd.period_range("2026-01", periods=months, freq="M"):
        tenth, twentieth, due = (f"{month}-{month.days_in_month - k:02}" for k in (20, 10, 5))
        rows += [
            (f"a{month}", tenth, "proposal", due, 100.0, "Ann"),
            (f"b{month}", tenth, "proposal", due, 100.0, "Bo"),
            (f"a{month}", twentieth, "closed_won", twentieth, 100.0, "Ann"),
            (f"b{month}", twentieth, "closed_lost", twentieth, 100.0, "Bo"),
            (f"c{month}", twentieth, "closed_won", twentieth, 30.0, "Cy"),
        ]
    log = pd.DataFrame(
        rows, columns=["unique_id", "seen_at", "stage", "close_date", "value", "owner_name"]
    )
    log["seen_at"] += "T12:00Z"
    log = log.assign(probability=50, created_at="2026-01-01T00:00:00Z")
    if until is not None:
        log = log[log["seen_at"] <= until]
    if org is not None:
        log["pipeline"] = log["unique_id"].str[0].map({"a": "Renewal", "b": "New", "c": "Renewal"})
    return History.from_changes(log if owners else log.drop(columns="owner_name"), org=org)
