"""The deals under a mark of the explorer: their table as JSON, and the timeline of each."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.columns import title_columns, write_label
from opp_analytics.history import History
from opp_analytics.org import record_link
from opp_analytics.widgets.explorer.views.view import View

_LISTED = 500
"""Deals listed under a mark, as many as a browser scrolls smoothly; the export has all."""
_COLUMNS = (
    "name", "owner_name", "value", "stage", "close_date", "probability", "chance", "became", "movement", "change",
)  # fmt: skip
_RIGHT = ("value", "change", "close_date", "probability", "chance")
"""Columns whose cells are at the right, so that digits stand below each other."""


def list_deals(view: View, key: str) -> pd.DataFrame:
    """List the deals under a mark, the largest first, with ids last."""
    deals = view.find_deals(key)
    order = deals[_measure(deals)].abs().sort_values(ascending=False, kind="stable").index
    columns = [column for column in [*_COLUMNS, "unique_id"] if column in deals]
    return deals.loc[order, columns].reset_index(drop=True)


def show_deals(view: View, key: str, label: str, record_url: str | None) -> dict[str, Any]:
    """Put the deals under a mark into JSON, with their number and sum."""
    deals = list_deals(view, key)
    measure, first = _measure(deals), deals.head(_LISTED)
    total = text.money(float(deals[measure].sum()), None, full=True)
    columns = [str(column) for column in first if column != "unique_id"]
    each = deals["unique_id"].nunique()
    changes = "" if each == len(deals) else f"{text.count(len(deals), 'change')} of "
    ids = first["unique_id"].astype(str).tolist()
    return {
        "key": key,
        "label": label,
        "counted": f"{changes}{text.count(each)}",
        "sum": f"sum of {'changes' if measure == 'change' else 'values'} {total}",
        "total": total,
        "measure": measure,
        "note": view.explain(key),
        "columns": [
            {"name": column, "title": title, "right": column in _RIGHT}
            for column, title in zip(columns, title_columns(columns), strict=True)
        ],
        "ids": ids,
        "links": [record_link(record_url, unique_id) for unique_id in ids],
        "rows": [
            [_cell(column, value) for column, value in zip(columns, row, strict=True)]
            for row in first[columns].astype("object").itertuples(index=False)
        ],
        "more": max(0, len(deals) - _LISTED),
    }


def _measure(deals: pd.DataFrame) -> str:
    return "change" if "change" in deals else "value"


def _cell(column: str, value: Any) -> list[Any]:
    """Give a cell's sort key and its text."""
    if value is None or pd.isna(value):
        return [None, ""]
    if column in ("value", "change"):
        return [float(value), text.money(float(value), None, full=True)]
    if column in ("probability", "chance"):
        share = float(value) / (100 if column == "probability" else 1)
        return [share, text.percent(share)]
    if column == "close_date":
        return [pd.Timestamp(value).isoformat(), text.day(value, year=True)]
    return [str(value), write_label(column, value)]


def write_timeline(
    history: History | None, unique_id: str, own_writes: pd.DataFrame | None = None
) -> list[str]:
    """Write a line for each record in which a deal changed, with the run where one of ours wrote it."""
    if history is None:
        return []
    lines = []
    for _, changes in history.deal(unique_id, own_writes=own_writes).groupby("seen_at", sort=False):
        operation = str(changes["operation"].iloc[0])
        fields = [
            f"{text.label(field)} {_format(field, before)} → {_format(field, after)}"
            for field, before, after in zip(*(changes[n] for n in ("field", "before", "after")), strict=True)
            if not schema.is_blank(field)
        ]
        what = ", ".join(fields) if operation == "changed" else operation
        run = changes["run_id"].iloc[0]
        by = "" if schema.is_blank(run) else f" (own run {run})"
        lines.append(f"{text.day(changes['seen_at'].iloc[0], year=True)}: {what}{by}")
    return lines


def _format(field: str, value: Any) -> str:
    if schema.is_blank(value):
        return "empty"
    if isinstance(value, pd.Timestamp):
        return text.day(value, year=True)
    if isinstance(value, (int, float)):
        return text.money(float(value), None, full=True)
    return write_label(field, value)
