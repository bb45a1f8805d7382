"""Awkward opportunities, and edits to a workbook."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd

from opp_analytics.org import conform
from tests.writer.frames import opportunities


def awkward() -> pd.DataFrame:
    """Deals whose cells spreadsheets like to spoil."""
    names = ["=1+1", " spaced ", "+49 30 1234", "@home", "0012", "line\nbreak"]
    values = [0.1 + 0.2, 12000.5, np.nan, 1e15 / 7, -3.0, 0.0]
    dates = ["2026-06-30", None, "1999-12-31", "2026-02-28", "2028-02-29", "2026-01-01"]
    frame = opportunities().assign(
        name=names,
        value=values,
        close_date=pd.to_datetime(dates),  # type: ignore[arg-type]
        notes=["a", None, "=x", "b", "c", "d"],  # type: ignore[list-item]
    )
    return conform(
        frame.assign(
            score=[1.5, None, 3.0, 4.0, 5.0, 6.0],  # type: ignore[list-item]
            probability=pd.array([0, 1, None, 50, 99, 100], "Int64"),
        )
    )


def edit(path: Path, change: Callable[[Any, dict[str, int]], None]) -> Path:
    """The file with its sheet changed by `change(sheet, columns by name)`."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    change(sheet, {cell.value: cell.column for cell in sheet[1]})
    book.save(path)
    return path


def cells(made: Any) -> list[tuple[Any, ...]]:
    return list(
        made.changes[["unique_id", "operation", "field", "after"]].itertuples(
            index=False, name=None
        )
    )


def saved_by_libreoffice(file: Path, ending: str, folder: Path) -> Path:
    """The file opened and saved again, as `ending`, by LibreOffice."""
    command = ["soffice", f"-env:UserInstallation=file://{folder.parent}/profile", "--headless"]
    command += ["--convert-to", ending, "--outdir", str(folder), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder / f"{file.stem}.{ending}"
