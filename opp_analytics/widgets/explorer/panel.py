"""An answer and the explorer's controls as plain data, which the front end only shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.answers import (
    CATALOG,
    Answer,
    Context,
    Figure,
    Row,
    Table,
    draw,
    draw_rows,
    explain_deal,
    forecasts,
    list_activity,
    say_lack,
    write_cells,
    write_figure,
)
from opp_analytics.arrays import Series
from opp_analytics.columns import find_unit, format_cell, write_label
from opp_analytics.history import History
from opp_analytics.org import DEFAULT, record_link
from opp_analytics.schema import Json, is_blank
from opp_analytics.widgets.explorer.choice import PRESETS

_LISTED = 500
"""Rows of a table, as many as a browser scrolls smoothly."""
_MOST_NAMES = 500
"""Names in a control: a longer list can't be scrolled."""
_SINCE, _QUARTERS = 60, 8
"""Days of records to compare with; first days of quarters to begin with."""


def show_answer(answer: Answer) -> Json:
    """Put an answer into JSON; its picture is HTML in which all data is escaped."""
    drawn = draw(answer)
    is_rows = not isinstance(drawn, str)
    axis, pictures = draw_rows(answer)
    tables = [_show_table(answer, table) for table in answer.main_tables]
    for row in tables[0]["rows"] if pictures else ():
        row["picture"] = pictures.get(row["id"], "")
    # Another length of periods may be forecast by another method.
    how = [forecasts.say_method(answer.context)] if answer.method else []
    return {
        "title": answer.title,
        "subject": answer.subject,
        "sentence": answer.sentence,
        "figures": [_show_figure(answer, one) for one in answer.figures],
        "picture": drawn.html() if is_rows else drawn,
        "drawn": [row.key for row in drawn.rows] if is_rows else [],
        "axis": axis,
        "tables": tables,
        "notes": how + answer.sentences,
        "lacks": [{"what": say_lack(one), "way": one.python_way} for one in answer.lacks],
    }


def _show_figure(answer: Answer, figure: Figure) -> dict[str, str]:
    known = (end for end in (figure.low, figure.high) if end is not None)
    return {
        "name": figure.name,
        "figure": write_figure(answer, figure),
        "range": " to ".join(write_figure(answer, figure, end) for end in known),
        "words": figure.remark,
    }


def _show_table(answer: Answer, table: Table) -> Json:
    currency, rows = answer.context.org.currency, table.rows[:_LISTED]
    columns = answer.title_columns(table)
    deals = sum(row.kind == "deal" for row in table.rows)
    parts = [row.values.get(table.adds, 0.0) for row in table.rows if row.kind in ("deal", "rest")]
    total = format_cell(table.adds, math.fsum(parts), currency) if table.adds else ""
    notes = [answer.say(words) for words in (table.finding, table.note) if words.pieces]
    return {
        "name": text.title(table.name),
        "head": table.heads.get("name", ""),
        "notes": [f"{note}." for note in notes],
        "columns": [
            {"name": name, "title": title, "right": _is_right(table, name)}
            for name, title in columns.items()
        ],
        "rows": [_show_row(answer, columns, row) for row in rows],
        "more": len(table.rows) - len(rows),
        "total": f"{text.count(deals)}, {total}" if total and deals > 1 else "",
    }


def _is_right(table: Table, column: str) -> bool:
    """True where the digits of a column align."""
    values = (row.values.get(column) for row in table.rows)
    numbers = [isinstance(one, (int, float)) for one in values if one is not None]
    return find_unit(column) != "other" or (any(numbers) and all(numbers))


def _show_row(answer: Answer, columns: Mapping[str, str], row: Row) -> Json:
    cells = zip(columns, write_cells(answer, columns, row), strict=True)
    is_deal = row.kind == "deal"
    return {
        "id": row.id,
        "name": row.name.write(None),
        "kind": row.kind,
        "marked": row.marked,
        "depth": row.depth,
        "folded": row.folded,
        "opens": is_deal or answer.opener is not None,
        "link": record_link(answer.context.org.record_url, row.id) if is_deal else None,
        "cells": [[_rank(row.values.get(name)), cell] for name, cell in cells],
    }


