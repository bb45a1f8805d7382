"""The grid's columns: order, titles and kinds, and how their cells are typed, shown and sent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import inputs, schema, text
from opp_analytics.org import DEFAULT, Org
from opp_analytics.schema import BadCell
from opp_analytics.widgets.messages import read_days
from opp_analytics.writer import find_problem, normalize

_KINDS = {
    "value": "money",
    "close_date": "date",
    "probability": "percent",
    "stage": "choice",
    "status": "choice",
    "created_at": "instant",
    "updated_at": "instant",
}
_TITLES = {
    "name": "Deal",
    "owner_name": "Owner",
    "stage": "Stage",
    "value": "Value",
    "close_date": "Close date",
    "probability": "Stated",
    "status": "Status",
    "account_name": "Account",
    "created_at": "Created",
    "updated_at": "Updated",
}
"""Titles of the first columns, in their order."""
_MOST_NAMES = 500
"""Names offered as a list; a longer one can't be scrolled."""
_LARGEST = 2**53
"""Whole numbers that a browser can hold: its numbers are floats."""
_NUMERIC = ("money", "percent", "number", "whole")
_FORMATS = {"date": "%Y-%m-%d", "instant": "%Y-%m-%d %H:%M"}


@dataclass(frozen=True)
class GridColumn:
    """One column of the grid."""

    field: str
    title: str
    kind: str
    """text, money, percent, number, whole, date, instant, choice, person or flag."""
    locked: bool = False
    hidden: bool = False
    """Hidden at first: identifiers and timestamps."""
    options: tuple[str, ...] = ()
    """Values of a choice or flag; names offered for a person."""
    by_pipeline: dict[str, tuple[str, ...]] = field_of(default_factory=dict)
    """The options by pipeline, where the org has several."""

    def encode(self, value: Any) -> str | float | None:
        """Encode a cell for the browser: a number, text, or None when blank."""
        if value is None or schema.is_blank(value):
            return None
        if self.kind in _NUMERIC:
            return float(value)
        return str(value.strftime(_FORMATS[self.kind])) if self.kind in _FORMATS else str(value)

    def show(self, value: Any) -> str:
        """Format a cell as the grid shows it, for messages."""
        if schema.is_blank(value):
            return "empty"
        if self.kind in _FORMATS:
            return text.day(value, year=True)
        if self.kind == "percent":
            return text.percent(float(value) / 100)
        if self.kind in _NUMERIC:
            return text.money(float(value), full=True)
        return text.label(value) if self.kind == "choice" else str(value)

    def spell(self, value: Any) -> str | None:
        """Spell a cell as it is typed, so that `read` gives it back; None when blank."""
        if schema.is_blank(value):
            return None
        if self.kind == "date":
            return f"{value:%Y-%m-%d}"
        if self.kind in _NUMERIC:
            typed = inputs.spell_amount(float(value))
            return f"{typed}%" if self.kind == "percent" else typed
        return text.label(value) if self.kind == "choice" else str(value)

    def read(
        self, typed: Any, *, today: date | None = None, closed: bool = False, meaning: Org = DEFAULT
    ) -> Any:
        """Read typed text as a value of the frame, None when blank; the message of BadCell completes a quote of what was typed.

        A date without a year is the next one of an open deal, the last one of a `closed` one. `meaning` tells the currency, and
        the habits of writing of its country.
        """
        if self.locked:
            raise BadCell("is in a column that is read only")
        bare = typed.strip() if isinstance(typed, str) else typed
        if isinstance(typed, str) and not text.is_whole(typed):
            raise BadCell("holds half of a character; type it again")
        if schema.is_blank(bare):
            if self.field == "name":
                raise BadCell("is blank; a deal needs a name")
            return None
        value = self._parse(str(bare), today, closed, meaning)
        # A choice is one of its options by now.
        if self.field not in schema.COLUMNS or self.kind == "choice":
            return value
        wrong = find_problem(self.field, value)
        if wrong:
            raise BadCell("; ".join(wrong))
        return normalize(self.field, value)

    def read_operand(
        self, typed: str, *, today: date | None = None, meaning: Org = DEFAULT
    ) -> tuple[Any, Any]:
        """Read the first and last value that a filter's amount, date or period means; for read-only columns too."""
        if self.kind in _FORMATS:
            return read_days(typed, meaning, today=today, past=self.kind == "instant")
        value = self._read_number(typed, meaning)
        return value, value

    def _read_number(self, typed: str, meaning: Org) -> float:
        if self.kind == "percent":
            return inputs.read_percent(typed)
        currency = meaning.currency if self.kind == "money" else None
        return inputs.read_amount(typed, currency, decimal_comma=meaning.decimal_comma)

    def _parse(self, typed: str, today: date | None, closed: bool, meaning: Org) -> Any:
        if self.kind == "flag":
            return inputs.read_flag(typed)
        if self.kind == "choice":
            option = inputs.match_name(typed, self.options)
            if option is None:
                hint = inputs.did_you_mean(typed, self.options, most=2, write=text.label)
                raise BadCell(f"is not a {self.title.lower()}{hint and f'; {hint}'}")
            return option
        if self.kind == "date":
            return inputs.read_date(typed, today=today, past=closed, day_first=meaning.day_first)
        if self.kind not in _NUMERIC:
            return typed
        value = self._read_number(typed, meaning)
        if self.kind not in ("percent", "whole"):
            return value
        if value != int(value):
            raise BadCell(f"is not a whole number; type {int(value)} or {int(value) + 1}")
        if abs(value) >= _LARGEST:
            raise BadCell("is too large")
        return int(value)


