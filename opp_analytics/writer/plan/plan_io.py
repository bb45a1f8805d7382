"""Plan files: JSON with one change or opportunity per line, easy to read and diff."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import org, schema
from opp_analytics.errors import DataError
from opp_analytics.files import refuse_devices, write_whole
from opp_analytics.writer.plan.cells import find_problem, row_dicts
from opp_analytics.writer.plan.codec import from_wire, number, to_text
from opp_analytics.writer.plan.difference import changes_frame, conflicts_frame, problems_frame

__all__ = ["read_parts", "write_parts"]

_FORMAT = "opp_analytics plan 3"
_CELLS = ("before", "after", "remote")
_OPERATIONS = ("create", "update", "delete", "recover")
_STATUSES = ("clean", "already", "conflict")


def _line(record: dict[str, Any], cells: Iterable[str], field: str | None) -> str:
    """One record as a line; `cells` are written as the wire writes their column, the rest as plain JSON."""
    parts = []
    for key, value in record.items():
        if key in cells:
            text = to_text(field if field is not None else key, value) or "null"
        elif schema.is_blank(value) and not isinstance(value, str):
            text = "null"
        else:
            text = json.dumps(value, ensure_ascii=False, default=str)
        parts.append(f"{json.dumps(key)}: {text}")
    return "{" + ", ".join(parts) + "}"


def _changes(frame: pd.DataFrame) -> list[str]:
    return [_line(r, _CELLS, None if pd.isna(r["field"]) else r["field"]) for r in row_dicts(frame)]


def _rows(frame: pd.DataFrame) -> list[str]:
    """A line per row, each cell as the wire writes its column."""
    columns = []
    for name in map(str, frame.columns):
        key = json.dumps(name)
        columns.append([f"{key}: {to_text(name, value) or 'null'}" for value in frame[name]])
    return ["{" + ", ".join(cells) + "}" for cells in zip(*columns, strict=True)]


def _block(name: str, lines: list[str]) -> str:
    return f'"{name}": [\n' + ",\n".join(lines) + "\n]"


def write_parts(path: Path, head: dict[str, Any], frames: dict[str, pd.DataFrame]) -> None:
    """Write a plan: its head, and its frames changes, problems, conflicts and before.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    before = frames["before"]
    blocks = [
        _block("changes", _changes(frames["changes"])),
        _block("conflicts", _changes(frames["conflicts"])),
        _block("problems", [_line(r, (), None) for r in row_dicts(frames["problems"])]),
        f'"columns": {json.dumps({str(c): str(t) for c, t in before.dtypes.items()})}',
        _block("before", _rows(before)),
    ]
    top = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in ({"format": _FORMAT} | head).items())
    try:
        # Half of a character becomes the escape that JSON has for it.
        write_whole(path, ("{\n" + ",\n".join([top, *blocks]) + "\n}\n").encode(errors="backslashreplace"))
    except OSError as error:
        raise DataError(f"cannot write the plan to {path}: {error.strerror}") from None


def read_parts(path: Path) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Read the head and frames of a plan that `write_parts` wrote.

    Raises
    ------
    DataError
        If the file cannot be read or is not a plan.
    """
    refuse_devices(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=number)
    except OSError as error:
        raise DataError(
            f"cannot read the plan {path}: {error.strerror}; plan the edits and save that plan"
        ) from None
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
        frames = {
            "changes": changes_frame(_cells(content["changes"])),
            "problems": problems_frame(content["problems"]),
            "conflicts": conflicts_frame(_cells(content["conflicts"])),
            "before": _before(content["before"], content["columns"], content["org"]),
        }
        _check(content["changes"], frames)
        head = {key: content[key] for key in ("plan_id", "url", "tenant")}
        if not all(isinstance(value, str | None) for value in head.values()) or not head["plan_id"]:
            raise ValueError("its head is not text")
        return head | {"made_at": datetime.fromisoformat(content["made_at"])}, frames
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"the plan {path} is damaged ({error!r}); plan the edits again") from None


def _check(changes: list[dict[str, Any]], frames: dict[str, pd.DataFrame]) -> None:
    """Raise ValueError for content that `plan` never writes."""
    before = frames["before"]
    meaning = org.Org.of(before)
    if before["unique_id"].isna().any() or before["unique_id"].duplicated().any():
        raise ValueError("an opportunity has no id, or an id is duplicated")
    # A recovered opportunity is in the trash, not in what the plan was made from.
    recovered = {change["unique_id"] for change in changes if change["operation"] == "recover"}
    known = {*before["unique_id"], *recovered}
    for place, (change, cells) in enumerate(zip(changes, row_dicts(frames["changes"]), strict=True), start=1):
        where = f"change {place}: "
        operation, unique_id, field = change["operation"], change["unique_id"], change["field"]
        if operation not in _OPERATIONS or change["status"] not in _STATUSES:
            raise ValueError(f"{where}unknown operation or status")
        if not isinstance(change["name"], str | None) or not isinstance(
            change["row"], int | float | str | None
        ):
            raise ValueError(f"{where}its name is not text, or its row not a number")
        if operation == "create":
            if unique_id is not None or change["row"] is None:
                raise ValueError(f"{where}a create has a row and no id")
        elif not isinstance(unique_id, str) or unique_id not in known:
            raise ValueError(f"{where}{operation} of {unique_id!r}, which is not in the plan")
        if operation in ("create", "update"):
            wrong = (
                find_problem(field, cells["after"], meaning)
                if isinstance(field, str)
                else ("is not text", "")
            )
            if wrong or (operation == "update" and field not in before):
                raise ValueError(f"{where}{field!r} cannot be written: {wrong[0] if wrong else 'unknown'}")
        elif field is not None:
            raise ValueError(f"{where}a {operation} has no field")


def _cells(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        record | {c: from_wire(record["field"] or "", record[c]) for c in _CELLS if c in record}
        for record in records
    ]


def _before(records: list[dict[str, Any]], columns: dict[str, str], said: Any) -> pd.DataFrame:
    frame = pd.DataFrame(records, columns=list(columns), dtype="object")
    further = {c: t for c, t in columns.items() if c not in schema.COLUMNS}
    frame = frame.astype({c: schema.TEXT if t == "str" else t for c, t in further.items()})
    frame.attrs = {} if said is None else {"org": said}
    return org.conform(frame)
