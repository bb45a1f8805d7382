"""Workbooks as people read them: typed columns under headings.

Numbers are written as elsewhere, and data never becomes a formula.
"""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.arrays import Series
from opp_analytics.columns import ALMOST_SURE, choose_workbook_format, find_unit
from opp_analytics.errors import ConfigError
from opp_analytics.files import say_failure
from opp_analytics.schema import Json

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

PERIODS = ("period", "due_in")
"""Columns that may hold periods, of months or days, and words."""
MOST_LETTERS = 32_767
"""Characters of a cell that Excel can hold."""
_PADDING = 5 / 7
"""Characters that the library adds to a width."""
_FORMATS, _MONTH = {"count": "#,##0", "number": "#,##0.0"}, "mmm yyyy"
_RIGHT = ("money", "rate", "points", "percent", "ratio", "count", "number")
_FIRST_DAY, _MARCH_1900, _YEAR_10_000 = np.datetime64("1899-12-30", "us"), 61, 2_958_466
"""Day 0 of a workbook; its day 61, before which Excel counts a day that never was; the first day
beyond its calendar."""


class Column(NamedTuple):
    """The look of a column."""

    kind: str
    look: dict[str, Any]
    """Format of its cells."""
    width: float


@contextmanager
def make_workbook(
    saved: io.BytesIO, extra: str, properties: Json | None = None
) -> Iterator[Workbook]:
    """Make a workbook that is written to `saved` at the end.

    The rows of a sheet must come in their order.

    With a time of creation among its properties, the same cells give the same bytes.
    """
    try:
        from xlsxwriter import Workbook
        from xlsxwriter.exceptions import FileCreateError
    except ImportError:
        raise ConfigError(
            f"workbooks need XlsxWriter; install it with: pip install 'opp-analytics[{extra}]'"
        ) from None
    options = {f"strings_to_{kind}": False for kind in ("formulas", "numbers", "urls")}
    # Each row goes to a temporary file.
    with say_failure(f"cannot make the workbook in {tempfile.gettempdir()}"):
        try:
            with Workbook(saved, {"constant_memory": True, **options}) as book:
                book.set_properties({"author": "opp_analytics", **(properties or {})})
                yield book
        except FileCreateError as error:
            raise error.args[0] from None


def add_sheet(book: Workbook, name: str) -> Worksheet:
    """Add a sheet whose texts are only texts."""
    page = book.add_worksheet(name)
    page.add_write_handler(str, _write_markup)
    return page


def _write_markup(
    page: Worksheet, row: int, place: int, words: str, look: Format | None = None
) -> Any:
    """Write a text that the library would take for runs of its own markup.

    Others it writes itself.
    """
    if words.startswith("<r>") and words.endswith("</r>"):
        return page.write_rich_string(
            row, place, words[0], words[1:-1], words[-1], *([look] if look else [])
        )
    return None


def write_table(
    book: Workbook,
    page: Worksheet,
    table: pd.DataFrame,
    heads: Sequence[str],
    currency: str | None,
    *,
    widest: float,
    day: str = "yyyy-mm-dd",
    wrapped: Collection[str] = (),
    looks: Mapping[int, Json] = MappingProxyType({}),
) -> list[Column]:
    """Write a table below its headings, which stay in view, and return how its columns are shown.

    `day` is the format of dates, texts of the columns `wrapped` take several lines, and rows with
    `looks` of their own look so.
    """
    columns, cells = [], []
    formats = {**_FORMATS, "date": day, "instant": f"{day} hh:mm"}
    for place, (head, (name, values)) in enumerate(zip(heads, table.items(), strict=True)):
        kind = _choose_kind(str(name), values.dtype)
        if kind == "number" and values.dropna().mod(1).eq(0).all():
            kind = "count"
        shown = formats.get(kind)
        if kind in _RIGHT and shown is None:
            shown = choose_workbook_format(str(name), currency)
        period = (
            next((one for one in values if isinstance(one, pd.Period)), None)
            if kind == "period"
            else None
        )
        if period is not None:
            shown = _MONTH if period.freqstr == "M" else day
        align = {"align": "right"} if kind in _RIGHT else {"align": "left", "indent": 1}
        look = {"num_format": shown or "General", "valign": "top", **align}
        look |= {"text_wrap": True} if name in wrapped else {}
        column = Column(kind, look, _choose_width(head, values, kind, widest))
        page.set_column(place, place, column.width - _PADDING, book.add_format(column.look))
        page.write(
            0,
            place,
            head,
            book.add_format({"bold": True, "valign": "top", "text_wrap": True, **align}),
        )
        columns.append(column)
        cells.append(_convert(values, kind))
    rates = [place for place, column in enumerate(columns) if column.kind == "rate"]
    sure = book.add_format({"num_format": ALMOST_SURE, "align": "right"})
    for row, shown_cells in enumerate(zip(*cells, strict=True), start=1):
        if row in looks:
            write_own_row(book, page, row, looks[row], columns, shown_cells)
            continue
        _write_cells(page, row, shown_cells)
        for place in rates:
            if is_almost_sure(shown_cells[place]):
                page.write_number(row, place, shown_cells[place], sure)
    page.freeze_panes(1, 1)
    page.repeat_rows(0)
    return columns


