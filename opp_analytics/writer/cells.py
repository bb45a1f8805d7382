"""Single cells: compare, check, format and replace them, and write them as text.

The text goes to journals, plan files and workbooks.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec
import numpy as np
import pandas as pd

from opp_analytics import inputs, org, schema, text
from opp_analytics.api import to_wire
from opp_analytics.arrays import Series
from opp_analytics.org import Org
from opp_analytics.schema import Json

KINDS = {
    "value": "money",
    org.VALUE_ORIGINAL: "number",
    "close_date": "date",
    "probability": "percent",
}
"""Kinds of the columns that are typed as amounts, dates and percentages."""
_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


def list_choices(meaning: Org) -> dict[str, tuple[str, ...]]:
    """List the values of each column that takes only some."""
    return {"stage": meaning.stages.names, "status": schema.STATUSES}


def normalize(column: str, value: Any) -> Any:
    """Convert a cell to its column's type: lists and objects to JSON text, blanks to None."""
    if isinstance(value, (list, dict)) and column not in schema.COLUMNS:
        return json.dumps(value)
    return schema.parse_cell(column, value)


def normalize_or_keep(column: str, value: Any) -> Any:
    """Convert a cell as `normalize` does; one that does not fit stays as it is."""
    try:
        return normalize(column, value)
    except schema.BadCell:
        return value


def same(column: str, left: Any, right: Any) -> bool:
    """Compare two cells of a column: True if they have the same value, whatever their types."""
    one, other = normalize_or_keep(column, left), normalize_or_keep(column, right)
    if one is None or other is None:
        return one is None and other is None
    return bool(one == other)


def fold(value: Any) -> Any:
    """Fold a text as servers do: composed, trimmed, one space for each run of blanks.

    Other values stay.
    """
    return (
        unicodedata.normalize("NFC", " ".join(value.split())) if isinstance(value, str) else value
    )


_SHORTEST_CUT = 20
"""Letters to which a server may cut a text."""


def agrees(column: str, ours: Any, theirs: Any) -> bool:
    """Tell whether `theirs` may be a server's form of `ours`.

    A number is rounded to the decimals that `theirs` has, a text folded, of one case or cut, a date
    shifted by a time zone.
    """
    if same(column, fold(ours), fold(theirs)):
        return True
    one, other = (normalize_or_keep(column, fold(value)) for value in (ours, theirs))
    if isinstance(one, str) and isinstance(other, str):
        whole = len(other) >= min(_SHORTEST_CUT, len(one)) and bool(other)
        return whole and any(form.startswith(other) for form in (one, one.lower(), one.upper()))
    if isinstance(one, pd.Timestamp) and isinstance(other, pd.Timestamp):
        return abs(one - other) <= pd.Timedelta(days=1)
    number, rounded = _read_decimal(one), _read_decimal(other)
    if number is None or rounded is None:
        return False
    return abs(number - rounded) < Decimal(1).scaleb(
        min(0, int(rounded.normalize().as_tuple().exponent))
    )


