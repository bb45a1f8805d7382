"""Forecast categories in words."""

from __future__ import annotations

import pandas as pd

from opp_analytics.analysis.shared.saying import Saying
from opp_analytics.org import money_of
from opp_analytics.schema import BUCKETS
from opp_analytics.text import capital, count, joined, label, percent, period_name

__all__ = ["SAYINGS"]

_PARTS = ["closed", "commit", "best_case", "pipeline"]


def _categories(table: pd.DataFrame) -> str:
    """The current period of the whole; without it, the first one."""
    whole = table.groupby(level="period", sort=False)[_PARTS].sum()
    shown = [str(name) for name in whole.index if name not in BUCKETS]
    if not shown:
        return "No won or open deals."
    current = table.index[table["to_date"].to_numpy(dtype=bool)].get_level_values("period")
    name = str(current[0]) if len(current) else shown[0]
    row, money = whole.loc[name], money_of(table)
    today = table.attrs.get("as_of") or name[:4]
    said = capital(period_name(name, table.attrs.get("freq"), today=today))
    closed = f"{money(row['closed'])} closed" if row["closed"] else "nothing closed"
    with_commit = row["closed"] + row["commit"]
    return (
        f"{said}: {closed}, {money(with_commit)} with commit, {money(with_commit + row['best_case'])} with best case; "
        f"{money(row['pipeline'])} more in the pipeline."
    )


def _moves(table: pd.DataFrame) -> str:
    """What became of the commit; without one, of the largest category."""
    whole = table.groupby(level=["from_category", "to_category"], sort=False)[["count", "value"]].sum()
    totals = whole.groupby(level="from_category", sort=False)["count"].sum()
    if not totals.sum():
        return "No open deal was due in the period."
    name = "commit" if totals.get("commit", 0) else str(totals.idxmax())
    came, money = pd.DataFrame(whole.xs(name, level="from_category")), money_of(table)
    parts = [
        f"{percent(row['value'] / came['value'].sum())} {'still ' if to == name else ''}{label(str(to))}"
        for to, row in came.sort_values("value", ascending=False, kind="stable").iterrows()
        if row["value"] > 0
    ]
    of = f"Of {money(came['value'].sum())} in {label(name)} ({count(int(totals[name]))})"
    return f"{of}: {joined(parts)}." if parts else f"{of}, no value is known."


SAYINGS = (
    Saying("forecast_categories", frozenset({"commit", "best_case", "commit_total", "to_date"}), _categories),
    Saying(
        "category_moves",
        frozenset({"count", "value"}),
        _moves,
        frozenset({"won", "commit", "slipped", "removed"}),
    ),
)
"""The sentences of the categories' tables."""
