"""Small histories written as one line per opportunity and record."""

import pandas as pd

from opp_analytics.history import History

MONDAYS = ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26", "2026-02-02"]
_COLUMNS = ["unique_id", "week", "value", "stage", "close_date", "status"]


def history_of(rows, *, deleted=(), **columns):
    """A history over `MONDAYS`; a row is (id, week, value, stage, close date, status), `deleted` holds (id, week)."""
    log = pd.DataFrame(rows, columns=_COLUMNS)
    tombs = pd.DataFrame(deleted, columns=["unique_id", "week"]).assign(operation="deleted")
    log = pd.concat([log.assign(operation=None, **columns), tombs]).sort_values("week", kind="stable")
    return History.from_changes(
        log.assign(seen_at=[MONDAYS[week] for week in log["week"]]).drop(columns="week")
    )