def _write_cells(page: Worksheet, row: int, cells: Sequence[Any]) -> None:
    """Write a row as the library's ``write_row`` does, without asking what each cell could be."""
    for place, cell in enumerate(cells):
        if cell is None:
            continue
        if isinstance(cell, bool):
            page.write_boolean(row, place, cell)
        elif isinstance(cell, (int, float)):
            page.write_number(row, place, cell)
        elif cell and not cell.startswith("<r>"):
            page.write_string(row, place, cell)
        else:
            page.write(row, place, cell)


def write_own_row(
    book: Workbook,
    page: Worksheet,
    number: int,
    own: Json,
    columns: Sequence[Column],
    cells: Sequence[Any],
    formulas: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Write a row with a look of its own, and formulas by place.

    The cell of a formula is for viewers that do not compute.
    """
    for at, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        look = {**column.look, **own}
        if column.kind == "rate" and is_almost_sure(cell):
            look["num_format"] = ALMOST_SURE
        if at in formulas:
            page.write_formula(number, at, formulas[at], book.add_format(look), cell)
        else:
            page.write(number, at, cell, book.add_format(look))


def is_almost_sure(rate: float | None) -> bool:
    """Return True for a rate that `text.percent` writes as >99%."""
    return isinstance(rate, float) and 0.995 <= rate < 1 - 1e-9


def count_days(moments: Series) -> list[Any]:
    """Count dates and times in days, as a workbook holds them.

    A text where Excel has no such date, None if missing.
    """
    naive = moments.dt.tz_localize(None)
    days = (naive.to_numpy(dtype="datetime64[us]") - _FIRST_DAY) / np.timedelta64(1, "D")
    cells: list[Any] = np.where(days < _MARCH_1900, days - 1, days).tolist()
    for row in np.flatnonzero(~((days >= 2) & (days < _YEAR_10_000))):
        cells[row] = (
            None
            if pd.isna(naive.iloc[row])
            else naive.iloc[row].isoformat().removesuffix("T00:00:00")
        )
    return cells


def _convert(values: Series, kind: str) -> list[Any]:
    """Convert the column's values for cells; None for an empty cell."""
    if kind in ("date", "instant"):
        return count_days(values)
    if kind in ("text", "flag", "period"):
        shown = {value: _show(value) for value in values.dropna().unique()}
        return [shown.get(value) for value in values.tolist()]
    words = {place: cell for place, cell in enumerate(values) if isinstance(cell, str)}
    numbers = pd.to_numeric(values, errors="coerce").astype("float64").tolist()
    return [
        words.get(place, cell if math.isfinite(cell) else None)
        for place, cell in enumerate(numbers)
    ]


def _show(value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, pd.Period):
        return float((value.start_time.to_datetime64() - _FIRST_DAY) / np.timedelta64(1, "D"))
    if isinstance(value, (int, float)) and math.isfinite(value):
        return value
    # Excel counts an emoji as two.
    letters = text.one_line(value).encode("utf-16-le")[: 2 * MOST_LETTERS]
    return letters.decode("utf-16-le", "ignore")


def _choose_kind(name: str, dtype: Any) -> str:
    """Choose the column's kind; text if its values do not fit."""
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date" if getattr(dtype, "tz", None) is None else "instant"
    if pd.api.types.is_bool_dtype(dtype):
        return "flag"
    if not pd.api.types.is_numeric_dtype(dtype):
        if pd.api.types.is_object_dtype(dtype) and find_unit(name) != "other":
            return find_unit(name)  # Words replace some of its numbers.
        return "period" if pd.api.types.is_object_dtype(dtype) and name in PERIODS else "text"
    unit = find_unit(name)
    return (
        unit if unit != "other" else "count" if pd.api.types.is_integer_dtype(dtype) else "number"
    )


def _choose_width(head: str, values: Series, kind: str, widest: float) -> float:
    """Choose a width for the heading, which may take two lines, and the first rows."""
    longest = max((len(str(value)) for value in values.head(200).dropna()), default=0)
    words = head.split(" ")
    lines = [(" ".join(words[:place]), " ".join(words[place:])) for place in range(len(words))]
    line = min((max(map(len, both)) for both in lines), default=0)
    least = {"money": 13.0, "instant": 21.0, "date": 14.0, "period": 16.0}.get(kind, 10.0)
    return max(least, 1.2 * line + 3, min(widest, longest + 3.0) if kind == "text" else 0.0)
