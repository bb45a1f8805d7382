"""Reading an org file and the tables beside it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics.errors import OrgError, OrgProblem
from opp_analytics.org.check_file import find_problems

__all__ = ["read_settings"]

TABLES = {
    "people": ("owner_name", "team", "region", "from_date"),
    "targets": ("period", "owner_name", "team", "target"),
}
"""The tables that an org file may keep in a file beside it, and their columns."""


def read_settings(path: Path) -> dict[str, Any]:
    """Read the checked settings of an org file, with the rows of the tables it names.

    Raises
    ------
    OrgError
        When the file, or a table beside it, cannot be read or holds a mistake; every one is listed.
    """
    text = _text(path)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OrgError(str(path), [OrgProblem("not TOML", "", str(error))]) from None
    problems: list[OrgProblem] = []
    files: dict[str, str] = {}
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
            raw[table] = {"file": name, "rows": _rows(path.parent / name, table)}
            files[table] = name
        except OrgError as error:
            problems += error.problems
    problems += [_place(problem, files) for problem in find_problems(raw, text)]
    if problems:
        raise OrgError(str(path), problems)
    if "logo" in raw.get("report", {}):
        raw["report"]["logo"] = str(path.parent / raw["report"]["logo"])
    return raw


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise OrgError(str(path), [OrgProblem("cannot be read", "", str(error.strerror))]) from None
    except UnicodeDecodeError as error:
        raise OrgError(str(path), [OrgProblem("not UTF-8 text", "", str(error.reason))]) from None


def _place(problem: OrgProblem, files: dict[str, str]) -> OrgProblem:
    """Place a problem in a row of a table's own file there."""
    table, _, rest = problem.key.partition(".rows[")
    if table not in files or not rest:
        return problem
    row, _, column = rest.partition("]")
    # The first row follows the header.
    return replace(problem, key=column.lstrip(".") or table, file=files[table], line=int(row) + 2)


def _rows(path: Path, table: str) -> list[dict[str, Any]]:
    """The rows of a CSV file, empty cells left out."""
    try:
        frame = pd.read_csv(
            path, dtype="str", keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error).strip().splitlines()[0]
        right = f"{why}; use a CSV file with the columns {', '.join(TABLES[table])}"
        raise OrgError(str(path), [OrgProblem(f"{table}.file", repr(path.name), right)]) from None
    return [
        {
            name: _CELL.get(name, str)(cell.strip())
            for name, cell in zip(frame.columns, row, strict=True)
            if cell.strip()
        }
        for row in frame.itertuples(index=False)
    ]


def _day(cell: str) -> date | str:
    with suppress(ValueError):
        return date.fromisoformat(cell)
    return cell


def _money(cell: str) -> float | str:
    with suppress(ValueError):
        return float(cell.replace(",", "").lstrip("$"))
    return cell


_CELL: dict[str, Callable[[str], Any]] = {"from_date": _day, "target": _money}
"""How a cell of a table is read; what does not fit stays text, and the check names it."""
