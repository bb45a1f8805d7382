"""Small histories written as one line per opportunity and record."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from opp_analytics.history import History
from tests.scratch import scratch_history

MONDAYS = ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26", "2026-02-02"]
_COLUMNS = ["unique_id", "week", "value", "stage", "close_date", "status"]


def history_of(rows, *, deleted=(), org=None, **columns):
    """A history over `MONDAYS`, read by `org`; a row is (id, week, value, stage, close date,
    status), `deleted` holds (id, week)."""
    log = pd.DataFrame(rows, columns=_COLUMNS)
    tombs = pd.DataFrame(deleted, columns=["unique_id", "week"]).assign(operation="deleted")
    log = pd.concat([log.assign(operation=None, **columns), tombs]).sort_values(
        "week", kind="stable"
    )
    return History.from_changes(
        log.assign(seen_at=[MONDAYS[week] for week in log["week"]]).drop(columns="week"), org=org
    )


def row(
    deal: str,
    day: str,
    stage: str,
    *,
    deleted: bool = False,
    probability: int | None = 50,
    value: float = 100.0,
    close_date: str = "2026-03-31",
    status: str = "active",
    created_at: str = "2025-12-01T09:00:00Z",
) -> dict[str, Any]:
    """A deal as it was from noon of a day on, for `recorded`."""
    return {
        "unique_id": deal,
        "seen_at": f"{day}T12:00Z",
        "deleted": deleted,
        "stage": stage,
        "probability": probability,
        "value": value,
        "close_date": close_date,
        "status": status,
        "created_at": created_at,
    }


def recorded(rows: Iterable[Mapping[str, Any]], moments: Iterable[str] = ()) -> History:
    """A history of these rows, recorded at each of their moments and at further ones."""
    log = pd.DataFrame(list(rows))
    log["seen_at"] = pd.to_datetime(log["seen_at"], utc=True)
    log = log.sort_values("seen_at", kind="stable")
    history = scratch_history()
    for moment in sorted({*log["seen_at"], *(pd.Timestamp(moment) for moment in moments)}):
        known = log[log["seen_at"] <= moment].drop_duplicates("unique_id", keep="last")
        history.record(known[~known["deleted"]].drop(columns=["seen_at", "deleted"]), at=moment)
    return history


def wide(**columns: Any) -> pd.DataFrame:
    """Two deals over three moments."""
    return pd.DataFrame(
        {
            "unique_id": ["a", "b", "a", "b"],
            "seen_at": ["2026-01-05", "2026-01-05", "2026-01-12", "2026-01-19"],
            "stage": ["discovery", "proposal", "proposal", "closed_won"],
            "value": [1.0, 2.0, 3.0, 4.0],
        }
    ).assign(**columns)
