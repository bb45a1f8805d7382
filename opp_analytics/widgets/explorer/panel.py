"""What the explorer's panel shows of a look: title, figures, chart, notes, code."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import win_rate
from opp_analytics.org import OPEN, Org, outcome_codes, record_link
from opp_analytics.schema import BUCKETS
from opp_analytics.widgets.explorer.choice import Choice
from opp_analytics.widgets.explorer.views import Forecast, Look, View, states_chances

__all__ = ["deals_model", "deals_table", "panel"]

_LISTED = 500
"""Deals listed under a mark; the export has all."""
_COLUMNS = {
    "name": "Deal",
    "owner_name": "Owner",
    "value": "Value",
    "stage": "Stage",
    "close_date": "Close date",
    "became": "Became",
    "change": "Change",
}


def _title(view: View, table: pd.DataFrame) -> str:
    """The finding of a table, under the owner's name where one is picked."""
    said = view.finding(table)
    owners = [name for name in view.choice.owners if name] if view.choice.has("owners") else []
    return f"{owners[0]}: {said[:1].lower()}{said[1:]}" if len(owners) == 1 else said


def panel(look: Look, view: View, table: pd.DataFrame) -> dict[str, Any]:
    """The panel as plain JSON; its pictures are SVG text in which everything from the data is escaped."""
    rows = view.rows(table)
    return {
        "title": _title(view, table),
        "about": view.about() + _currency(look.deals),
        "heads": list(rows.heads),
        "axis": rows.axis,
        "label_width": rows.label_width,
        "figure_width": rows.figure_width,
        "stacked": rows.stacked,
        "rows": [
            {
                "key": row.key,
                "label": row.label,
                "note": row.note,
                "picture": row.picture,
                "figures": list(row.figures),
                "strong": row.strong,
                "highlight": row.highlight,
                "opens": bool(row.key),
            }
            for row in rows.rows
        ],
        "kpis": _kpis(look),
        "notes": _notes(look, view, table),
        "links": _links(view, table),
        "code": "\n".join(view.code()),
        "empty": "",
    }


def _currency(deals: pd.DataFrame) -> str:
    code = Org.of(deals).currency
    return "" if code is None else f". {code}"


def _kpis(look: Look) -> list[dict[str, str]]:
    choice = look.choice
    picked = _figures(look.deals, choice)
    every = _figures(look.picker.frame(Choice(view=choice.view), choice.end), choice)
    filtered = len(look.deals) != every["rows"]
    money = svg.money_of(look.deals)
    when = f"as of {look.said(look.end)}"
    closed = f"{picked['won']:,} of {picked['closed']:,} closed"

    def of(whole: str, otherwise: str) -> str:
        return (
            f"of {whole}, {when}"
            if filtered and otherwise == when
            else f"of {whole}"
            if filtered
            else otherwise
        )

    stated = states_chances(look)
    share = picked["weighted"] / picked["value"] if picked["value"] else math.nan
    return [
        {"name": "Open deals", "figure": f"{picked['open']:,}", "note": of(f"{every['open']:,}", when)},
        {
            "name": "Open value",
            "figure": money(picked["value"]),
            "note": of(money(every["value"]), _without(picked["without"])),
        },
        {
            "name": "Weighted pipeline",
            "figure": money(picked["weighted"]),
            "note": of(money(every["weighted"]), f"{text.percent(share)} of open value")
            if stated
            else "no deal has a probability",
        },
        {
            "name": "Win rate",
            "figure": text.percent(picked["rate"]),
            "note": closed + (f"; all {text.percent(every['rate'])}" if filtered else ""),
        },
    ]


def _without(deals: int) -> str:
    return f"{text.count(deals)} without a value" if deals else "every open deal has a value"


