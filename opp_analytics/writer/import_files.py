"""Edits as files for another CRM's import: only what changed, so that a colleague's change since the export stays."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics import crm, org
from opp_analytics.errors import ArgumentValueError, DataError, DataWarning
from opp_analytics.text import count, joined
from opp_analytics.writer.plan.plan import plan
from opp_analytics.writer.steps import Step

Cells = dict[str, Any]
"""The cells of a row in a file, by our names."""


class ImportFile(NamedTuple):
    """Rows for one run of a CRM's import, in its words."""

    path: Path
    rows: pd.DataFrame
    """Under our names."""
    labels: list[str]
    """The CRM's label of each column."""


def make_import_files(
    opportunities: pd.DataFrame, known: org.Org | None, before: pd.DataFrame | None, path: Path
) -> list[ImportFile] | None:
    """Make the files for a CRM's import: one of all rows, or with `before` those of the changed cells.

    A cell that nobody edited is empty only where the CRM documents that its import leaves such a field as it is; elsewhere
    deals with the same changed columns share a file. New deals, and the ids of removed ones, have a file of their own. A
    change that no import can make is refused; a DataWarning says what to import, and what is in no file. Without `known`
    there is no import, and `before` is refused: a file for editing holds every row.
    """
    known = org.check_org(known)
    if known is None:
        if before is not None:
            raise ArgumentValueError(
                "before= belongs to a file for a CRM's import; give its org= too, such as org=oa.Org.salesforce()"
            )
        return None
    frame = org.conform(opportunities)
    if before is None:
        return [ImportFile(path, *crm.make_import_table(org.Org.of(frame).bare(known.bare(frame)), known))]
    planned = plan(before, frame)
    if planned.found_problems:
        first = planned.found_problems[0]
        whose = "" if pd.isna(first.unique_id) else f" of {first.unique_id!r}"
        raise DataError(
            f"{count(len(planned.found_problems), 'edit')} can't be imported, such as {first.field}{whose}: {first.problem}; "
            "fix it first"
        )
    owners = _find_owner_ids(planned.before)
    rows: dict[str, list[Cells]] = {"update": [], "create": [], "delete": []}
    for step in planned.steps:
        rows[step.operation].append({"unique_id": step.unique_id, **_send_owner(step, owners, known)})
    clear = crm.find_clear_text(known)
    groups = _group_updates(rows["update"], clear)
    paths = [path, *(path.with_stem(f"{path.stem}-{number}") for number in range(2, len(groups) + 1))]
    new, removed = (path.with_stem(f"{path.stem}-{what}") for what in ("new", "delete"))
    columns = [str(column) for column in frame.columns]
    files = [_make_file(*each, columns, known) for each in zip(paths, groups, strict=True)]
    if rows["create"]:
        files.append(_make_file(new, rows["create"], columns, known))
    if rows["delete"]:
        files.append(_make_file(removed, rows["delete"], columns, known))
    emptied = sum(value is None for cells in rows["update"] for value in cells.values())
    for line in _describe_files(files, len(rows["create"]), len(rows["delete"]), emptied, clear):
        warnings.warn(line, DataWarning, stacklevel=3)
    return files


def _group_updates(updates: list[Cells], clear: str | None) -> list[list[Cells]]:
    """Group updates by file: one of all where `clear` empties a field, else those of the same columns, without empty cells."""
    if clear is not None:
        return [[{name: clear if value is None else value for name, value in row.items()} for row in updates]]
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
    return ImportFile(path, *crm.make_import_table(table, known, names))


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
        f"owner_name={name!r} of {step.title!r} can't be imported: {why}, or undo this edit and change the owner in the CRM"
    )


def _describe_files(
    files: list[ImportFile], new: int, removed: int, emptied: int, clear: str | None
) -> Iterator[str]:
    """Say which files to import besides the first one, and what becomes of cells that were emptied."""
    names = [file.path.name for file in files]
    updates = names[: len(names) - bool(new) - bool(removed)]
    if len(updates) > 1:
        yield (
            f"import {joined(updates)}: deals with the same changed columns share a file, because the CRM "
            "may empty a field whose cell is empty"
        )
    if new:
        yield f"{count(new, 'new deal')}: import {names[len(updates)]} as new records"
    if removed:
        yield f"{count(removed, 'removed deal')}: an import deletes nothing; {names[-1]} lists the ids to delete"
    became = f"{count(emptied, 'cell')} became empty"
    if emptied and clear is None:
        yield f"{became}: in no file, because the CRM is not known to empty a field on import; empty it in the CRM"
    elif emptied:
        yield f"{became}: {clear} in the file empties the field, in Data Loader with Use Bulk API switched on"
