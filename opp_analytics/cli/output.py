"""Output files of the commands, each written whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.errors import DataError
from opp_analytics.files import replaced

__all__ = ["check_ending", "write_csv", "written"]


def check_ending(file: Path, endings: Collection[str]) -> None:
    """Refuse an output file that cannot be written, before the first request.

    Raises
    ------
    DataError
        When the file's ending is not one of `endings`, or its folder does not exist.
    """
    if file.suffix.lower() not in endings:
        raise DataError(f"{file} ends in {file.suffix!r}; use {text.joined(endings, last='or')}")
    if not file.parent.is_dir():
        raise DataError(f"the folder {file.parent} does not exist; create it first")


@contextmanager
def written(file: Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes `file` at the end. A failed write leaves an older file unchanged.

    Raises
    ------
    DataError
        When the disk is full or the write fails.
    """
    try:
        with replaced(file) as staged:
            yield staged
    except OSError as error:
        raise DataError(f"cannot write {file}: {error.strerror or error}") from None


def write_csv(table: pd.DataFrame, file: Path) -> None:
    """Write a table as CSV; a text that a spreadsheet would take for a formula gets a leading apostrophe."""
    texts = table.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz"]).columns
    safe = table.assign(**{name: table[name].astype("object").map(_safe) for name in texts}).rename(
        columns=_safe
    )
    # A carriage return inside an unquoted cell would begin a row.
    broken = any("\r" in cell for name in texts for cell in table[name] if isinstance(cell, str))
    with written(file) as staged:
        safe.to_csv(staged, index=False, quoting=csv.QUOTE_ALL if broken else csv.QUOTE_MINIMAL)


def _safe(cell: Any) -> Any:
    if not isinstance(cell, str) or _is_number(cell):
        return cell
    # Here: help and completion need no writer.
    from opp_analytics.writer import guarded

    return guarded(cell)


def _is_number(cell: str) -> bool:
    return cell.lstrip("+-").replace(".", "", 1).isdecimal()
