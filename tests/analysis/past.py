"""A history held in memory: what the analyses read of one, without a store."""

import pandas as pd

from opp_analytics import schema


class Past:
    """The answers of a history from its change rows."""

    def __init__(self, rows, recorded_at):
        frame = schema.conform(pd.DataFrame(rows))
        self._rows = frame.assign(seen_at=pd.to_datetime(frame["seen_at"], utc=True)).sort_values("seen_at")
        self.records = pd.DataFrame({"recorded_at": pd.to_datetime(recorded_at, utc=True)})

    def changes(self):
        return self._rows.copy()

    def as_of(self, when):
        seen = self._rows[self._rows["seen_at"] <= pd.Timestamp(when)].drop_duplicates(
            "unique_id", keep="last"
        )
        return seen[seen["operation"] != "gone"].drop(columns=["seen_at", "operation"]).reset_index(drop=True)


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
    }
