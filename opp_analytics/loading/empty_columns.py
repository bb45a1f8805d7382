"""A warning where a column that numbers rest on is empty in every row, because the tenant may call it otherwise."""

from __future__ import annotations

import warnings

import pandas as pd

from opp_analytics import schema
from opp_analytics.errors import DataWarning
from opp_analytics.text import joined

__all__ = ["warn_of_empty"]

_LIKELY = {
    "value": ("total", "budget", "amount", "deal_value"),
    "stage": ("stage_name", "pipeline_stage", "phase", "state"),
    "close_date": ("expected_close_date", "closing_date", "closed_on", "due_date"),
}
"""Columns that numbers rest on, and what a tenant may call them."""


def warn_of_empty(opportunities: pd.DataFrame) -> None:
    """Warn of each column without a single value, with the line for the org file."""
    if opportunities.empty:
        return
    further = [str(name) for name in opportunities.columns if name not in schema.COLUMNS]
    for column, likely in _LIKELY.items():
        if opportunities[column].notna().any():
            continue
        there = [name for name in likely if name in further]
        line = f'{there[0] if there else "their_name"} = "{column}"'
        sends = f"it sends {joined(further, most=12)}" if further else "it sends no further attribute"
        warnings.warn(
            f"{column} is empty in every row; this tenant may call it otherwise ({sends}). Name it in opp-analytics.toml:\n"
            f"  [api.columns]\n  {line}",
            DataWarning,
            stacklevel=5,
        )
