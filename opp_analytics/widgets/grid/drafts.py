"""Edits that outlive their kernel.

Each is five texts, kept in a file of the state folder or copied, and judged again when taken in.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4
from weakref import WeakValueDictionary

import msgspec
import pandas as pd
from filelock import FileLock

from opp_analytics.arguments import frame as frame_of
from opp_analytics.errors import DataError
from opp_analytics.files import (
    append_line,
    digest,
    locked,
    make_private_folder,
    read_whole,
    set_aside,
    write_whole,
)
from opp_analytics.org import Org
from opp_analytics.schema import BadCell, is_blank
from opp_analytics.text import count, printable
from opp_analytics.widgets.grid.review import format_moment
from opp_analytics.widgets.grid.sheet import EditResult, EditSheet, Key
from opp_analytics.widgets.messages import Text
from opp_analytics.widgets.widget import tenant_file
from opp_analytics.writer import same

DEAL = "(deal)"
"""In place of a field: the whole deal, which is ``added`` or ``removed``."""
_FORMAT = 1
_SPARE = 20_000
"""Superseded edits that a file may hold before it is written anew: a few megabytes."""


class Change(NamedTuple):
    """An edit in words that can be typed.

    A new deal has the ``unique_id`` ``new 1``, ``new 2``, …, of the draft's own.
    """

    unique_id: Text
    name: Text
    field: Text
    before: Text
    after: Text


def list_changes(sheet: EditSheet, answer: EditResult) -> list[Change]:
    """List the edits of an answer's cells and rows.

    What is no longer edited is the same before and after.
    """
    changes = []
    for row in answer.rows:
        state = sheet.row_state(row) if sheet.row_state(row) in ("added", "removed") else ""
        changes.append(Change(sheet.identify(row), sheet.deal_name(row), DEAL, "", state))
    for row, field in answer.cells:
        cell, column = sheet.edit_of((row, field)), sheet.column[field]
        before = after = column.spell(sheet.base_value(row, field)) or ""
        if cell is not None:
            after = str((column.spell(cell.value) if cell.changed else cell.typed) or "")
        changes.append(Change(sheet.identify(row), sheet.deal_name(row), field, before, after))
    return changes


# -- taken in


def take_in(sheet: EditSheet, changes: Iterable[Change]) -> tuple[EditResult, list[Change]]:
    """Take edits into a sheet as one step, each judged as if typed.

    Those that find no deal or column are left out.

    A cell that was something else when it was edited is marked with both values; the edit stays.
    Edits are told by id.
    """
    rows = sheet.rows_by_id
    # The new deals of a draft are new once more, whatever this sheet has added itself.
    listed = list(changes)
    fresh = dict.fromkeys(
        each.unique_id
        for each in listed
        if each.field == DEAL and each.after == "added" and sheet.adds
    )
    rows |= dict(zip(fresh, sheet.reserve_rows(len(fresh)), strict=True))
    cells: dict[Key, str | None] = {
        (rows[each], "name"): None for each in fresh if "name" in sheet.column
    }
    removed, doubts, left = set[int](), dict[Key, str](), list[Change]()
    replaced = 0
    for change in listed:
        unique_id, _, field, before, after = change
        row, column = rows.get(unique_id), sheet.column.get(field)
        if row is None or (sheet.row_state(row) == "gone" and unique_id not in fresh):
            left.append(change)
        elif field == DEAL and (sheet.removes or after != "removed"):
            removed |= {row} if after == "removed" else set()
        elif column is None or column.locked:
            left.append(change)
        else:
            cells[key := (row, field)] = after or None
            replaced += sheet.edit_of(key) is not None and sheet.spell(*key) != cells[key]
            if not sheet.is_new(row) and (doubt := _doubt(sheet, key, before)):
                doubts[key] = doubt
    added, n = {rows[each] for each in fresh}, len(removed)
    label = "Took in {cells}" if cells else "Took in edits"
    parts = [count(len(added), "new deal")] * bool(added) + [count(n, "removal")] * bool(n)
    typed = ((*key, after) for key, after in cells.items())
    answer = sheet.edit(typed, label, ", ".join(parts), added=added, removed=removed)
    for key, words in doubts.items():
        sheet.refuse(key, words)
    doubted = sum(sheet.edit_of(key) is not None for key in doubts)
    notes = [*answer.notes]
    if doubted:
        notes.append(f"{count(doubted, 'cell')} changed since then, marked")
    if replaced:
        notes.append(f"{count(replaced, 'edit')} made here replaced")
    if left:
        notes.append(
            f"{count(len(left), 'edit')} left out, such as {printable(left[0].field)} of "
            f"“{printable(left[0].unique_id)}”: this grid does not have it, or not for editing"
        )
    return replace(answer, notes=tuple(notes), offer=""), left


def spell_changes(sheet: EditSheet, changes: pd.DataFrame) -> Iterator[Change]:
    """Spell a table of values as edits.

    Without a ``before``, the cell is taken to be what it is now.
    """
    frame_of(changes, "changes", "unique_id", "field", "after", made_by="plan.changes")
    rows = sheet.rows_by_id
    for line in changes.astype("object").to_dict("records"):
        unique_id, field = (
            "" if is_blank(line[each]) else str(line[each]) for each in ("unique_id", "field")
        )
        column, row = sheet.column.get(field), rows.get(unique_id)
        now = None if row is None else sheet.base_value(row, field)
        values = line.get("before", now), line["after"]
        texts = (v if isinstance(v, str) or column is None else column.spell(v) for v in values)
        yield Change(unique_id, "", field, *(str(each or "") for each in texts))


def _doubt(sheet: EditSheet, key: Key, before: str) -> str:
    """Say what a cell was before an edit and is by now.

    Empty where that is the same, or what the edit set.
    """
    column, now = sheet.column[key[1]], sheet.base_value(*key)
    if (column.spell(now) or "") == before:
        return ""
    shown = before or "empty"
    with suppress(BadCell):
        was = column.read(before or None)
        if same(key[1], was, now):
            return ""
        shown = column.show(was)
    return (
        f"Changed since your edit: it was {shown}, now it is {column.show(now)}. Your value is "
        "kept."
    )


# -- on disk


def _name_deals(opportunities: pd.DataFrame) -> str:
    return digest(
        "\n".join(sorted(opportunities["unique_id"].astype(str))).encode(errors="replace")
    )[:16]


@dataclass(frozen=True)
class KeptDraft:
    """The draft of another grid, or of an earlier one."""

    file: Path
    at: datetime
    """When it was last written, UTC."""
    notebook: str
    """Name of the notebook that wrote it; empty where unknown."""
    changes: list[Change]
    torn: int
    """Steps that could not be read."""
    kernel: str
    """The process that wrote it."""

    @property
    def deals(self) -> int:
        """Number of deals that are edited, added or removed."""
        return len({change.unique_id for change in self.changes})

    def describe(self, opportunities: pd.DataFrame) -> str:
        """Write “12 edits to 9 deals from Nov 28, 4:10 PM (review.ipynb)”."""
        when = format_moment(pd.Timestamp(self.at), Org.of(opportunities).zone(None))
        where = f" ({printable(self.notebook)})" if self.notebook else ""
        torn = f", without {count(self.torn, 'step')} that can't be read," if self.torn else ""
        edits = count(len(self.changes), "edit")
        return f"{edits} to {count(self.deals)} from {when}{where}{torn}"

    def leave(self, left: list[Change]) -> None:
        """Remove the draft, except edits that found no place."""
        if left:
            _write(self.file, self.notebook, left)
        else:
            self.file.unlink(missing_ok=True)


def find_drafts(opportunities: pd.DataFrame, cell: str = "") -> list[KeptDraft]:
    """Find drafts of a frame's deals, the newest first.

    A draft is of the very same deals; with a tenant's ids, half of its deals are enough.

    Those of grids that other cells than `cell` show, or another process that still runs, are left
    out. A damaged file is set aside with a warning, one of a newer program left alone.
    """
    folder, ids = tenant_file("drafts", opportunities), set(opportunities["unique_id"].astype(str))
    same_deals, found = f"{_name_deals(opportunities)}-", []
    shown = {draft.file for place, draft in _SHOWN.items() if place != cell} if cell else set()
    with suppress(OSError):
        for file in folder.glob("*.jsonl"):
            if file in shown or (not file.name.startswith(same_deals) and folder.name == "files"):
                continue
            draft = _read(file)
            if draft is None or _runs(folder, draft.kernel):
                continue
            edited = {change.unique_id for change in draft.changes}
            if file.name.startswith(same_deals) or 2 * len(edited & ids) >= len(edited):
                found.append(draft)
    return sorted(found, key=lambda draft: draft.at, reverse=True)


def _read(file: Path) -> KeptDraft | None:
    """Read a draft; None if it holds no edit, or is damaged and set aside."""
    try:
        head, *lines = read_whole(file).splitlines()
        about = json.loads(head)
        if about["draft"] > _FORMAT:
            return None
        if about["draft"] != _FORMAT:
            raise ValueError("it is of another version")
        notebook, kernel = str(about["notebook"]), str(about.get("kernel", ""))
        at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except (DataError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = "it is no draft" if isinstance(error, (KeyError, TypeError)) else str(error)
        set_aside(file, reason, "its edits are not offered")
        return None
    edits: dict[tuple[str, str], Change] = {}
    torn = 0
    for line in lines:
        try:
            # The library's own reader takes no half of a character.
            step = msgspec.convert(json.loads(line), list[Change])
        except (ValueError, msgspec.ValidationError, RecursionError):
            torn += 1  # as a power failure leaves its last line
            continue
        for change in step:
            edits.pop((change.unique_id, change.field), None)
            if change.before != change.after:
                edits[change.unique_id, change.field] = change
    if not edits and not torn:
        file.unlink(missing_ok=True)
    return KeptDraft(file, at, notebook, list(edits.values()), torn, kernel) if edits else None


def _write(file: Path, notebook: str, changes: list[Change], kernel: str = "") -> None:
    lines = ({"draft": _FORMAT, "notebook": notebook, "kernel": kernel}, changes)
    write_whole(file, b"".join(json.dumps(line).encode() + b"\n" for line in lines), private=True)


class Draft:
    """A grid's own draft: a line for each step.

    Written anew where that is shorter, removed when nothing is left to write.
    """

    def __init__(self, opportunities: pd.DataFrame, cell: str = "") -> None:
        # Each grid has a file of its own, so that none writes over another's edits.
        folder = tenant_file("drafts", opportunities)
        self.file = folder / f"{_name_deals(opportunities)}-{uuid4().hex[:12]}.jsonl"
        self._entries = 0
        if cell:
            _SHOWN[cell] = self

    def release(self) -> None:
        """Leave the draft to the next grid of these deals, whichever cell shows it."""
        for cell in [cell for cell, draft in _SHOWN.items() if draft is self]:
            del _SHOWN[cell]

    def keep(self, sheet: EditSheet, answer: EditResult | None = None) -> str:
        """Write the edits of an answer, or all of them.

        The reason if they could not be kept, else empty.
        """
        try:
            if not sheet.edit_count:
                self.file.unlink(missing_ok=True)
                return ""
            # Whoever took it in or dropped it has removed it.
            spare = _SPARE + 4 * sheet.edit_count
            if answer is None or not self.file.exists() or self._entries > spare:
                make_private_folder(self.file.parent)
                _tell_running(self.file.parent)
                changes = list_changes(sheet, sheet.list_edits())
                # The server of a notebook may tell its name.
                name = Path(os.environ.get("JPY_SESSION_NAME", "")).name
                _write(self.file, name if name.endswith(".ipynb") else "", changes, _KERNEL)
                self._entries = len(changes)
            elif changes := list_changes(sheet, answer):
                append_line(self.file, json.dumps(changes).encode())
                self._entries += len(changes)
        except (OSError, DataError) as error:
            return str(getattr(error, "strerror", None) or error)
        return ""


_KERNEL = uuid4().hex[:12]
"""This process, as drafts name it."""
_RUNNING: dict[Path, FileLock] = {}
"""By folder, the lock that this process holds as long as it runs."""


def _tell_running(folder: Path) -> None:
    if folder not in _RUNNING:
        _RUNNING[folder] = FileLock(folder / f".{_KERNEL}.lock", mode=0o600)
    with suppress(OSError, NotImplementedError):  # where a disk knows no locks
        _RUNNING[folder].acquire(timeout=0)


def _runs(folder: Path, kernel: str) -> bool:
    """Tell whether another process that wrote a draft still runs."""
    lock = folder / f".{kernel}.lock"
    if kernel in ("", _KERNEL) or not lock.exists():
        return False
    try:
        with locked(lock, remove=True):
            return False
    except TimeoutError:
        return True


_SHOWN: WeakValueDictionary[str, Draft] = WeakValueDictionary()
"""The draft of the grid that each notebook cell shows: the last one made in it, as a cell that runs
again drops what it showed."""
