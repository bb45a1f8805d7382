"""The explorer's panel as plain JSON: its controls, a view, the deals under a mark, and a deal's timeline."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.columns import title_columns
from opp_analytics.history import History
from opp_analytics.org import Org, record_link
from opp_analytics.periods import as_date
from opp_analytics.schema import BUCKETS
from opp_analytics.widgets.explorer.choice import FILTERS, VIEWS, DealSelector
from opp_analytics.widgets.explorer.views import ForecastView, View

_MOST_NAMES = 500
"""Names in a control; a longer list can't be scrolled, and the text filter finds the rest."""
_MOST_MONTHS, _MOST_QUARTERS = 36, 12
"""Three years of close dates."""
_COUNTED = {
    "without_value": "without a value",
    "open_without_value": "without a value",
    "without_probability": "without a chance",
    "closed_without_value": "without a value",
}
"""Deals that a table leaves out of its money, though it counts them."""
_LISTED = 500
"""Deals listed under a mark, as many as a browser scrolls smoothly; the export has all."""
_COLUMNS = (
    "name", "owner_name", "value", "stage", "close_date", "probability", "chance", "became", "change",
)  # fmt: skip
_RIGHT = ("value", "change", "close_date", "probability", "chance")
"""Columns whose cells are at the right, so that digits stand below each other."""


# -- controls


def list_controls(selector: DealSelector) -> dict[str, Any]:
    """List the views, filters with their values, groupings, recorded moments and months."""
    frame = selector.opportunities
    zone = Org.of(frame).zone(None)
    names = [[name, text.group_label(name)] for name in _list_groupings(frame)]
    return {
        "views": [[name, text.title(name)] for name in VIEWS],
        "filters": {view: list(filters) for view, filters in FILTERS.items()},
        "owners": _count_names(frame, "owner_name"),
        "stages": [str(stage) for stage in frame["stage"].cat.categories],
        "moments": [
            [moment, text.day(as_date(at, tz=zone), year=True)] for moment, at in selector.moments.items()
        ],
        "by": {
            "pipeline": [["stage", "stage"], *names, ["close_month", "close month"]],
            "win_rates": [*names, ["close_month", "close month"], ["size", "value"]],
            "forecast": [["M", "month"], ["Q", "quarter"]],
            "changes": [["movement", "movement"], *names],
            "slippage": [["all", "outcome"], *names, ["stage", "stage at start"]],
        },
        "dues": _list_due_periods(frame),
    }


def _list_groupings(opportunities: pd.DataFrame) -> list[str]:
    """List the columns of names, with more than one and not too many, whose own label is text."""
    groupings = []
    for name in [label for label in opportunities.columns if isinstance(label, str)]:
        column = opportunities[name]
        kind = pd.api.types.infer_dtype(column, skipna=True)
        has_names = isinstance(column.dtype, pd.CategoricalDtype) or kind in ("string", "boolean")
        if name in ("unique_id", "name", "stage") or not has_names:
            continue
        if 1 < column.nunique(dropna=False) <= _MOST_NAMES:
            groupings.append(name)
    return groupings


def _count_names(frame: pd.DataFrame, column: str) -> list[list[Any]]:
    if column not in frame:
        return []
    counts = frame[column].astype(schema.TEXT).value_counts(dropna=False).head(_MOST_NAMES)
    names = [[None if schema.is_blank(name) else str(name), int(n)] for name, n in counts.items()]
    return sorted(names, key=lambda pair: (pair[0] is None, str(pair[0])))


def _list_due_periods(frame: pd.DataFrame) -> list[list[str]]:
    """List the latest months and fiscal quarters in which deals close."""
    dates = frame["close_date"].dropna()
    if dates.empty:
        return []
    periods = []
    for freq, most in (("M", _MOST_MONTHS), (Org.of(frame).freq("Q"), _MOST_QUARTERS)):
        latest = pd.period_range(dates.min(), dates.max(), freq=freq)[-most:]
        periods += [[str(period), text.period(str(period), freq)] for period in latest]
    return periods


# -- a view


def show_view(view: View) -> dict[str, Any]:
    """Put a view into JSON: title, figures, chart, notes; its pictures are SVG text in which all data is escaped."""
    chart, currency = view.chart, view.org.currency
    return asdict(chart) | {
        "title": _title(view),
        "about": view.about + ("" if currency is None else f". {currency}"),
        "rows": [asdict(row) | {"opens": bool(row.key)} for row in chart.rows],
        "kpis": [kpi._asdict() for kpi in view.kpis],
        "n": f"n = {view.n}",
        "notes": _notes(view),
        "links": _links(view),
        "code": "\n".join(view.write_code()),
        "empty": "",
    }


def _title(view: View) -> str:
    """Put the owner's name before the finding, where one is picked and the finding does not begin with it."""
    finding = view.finding
    owners = [name for name in view.choice.owners if name] if view.choice.has("owners") else []
    return f"{owners[0]} · {finding}" if len(owners) == 1 and not finding.startswith(owners[0]) else finding


def _notes(view: View) -> list[str]:
    choice, notes = view.choice, []
    if view.needs_history:
        if choice.picks(but="owners"):
            later = ", or when first recorded if created later" if choice.view == "changes" else ""
            notes.append(
                f"Filters pick deals by what they were on {view.format_day(view.start)}{later}. "
                "So a deal that has since been won or lost is still counted."
            )
        if choice.has("owners"):
            notes.append("A deal counts for the owner it had at the time.")
    left_out = {name: n for name, n in view.left_out.items() if n}
    counted = {name: left_out.pop(name) for name in _COUNTED if name in left_out}
    if left_out:
        parts = text.joined(f"{n:,} {text.label(name)}" for name, n in left_out.items())
        notes.append(f"Left out: {parts}.")
    worthless = [f"{n:,} {_COUNTED[name]}" for name, n in counted.items() if name in view.worthless]
    if worthless:
        notes.append(f"Counted, but adding no money: {text.joined(worthless)}.")
    return notes


def _links(view: View) -> list[dict[str, str]]:
    """Link the money of a forecast that is in no coming period."""
    if not isinstance(view, ForecastView):
        return []
    money, table = view.money, view.by_period
    words = {"overdue": "past their close date", "unscheduled": "without a date"}
    return [
        {
            "key": bucket,
            "label": f"{money(table['open_value'][bucket])} in {text.count(int(table['open_count'][bucket]))} {words[bucket]}",
        }
        for bucket in BUCKETS
        if bucket in table.index and table["open_count"][bucket]
    ]


# -- deals


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
    return [str(value), text.label(value) if column in ("stage", "became") else str(value)]


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
            f"{text.label(field)} {_format(before)} → {_format(after)}"
            for field, before, after in zip(
                changes["field"], changes["before"], changes["after"], strict=True
            )
            if not schema.is_blank(field)
        ]
        what = ", ".join(fields) if operation == "changed" else operation
        run = changes["run_id"].iloc[0]
        by = "" if schema.is_blank(run) else f" (own run {run})"
        lines.append(f"{text.day(changes['seen_at'].iloc[0], year=True)}: {what}{by}")
    return lines


def _format(value: Any) -> str:
    if schema.is_blank(value):
        return "empty"
    if isinstance(value, pd.Timestamp):
        return text.day(value, year=True)
    if isinstance(value, (int, float)):
        return text.money(float(value), None, full=True)
    return text.label(value)
