"""The audit in words."""

from __future__ import annotations

import pandas as pd

from opp_analytics.analysis.shared.saying import Saying
from opp_analytics.text import count, label, number

__all__ = ["SAYINGS"]


def _findings(table: pd.DataFrame) -> str:
    if table.empty:
        return "The audit found nothing."
    errors = int((table["severity"] == "error").sum())
    most = table["check"].value_counts()
    found = f"{count(len(table), 'finding')} in {count(table['unique_id'].nunique())}, {number(errors)} of them errors"
    return f"{found}; most are {label(str(most.index[0]))} ({number(most.iloc[0])})."


SAYINGS = (Saying("audit", frozenset({"unique_id", "check", "severity"}), _findings),)
"""The sentences of this room's tables."""
