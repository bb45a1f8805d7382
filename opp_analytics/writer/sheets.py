"""Rows and cells of workbooks and CSV files, written and read back.

There are also edits for another CRM's import.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pandas as pd

from opp_analytics import crm, inputs, org, schema
from opp_analytics.errors import ArgumentValueError, DataError, DataWarning
from opp_analytics.files import say_failure, write_whole
from opp_analytics.text import count, joined
from opp_analytics.writer.cells import KINDS, fit_column, list_rows, read_typed, same
from opp_analytics.writer.plan.plan import plan
from opp_analytics.writer.steps import Step

TEXTS = ("unique_id", "name", "account_id", "stage", "status")
"""Text columns, even where the text looks like a number."""
MOMENTS = ("created_at", "updated_at")
"""The server's timestamps; Excel rewrites their text without zone and seconds."""
_FIRST = ("name", "owner_name", "stage", "value", "close_date", "probability", "status")
"""What people edit comes first."""
_LAST = (*MOMENTS, "account_id", "unique_id")
"""What the server sets comes last."""
Held = dict[Any, dict[str, Any]]
"""The exported rows by id."""


def parse(
    column: str,
    value: Any,
    number_format: str = "",
    epoch: datetime = inputs.EPOCH,
    *,
    day_first: bool | None = None,
    meaning: org.Org = org.DEFAULT,
) -> Any:
    """Parse a cell for its column; what cannot be read for certain is kept as it is.

    A workbook gives `epoch`, its day 0.
    """
    if isinstance(value, str):
        value = value.strip().replace("\u00a0", " ").strip()
    if schema.is_blank(value):
        return None
    if column in TEXTS:
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if isinstance(value, str):
        try:
            return read_typed(KINDS.get(column), value, meaning, day_first=day_first)
        except schema.BadCell:
            return value  # the plan says what is wrong with it
    if column == "close_date":
        serial = inputs.read_serial_date(value, epoch)
        return value if serial is None else serial.normalize()
    if column == "probability" and "%" in number_format and not isinstance(value, bool):
        return round(value * 100, 9)
    return value


def find_file_day_order(cells: Iterable[Any]) -> bool | None:
    """Find out whether the day comes first in a file's dates.

    None if no date says, or if they contradict each other.
    """
    bare = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
    column = pd.Series(bare, dtype="object")
    return inputs.find_day_order([inputs.Cells.of(column, "close_date")])


def to_cell(column: str, value: Any) -> Any:
    """Convert a value to a spreadsheet cell: typed if the column is, otherwise text.

    None if blank.
    """
    if schema.is_blank(value):
        return None
    if isinstance(value, str):
        return value
    if column in MOMENTS:
        return pd.Timestamp(value).isoformat()
    if column == "close_date":
        return pd.Timestamp(value).to_pydatetime()
    if column in schema.COLUMNS:
        return (
            int(value)
            if column == "probability"
            else float(value)
            if column == "value"
            else str(value)
        )
    if isinstance(value, np.generic):
        value = value.item()
    # Excel has no more digits than a float, and no infinity.
    whole = isinstance(value, int) and abs(value) < 2**53
    return value if whole or (isinstance(value, float) and math.isfinite(value)) else str(value)


def save(target: Path, content: bytes | Callable[[BinaryIO], object]) -> Path:
    """Write a sheet's file whole."""
    with say_failure(f"cannot write {target}", "; close it if it is open in Excel"):
        write_whole(target, content)
    return target


