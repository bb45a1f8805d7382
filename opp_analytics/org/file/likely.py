"""What a tenant may call the columns that every number rests on."""

from __future__ import annotations

import pandas as pd

__all__ = ["LIKELY", "empty_columns"]

LIKELY = {
    "value": ("total", "budget", "amount", "deal_value"),
    "stage": ("stage_name", "pipeline_stage", "phase", "state"),
    "close_date": ("expected_close_date", "closing_date", "closed_on", "due_date"),
}
"""Columns that numbers rest on, and likely names of theirs."""


def empty_columns(opportunities: pd.DataFrame) -> dict[str, str | None]:
    """The columns of `LIKELY` that are empty in every row, each with a column of theirs that may be it.

    Examples
    --------
    >>> empty_columns(pd.DataFrame({"value": [None], "total": [5.0], "stage": ["Demo"], "close_date": [None]}))
    {'value': 'total', 'close_date': None}
    """
    return {
        ours: next((name for name in likely if name in opportunities), None)
        for ours, likely in LIKELY.items()
        if len(opportunities) and (ours not in opportunities or not opportunities[ours].notna().any())
    }
