"""An answer as JSON: exact numbers, and keys that stay."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics.answers.data import AnswerData, Row
from opp_analytics.columns import find_unit

_VERSION = 1


def to_dict(answer: AnswerData, most: int | None = None) -> dict[str, Any]:
    """Write an answer as plain JSON; of its first table at `most` so many rows."""
    context, table = answer.context, answer.tables[0] if answer.tables else None
    columns, rows = (table.columns, table.rows) if table else ((), ())
    shown = rows[:most]
    figure = next((one for one in answer.figures if one.low is not None), None)
    return {
        "answer_version": _VERSION,
        "question": answer.key,
        "sentence": answer.sentence,
        "period": context.label,
        "as_of": str(context.day.date()),
        "seen_at": None if context.seen_at is None else context.seen_at.isoformat(),
        "method": answer.method,
        "range": figure and [figure.low, figure.high],
        "columns": [
            {"name": name, "unit": unit}
            for name, unit in (("id", "other"), ("name", "other"), *_name_units(columns))
        ],
        "rows": [_write_row(answer, columns, row) for row in shown],
        "rows_total": len(rows),
        "more_after": shown[-1].id if len(shown) < len(rows) else None,
        "figures": [
            {name: _write_value(value) for name, value in one._asdict().items()}
            for one in answer.figures
        ],
        "notes": [f"{answer.say(note)}." for note in answer.notes],
        "lacks": [one._asdict() for one in answer.lacks],
        "code": answer.code,
    }


def _name_units(columns: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, find_unit(name)) for name in columns]


def _write_row(answer: AnswerData, columns: tuple[str, ...], row: Row) -> dict[str, Any]:
    cells = {name: _write_value(row.values.get(name)) for name in columns}
    for name, said in row.words.items():
        # Words stand beside a value under a name of their own, and alone in its place.
        cells[name if cells.get(name) is None else f"{name}_words"] = answer.say(said)
    return {"id": row.id, "name": row.name.write(None), **cells}


def _write_value(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat() if value.tzinfo else str(value.date())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value