def save_import(files: list[ImportFile], target: Path, fill: Callable[[ImportFile], bytes]) -> Path:
    """Write the files of an import once all are filled.

    Files that an earlier export of edits left beside `target` are removed.
    """
    for path, content in [(file.path, fill(file)) for file in files]:
        save(path, content)
    if not files[0].of_edits:
        return target
    name = re.compile(
        rf"{re.escape(target.stem)}-([2-9]|[1-9]\d+|new|delete){re.escape(target.suffix)}"
    )
    beside = (
        path for path in target.parent.iterdir() if name.fullmatch(path.name) and path.is_file()
    )
    old = sorted({*beside} - {file.path for file in files})
    with say_failure(f"cannot remove {joined(old)} of an earlier export"):
        for path in old:
            path.unlink()
    if old:
        removed = joined(path.name for path in old)
        DataWarning.warn(f"removed {removed}: of an earlier export")
    return target


def order_columns(columns: list[str]) -> list[str]:
    """Order columns as people read them: names first, the server's timestamps and ids last."""
    ends = [column for column in _LAST if column in columns]
    first = [column for column in _FIRST if column in columns]
    return [*first, *(c for c in columns if c not in first and c not in ends), *ends]


def match_header(file: Path, titles: list[Any], known: list[str]) -> dict[int, str]:
    """Match titles to column names, by place."""
    names = {inputs.fold(column): column for column in known}
    columns = {
        place: str(title) if title in known else names.get(inputs.fold(str(title)), str(title))
        for place, title in enumerate(titles)
        if title is not None
    }
    twice = [c for c in columns.values() if list(columns.values()).count(c) > 1]
    if twice:
        raise DataError(f"{file}: duplicate column {twice[0]!r} in row 1; rename or remove one")
    lost = [c for c in known if c not in columns.values()]
    renamed = [c for c in columns.values() if c not in known]
    if "unique_id" in lost or (lost and renamed):
        new = f", and {renamed[0]!r} is new" if renamed else ""
        raise DataError(
            f"{file}: column {lost[0]!r} is missing from row 1{new}; restore the names of row 1"
        )
    return columns


def make_after(
    rows: dict[int, dict[str, Any]],
    columns: Mapping[int, str],
    before: pd.DataFrame,
    new_columns: Collection[str],
) -> pd.DataFrame:
    """Make the edited opportunities of a file.

    Columns are in the order of `before`, then the API's, then new ones.
    """
    named = list(columns.values())
    wanted = [new_columns] if isinstance(new_columns, str) else list(new_columns)
    missing = [column for column in wanted if column not in named]
    if missing:
        raise DataError(
            f"new_columns names {missing[0]!r}, which the file does not have; it has "
            f"{', '.join(named)}"
        )
    # The plan refuses an id that is neither.
    found = list_rows(before) if "unique_id" in before else []
    held = {row["unique_id"]: row for row in found if isinstance(row["unique_id"], (str, int))}
    meaning = org.Org.of(before)
    _refuse_doubtful(rows, held, meaning)
    first = [str(c) for c in before.columns if c in named]
    first += [c for c in schema.COLUMNS if c in named and c not in first]
    _match_choices(rows, held, meaning)
    frame = _fit_columns(rows, [*first, *(c for c in named if c not in first)], before)
    if wanted:
        frame.attrs["new_columns"] = wanted
    return frame


def _refuse_doubtful(rows: Mapping[int, dict[str, Any]], held: Held, meaning: org.Org) -> None:
    """Refuse edited amounts with two readings, such as ``45.000``.

    A frame would take one of them.
    """
    bad = []
    for number, row in rows.items():
        typed, was = row.get("value"), held.get(row.get("unique_id"), {}).get("value")
        doubt = _find_doubt(typed, meaning)
        if doubt and not same("value", typed, was):
            bad.append(inputs.BadValue(number, "value", typed, doubt))
    if bad:
        inputs.refuse("the edited file", bad)


def _find_doubt(typed: Any, meaning: org.Org) -> schema.BadCell | None:
    """Find the two readings of an amount.

    None where it has one, or none, of which the plan says what is wrong.
    """
    try:
        if isinstance(typed, str):
            inputs.read_amount(typed, meaning.currency, decimal_comma=meaning.decimal_comma)
    except inputs.TwoReadings as doubt:
        return doubt
    except schema.BadCell:
        pass
    return None


