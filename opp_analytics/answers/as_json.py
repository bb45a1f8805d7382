"""An answer as JSON: exact numbers, and keys that stay."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics.answers.data import AnswerData, Row, Table
from opp_analytics.columns import find_unit
from opp_analytics.errors import ArgumentValueError
from opp_analytics.schema import Json

_VERSION = 1


def to_dict(answer: AnswerData, most: int | None = None, after: str | None = None) -> Json:
    """Write an answer as plain JSON, with the rows of its first table that `cut_rows` keeps."""
    context, (first, *others) = answer.context, answer.tables or (Table("rows", (), ()),)
    shown = cut_rows(first.rows, most, after)
    figure = next((one for one in answer.figures if one.low is not None), None)
    return {
        "answer_version": _VERSION,
        "question": answer.key,
        "sentence": answer.sentence,
        "period": context.label,
        "as_of": str(context.day.date()),
        "seen_at": None if context.seen_at is None else context.seen_at.isoformat(),
        "method": answer.method,
        "range": figure and [figure.low, figure.high, figure.confidence],
        **_write_table(answer, first, shown),
        "more_after": shown[-1].id if shown and shown[-1] is not first.rows[-1] else None,
        "more_tables": [
            {"name": one.name, **_write_table(answer, one, one.rows[:most])} for one in others
        ],
        "figures": [
            {name: _write_value(value) for name, value in one._asdict().items()}
            for one in answer.figures
        ],
        "notes": answer.sentences,
        "lacks": [one._asdict() for one in answer.lacks],
        "code": answer.code,
    }


def _write_table(answer: AnswerData, table: Table, rows: tuple[Row, ...]) -> Json:
    units = [(name, find_unit(name)) for name in table.columns]
    return {
        "columns": [
            {"name": name, "unit": unit}
            for name, unit in (("id", "other"), ("name", "other"), *units)
        ],
        "rows": [_write_row(answer, table.columns, row) for row in rows],
        "rows_total": len(table.rows),
    }


def cut_rows(rows: tuple[Row, ...], most: int | None, after: str | None) -> tuple[Row, ...]:
    """Keep the rows after the one with the id `after`, and `most` of them at most."""
    if after is None:
        return rows[:most]
    places = [place for place, row in enumerate(rows, 1) if row.id == after]
    if not places:
        raise ArgumentValueError.of("after", after, "is no id of a row", "use one of the last page")
    return rows[places[-1] :][:most]


def _write_row(answer: AnswerData, columns: tuple[str, ...], row: Row) -> Json:
    cells = {name: _write_value(row.values.get(name)) for name in columns}
    for name, said in row.words.items():
        # Words beside a value have a name of their own; words without a value have its name.
        cells[name if cells.get(name) is None else f"{name}_words"] = answer.say(said)
    return {"id": row.id, "name": row.name.write(None), **cells}


def _write_value(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat() if value.tzinfo else str(value.date())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value
