"""The timeline of one opportunity: every change of a field, with its value before and after."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import schema
from opp_analytics.history.diff import UNTRACKED
from opp_analytics.history.rows import CHANGE_COLUMNS

__all__ = ["timeline"]

_COLUMNS = ["seen_after", "seen_at", "operation", "field", "before", "after", "run_id"]
_INSTANTS = ("seen_after", "seen_at")
_TEXTS = ("operation", "field", "run_id")
_NO_FIELDS = ("unique_id", *CHANGE_COLUMNS, *UNTRACKED)


def timeline(changes: pd.DataFrame, own_writes: pd.DataFrame | None) -> pd.DataFrame:
    """One row per change of a field; see `History.deal`.

    Parameters
    ----------
    changes : DataFrame
        The change rows of one opportunity, oldest first.
    own_writes : DataFrame or None
        Our writes: ``unique_id``, ``written_at``, ``run_id``.
    """
    fields = [name for name in changes.columns if name not in _NO_FIELDS]
    rows: list[dict[str, Any]] = []
    known = dict.fromkeys(fields)
    for _, change in changes.iterrows():
        said = {name: change[name] for name in ("seen_after", "seen_at", "operation")}
        now = {name: None if schema.is_blank(change[name]) else change[name] for name in fields}
        moved = [name for name in fields if now[name] != known[name]]
        run = {"run_id": _run_between(change, own_writes)}
        rows += [{**said, "field": name, "before": known[name], "after": now[name], **run} for name in moved]
        if not moved:
            rows.append({**said, "before": None, "after": None, **run})
        known = now
    dtypes = dict.fromkeys(_INSTANTS, "datetime64[us, UTC]") | dict.fromkeys(_TEXTS, schema.TEXT)
    return pd.DataFrame(rows, columns=_COLUMNS, dtype="object").astype(dtypes)


def _run_between(change: pd.Series[Any], own_writes: pd.DataFrame | None) -> str | None:
    """The last of our runs that wrote the opportunity between the two records of a change."""
    if own_writes is None or pd.isna(change["seen_after"]):
        return None
    ours = own_writes[own_writes["unique_id"] == change["unique_id"]]
    written = pd.to_datetime(ours["written_at"], utc=True)
    inside = ours[(written > change["seen_after"]) & (written <= change["seen_at"])]
    return None if inside.empty else str(inside["run_id"].iloc[-1])