def _classify(column: pd.Series[Any]) -> tuple[str, bool]:
    """Find the kind and lock of a column outside the schema."""
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "flag", False
    if pd.api.types.is_integer_dtype(dtype):
        exact = bool((column.abs() <= _LARGEST).all())
        return ("whole", False) if exact else ("text", True)
    if pd.api.types.is_float_dtype(dtype):
        finite = not column.isin([math.inf, -math.inf]).any()  # JSON has no infinity
        return ("number", False) if finite else ("text", True)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "instant", True
    if pd.api.types.is_datetime64_dtype(dtype):
        return "date", False
    return "text", pd.api.types.infer_dtype(column, skipna=True) not in ("string", "empty")


def _make_column(name: str, cells: pd.Series[Any], meaning: Org) -> GridColumn:
    if name in schema.COLUMNS:
        kind, locked = _KINDS.get(name, "text"), name in schema.READ_ONLY
    else:
        kind, locked = _classify(cells)
        locked = locked or name in meaning.derived
    options = {"stage": meaning.stages.names, "status": schema.STATUSES}.get(name, ())
    if kind == "flag":
        options = ("True", "False")
    if name.endswith("owner_name") and not locked:
        names = sorted(set(cells.dropna()))
        kind, options = "person", tuple(names[:_MOST_NAMES])
    stages = meaning.stages
    split = {pipeline: stages.of(pipeline).names for pipeline in stages.pipelines} if name == "stage" else {}
    hidden = name.endswith("_id") or name in ("created_at", "updated_at")
    title = _TITLES.get(name) or (name if hidden else text.label(name).capitalize())
    return GridColumn(name, title, kind, locked, hidden, options, split)


def make_columns(opportunities: pd.DataFrame) -> list[GridColumn]:
    """Make the grid's columns: the deal's name first, timestamps and identifiers hidden at the end.

    Identifiers, the server's timestamps, and columns of lists, objects or custom categories are locked.
    """
    meaning = Org.of(opportunities)
    columns = [_make_column(name, opportunities[name], meaning) for name in map(str, opportunities.columns)]
    first = list(_TITLES)
    place = {c.field: first.index(c.field) if c.field in first else len(first) for c in columns}
    return sorted(columns, key=lambda column: (column.hidden, place[column.field]))


def _array(column: GridColumn, cells: pd.Series[Any]) -> pa.Array:
    if column.kind in _NUMERIC:
        return pa.array(cells.astype("float64"), from_pandas=True)
    if column.kind in _FORMATS:
        naive = cells.dt.tz_localize(None)
        return pc.strftime(pa.array(naive), _FORMATS[column.kind]).dictionary_encode()
    texts = isinstance(cells.dtype, (pd.StringDtype, pd.CategoricalDtype))
    text_cells = cells if texts else cells.astype("object").map(str, na_action="ignore")
    return pa.array(text_cells.astype(schema.TEXT)).cast(pa.string()).dictionary_encode()


def to_arrow(opportunities: pd.DataFrame, columns: Sequence[GridColumn]) -> bytes:
    """Write the frame as an Arrow stream of numbers and texts, as in `GridColumn.encode`."""
    table = pa.table({c.field: _array(c, opportunities[c.field]) for c in columns})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())
