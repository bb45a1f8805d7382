"""The timeline of a deal, in words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.history import History

__all__ = ["timeline"]


def timeline(history: History | None, unique_id: str, own_writes: pd.DataFrame | None = None) -> list[str]:
    """A line for each record in which something of the deal changed, with our run where one wrote it."""
    if history is None:
        return []
    lines = []
    for _, changes in history.deal(unique_id, own_writes=own_writes).groupby("seen_at", sort=False):
        operation = str(changes["operation"].iloc[0])
        moved = [
            f"{text.label(str(field))} {_said(before)} → {_said(after)}"
            for field, before, after in zip(
                changes["field"], changes["before"], changes["after"], strict=True
            )
            if not schema.is_blank(field)
        ]
        what = ", ".join(moved) if operation == "changed" else operation
        run = changes["run_id"].iloc[0]
        by = "" if schema.is_blank(run) else f" (own run {run})"
        lines.append(f"{text.day(changes['seen_at'].iloc[0], year=True)}: {what}{by}")
    return lines


def _said(value: Any) -> str:
    if schema.is_blank(value):
        return "empty"
    if isinstance(value, pd.Timestamp):
        return text.day(value, year=True)
    if isinstance(value, (int, float)):
        return text.money(float(value), None, full=True)
    return text.label(str(value))
