"""The table of an export, whatever holds it: a CSV file, a workbook, a Parquet file or a frame."""

from __future__ import annotations

import io
from os import PathLike
from pathlib import Path

import pandas as pd
import pyarrow as pa

from opp_analytics import arguments
from opp_analytics.crm.tables.csv_table import csv_table
from opp_analytics.crm.tables.garbled import refuse_garbled
from opp_analytics.crm.tables.header import Known
from opp_analytics.crm.tables.table import Table, table_of_frame
from opp_analytics.crm.tables.text_file import content_of, is_parquet, is_workbook, text_of
from opp_analytics.crm.tables.workbook_table import workbook_table
from opp_analytics.errors import DataError

__all__ = ["Source", "table_at"]

Source = str | PathLike[str] | pd.DataFrame
"""An export: its file, or a frame of its rows."""


def table_at(source: Source, known: Known, encoding: str | None = None) -> Table:
    """The table of a file or a frame, with its footer."""
    if isinstance(source, pd.DataFrame):
        return table_of_frame(source)
    path = arguments.path(source)
    content = content_of(path)
    if is_parquet(content):
        return _parquet_table(path, content)
    if is_workbook(content):
        return workbook_table(path, content, known)
    text, named = text_of(path, content, encoding)
    table = csv_table(path, text, named, known)
    if encoding is None:
        refuse_garbled(table, text)
    return table


def _parquet_table(path: Path, content: bytes) -> Table:
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"cannot read {path} as Parquet ({error})") from None
    return table_of_frame(frame, str(path), "Parquet")
