"""`add_call`: one row more in the calls file of an org."""

from __future__ import annotations

import codecs
import csv
import io
import re
import tomllib
import zipfile
from collections.abc import Iterable
from copy import copy
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics.errors import ArgumentValueError, DataError, OrgError
from opp_analytics.files import SMALL, in_turn, read_whole, replace_file, write_whole
from opp_analytics.inputs import spell_amount
from opp_analytics.org.additions import Additions
from opp_analytics.org.org import Org, parse_org
from opp_analytics.org.people import Call, tabulate_rows
from opp_analytics.org.presets import name_table
from opp_analytics.org.stages import STAGES
from opp_analytics.org.update_file import update_text
from opp_analytics.table_files import FileTable, decode_file, open_workbook, read_table
from opp_analytics.text import joined

_FILE = "calls.csv"
_KEPT = re.compile(
    r"(\[Content_Types\]|docProps/\w+|xl/(workbook|styles|sharedStrings|calcChain|(theme|worksheets|tables)/\w+))\.xml|.*\.rels|xl/printerSettings/.*"
)
"""Parts of a workbook that openpyxl writes again, or that hold nothing of a person's."""
_TEXTS = re.compile("xl/(worksheets/sheet|sharedStrings)")
_LOST = re.compile(rb"<f[ >/]|<extLst|<r>")
"""What it writes without the result (formulas), without the newer look (extensions) or in one look (rich text)."""


def add_call(file: Path, call: Call) -> Org:
    """Append a call to the calls file that an org file names, whole or not at all, and read the org with it.

    All else in the calls file stays, byte by byte in a CSV file. Without one, ``calls.csv`` is made beside the org file,
    which gains the section. Two processes at once append one after the other.

    Raises
    ------
    DataError
        When the org file has mistakes or keeps its calls as rows, or when the row cannot be added without a loss.
    ArgumentValueError
        When the call itself is a mistake.
    """
    with in_turn(file):
        written = read_whole(file, most=SMALL)
        text = written.decode("utf-8", "surrogateescape")
        org = parse_org(file, text)
        name = _find_file(file, text)
        target = file.parent / (name or _FILE)
        if name is None:
            text = update_text(text, Additions(None, (), {}, {"calls": _FILE}), STAGES)
        old = read_whole(target, most=SMALL) if target.exists() else None
        known = (org if name or old is None else parse_org(file, text)).calls
        wanted = pd.concat([known[list(Call._fields)], tabulate_rows(Call, [call])], ignore_index=True)
        with replace_file(target) as staged:
            for comma in (False, True):
                staged.write_bytes(_append(target, old, call, comma))
                after = _read_back(file, text, staged)
                if after is not None and after.calls[list(Call._fields)].equals(wanted):
                    break
            else:
                raise DataError(
                    f"{target} reads differently with a row added at its end; add the row by hand"
                )
            _check_free(target, old)
        if name is None:
            if read_whole(file, most=SMALL) != written:
                raise DataError(f"{file} was changed by another program; add there: [calls] file = {_FILE!r}")
            write_whole(file, text.encode("utf-8", "surrogateescape"))
    return after


def _read_back(file: Path, text: str, staged: Path) -> Org | None:
    """Read an org with the next content of its calls; None where amounts have another decimal sign than those before."""
    try:
        return parse_org(file, text, calls=staged)
    except OrgError as error:
        # Without the call, the org had no mistake.
        mistakes = [f"{one.key} {one.value}: {one.right}" for one in error.problems]
        raise ArgumentValueError("; ".join(mistakes)) from None
    except DataError:
        return None


def _find_file(file: Path, text: str) -> str | None:
    """Find the name of the calls file; None where the org file has no calls."""
    section = tomllib.loads(text.removeprefix("\ufeff")).get("calls")
    if section is not None and "file" not in section:
        raise DataError(
            f"{file} keeps its calls as rows, and a command adds to a file: opp-analytics calls --list --all --out {_FILE} "
            f'writes them to one; then put file = "{_FILE}" in place of the rows'
        )
    return None if section is None else str(section["file"])


def _check_free(target: Path, old: bytes | None) -> None:
    """Refuse to replace a file that a spreadsheet has open, or that is no longer what was read."""
    if any(target.with_name(lock).exists() for lock in (f"~${target.name}", f".~lock.{target.name}#")):
        raise DataError(f"{target} is open in a spreadsheet, which would write over the call; close it first")
    if (read_whole(target, most=SMALL) if target.exists() else None) != old:
        raise DataError(f"{target} was changed by another program in the meantime; run this again")


def _append(target: Path, old: bytes | None, call: Call, comma: bool) -> bytes:
    """Append a call to the content of a CSV file or workbook, in the order of its columns; cents after a point or `comma`."""
    cells = {name: "" if value is None else str(value) for name, value in call._asdict().items()}
    for name, amount in (("commit", call.commit), ("best_case", call.best_case)):
        cells[name] = "" if amount is None else spell_amount(amount).replace(".", "," if comma else ".")
    if old is None:
        return codecs.BOM_UTF8 + (_write_line(cells) + _write_line(cells.values())).encode()
    table = read_table(target, lambda label: bool(name_table("calls", [label])), most=SMALL)
    names = name_table("calls", table.labels)
    lacking = [name for name, cell in cells.items() if cell and name not in names.values()]
    if lacking:
        raise DataError(f"{target} has no column for {joined(lacking)}; add a column with that label")
    ours = [names.get(label, "") for label in table.labels]
    if table.sheet:
        return _append_row(target, old, table, [getattr(call, name, None) for name in ours])
    text, named = decode_file(target, old)
    end = "\r\n" if "\r\n" in text else "\n"
    line = _write_line([cells.get(name, "") for name in ours], table.delimiter, end)
    line = line if text.endswith(("\n", "\r")) else end + line
    utf_16 = "utf-16-le" if old.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    try:
        return old + line.encode({"UTF-16": utf_16, "Windows-1252": "cp1252"}.get(named, "utf-8"))
    except UnicodeEncodeError as error:
        sign = line[error.start : error.end]
        raise DataError(f"{target} is {named} text without {sign!r}; save it as CSV UTF-8 first") from None


def _write_line(cells: Iterable[str], delimiter: str = ",", end: str = "\n") -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator=end).writerow(cells)
    return line.getvalue()


def _append_row(target: Path, old: bytes, table: FileTable, values: list[Any]) -> bytes:
    """Append a row to a sheet, looking as the row above it."""
    with zipfile.ZipFile(io.BytesIO(old)) as parts:
        lost = [name for name in parts.namelist() if not _KEPT.fullmatch(name)]
        lost += [name for name in parts.namelist() if _TEXTS.match(name) and _LOST.search(parts.read(name))]
    if lost:
        raise DataError(
            f"{target} holds what a program would lose, such as formulas, charts or rich text ({joined(lost, most=3)}); add "
            "the row in the spreadsheet, or keep the calls in a workbook or CSV file of their own"
        )
    filled = table.cells.dropna(how="all").index
    first = int(table.cells.index.start)  # type: ignore[attr-defined]
    last = int(filled[-1]) if len(filled) else first - 1
    with open_workbook(target, old) as book:
        sheet: Any = book[table.sheet]
        for place, value in enumerate(values, start=1):
            cell = sheet.cell(last + 1, place, value)
            above = sheet.cell(last, place)
            if last >= first and above.is_date == cell.is_date:
                cell._style = copy(above._style)
        out = io.BytesIO()
        book.save(out)
    return out.getvalue()
