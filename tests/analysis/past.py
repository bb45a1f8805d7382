"""A history held in memory: what the analyses read of one, without a store."""

import pandas as pd

from opp_analytics import org, periods


class Past:
    """The answers of a history from its change rows."""

    def __init__(self, rows, recorded_at):
        frame = org.conform(pd.DataFrame(rows))
        frame = frame.assign(seen_at=pd.to_datetime(frame["seen_at"], utc=True)).sort_values("seen_at")
        moments = pd.Series(pd.to_datetime(recorded_at, utc=True)).astype(frame["seen_at"].dtype)
        place = moments.searchsorted(frame["seen_at"])
        frame["seen_after"] = [moments[k - 1] if k else pd.NaT for k in place]
        self._rows = frame
        self.records = pd.DataFrame({"recorded_at": moments})

    def changes(self):
        return self._rows.copy()

    def as_of(self, when):
        seen = self._rows[self._rows["seen_at"] <= periods.as_instant(when)].drop_duplicates(
            "unique_id", keep="last"
        )
        return (
            seen[seen["operation"] != "deleted"]
            .drop(columns=["seen_at", "seen_after", "operation"])
            .reset_index(drop=True)
        )


def row(
    deal,
    day,
    stage,
    *,
    operation="changed",
    probability=50,
    value=100.0,
    close_date="2026-03-31",
    status="active",
    **further,
):
    """One change row, seen at noon of a day."""
    return {
        "unique_id": deal,
        "seen_at": f"{day}T12:00:00Z",
        "operation": operation,
        "stage": stage,
        "probability": probability,
        "value": value,
        "close_date": close_date,
        "status": status,
        "created_at": "2025-12-01T09:00:00Z",
        **further,
    }