def _match_choices(rows: dict[int, dict[str, Any]], held: Held, meaning: org.Org) -> None:
    """Replace a typed stage or status by the name that it spells, as the grid does.

    ``closed-won`` is ``closed_won``.

    A cell that nobody edited stays: a server may hold a spelling of its own.
    """
    known = {"stage": meaning.stages.spellings, "status": {name: name for name in schema.STATUSES}}
    for row in rows.values():
        was = held.get(row.get("unique_id"), {})
        for column, names in known.items():
            typed = row.get(column)
            # An alias stays, as in a frame.
            if isinstance(typed, str) and typed not in names and typed != was.get(column):
                row[column] = inputs.match_name(typed, names) or typed


def _fit_columns(
    rows: dict[int, dict[str, Any]], columns: list[str], before: pd.DataFrame
) -> pd.DataFrame:
    """Make a frame of the rows; a column gets its dtype from `before` if all its cells fit."""
    cells = pd.DataFrame(list(rows.values()), columns=columns, dtype="object")
    fitted = {}
    for column in columns:
        try:
            fitted[column] = org.conform(cells[[column]])[column]
        except DataError:
            fitted[column] = cells[column]
        if column not in schema.COLUMNS and column in before:
            fitted[column] = fit_column(cells[column], before[column].dtype)
    return pd.DataFrame(fitted).set_axis(pd.Index(rows, dtype="int64", name="row"))


Cells = dict[str, Any]
"""The cells of a row in a file, by our names."""


class ImportFile(NamedTuple):
    """Rows for one run of a CRM's import, in its words."""

    path: Path
    rows: pd.DataFrame
    """Under our names."""
    labels: list[str]
    """The CRM's label of each column."""
    of_edits: bool = False
    """True if it holds changed cells only."""


def make_import_files(
    opportunities: pd.DataFrame, known: org.Org | None, before: pd.DataFrame | None, path: Path
) -> list[ImportFile] | None:
    """Make the files for a CRM's import: all rows, or with `before` the changed cells.

    A cell that nobody edited is empty only where the CRM documents that its import leaves such a
    field as it is; elsewhere deals with the same changed columns share a file. New deals, and the
    ids of removed ones, have a file of their own. A change that no import can make is refused; a
    DataWarning says what to import, and what is in no file. Without `known` there is no import, and
    `before` is refused: a file for editing holds every row.
    """
    known = org.check_org(known)
    if known is None:
        if before is not None:
            raise ArgumentValueError(
                "before= belongs to a file for a CRM's import; give its org= too, such as "
                "org=oa.Org.salesforce()"
            )
        return None
    frame = org.conform(opportunities)
    if before is None:
        return [
            ImportFile(
                path, *crm.make_import_table(org.Org.of(frame).bare(known.bare(frame)), known)
            )
        ]
    planned = plan(before, frame)
    if planned.found_problems:
        first = planned.found_problems[0]
        whose = "" if pd.isna(first.unique_id) else f" of {first.unique_id!r}"
        raise DataError(
            f"{count(len(planned.found_problems), 'edit')} can't be imported, such as "
            f"{first.field}{whose}: {first.problem}; fix it first"
        )
    owners = _find_owner_ids(planned.before)
    rows: dict[str, list[Cells]] = {"update": [], "create": [], "delete": []}
    for step in planned.steps:
        rows[step.operation].append(
            {"unique_id": step.unique_id, **_send_owner(step, owners, known)}
        )
    clear = crm.find_clear_text(known)
    groups = _group_updates(rows["update"], clear)
    paths = [
        path,
        *(path.with_stem(f"{path.stem}-{number}") for number in range(2, len(groups) + 1)),
    ]
    new, removed = (path.with_stem(f"{path.stem}-{what}") for what in ("new", "delete"))
    columns = [str(column) for column in frame.columns]
    files = [_make_file(*each, columns, known) for each in zip(paths, groups, strict=True)]
    if rows["create"]:
        files.append(_make_file(new, rows["create"], columns, known))
    if rows["delete"]:
        files.append(_make_file(removed, rows["delete"], columns, known))
    emptied = sum(value is None for cells in rows["update"] for value in cells.values())
    for line in _describe_files(files, len(rows["create"]), len(rows["delete"]), emptied, clear):
        DataWarning.warn(line)
    return files