def _figures(deals: pd.DataFrame, choice: Choice) -> dict[str, Any]:
    opened = deals[outcome_codes(deals) == OPEN]
    rates = win_rate(deals).iloc[0]
    weighted = math.nan
    if "probability" in opened:
        weighted = float((opened["value"] * opened["probability"].astype("float64") / 100).sum())
    return {
        "rows": len(deals),
        "open": len(opened),
        "value": float(opened["value"].sum()),
        "without": int(opened["value"].isna().sum()),
        "weighted": weighted,
        "won": int(rates["won"]),
        "closed": int(rates["won"] + rates["lost"]),
        "rate": float(rates["rate"]),
    }


def _notes(look: Look, view: View, table: pd.DataFrame) -> list[str]:
    choice, notes = look.choice, []
    if view.of_history:
        picks = [name for name in ("stages", "value", "close", "text") if choice.has(name)]
        if picks:
            later = ", or when first recorded if created later" if choice.view == "changes" else ""
            notes.append(
                f"Filters pick deals by what they were on {look.said(look.start)}{later}. "
                "So a deal that has since been won or lost is still counted."
            )
        if choice.has("owners"):
            notes.append("A deal counts for the owner it had at the time.")
    left = {name: n for name, n in (table.attrs.get("left_out") or {}).items() if n}
    if left:
        notes.append(
            "Left out: " + text.joined(f"{n:,} {text.label(name)}" for name, n in left.items()) + "."
        )
    return notes


def _links(view: View, table: pd.DataFrame) -> list[dict[str, str]]:
    """Money of a forecast that is in no coming period."""
    if not isinstance(view, Forecast):
        return []
    money = svg.money_of(table)
    words = {"overdue": "past their close date", "unscheduled": "without a date"}
    return [
        {
            "key": bucket,
            "label": f"{money(table['open_value'][bucket])} in {text.count(int(table['open_count'][bucket]))} {words[bucket]}",
        }
        for bucket in BUCKETS
        if bucket in table.index and table["open_count"][bucket]
    ]


def deals_table(view: View, table: pd.DataFrame, key: str) -> pd.DataFrame:
    """Deals under a mark, the largest first; ids last."""
    deals = view.deals(table, key)
    measure = "change" if "change" in deals else "value"
    order = deals[measure].abs().sort_values(ascending=False, kind="stable").index
    columns = [column for column in [*_COLUMNS, "unique_id"] if column in deals]
    return deals.loc[order, columns].reset_index(drop=True)


def deals_model(
    view: View, table: pd.DataFrame, key: str, label: str, record_url: str | None
) -> dict[str, Any]:
    """The table under a mark."""
    deals = deals_table(view, table, key)
    measure = "change" if "change" in deals else "value"
    summed = float(deals[measure].sum())
    shown = deals.head(_LISTED)
    columns = [str(column) for column in shown if column != "unique_id"]
    what = "sum of changes" if measure == "change" else "sum of values"
    each = deals["unique_id"].nunique()
    counted = (
        text.count(each)
        if each == len(deals)
        else f"{text.count(len(deals), 'change')} of {text.count(each)}"
    )
    return {
        "key": key,
        "label": label,
        "counted": counted,
        "sum": f"{what} {text.money(summed, None, full=True)}",
        "total": text.money(summed, None, full=True),
        "measure": measure,
        "columns": [
            {"name": column, "title": _COLUMNS[column], "right": column in ("value", "change", "close_date")}
            for column in columns
        ],
        "ids": shown["unique_id"].astype(str).tolist(),
        "links": [record_link(record_url, unique_id) for unique_id in shown["unique_id"].astype(str)],
        "rows": [[_cell(column, value) for column, value in zip(columns, row, strict=True)] for row in shown[columns].astype("object").itertuples(index=False)],
        "more": max(0, len(deals) - _LISTED),
    }  # fmt: skip


def _cell(column: str, value: Any) -> list[Any]:
    """A cell as what it is sorted by, and what is shown."""
    if value is None or pd.isna(value):
        return [None, ""]
    if column in ("value", "change"):
        return [float(value), text.money(float(value), None, full=True)]
    if column == "close_date":
        return [pd.Timestamp(value).isoformat(), text.day(value, year=True)]
    return [str(value), text.label(str(value)) if column in ("stage", "became") else str(value)]
