"""Export opportunities as CSV for a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from opp_analytics import arguments, schema
from opp_analytics.errors import DataError
from opp_analytics.files import write_whole
from opp_analytics.org import Org, conform
from opp_analytics.writer.plan.difference import require_ids
from opp_analytics.writer.sheets import (
    guard_formula,
    order_columns,
    refuse_before,
    select_import_rows,
    to_cell,
    to_csv_text,
    to_csv_title,
)

__all__ = ["to_csv"]


def to_csv(
    opportunities: pd.DataFrame,
    path: str | Path,
    *,
    org: Org | None = None,
    before: pd.DataFrame | None = None,
) -> Path:
    """Write opportunities as CSV for a spreadsheet: UTF-8 with a mark that Excel reads, dates as 2026-03-31.

    Names come first and ids last. CSV cannot keep what the opportunities were before, so plan from the frame itself:
    ``plan(opportunities, read_csv(path))``. Text that looks like a formula, or begins or ends with a blank, gets a
    leading apostrophe, which `read_csv` takes away. Every character and length can be written.

    Parameters
    ----------
    opportunities : DataFrame
        Frame with ``unique_id`` and any other columns.
    path : path
        The file to write; an existing file is replaced.
    org : Org, optional
        Write for this CRM's import instead: under its labels and in its words, without apostrophes.
    before : DataFrame, optional
        With `org`: the opportunities before they were edited. Only changed rows are written, with the id and the columns
        that changed.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingColumnError, DataError
        If the frame cannot be used, an edit cannot be imported, or the file cannot be written.
    """
    target = arguments.path(path)
    if org is not None:
        return _write(_import_texts(*select_import_rows(opportunities, org, before)), target)
    refuse_before(before)
    frame = conform(require_ids(opportunities, "opportunities"))
    texts = {}
    for column in order_columns([str(column) for column in frame.columns]):
        cells = [to_csv_text(column, value) for value in frame[column]]
        texts[to_csv_title(column)] = schema.as_text(
            pd.Series(cells, dtype="object", name=column), frame["unique_id"]
        )
    return _write(texts, target)


def _import_texts(rows: pd.DataFrame, labels: list[str]) -> dict[str, pd.Series[Any]]:
    """The cells by the CRM's label.

    Raises
    ------
    DataError
        If a text looks like a formula: with an apostrophe it would be imported wrong, without one it could run.
    """
    texts = {}
    for name, label in zip(rows.columns, labels, strict=True):
        plain = [to_cell(str(name), value) for value in rows[name]]
        live = [cell for cell in plain if isinstance(cell, str) and guard_formula(cell) != cell]
        if live or guard_formula(label) != label:
            raise DataError(
                f"{label}={(live or [label])[0]!r} looks like a formula, which a CSV file can't hold for an import; write an "
                ".xlsx with to_excel"
            )
        cells = [to_csv_text(str(name), value) for value in rows[name]]
        texts[label] = schema.as_text(
            pd.Series(cells, dtype="object", name=str(name), index=rows.index), rows["unique_id"]
        )
    return texts


def _write(texts: dict[str, pd.Series[Any]], target: Path) -> Path:
    # A carriage return inside an unquoted cell would begin a row.
    broken = any("\r" in cell for cells in texts.values() for cell in cells)
    quoting: Literal[0, 1] = csv.QUOTE_ALL if broken else csv.QUOTE_MINIMAL
    content = pd.DataFrame(texts).to_csv(index=False, lineterminator="\n", quoting=quoting)
    try:
        write_whole(target, content.encode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"cannot write {target}: {error.strerror}; close it if it is open in Excel") from None
    return target
