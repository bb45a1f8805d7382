"""Plan files: JSON with one step or opportunity per line, easy to read and diff."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from opp_analytics import org, schema
from opp_analytics.errors import DataError
from opp_analytics.files import check_ending, read_whole, say_failure, write_whole
from opp_analytics.writer.cells import find_problem, from_wire, read_number, to_text
from opp_analytics.writer.steps import OPERATIONS, STATUSES, EditedCell, PlanProblem, Step, add_base

_FORMAT = "opp_analytics plan 4"
_encode = msgspec.json.Encoder(enc_hook=str).encode


def write_parts(
    path: Path, head: dict[str, Any], steps: list[Step], problems: list[PlanProblem], before: pd.DataFrame
) -> None:
    """Write a plan."""
    check_ending(path, (".json", ""))
    head = {"format": _FORMAT} | head | {"columns": {str(c): str(t) for c, t in before.dtypes.items()}}
    blocks = [
        *(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()),
        _block("steps", map(_step_line, steps)),
        _block("problems", map(_problem_line, problems)),
        _block("before", _row_lines(before)),
    ]
    with say_failure(f"cannot write the plan to {path}"):
        # Half of a character becomes the escape that JSON has for it.
        write_whole(path, ("{\n" + ",\n".join(blocks) + "\n}\n").encode(errors="backslashreplace"))


def _block(name: str, lines: Iterable[str]) -> str:
    return f'"{name}": [\n' + ",\n".join(lines) + "\n]"


def _step_line(step: Step) -> str:
    head = {"operation": step.operation, "unique_id": step.unique_id, "name": step.name, "row": step.row}
    cells = {"cells": [_write_cell(cell) for cell in step.cells]}
    if step.drifted:
        cells |= {"drifted": [_write_cell(cell) for cell in step.drifted]}
    # The standard library also writes half of a character, as a row's label may hold.
    return f"{json.dumps(head, ensure_ascii=False, default=str)[:-1]}, {_encode(cells).decode()[1:]}"


def _write_cell(cell: EditedCell) -> dict[str, Any]:
    field = cell.field or ""
    record = {"field": cell.field, "before": _wire(field, cell.before), "after": _wire(field, cell.after)}
    reason = {} if cell.reason is None else {"remote": _wire(field, cell.remote), "reason": cell.reason}
    return record | {"status": cell.status} | reason


def _wire(field: str, value: Any) -> msgspec.Raw:
    """Write a value as the wire writes its column."""
    return msgspec.Raw((to_text(field, value) or "null").encode())


def _problem_line(problem: PlanProblem) -> str:
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in problem._asdict().items()}
    plain = {k: None if schema.is_blank(v) and not isinstance(v, str) else v for k, v in plain.items()}
    return json.dumps(plain, ensure_ascii=False, default=str)


def _row_lines(frame: pd.DataFrame) -> list[str]:
    columns = {str(name): [_wire(str(name), value) for value in frame[name]] for name in frame.columns}
    rows = zip(*columns.values(), strict=True)
    return [_encode(dict(zip(columns, row, strict=True))).decode() for row in rows]


def read_parts(path: Path) -> tuple[dict[str, Any], list[Step], list[PlanProblem], pd.DataFrame]:
    """Read the head, steps, problems and opportunities of a plan that `write_parts` wrote."""
    packed = read_whole(path)
    try:
        content = json.loads(packed.decode(), parse_float=read_number)
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not a saved plan; plan the edits and save that plan") from None
    found = content.get("format") if isinstance(content, dict) else None
    if found != _FORMAT:
        if isinstance(found, str) and found.startswith("opp_analytics plan"):
            raise DataError(
                f"{path} was saved by another version ({found!r}; this one reads {_FORMAT!r}); plan the edits again, or "
                "undo the run again, and save that plan"
            )
        raise DataError(f"{path} is not a saved plan; plan the edits and save that plan")
    try:
        before = read_before(
            content["before"], content["columns"], {} if content["org"] is None else {"org": content["org"]}
        )
        steps = [_read_step(step) for step in content["steps"]]
        _check(steps, before)
        problems = [PlanProblem(**problem) for problem in content["problems"]]
        head = {name: content[name] for name in ("plan_id", "url", "tenant")}
        if not all(isinstance(value, str | None) for value in head.values()) or not head["plan_id"]:
            raise ValueError("its head is not text")
        head |= {"made_at": datetime.fromisoformat(content["made_at"])}
        return head, add_base(steps, before), problems, before
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"the plan {path} is damaged ({error!r}); plan the edits again") from None


def _read_step(content: dict[str, Any]) -> Step:
    cells, drifted = (tuple(map(_read_cell, content.get(name, ()))) for name in ("cells", "drifted"))
    names = ("operation", "unique_id", "name", "row")
    return Step(**{name: content[name] for name in names}, cells=cells, drifted=drifted)


def _read_cell(content: dict[str, Any]) -> EditedCell:
    field = content["field"]
    before, after, remote = (from_wire(field or "", content.get(c)) for c in ("before", "after", "remote"))
    return EditedCell(field, before, after, content["status"], remote, content.get("reason"))


def _check(steps: list[Step], before: pd.DataFrame) -> None:
    """Raise ValueError for content that `plan` never writes."""
    meaning = org.Org.of(before)
    if before["unique_id"].isna().any() or before["unique_id"].duplicated().any():
        raise ValueError("an opportunity has no id, or an id is duplicated")
    # A recovered opportunity is in the trash, not in what the plan was made from.
    known = {*before["unique_id"], *(step.unique_id for step in steps if step.operation == "recover")}
    for place, step in enumerate(steps, start=1):
        where, operation = f"step {place}: ", step.operation
        statuses = {cell.status for cell in (*step.cells, *step.drifted)}
        if operation not in OPERATIONS or not step.cells or not statuses <= set(STATUSES):
            raise ValueError(f"{where}unknown operation or status, or no change")
        if not isinstance(step.name, str | None) or not isinstance(step.row, int | float | str | None):
            raise ValueError(f"{where}its name is not text, or its row not a number")
        if operation == "create":
            if step.unique_id is not None or step.row is None:
                raise ValueError(f"{where}a create has a row and no id")
        elif not isinstance(step.unique_id, str) or step.unique_id not in known:
            raise ValueError(f"{where}{operation} of {step.unique_id!r}, which is not in the plan")
        if operation in ("create", "update"):
            for cell in step.cells:
                _check_cell(cell, where, meaning, before)
        elif [cell.field for cell in step.cells] != [None]:
            raise ValueError(f"{where}a {operation} has no field")


def _check_cell(cell: EditedCell, where: str, meaning: org.Org, before: pd.DataFrame) -> None:
    if not isinstance(cell.field, str):
        raise ValueError(f"{where}{cell.field!r} is not a field")
    wrong = find_problem(cell.field, cell.after, meaning)
    # A column that the edits added has no value before.
    if wrong or (cell.before is not None and cell.field not in before):
        raise ValueError(f"{where}{cell.field!r} cannot be written: {wrong[0] if wrong else 'unknown'}")


def read_before(records: list[dict[str, Any]], dtypes: dict[str, str], attrs: dict[Any, Any]) -> pd.DataFrame:
    """Make the opportunities before the edits of what a plan or a workbook holds."""
    frame = pd.DataFrame(records, columns=list(dtypes), dtype="object")
    further = {c: t for c, t in dtypes.items() if c not in schema.COLUMNS}
    frame = frame.astype({c: schema.TEXT if t == "str" else t for c, t in further.items()})
    frame.attrs = dict(attrs)
    return org.conform(frame)