def _read_decimal(value: Any) -> Decimal | None:
    """Read a number as the Decimal that it is written as; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    number = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    return number if number.is_finite() else None


def _check_choice(column: str, value: str, meaning: Org, pipeline: Any) -> tuple[str, str] | None:
    known = list_choices(meaning).get(column)
    if known is None:
        return None
    if value in known:
        return _check_pipeline(value, meaning, pipeline) if column == "stage" else None
    hint = inputs.did_you_mean(value, known)
    whose = "your org" if column == "stage" and meaning.stages != org.STAGES else "the API"
    return f"is not a {column} of {whose}", hint or f"use one of {', '.join(known)}"


def _check_pipeline(stage: str, meaning: Org, pipeline: Any) -> tuple[str, str] | None:
    if schema.is_blank(pipeline) or pipeline not in meaning.stages.pipelines:
        return None
    own = meaning.stages.of(pipeline).names
    if stage in own:
        return None
    return f"is not a stage of the pipeline {pipeline!r}", f"use one of {', '.join(own)}"


def read_typed(kind: str | None, typed: str, meaning: Org, **dates: Any) -> Any:
    """Read what is typed into a cell of a kind as in `KINDS`, `dates` as `inputs.read_date` does.

    A text of another kind stays.
    """
    match kind:
        case "date":
            return inputs.read_date(typed, year_start=meaning.fiscal_year_start, **dates)
        case "percent":
            return inputs.read_percent(typed)
        case "money" | "number" | "whole":
            currency = meaning.currency if kind == "money" else None
            return inputs.read_amount(typed, currency, decimal_comma=meaning.decimal_comma)
    return typed


def _explain(column: str, value: Any, error: schema.BadCell, meaning: Org) -> schema.BadCell:
    """Explain what is wrong with a cell.

    For an amount, a percentage or a date, as the reader of typed ones does.
    """
    if isinstance(value, str):
        try:
            read_typed(KINDS.get(column), value, meaning)
        except schema.BadCell as better:
            return better
    return error


def find_problem(
    column: str, value: Any, meaning: Org = org.DEFAULT, *, pipeline: Any = None
) -> tuple[str, str] | None:
    """Check a value before writing: the problem and how to fix it, or None.

    The stages are those of the deal's pipeline; if it is blank or unknown to the org, those of all.
    """
    if column in schema.READ_ONLY:
        return (
            "is set by the server and never written",
            f"leave {column} as it was, or drop the column",
        )
    try:
        schema.check_encodable(value)
        cell = normalize(column, value)
    except schema.BadCell as error:
        wrong = _explain(column, value, error, meaning)
        return wrong.problem, wrong.python_way or "correct the value, or leave it as it was"
    if column == "name" and (cell is None or not cell.strip()):
        return "is blank", "every opportunity needs a name"
    if cell is None:
        return None
    if column == "close_date":
        try:
            inputs.check_year(cell.year)
        except schema.BadCell as error:
            return error.problem, "correct the year"
    if column == "probability" and not 0 <= cell <= 100:
        return "is not between 0 and 100", "write a whole percentage such as 60"
    return _check_choice(column, cell, meaning, pipeline)


def fit_column(column: Series, dtype: Any) -> Series:
    """Convert a column that the API does not document to the dtype it had before.

    A cell that does not fit stays.
    """
    dtype = pd.api.types.pandas_dtype(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    read = _choose_reader(dtype)
    if read is None or column.dtype == dtype:
        return column
    cells, fits = [], True
    for cell in column:
        try:
            cells.append(None if schema.is_blank(cell) else read(cell))
        except (ArithmeticError, KeyError, TypeError, ValueError):
            cells.append(cell)
            fits = False
    fitted = pd.Series(cells, index=column.index, name=column.name, dtype="object")
    if isinstance(dtype, np.dtype) and dtype.kind in "bi":
        fits &= None not in cells  # NumPy has no blank flag or whole number
    try:
        return fitted.astype(dtype) if fits else fitted
    except OverflowError:  # a whole number beyond the dtype
        return fitted


def _choose_reader(dtype: Any) -> Callable[[Any], Any] | None:
    """Choose the reader for cells of numbers, flags, times or texts; None for another dtype."""
    types = pd.api.types
    if types.is_bool_dtype(dtype):
        return lambda cell: inputs.read_flag(str(cell))
    if types.is_integer_dtype(dtype):
        return _read_whole
    if types.is_float_dtype(dtype):
        return _take(float, but=(bool, np.bool_, Decimal))
    if types.is_datetime64_any_dtype(dtype):
        return _take(pd.Timestamp, of=(str, date, np.datetime64))
    return _take(str, of=(str,)) if isinstance(dtype, pd.StringDtype) else None


def _take(
    read: Callable[[Any], Any], *, of: tuple[type, ...] = (object,), but: tuple[type, ...] = ()
) -> Callable[[Any], Any]:
    """Make a reader of the cells of some types."""

    def take(cell: Any) -> Any:
        if isinstance(cell, but) or not isinstance(cell, of):
            raise TypeError
        return read(cell)

    return take


def _read_whole(cell: Any) -> int:
    if isinstance(cell, (bool, np.bool_)) or (not isinstance(cell, str) and cell != int(cell)):
        raise ValueError("not a whole number")
    return int(cell)


def replace_cells(
    frame: pd.DataFrame, cells: Mapping[tuple[int, str], Any], rows: list[int]
) -> pd.DataFrame:
    """Take rows of a frame by number with cells replaced, conformed.

    Attrs stay, and a column's dtype where its cells fit.

    A row beyond the frame's end is blank except for its cells; cells of other rows or columns are
    ignored.
    """
    taken = frame
    if any(row >= len(frame) for row in rows):
        taken = frame.assign(**{str(name): _allow_blanks(column) for name, column in frame.items()})
    taken = taken.reindex(rows)
    place = {row: position for position, row in enumerate(rows)}
    by_field: dict[str, dict[int, Any]] = {}
    for (row, name), value in cells.items():
        if row in place and name in taken:
            by_field.setdefault(name, {})[place[row]] = value
    for name, new in by_field.items():
        taken[name] = _replace(taken[name], new)
    return org.conform(taken)


def _replace(column: Series, cells: dict[int, Any]) -> Series:
    places, values = list(cells), list(cells.values())
    replaced = _allow_blanks(column) if None in values else column.copy()
    # A category refuses a name that it does not know yet.
    dtype = "object" if isinstance(column.dtype, pd.CategoricalDtype) else replaced.dtype
    try:
        new = pd.Series(values, dtype=dtype)
    except (ArithmeticError, TypeError, ValueError):
        new = pd.Series(values, dtype="object")
    replaced = replaced.astype(new.dtype)
    replaced.iloc[places] = new.array
    return replaced


def _allow_blanks(column: Series) -> Series:
    """Convert numpy's integers and booleans to a dtype that can hold blanks."""
    fixed = isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub"
    return column.convert_dtypes() if fixed else column.copy()


