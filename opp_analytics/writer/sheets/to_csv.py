"""Export opportunities as CSV for a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

import pandas as pd

from opp_analytics import arguments, org, schema
from opp_analytics.errors import DataError
from opp_analytics.files import write_whole
from opp_analytics.writer.plan.difference import with_ids
from opp_analytics.writer.sheets.csv_cells import csv_text, csv_title
from opp_analytics.writer.sheets.rows import sheet_order

__all__ = ["to_csv"]


def to_csv(opportunities: pd.DataFrame, path: str | Path) -> Path:
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

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingColumnError, DataError
        If the frame cannot be used or the file cannot be written.
    """
    frame = org.conform(with_ids(opportunities, "opportunities"))
    target = arguments.path(path)
    texts = {}
    for column in sheet_order([str(column) for column in frame.columns]):
        cells = [csv_text(column, value) for value in frame[column]]
        texts[csv_title(column)] = schema.as_text(
            pd.Series(cells, dtype="object", name=column), frame["unique_id"]
        )
    # A carriage return inside an unquoted cell would begin a row.
    broken = any("\r" in cell for cells in texts.values() for cell in cells)
    quoting: Literal[0, 1] = csv.QUOTE_ALL if broken else csv.QUOTE_MINIMAL
    content = pd.DataFrame(texts).to_csv(index=False, lineterminator="\n", quoting=quoting)
    try:
        write_whole(target, content.encode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"cannot write {target}: {error.strerror}; close it if it is open in Excel") from None
    return target
