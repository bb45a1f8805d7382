"""Edits that outlive their kernel: each is five texts, kept in a file of the state folder or copied, and judged anew when taken in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pandas as pd

from opp_analytics.api import state_folder
from opp_analytics.arguments import frame as frame_of
from opp_analytics.certificate import Certificate
from opp_analytics.errors import DataError
from opp_analytics.files import (
    append_line,
    digest,
    make_name,
    make_private_folder,
    read_whole,
    set_aside,
    write_whole,
)
from opp_analytics.schema import BadCell, is_blank
from opp_analytics.text import count, joined, printable
from opp_analytics.widgets.grid.sheet import Answer, EditSheet, Key
from opp_analytics.writer import same

DEAL = "(deal)"
"""In place of a field: the whole deal, which is ``added`` or ``removed``."""
_FORMAT = 1
_SPARE = 20_000
"""Superseded edits that a file may hold before it is written anew: a few megabytes."""


class Change(NamedTuple):
    """An edit in words that can be typed; a new deal has the ``unique_id`` ``new 1``, ``new 2``, …, of the draft's own."""

    unique_id: str
    name: str
    field: str
    before: str
    after: str


def list_changes(sheet: EditSheet, answer: Answer) -> list[Change | tuple[str, str]]:
    """List the edits of an answer's cells and rows; a cell or row without an edit is its id and field only."""
    changes: list[Change | tuple[str, str]] = []
    for row in answer.rows:
        unique_id, state = sheet.identify(row), sheet.row_state(row)
        edited = state in ("added", "removed")
        changes.append(
            Change(unique_id, sheet.deal_name(row), DEAL, "", state) if edited else (unique_id, DEAL)
        )
    for row, field in answer.cells:
        cell, unique_id = sheet.edit_of((row, field)), sheet.identify(row)
        after = None if cell is None else sheet.spell(row, field) if cell.changed else cell.typed
        if cell is None or (after is None and not cell.changed):
            changes.append((unique_id, field))
        else:
            before = sheet.column[field].spell(sheet.base_value(row, field))
            changes.append(Change(unique_id, sheet.deal_name(row), field, before or "", str(after or "")))
    return changes


# -- taken in


def take_in(sheet: EditSheet, changes: Iterable[Change]) -> tuple[Answer, list[Change]]:
    """Take edits into a sheet as one step, each judged as if typed; those that find no deal or column are left out.

    A cell that was something else when it was edited is marked with both values; the edit stays. Edits are told by id.
    """
    rows = {sheet.identify(row): row for row in range(sheet.end) if sheet.row_state(row) != "gone"}
    # The new deals of a draft are new once more, whatever this sheet has added itself.
    listed = list(changes)
    fresh = [change.unique_id for change in listed if change.field == DEAL and change.after == "added"]
    rows |= dict(zip(dict.fromkeys(fresh), sheet.reserve_rows(len(set(fresh))), strict=True))
    cells: dict[Key, str | None] = {(rows[each], "name"): None for each in fresh if "name" in sheet.column}
    removed, doubts, left, why = set[int](), dict[Key, str](), list[Change](), dict[str, None]()
    replaced = 0
    for change in listed:
        row, column = rows.get(change.unique_id), sheet.column.get(change.field)
        if row is None or (column is None and change.field != DEAL) or (column is not None and column.locked):
            left.append(change)
            missing = f"no deal “{change.unique_id}”" if row is None else f"no column “{change.field}”"
            locked = row is not None and column is not None
            why[f"{change.field} is read only" if locked else missing] = None
        elif column is None:
            removed |= {row} if change.after == "removed" else set()
        else:
            key = row, change.field
            cells[key] = change.after or None
            replaced += sheet.edit_of(key) is not None and sheet.spell(*key) != cells[key]
            if not sheet.is_new(row) and (now := _find_other(sheet, key, change.before)):
                doubts[key] = now
    added, n = {rows[each] for each in fresh}, len(removed)
    parts = ["Took in {cells}" if cells else "Took in edits"]
    parts += [f"{count(len(added), 'new deal')}"] if added else []
    parts += [f"{count(n, 'removal')}"] if n else []
    answer = sheet.edit(
        ((*key, typed) for key, typed in cells.items()),
        ", ".join(parts),
        added=added,
        removed=removed,
        sure=True,
    )
    for key, words in doubts.items():
        sheet.refuse(key, words)
    doubted = sum(sheet.edit_of(key) is not None for key in doubts)
    said = [answer.message]
    said += [f"{count(doubted, 'cell')} changed since then, marked"] if doubted else []
    said += [f"{count(replaced, 'edit')} made here replaced"] if replaced else []
    said += [f"{count(len(left), 'edit')} left out: {joined(map(printable, why), most=3)}"] if left else []
    return Answer(answer.cells, answer.rows, " · ".join(said), answer.refused), left


def spell_changes(sheet: EditSheet, changes: pd.DataFrame) -> Iterator[Change]:
    """Spell a table of values as edits; without a ``before``, the cell is taken to be what it is now."""
    frame_of(changes, "changes", "unique_id", "field", "after", made_by="plan.changes")
    rows = {sheet.identify(row): row for row in range(sheet.end)}
    for line in changes.astype("object").to_dict("records"):
        unique_id, field = (
            "" if is_blank(line[name]) else str(line[name]) for name in ("unique_id", "field")
        )
        column, row = sheet.column.get(field), rows.get(unique_id)
        now = None if row is None or column is None else sheet.base_value(row, field)
        texts = [
            str(value) if isinstance(value, str) or column is None else column.spell(value)
            for value in (line.get("before", now), line["after"])
        ]
        name = "" if row is None else sheet.deal_name(row)
        yield Change(unique_id, name, field, *(text or "" for text in texts))


