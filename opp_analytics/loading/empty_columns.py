"""A warning where a column that numbers rest on is empty in every row, because the tenant may call it otherwise."""

from __future__ import annotations

import warnings

import pandas as pd

from opp_analytics import schema
from opp_analytics.errors import DataWarning
from opp_analytics.org import find_empty_columns
from opp_analytics.text import joined

__all__ = ["warn_of_empty"]


def warn_of_empty(opportunities: pd.DataFrame) -> None:
    """Warn of each column without a single value, with the line for the org file."""
    further = [str(name) for name in opportunities.columns if name not in schema.COLUMNS]
    sends = f"it sends {joined(further, most=12)}" if further else "it sends no further attribute"
    for ours, theirs in find_empty_columns(opportunities).items():
        warnings.warn(
            f"{ours} is empty in every row; this tenant may call it otherwise ({sends}). Name it in opp-analytics.toml "
            "(opp-analytics org init drafts it):\n"
            f'  [api.columns]\n  {theirs or "their_name"} = "{ours}"',
            DataWarning,
            stacklevel=5,
        )
