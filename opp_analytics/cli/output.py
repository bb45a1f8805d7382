"""Output files of the commands, each written whole or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import typer

from opp_analytics import files, text
from opp_analytics.columns import choose_workbook_format, make_formatter
from opp_analytics.errors import DataError
from opp_analytics.files import check_writable, replace_file, say_failure
from opp_analytics.org import Org

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

TABLES = (".xlsx", ".csv", ".md")
"""Endings of the files that `write_tables` writes."""
_WIDEST = 60
"""Width of a workbook's widest column; longer text goes on below."""


def check_ending(file: Path | None, endings: Collection[str]) -> None:
    """Refuse an output file of another ending, without a folder, or that cannot be replaced, before the first request."""
    if file is None:
        return
    files.check_ending(file, endings)
    if not file.parent.is_dir():
        raise DataError(f"the folder {file.parent} does not exist; create it first")
    with say_failure(f"cannot write {file}"):
        check_writable(file)


@contextmanager
def write_staged(file: Path) -> Iterator[Path]:
    """Write to a temporary path that becomes `file` at the end; a failed write leaves an older file unchanged."""
    with say_failure(f"cannot write {file}"), replace_file(file) as staged:
        yield staged


def write_csv(table: pd.DataFrame, file: Path) -> None:
    """Write a table as CSV; a text that a spreadsheet would take for a formula gets a leading apostrophe."""
    safe = _guard(table)
    texts = _texts(safe)
    # A carriage return inside an unquoted cell would begin a row.
    broken = any("\r" in cell for name in texts for cell in table[name] if isinstance(cell, str))
    with write_staged(file) as staged:
        safe.to_csv(staged, index=False, quoting=csv.QUOTE_ALL if broken else csv.QUOTE_MINIMAL)


def print_json(tables: Mapping[str, pd.DataFrame]) -> None:
    """Print tables as JSON, each with its columns, the levels of its index first, its rows, and its attrs without the org."""
    shown = {}
    for name, table in tables.items():
        flat = table.reset_index(drop=list(table.index.names) == [None])
        rows = json.loads(flat.to_json(orient="records", date_format="iso"))
        attrs = {key: note for key, note in table.attrs.items() if key != "org"}
        shown[name] = {"columns": list(flat), "rows": rows, "attrs": attrs}
    typer.echo(json.dumps({"tables": shown}, ensure_ascii=False))


def _texts(table: pd.DataFrame) -> pd.Index[Any]:
    return table.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz"]).columns


def _guard(table: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before each text that a spreadsheet would take for a formula."""
    return table.assign(**{name: table[name].astype("object").map(_safe) for name in _texts(table)}).rename(
        columns=_safe
    )


def write_tables(tables: Mapping[str, pd.DataFrame], file: Path) -> None:
    """Write tables to one file: a workbook has a sheet for each, Markdown a section, CSV the first one of deals, else the first.

    Amounts are numbers in the workbook and in CSV, and written as people read them in Markdown.
    """
    if file.suffix.lower() == ".csv":
        write_csv(tables.get("Deals", next(iter(tables.values()))), file)
    elif file.suffix.lower() == ".md":
        pages = "\n\n".join(f"## {name}\n\n{_markdown(table)}" for name, table in tables.items())
        with write_staged(file) as staged:
            staged.write_text(pages + "\n", encoding="utf-8")
    else:
        with write_staged(file) as staged, pd.ExcelWriter(staged, engine="openpyxl") as book:
            for name, table in tables.items():
                _drop_zones(_guard(table)).to_excel(book, sheet_name=name, index=False, freeze_panes=(1, 0))
                _format(book.sheets[name], table)


def _format(sheet: Worksheet, table: pd.DataFrame) -> None:
    """Give each column the number format of its unit, and room for what it shows."""
    from openpyxl.styles import Alignment, Font

    for name, cells in zip(map(str, table.columns), sheet.columns, strict=True):
        shown = list(map(make_formatter(name, table[name], None), table[name]))
        widest = max(map(len, [name, *shown])) + 2
        sheet.column_dimensions[cells[0].column_letter].width = min(widest, _WIDEST)
        dtype = table[name].dtype
        numeric = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
        dated = "yyyy-mm-dd hh:mm" if isinstance(dtype, pd.DatetimeTZDtype) else "yyyy-mm-dd"
        number_format = (
            choose_workbook_format(name, table[name], None)
            if numeric
            else dated
            if dtype.kind == "M"
            else None
        )
        cells[0].font = Font(bold=True)
        cells[0].alignment = Alignment(horizontal="right" if numeric or dtype.kind == "M" else "left")
        for cell in cells[1:]:
            cell.number_format = number_format or cell.number_format
            cell.alignment = Alignment(
                horizontal="left" if dtype.kind == "b" else None, vertical="top", wrap_text=widest > _WIDEST
            )


def _markdown(table: pd.DataFrame) -> str:
    currency = Org.of(table).currency
    columns = [map(make_formatter(str(name), values, currency), values) for name, values in table.items()]
    lines = [list(map(str, table.columns)), ["---"] * len(table.columns)]
    lines += map(list, zip(*columns, strict=True))
    return "\n".join(f"| {' | '.join(map(_piped, line))} |" for line in lines)


def _piped(cell: str) -> str:
    return text.printable(cell).replace("|", r"\|")


def _drop_zones(table: pd.DataFrame) -> pd.DataFrame:
    """Write instants in UTC without their zone, which a workbook cannot hold."""
    zoned = table.select_dtypes("datetimetz").columns
    return table.assign(**{str(name): table[name].dt.tz_localize(None) for name in zoned})


def _safe(cell: Any) -> Any:
    if not isinstance(cell, str) or _is_number(cell):
        return cell
    # Here: help and completion need no writer.
    from opp_analytics.writer import guard_formula

    return guard_formula(cell)


def _is_number(cell: str) -> bool:
    return cell.lstrip("+-").replace(".", "", 1).isdecimal()
