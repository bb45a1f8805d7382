"""The grid's columns: their kinds, cells for the browser, and the parser of typed text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import schema
from opp_analytics.schema import BadCell
from opp_analytics.writer import CHOICES, find_problem, normalize, parse

__all__ = ["Column", "columns_of", "to_arrow"]

_KINDS = {
    "value": "money",
    "close_date": "date",
    "probability": "percent",
    "stage": "choice",
    "status": "choice",
    "created_at": "instant",
    "updated_at": "instant",
}
_READS_AS = {"number": "value", "whole": "probability", "date": "close_date"}
"""A further column is typed like the API's column of the same kind."""
_LARGEST = 2**53
_FLAGS = {"True": True, "False": False}
_NUMERIC = ("money", "percent", "number", "whole")
_FORMATS = {"date": "%Y-%m-%d", "instant": "%Y-%m-%d %H:%M"}


@dataclass(frozen=True)
class Column:
    """One column of the grid."""

    field: str
    kind: str
    """text, money, percent, number, whole, date, instant, choice or flag."""
    locked: bool
    options: tuple[str, ...] = ()
    """Options of a choice or flag."""

    def read(self, text: Any) -> Any:
        """Typed text as a value of the frame; None when blank.

        Raises
        ------
        BadCell
            When the value cannot be written; the message gives the reason and the fix.

        Examples
        --------
        >>> Column("value", "money", False).read("$12,000.50")
        12000.5
        """
        if self.field in schema.COLUMNS:
            value = parse(self.field, text)
            wrong = find_problem(self.field, value)
            if wrong:
                raise BadCell("; ".join(wrong))
            return normalize(self.field, value)
        if self.locked:
            raise BadCell("is in a column that the grid can't edit; edit the frame in Python")
        if self.kind == "flag" and not schema.is_blank(text):
            if text not in _FLAGS:
                raise BadCell("is neither True nor False")
            return _FLAGS[text]
        reads_as = _READS_AS.get(self.kind, "name")
        return schema.parse_cell(reads_as, parse(reads_as, text))

    def wire(self, value: Any) -> str | float | None:
        """A cell for the browser: a number, text, or None when blank."""
        if schema.is_blank(value):
            return None
        if self.kind in _NUMERIC:
            return float(value)
        return str(value.strftime(_FORMATS[self.kind])) if self.kind in _FORMATS else str(value)


def _further_kind(column: pd.Series[Any]) -> tuple[str, bool]:
    """Kind and lock of a column outside the schema."""
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "flag", False
    if pd.api.types.is_integer_dtype(dtype):
        # A browser's numbers are floats, so larger ones would lose digits.
        exact = bool((column.abs() <= _LARGEST).all())
        return ("whole", False) if exact else ("text", True)
    if pd.api.types.is_float_dtype(dtype):
        return "number", False
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "instant", True
    if pd.api.types.is_datetime64_dtype(dtype):
        return "date", False
    return "text", pd.api.types.infer_dtype(column, skipna=True) not in ("string", "empty")


def columns_of(opportunities: pd.DataFrame) -> list[Column]:
    """The grid's columns for a conformed frame, in its order.

    Ids, the server's timestamps, and columns of lists, objects or custom categories are locked.
    """
    columns = []
    for name in map(str, opportunities.columns):
        if name in schema.COLUMNS:
            kind, locked = _KINDS.get(name, "text"), name in schema.READ_ONLY
        else:
            kind, locked = _further_kind(opportunities[name])
        options = tuple(_FLAGS) if kind == "flag" else CHOICES.get(name, ())
        columns.append(Column(name, kind, locked, options))
    return columns


def _array(column: Column, cells: pd.Series[Any]) -> pa.Array:
    if column.kind in _NUMERIC:
        return pa.array(cells.astype("float64"), from_pandas=True)
    if column.kind in _FORMATS:
        naive = cells.dt.tz_localize(None)
        return pc.strftime(pa.array(naive), _FORMATS[column.kind]).dictionary_encode()
    texts = isinstance(cells.dtype, (pd.StringDtype, pd.CategoricalDtype))
    text = cells if texts else cells.astype("object").map(str, na_action="ignore")
    return pa.array(text.astype(schema.TEXT)).cast(pa.string()).dictionary_encode()


def to_arrow(opportunities: pd.DataFrame, columns: Sequence[Column]) -> bytes:
    """The frame as an Arrow stream of numbers and texts, as in `Column.wire`."""
    table = pa.table({c.field: _array(c, opportunities[c.field]) for c in columns})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())
