"""The groups that changed most between two rows of each, in words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.analysis.shared.in_columns import in_columns
from opp_analytics.org import money_of
from opp_analytics.text import joined, label

__all__ = ["group_changes"]


def group_changes(values: pd.Series[Any], table: pd.DataFrame, *, first: str, last: str) -> str:
    """What money by group and movement changed from the movement `first` to `last`, the largest first; empty for nothing."""
    ends = in_columns(values, "movement")
    change = (ends[last] - ends[first]).round(2)
    change = change[change != 0].sort_values(key=abs, ascending=False, kind="stable")
    money = money_of(table)
    said = [
        f"{' · '.join(map(str, group)) if isinstance(group, tuple) else group} {money(by, signed=True)}"
        for group, by in change.items()
    ]
    levels = joined([label(str(name)) for name in table.index.names[:-1]])
    return f"By {levels}: {joined(said, most=3)}." if said else ""
