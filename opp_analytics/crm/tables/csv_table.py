"""The table in a CSV file: any separator, quoted line breaks, titles above and footers below."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from opp_analytics.crm.tables.header import HEADER_WITHIN, Known, header_place, labels_of, score
from opp_analytics.crm.tables.table import Table, table_of_columns, title_note
from opp_analytics.errors import DataError

__all__ = ["csv_table"]

_TOP = 200_000
"""Characters in which the separator and the header are looked for."""
_CELL_LIMIT = 100_000_000


def csv_table(path: Path, text: str, read_as: str, known: Known) -> Table:
    """The table of a CSV file, every cell as text.

    Parameters
    ----------
    path : Path
        The file, for messages.
    text : str
        Its content.
    read_as : str
        Name of its encoding.
    known : callable
        True for a label that names a column; decides where the header is, and between separators.

    Raises
    ------
    DataError
        When the file holds no table, or a row has more cells than the header.
    """
    with _long_cells():
        delimiter = _delimiter(text, known)
        reader = csv.reader(io.StringIO(text[:_TOP], newline=""), delimiter=delimiter)
        ends, rows = [0], []
        for row in islice(_rows(reader), HEADER_WITHIN):
            rows.append(row)
            ends.append(reader.line_num)
        top = 1 if _names_separator(text) else 0
        place = top + header_place(rows[top:], known)
        labels = labels_of(rows[place]) if len(rows) > top else ()
        if not labels:
            raise DataError(f"{path} holds no table; export the report again")
        body = _read(_below(text, ends[place + 1]), delimiter, len(rows[place]), path)
    columns, numbers = body.whole(path, len(labels), place + 2)
    return table_of_columns(
        str(path), f"CSV, {read_as}", labels, columns, pd.Index(numbers, name="row"), title_note(place)
    )


@contextmanager
def _long_cells() -> Iterator[None]:
    """Cells longer than the 131,072 characters that the csv module allows by default."""
    before = csv.field_size_limit(_CELL_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _rows(reader: Any) -> Iterator[list[str]]:
    """The rows up to one that is not CSV."""
    try:
        yield from reader
    except csv.Error:
        return


def _delimiter(text: str, known: Known) -> str:
    """The separator that shows the most known labels in one row; among equals, the most cells."""
    if _names_separator(text):
        return text[4]

    def best(delimiter: str) -> tuple[int, int]:
        rows = _rows(csv.reader(io.StringIO(text[:_TOP], newline=""), delimiter=delimiter))
        return max((score(row, known) for row in islice(rows, HEADER_WITHIN)), default=(0, 0))

    return max(",;\t|", key=best)


def _below(text: str, lines: int) -> bytes:
    stream = io.StringIO(text, newline="")
    for _ in range(lines):
        stream.readline()
    return text[stream.tell() :].encode("utf-8", "surrogatepass")


def _names_separator(text: str) -> bool:
    """Whether the first line is the one by which a file tells Excel its separator."""
    return text[:4].lower() == "sep=" and not text[4:5].isspace() and text[5:6] in ("\r", "\n")


@dataclass(frozen=True)
class _Body:
    """The rows below the header."""

    rows: pa.Table
    """Those with as many cells as the header."""
    odd: dict[int, list[str]]
    """The other ones, by number, from 1 on."""

    def whole(self, path: Path, width: int, first: int) -> tuple[list[pa.ChunkedArray], list[int]]:
        """All rows by column, the short ones filled up, and the row of the file that each is."""
        cells = self.rows.num_columns
        for number, row in self.odd.items():
            further = [cell for cell in row[cells:] if cell.strip()]
            if further:
                raise DataError(
                    f"{path}: row {first + number - 1} has {len(row)} cells, more than the {cells} of the header, such as "
                    f"{further[0]!r}; put a text that holds a separator in quotes"
                )
        every = np.arange(1, self.rows.num_rows + len(self.odd) + 1)
        numbers = np.append(np.setdiff1d(every, list(self.odd)), list(self.odd)).astype(np.int64)
        order = np.argsort(numbers)
        columns = []
        for place in range(width):
            column = self.rows.column(place)
            if self.odd:
                filled = [row[place] if place < len(row) else "" for row in self.odd.values()]
                column = pa.chunked_array([*column.chunks, pa.array(filled, pa.string())]).take(order)
            columns.append(column)
        return columns, (numbers[order] + first - 1).tolist()


def _read(content: bytes, delimiter: str, cells: int, path: Path) -> _Body:
    names = [str(place) for place in range(cells)]
    odd: dict[int, list[str]] = {}

    def keep(row: Any) -> str:
        odd[row.number] = next(csv.reader(io.StringIO(row.text, newline=""), delimiter=delimiter), [])
        return "skip"

    if not content.strip():
        return _Body(pa.table({name: pa.array([], pa.string()) for name in names}), {})
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(content),
            # In one block and thread, so that rows are numbered.
            arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(content) + 1),
            arrow_csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=keep,
            ),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowInvalid as error:
        raise DataError(f"cannot read {path} as CSV ({error}); export it again") from None
    return _Body(table, odd)
