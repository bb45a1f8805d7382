"""Reading an org file and the tables beside it."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from opp_analytics.errors import DataError, OrgError, OrgProblem
from opp_analytics.files import SMALL, read_whole
from opp_analytics.inputs import (
    Cells,
    as_texts,
    find_day_order,
    find_decimal_comma,
    has_dotted_dates,
    read_amounts,
    read_dates,
)
from opp_analytics.org.check_file import find_problems
from opp_analytics.org.joins import read_joins
from opp_analytics.schema import is_blank
from opp_analytics.table_files import read_table

TABLES = {
    "people": ("owner_name", "team", "region", "from_date"),
    "targets": ("period", "owner_name", "team", "target"),
    "currency_rates": ("date", "currency", "rate"),
}
"""The tables that an org file may keep in a file beside it, and their columns."""

_LARGEST = 2_000_000
"""Bytes of an org file: tens of thousands of people, and what its reader takes seconds for."""
_POINT = re.compile(r"\s*\d*\.\d+\s*")
_DEEP_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")


def read_settings(path: Path, text: str | None = None) -> dict[str, Any]:
    """Read the checked settings of an org file, with the rows of the tables it names; `text` is its next content."""
    try:
        return _read(path, _text(path) if text is None else text.removeprefix("\ufeff"))
    except RecursionError:
        right = "lists or tables are too deep within each other; use lists of tables at most"
        raise OrgError(str(path), [OrgProblem("cannot be read", "", right)]) from None


def _read(path: Path, text: str) -> dict[str, Any]:
    raw = _parse(path, text)
    problems: list[OrgProblem] = []
    files: dict[str, tuple[str, Sequence[int]]] = {}
    for table in TABLES:
        inside = raw.get(table)
        if not isinstance(inside, dict) or not isinstance(inside.get("file"), str):
            continue
        name = inside["file"]
        if inside.get("rows"):
            problems.append(
                OrgProblem(f"{table}.rows", "", f"{table} come from {name} already; keep one of both")
            )
        try:
            rows, numbers = _read_rows(path.parent / name, table, raw.get("currency"))
            raw[table] = {"file": name, "rows": rows}
            files[table] = (name, numbers)
        except OrgError as error:
            problems += error.problems
    problems += [_place(problem, files) for problem in find_problems(raw, text)]
    raw["joins"], mistakes = ([], []) if problems else read_joins(raw, path.parent)
    if problems := [*problems, *mistakes]:
        raise OrgError(str(path), problems)
    if "logo" in raw.get("report", {}):
        raw["report"]["logo"] = str(path.parent / raw["report"]["logo"])
    return raw


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        # The reader's time grows with the square of a key's parts, and no key of an org file has more than three.
        if _DEEP_KEY.search(text) is None:
            return tomllib.loads(text)
        right = "a key has more than 64 parts; use keys such as report.by"
    except tomllib.TOMLDecodeError as error:
        right = str(error)
    raise OrgError(str(path), [OrgProblem("not TOML", "", right)])


def _text(path: Path) -> str:
    try:
        # As an open text file does, a line may end as on any system.
        return io.TextIOWrapper(io.BytesIO(read_whole(path, most=_LARGEST)), "utf-8-sig").read()
    except DataError as error:
        raise OrgError(str(path), [OrgProblem("cannot be read", "", str(error))]) from None
    except UnicodeDecodeError as error:
        raise OrgError(str(path), [OrgProblem("not UTF-8 text", "", str(error.reason))]) from None


def _place(problem: OrgProblem, files: dict[str, tuple[str, Sequence[int]]]) -> OrgProblem:
    """Move a problem in a row of a table to that table's own file and line."""
    table, _, rest = problem.key.partition(".rows[")
    if table not in files or not rest:
        return problem
    row, _, column = rest.partition("]")
    name, numbers = files[table]
    return replace(problem, key=column.lstrip(".") or table, file=name, line=numbers[int(row)])


def _read_rows(path: Path, table: str, currency: Any) -> tuple[list[dict[str, Any]], list[int]]:
    """Read the rows of a table beside the org file, empty cells left out, and their numbers in the file.

    A date that cannot be read stays text, and the check names it.
    """
    try:
        found = read_table(path, TABLES[table].__contains__, most=SMALL)
    except DataError as error:
        right = f"{error}; use a CSV file with the columns {', '.join(TABLES[table])}"
        raise OrgError(str(path), [OrgProblem(f"{table}.file", repr(path.name), right)]) from None
    columns = {}
    for place, label in enumerate(found.labels):
        column = found.cells[place]
        cells = Cells.of(column, label)
        read = column.astype("object")
        if label in ("from_date", "date"):
            days = read_dates(cells, find_day_order([cells]))[0]
            read = read.mask(days.notna(), days.dt.date)
        elif label in ("target", "rate"):
            dots = has_dotted_dates([Cells.of(found.cells[other], "") for other in found.cells])
            comma, _ = find_decimal_comma([cells], str(path), semicolons=found.semicolons, dots=dots)
            if label == "rate" and not comma:
                # A point in a rate such as 1.085 sets off no thousands; a comma in 1,085 may do either.
                comma, cells = (
                    None,
                    Cells.of(
                        read.map(lambda cell: float(cell) if _POINT.fullmatch(str(cell)) else cell), label
                    ),
                )
            code = currency if label == "target" and isinstance(currency, str) else None
            amounts, bad = read_amounts(cells, code, comma)
            if bad:
                raise OrgError(
                    str(path),
                    [OrgProblem(label, repr(one.value), one.reason, one.row, path.name) for one in bad],
                )
            read = read.mask(amounts.notna(), amounts)
        elif label in TABLES[table]:
            read = as_texts(column).astype("object")
        columns[label] = read
    rows, numbers = [], []
    for number, row in zip(found.cells.index, zip(*columns.values(), strict=True), strict=True):
        filled = {label: cell for label, cell in zip(columns, row, strict=True) if not is_blank(cell)}
        if filled:
            rows.append(filled)
            numbers.append(int(number))
    return rows, numbers