def list_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn the rows into dicts by column name."""
    return cast(list[dict[str, Any]], frame.to_dict("records"))


def format_cell(field: str, value: Any, currency: str | None = None) -> str:
    """Format a cell for a table; `currency` is that of ``value``."""
    if schema.is_blank(value):
        return text.MISSING
    if isinstance(value, (date, datetime)):
        # also of a year that strftime does not know
        return f"{value.year:04}-{value.month:02}-{value.day:02}"
    if isinstance(value, (int, float, np.integer, np.floating, Decimal)) and not isinstance(
        value, bool
    ):
        exact = Decimal(int(value)) if isinstance(value, (int, np.integer)) else Decimal(str(value))
        if abs(exact) >= 10**300:  # perhaps beyond what a float holds
            return f"{exact:.2e}"
        if field == "probability":
            return text.percent(float(value) / 100)
        return text.money(float(value), currency if field == "value" else None, full=True)
    return str(value)


def quote_cell(value: Any) -> str:
    """Format a cell exactly as it was typed; text is quoted."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return str(value).removesuffix(" 00:00:00")
    return str(value)


def read_number(text: str) -> float | Decimal:
    """Read a JSON number with a fraction: a float, or a Decimal where a float is not exact."""
    exact = Decimal(text)
    near = float(text)
    return near if Decimal(repr(near)) == exact else exact


def read_cells(record: Json, columns: Iterable[str]) -> Json:
    """Read cells of an opportunity of the server, without those that do not fit."""
    cells = {}
    for column in columns:
        with suppress(schema.BadCell):
            cells[column] = normalize(column, record.get(column))
    return cells


def from_wire(column: str, value: Any) -> Any:
    """Convert a JSON value to a cell: dates to Timestamp, blanks to None.

    Invalid values are kept.
    """
    return value if isinstance(value, Decimal) else normalize_or_keep(column, value)


def to_text(column: str, value: Any) -> str | None:
    """Write a cell as JSON text; None for a blank one."""
    if schema.is_blank(value):
        return None
    try:
        return _encode(to_wire(column, value)).decode()
    except schema.BadCell:
        # The standard library also writes what no request may hold.
        return json.dumps(value.isoformat() if isinstance(value, date) else value, default=str)


def from_text(column: str, text: str | None) -> Any:
    """Read back a cell that `to_text` wrote."""
    return None if text is None else from_wire(column, json.loads(text, parse_float=read_number))
