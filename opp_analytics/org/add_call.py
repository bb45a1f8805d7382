"""`add_call`: one row more in the calls file of an org."""

from __future__ import annotations

import codecs
import csv
import io
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from opp_analytics.errors import ArgumentValueError, DataError, OrgError
from opp_analytics.files import SMALL, in_turn, read_whole, refuse_open, replace_file, write_whole
from opp_analytics.inputs import spell_amount
from opp_analytics.org.calls import find_strangers
from opp_analytics.org.org import Org, parse_org
from opp_analytics.org.people import TABLES
from opp_analytics.org.presets import Columns, name_table
from opp_analytics.org.stages import STAGES
from opp_analytics.org.update_file import Additions, update_text
from opp_analytics.periods import write_period
from opp_analytics.schema import Json
from opp_analytics.table_files import decode_file, read_table
from opp_analytics.text import joined

_FILE = "calls.csv"


def add_call(file: Path, call: Json, owners_of: Callable[[], Iterable[str]] = tuple) -> Org:
    """Append a call to the CSV file that an org file names, and read the org with it.

    It is appended whole or not at all.

    A `call` has the columns of `Org.calls` that it says something in, the day as a date. All else
    in the calls file stays, byte by byte. Without one, ``calls.csv`` is made beside the org file,
    which gains the section. Two processes at once append one after the other. `owners_of` lists who
    owns deals, for `find_strangers`.

    Raises
    ------
    DataError
        When the org file has mistakes or keeps its calls as rows or in a workbook, or the row would
        be read differently.
    ArgumentValueError
        When the call itself is a mistake.
    """
    with in_turn(file):
        before, text = parse_org(file), read_whole(file, most=SMALL).decode()
        section = tomllib.loads(text.removeprefix("\ufeff")).get("calls")
        target = file.parent / (_FILE if section is None else section.get("file", ""))
        if section is None:
            text = update_text(text, Additions(None, (), {}, {"calls": _FILE}), STAGES)
            before = parse_org(file, text) if target.exists() else before
        elif "file" not in section:
            raise _refuse_other(file, "as rows")
        old = read_whole(target, most=SMALL) if target.exists() else b""
        refuse_open(target, "the call")
        with replace_file(target) as staged:
            staged.write_bytes(old + _write_row(file, target, old, call, before.columns))
            try:
                after = parse_org(file, text, calls=staged)
                if strange := find_strangers(after.calls.tail(1), owners_of):
                    raise OrgError(str(file), list(strange.values()))
            except OrgError as error:
                # Without the call, the org had no mistake.
                mistakes = [f"{one.key} {one.value}: {one.right}" for one in error.problems]
                others = call.get("owner_name") == call["caller"] and any(
                    one.key == "owner_name" for one in error.problems
                )
                ways = ["for another's number use --for, --team or --whole"] * others
                raise ArgumentValueError("; ".join([*mistakes, *ways])) from None
            except DataError:  # two decimal signs
                after = before
            if after._rows["calls"] != (*before._rows["calls"], call):
                raise DataError(f"{target} reads differently with a row added; add the row by hand")
            if old and read_whole(target, most=SMALL) != old:
                raise DataError(
                    f"{target} was changed by another program in the meantime; run this again"
                )
        if section is None:
            write_whole(file, text.encode())
    return after


def _write_row(file: Path, target: Path, old: bytes, call: Json, columns: Columns) -> bytes:
    """Write a call as the content of a CSV file has its rows.

    The labels too where there is none.
    """
    cells = {
        name: spell_amount(value) if isinstance(value, float) else str(value)
        for name, value in call.items()
    }
    cells["period"] = write_period(call["period"])
    if not old:
        labels = TABLES["calls"]
        return (
            codecs.BOM_UTF8
            + (_join(labels) + _join(cells.get(name, "") for name in labels)).encode()
        )
    table = read_table(
        target, lambda label: bool(name_table("calls", [label], columns)), most=SMALL
    )
    if not table.delimiter:
        raise _refuse_other(file, "in a workbook")
    if table.semicolons:
        cells |= {
            name: cells[name].replace(".", ",") for name in ("commit", "best_case") if name in cells
        }
    names = name_table("calls", table.labels, columns)
    if "caller" not in names.values() and cells.get("owner_name") == cells["caller"]:
        del cells["caller"]
    if lacking := [name for name in cells if name not in names.values()]:
        raise DataError(
            f"{target} has no column for {joined(lacking)}; add a column with that label"
        )
    text, named = decode_file(target, old)
    end = "\r\n" if "\r\n" in text else "\n"
    line = _join(
        (cells.get(names.get(label, ""), "") for label in table.labels), table.delimiter, end
    )
    # A sign that the file has no code for is read differently, and refused.
    encoding = {"UTF-16": "utf-16-le", "Windows-1252": "cp1252"}.get(named, "utf-8")
    return (line if text.endswith(("\n", "\r")) else end + line).encode(encoding, "replace")


def _join(cells: Iterable[str], delimiter: str = ",", end: str = "\n") -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator=end).writerow(cells)
    return line.getvalue()


def _refuse_other(file: Path, kept: str) -> DataError:
    return DataError(
        f"{file} keeps its calls {kept}, and a command adds to a CSV file: opp-analytics calls "
        f"--list --all --out {_FILE} "
        f'writes them to one; then put file = "{_FILE}" under [calls]'
    )