def _rank(value: Any) -> Any:
    """Make what a cell is sorted by; None is last."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    plain = value.item() if hasattr(value, "item") else value
    return plain if plain is None or isinstance(plain, (int, float)) else str(plain)


def tell_deal(context: Context, row: Row) -> list[tuple[str, list[str]]]:
    """Tell of one deal in sections: what adds up to its chance, activity and timeline."""
    why = explain_deal(context, row)
    sections = {
        "Chance": [why.sentence] if why else [],
        "Activity": [f"{text.capital(one)}." for one in list_activity(context, row.id)],
        "Timeline": _write_timeline(context.whole_history, row.id, context.own_writes),
    }
    told = [(title, lines) for title, lines in sections.items() if lines]
    return told or [("", ["No record has this deal yet."])]


def _write_timeline(
    history: History | None, unique_id: str, own_writes: pd.DataFrame | None
) -> list[str]:
    """Write a line for each record in which a deal changed, the run of ours that wrote it named."""
    if history is None:
        return []
    lines, zone = [], (history.org or DEFAULT).zone(None)
    changes = history.deal(unique_id, own_writes=own_writes)
    for _, record in changes.groupby("seen_at", sort=False):
        fields = []
        for field, *ends in record[["field", "before", "after"]].dropna(subset="field").to_numpy():
            shown = ("empty" if is_blank(end) else format_cell(field, end, None) for end in ends)
            fields.append(f"{text.label(field)} {' → '.join(shown)}")
        at, operation, run = record[["seen_at", "operation", "run_id"]].iloc[0]
        what = ", ".join(fields) if operation == "changed" else operation
        own = "" if is_blank(run) else f" (own run {run})"
        lines.append(f"{text.day(at.tz_convert(zone), year=True)}: {what}{own}")
    return lines


# -- controls


def list_controls(context: Context, frame: pd.DataFrame) -> Json:
    """List the questions, the people and teams, the columns to filter by, and the options."""
    names = _list_names(frame)
    history = context.whole_history
    known = None if history is None else set(history.log.columns)
    groups = [
        [one["column"], text.group_label(one["column"])]
        for one in names
        if one["column"] not in ("stage", "status") and (known is None or one["column"] in known)
    ]
    quarter = pd.Period(context.day, context.org.freq("Q"))
    days = pd.to_datetime(context.records["recorded_at"]).dt.tz_convert(context.tz).dt.date
    earlier = sorted({day for day in days if pd.Timestamp(day) < context.day}, reverse=True)
    return {
        "questions": [
            {
                "key": key,
                "words": one.words,
                "place": one.place,
                "filters": one.filters,
                "options": one.options,
                "edited": "edited" in one.takes,
            }
            for key, one in CATALOG.items()
        ],
        "parts": [
            [part.name, text.title(text.group_label(part.column))] for part in context.list_known()
        ],
        "names": names,
        "presets": PRESETS,
        "options": {
            "by": [["", "by person"], *([name, f"by {label}"] for name, label in groups)],
            "freq": [["", f"by {context.noun}"], ["M", "by month"], ["Q", "by quarter"]],
            "period": [],
            "since": [
                ["", "since a week before"],
                *([str(day), f"since {text.day(day, year=True)}"] for day in earlier[:_SINCE]),
            ],
            "start": [
                ["", "closed in the last year"],
                *(
                    [str(day), f"closed from {text.day(day, year=True)} on"]
                    for step in range(_QUARTERS)
                    for day in [(quarter - step).start_time.date()]
                ),
            ],
        },
        "about": _say_data(context),
    }


def list_periods(context: Context) -> list[list[str]]:
    """List the running period and the next ones, of the length that is chosen."""
    ahead = [pd.Period(context.day, context.freq) + step for step in range(4)]
    named = [[str(one), context.name_of(str(one))] for one in ahead]
    return [["", f"this {context.noun}"], *named]


def _say_data(context: Context) -> str:
    records = len(context.records)
    said = [text.count(len(context.whole)), *([text.count(records, "record")] if records else [])]
    return " · ".join([*said, f"as of {text.day(context.day, year=True)}"])


def _list_names(frame: pd.DataFrame) -> list[Json]:
    """List the columns of names, people and stage first, each with its values and their counts."""
    first = ["owner_name", "team", "stage"]
    columns = [name for name in map(str, frame) if name in first or _has_names(frame, name)]
    columns.sort(key=lambda name: first.index(name) if name in first else len(first))
    return [
        {
            "column": name,
            "title": text.title(text.group_label(name)),
            "values": _count_values(frame[name]),
        }
        for name in columns
    ]


def _has_names(frame: pd.DataFrame, name: str) -> bool:
    """True for a column of a few names, not for ids or addresses beside a name."""
    if name == "name" or name.endswith(("_id", "_email")) or name not in frame:
        return False
    column = frame[name]
    kind = pd.api.types.infer_dtype(column, skipna=True)
    is_text = isinstance(column.dtype, pd.CategoricalDtype) or kind in ("string", "boolean")
    return is_text and 1 < column.nunique(dropna=False) <= _MOST_NAMES


def _count_values(column: Series) -> list[list[Any]]:
    """Count the values of a column, each with its words: a category in its order, a blank last."""
    counts = column.value_counts(dropna=False, sort=False).head(_MOST_NAMES)
    if not isinstance(column.dtype, pd.CategoricalDtype):
        counts = counts.sort_index(key=lambda names: names.astype(str))
    pairs = [(None if is_blank(name) else name, int(n)) for name, n in counts.items()]
    pairs.sort(key=lambda pair: pair[0] is None)
    return [
        [
            name if name is None or isinstance(name, bool) else str(name),
            "(none)" if name is None else write_label(column.name, name),
            n,
        ]
        for name, n in pairs
    ]
