"""The deals under a mark of the explorer: their table as JSON, and the timeline of each."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.columns import title_columns, write_label
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import History
from opp_analytics.org import LAST_TOUCH, record_link
from opp_analytics.widgets.explorer.views.view import View
from opp_analytics.widgets.timeline import list_moves

_LISTED = 500
"""Deals listed under a mark, as many as a browser scrolls smoothly; the export has all."""
_COLUMNS = (
    "name",
    "owner_name",
    "movement",
    "change",
    "value",
    "stage",
    "close_date",
    "became",
    "probability",
    "chance",
    "days_in_stage",
    "pushes",
    "changed_at",
    "risk",
    "flags",
    "reasons",
)
_KNOWN = _COLUMNS[_COLUMNS.index("probability") :]
"""Columns that are left out where they are known of no deal listed."""
_RIGHT = (
    "value",
    "change",
    "close_date",
    "probability",
    "chance",
    "days_in_stage",
    "pushes",
    "changed_at",
)
"""Columns whose cells are at the right, so that digits stand below each other."""
_TITLES = {"changed_at": "Last change"}


def list_deals(view: View, key: str) -> pd.DataFrame:
    """List the deals under a mark in the view's order, with ids last.

    Deals that are open then come with what is known of them.
    """
    deals, moment, selector = view.find_deals(key), view.open_at(key), view.selector
    known = selector.facts_at(moment).columns if moment else pd.DataFrame()
    if "probability" in deals:
        deals = deals.assign(
            probability=deals["probability"].where(deals["unique_id"].isin(known.index))
        )
    if moment and "chance" not in deals:
        deals = deals.assign(chance=deals["unique_id"].map(selector.chances_at(moment, view.freq)))
    deals = view.sort(deals.join(known, on="unique_id"))
    # Of deals that were open, or are new, the change is the whole value.
    if "change" in deals and deals["change"].equals(deals["value"].fillna(0.0)):
        deals = deals.drop(columns="change")
    shown = [
        name
        for name in _COLUMNS
        if name in deals and (name not in _KNOWN or deals[name].notna().any())
    ]
    return deals[[*shown, "unique_id"]].reset_index(drop=True)


def show_deals(view: View, key: str, label: str) -> dict[str, Any]:
    """Put the deals under a mark into JSON, with their number and sum."""
    deals = list_deals(view, key)
    measure, first = "change" if "change" in deals else "value", deals.head(_LISTED)
    total = text.money(float(deals[measure].sum()), None, full=True)
    columns = [str(column) for column in first if column not in ("unique_id", *view.hidden)]
    each = deals["unique_id"].nunique()
    changes = "" if each == len(deals) else f"{text.count(len(deals), 'change')} of "
    ids = first["unique_id"].astype(str).tolist()
    return {
        "key": key,
        "label": label,
        "counted": f"{changes}{text.count(each)}",
        "sum": f"sum of {'changes' if measure == 'change' else 'values'} {total}",
        "total": total,
        "each": text.count(each),
        "measure": measure,
        "sorted": view.sorted_by or measure,
        "note": view.explain(key),
        "columns": [
            {"name": column, "title": title, "right": column in _RIGHT}
            for column, title in zip(columns, title_columns(columns, _TITLES), strict=True)
        ],
        "ids": ids,
        "links": [record_link(view.selector.record_url, unique_id) for unique_id in ids],
        "rows": [
            [_cell(view, column, row) for column in columns]
            for row in first.astype("object").to_dict("records")
        ],
        "more": max(0, len(deals) - _LISTED),
    }


def _cell(view: View, column: str, row: dict[Any, Any]) -> list[Any]:
    """Give a cell's sort key and its text, and what it says in full where that is more."""
    value = row[column]
    if value is None or pd.isna(value):
        return [None, ""]
    match column:
        case "value" | "change":
            return [float(value), text.money(float(value), None, full=True)]
        case "probability" | "chance":
            share = float(value) / (100 if column == "probability" else 1)
            return [share, text.percent(share)]
        case "close_date" | "changed_at":
            return [pd.Timestamp(value).isoformat(), view.write_day(value)]
        case "days_in_stage" | "pushes":
            return [int(value), f"{int(value):,}"]
        case "flags":
            return [int(row["risk"]), str(value), ". ".join(_split(row["reasons"]))]
        case "reasons":
            return [int(row["risk"]), ". ".join(_split(value))]
    return [str(value), write_label(column, value)]


def _split(reasons: str) -> list[str]:
    return [text.capital(reason) for reason in reasons.split(" · ") if reason]


def tell_deal(view: View, unique_id: str, moment: str) -> list[tuple[str, list[str]]]:
    """Tell of one deal in sections: chance, flags, actions and timeline.

    The chance is explained. Actions are what was done and what comes next.
    """
    selector, flags = view.selector, view.selector.facts_at(moment).flags
    reasons = _split(flags["reasons"].get(unique_id, ""))
    try:
        timeline = write_timeline(selector.history, unique_id, selector.own_writes)
    except ArgumentValueError:
        if unique_id not in set(selector.opportunities["unique_id"]):
            raise
        timeline = ["No record has this deal yet."]
    sections = {
        "Chance": view.explain_deal(unique_id, moment),
        "Flags": [f"{reason}." for reason in reasons],
        "Activity": _say_activity(view, unique_id, moment),
        "Timeline": timeline,
    }
    return [(title, lines) for title, lines in sections.items() if lines]


def _say_activity(view: View, unique_id: str, moment: str) -> list[str]:
    """Say a deal's next action and last touch, where the frame has them."""
    rows, at = (
        view.selector.read_deal(unique_id, moment).to_dict("records"),
        ("next_action_at", LAST_TOUCH),
    )
    cells: dict[Any, Any] = {
        n: cell for row in rows for n, cell in row.items() if not schema.is_blank(cell)
    }
    cells |= {
        name: view.write_day(view.selector.to_day(cells[name])) for name in at if name in cells
    }
    due = f"due {cells['next_action_at']}" if "next_action_at" in cells else ""
    what, touch = ", ".join(filter(None, (cells.get("next_action"), due))), cells.get(LAST_TOUCH)
    return [*[f"Next action: {what}."] * bool(what), *[f"Last touch: {touch}."] * bool(touch)]


def write_timeline(
    history: History | None, unique_id: str, own_writes: pd.DataFrame | None = None
) -> list[str]:
    """Write a line for each record in which a deal changed.

    The line names the run of ours that wrote the change, if any.
    """
    lines = []
    for move in [] if history is None else list_moves(history, unique_id, own_writes):
        fields = [
            f"{text.label(field)} {_format(field, before)} → {_format(field, after)}"
            for field, (before, after) in move.cells.items()
        ]
        what = ", ".join(fields) if move.operation == "changed" else move.operation
        lines.append(f"{move.day}: {what}{f' (own run {move.run})' if move.run else ''}")
    return lines


def _format(field: str, value: Any) -> str:
    if schema.is_blank(value):
        return "empty"
    if isinstance(value, pd.Timestamp):
        return text.day(value, year=True)
    if isinstance(value, (int, float)):
        return text.money(float(value), None, full=True)
    return write_label(field, value)