def _group_updates(updates: list[Cells], clear: str | None) -> list[list[Cells]]:
    """Group updates by file: all in one if `clear` empties a field, else by columns.

    Updates of the same columns then share a file, without empty cells.
    """
    if clear is not None:
        return [
            [
                {name: clear if value is None else value for name, value in row.items()}
                for row in updates
            ]
        ]
    groups: dict[frozenset[str], list[Cells]] = {}
    for row in updates:
        filled = {name: value for name, value in row.items() if value is not None}
        if len(filled) > 1:
            groups.setdefault(frozenset(filled), []).append(filled)
    return list(groups.values()) or [[]]


def _make_file(path: Path, rows: list[Cells], columns: list[str], known: org.Org) -> ImportFile:
    edited = {name for row in rows for name in row} - {"unique_id"}
    names = [name for name in columns if name in edited]
    table = pd.DataFrame(rows, columns=["unique_id", *names], dtype="object")
    return ImportFile(path, *crm.make_import_table(table, known, names), of_edits=True)


def _find_owner_ids(frame: pd.DataFrame) -> dict[str, set[str]] | None:
    """Find the ids of each owner in a frame; None for a frame without them."""
    if "owner_id" not in frame:
        return None
    found: dict[str, set[str]] = {}
    if "owner_name" in frame:
        for name, owner_id in frame[["owner_name", "owner_id"]].dropna().itertuples(index=False):
            found.setdefault(str(name), set()).add(str(owner_id))
    return found


def _send_owner(step: Step, owners: dict[str, set[str]] | None, known: org.Org) -> Cells:
    """List the changed cells of a deal, with its owner's id in place of the name."""
    fields = step.fields
    if "owner_name" not in fields:
        return fields
    name = fields.pop("owner_name")
    ids = (owners or {}).get(str(name), set())
    if "owner_id" in fields or len(ids) == 1:
        return {"owner_id": next(iter(ids), None), **fields}
    label = crm.find_label("owner_id", known) or "the owner's id"
    why = (
        f"an import takes an owner by id, and the export has only names; export {label} too"
        if owners is None
        else "no deal of the export shows that owner's id; set owner_id instead"
    )
    raise DataError(
        f"owner_name={name!r} of {step.title!r} can't be imported: {why}, or undo this edit and "
        "change the owner in the CRM"
    )


def _describe_files(
    files: list[ImportFile], new: int, removed: int, emptied: int, clear: str | None
) -> Iterator[str]:
    """Say which further files to import, and what happens to emptied cells."""
    names = [file.path.name for file in files]
    updates = names[: len(names) - bool(new) - bool(removed)]
    if len(updates) > 1:
        yield (
            f"import {joined(updates)}: deals with the same changed columns share a file, because "
            "the CRM may empty a field whose cell is empty"
        )
    if new:
        yield f"{count(new, 'new deal')}: import {names[len(updates)]} as new records"
    if removed:
        yield (
            f"{count(removed, 'removed deal')}: an import deletes nothing; {names[-1]} lists the "
            "ids to delete"
        )
    became = f"{count(emptied, 'cell')} became empty"
    if emptied and clear is None:
        yield (
            f"{became}: in no file, because the CRM is not known to empty a field on import; "
            "empty it in the CRM"
        )
    elif emptied:
        yield (
            f"{became}: {clear} in the file empties the field, in Data Loader with Use Bulk API "
            "switched on"
        )