def _find_other(sheet: EditSheet, key: Key, before: str) -> str:
    """Write what a cell was before an edit and is by now; empty where that is the same, or what the edit set."""
    column, now = sheet.column[key[1]], sheet.base_value(*key)
    if (column.spell(now) or "") == before:
        return ""
    with suppress(BadCell):
        was = column.read(before or None)
        return "" if same(key[1], was, now) else _write_doubt(column.show(was), column.show(now))
    return _write_doubt(before or "empty", column.show(now))


def _write_doubt(was: str, now: str) -> str:
    return f"Changed since your edit: it was {was}, now it is {now}. Your value is kept."


# -- on disk


def draft_folder(opportunities: pd.DataFrame) -> Path:
    """Find the folder of a tenant's drafts; frames from files share one."""
    certificate = Certificate.of(opportunities)
    tenant = certificate.tenant if certificate is not None else None
    return state_folder() / "drafts" / (make_name(tenant) if tenant else "files")


def _name_deals(opportunities: pd.DataFrame) -> str:
    return digest("\n".join(sorted(opportunities["unique_id"].astype(str))).encode(errors="replace"))[:16]


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

    @property
    def key(self) -> str:
        """What names it in messages."""
        return self.file.stem

    @property
    def deals(self) -> int:
        """Number of deals that are edited, added or removed."""
        return len({change.unique_id for change in self.changes})

    def leave(self, left: list[Change]) -> None:
        """Remove the draft, except edits that found no place."""
        if left:
            write_whole(self.file, _write([_head(self.notebook), left]), private=True)
        else:
            self.file.unlink(missing_ok=True)


def find_drafts(opportunities: pd.DataFrame) -> list[KeptDraft]:
    """Find drafts of a frame's deals, the newest first: of the very same deals, or by a tenant's ids, of at least half of theirs.

    A damaged file is set aside with a warning.
    """
    folder, ids = draft_folder(opportunities), set(opportunities["unique_id"].astype(str))
    same_deals, found = f"{_name_deals(opportunities)}-", []
    with suppress(OSError):
        for file in folder.glob("*.jsonl"):
            if not file.name.startswith(same_deals) and folder.name == "files":
                continue
            draft = _read(file)
            if draft is None:
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
        if about["draft"] != _FORMAT:
            raise ValueError("it is of another version")
        notebook, at = str(about["notebook"]), datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except (DataError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = "it is no draft" if isinstance(error, (KeyError, TypeError)) else str(error)
        set_aside(file, reason, "its edits are not offered")
        return None
    edits: dict[tuple[str, str], Change] = {}
    torn = 0
    for line in lines:
        try:
            for texts in _check(json.loads(line)):
                edits.pop((texts[0], texts[1 if len(texts) == 2 else 2]), None)
                if len(texts) > 2:
                    change = Change(*texts)
                    edits[change.unique_id, change.field] = change
        except (ValueError, TypeError, RecursionError):
            torn += 1  # as a power failure leaves its last line
    if not edits and not torn:
        file.unlink(missing_ok=True)
    return KeptDraft(file, at, notebook, list(edits.values()), torn) if edits else None


def _check(step: Any) -> list[list[str]]:
    for texts in step:
        if len(texts) not in (2, 5) or not all(isinstance(each, str) for each in texts):
            raise ValueError("not an edit")
    return list(step)


def _head(notebook: str) -> dict[str, Any]:
    return {"draft": _FORMAT, "notebook": notebook}


def _write(lines: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


class Draft:
    """A grid's own draft: a line for each step; written anew where that is shorter, removed when nothing is left to write."""

    def __init__(self, opportunities: pd.DataFrame) -> None:
        # Each grid has a file of its own, so that none writes over another's edits.
        self.file = draft_folder(opportunities) / f"{_name_deals(opportunities)}-{uuid4().hex[:12]}.jsonl"
        self._entries = 0

    def keep(self, sheet: EditSheet, answer: Answer | None = None) -> str:
        """Write the edits of an answer, or all of them; the reason if they could not be kept, else empty."""
        try:
            if sheet.is_untouched:
                self.file.unlink(missing_ok=True)
                return ""
            # Whoever took it in or dropped it has removed it.
            spare = _SPARE + 4 * sheet.edit_count
            if answer is None or not self.file.exists() or self._entries > spare:
                make_private_folder(self.file.parent)
                changes = list_changes(sheet, sheet.list_edits())
                write_whole(self.file, _write([_head(_name_notebook()), changes]), private=True)
                self._entries = len(changes)
            elif changes := list_changes(sheet, answer):
                append_line(self.file, json.dumps(changes).encode())
                self._entries += len(changes)
        except (OSError, DataError) as error:
            return str(getattr(error, "strerror", None) or error)
        return ""


def _name_notebook() -> str:
    """Name the notebook of this kernel, where its server tells."""
    name = Path(os.environ.get("JPY_SESSION_NAME", "")).name
    return name if name.endswith(".ipynb") else ""
