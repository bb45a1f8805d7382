"""The sheet behind the grid: a frame under edit, with checks, undo and redo.

Rows are numbered as in the frame, and new ones continue from its end. This module does not know the browser.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from opp_analytics import org
from opp_analytics.schema import BadCell
from opp_analytics.text import count
from opp_analytics.widgets.grid.columns import Column, columns_of, shown
from opp_analytics.widgets.grid.frames import overlay
from opp_analytics.widgets.grid.reading import operand, read, refusal
from opp_analytics.writer import same

__all__ = ["Answer", "Key", "Mark", "Sheet", "Slot"]

Key = tuple[int, str]
"""Row and field of a cell."""
_REMOVED = "is in a deal that is marked for removal; undo that first"


@dataclass(frozen=True)
class Slot:
    """A cell that was edited."""

    value: Any
    """Current value: the new one, or the kept one if the edit was refused."""
    changed: bool
    typed: Any = None
    why: str = ""
    """Sentence about a refusal; of the server's, the value is still the new one."""


@dataclass(frozen=True)
class Mark:
    """How an edited cell looks."""

    was: tuple[Any] | None = None
    """Old value of a changed cell, as the browser has it, in a tuple of its own since it may be None."""
    why: str = ""
    typed: str | None = None


@dataclass(frozen=True)
class _Step:
    """What an undo or redo restores."""

    label: str
    slots: dict[Key, Slot | None]
    added: frozenset[int]
    removed: frozenset[int]


@dataclass(frozen=True)
class Answer:
    """The result of one action, to show."""

    cells: list[tuple[int, str, Any, Mark]] = field(default_factory=list)
    """Row, field, value, mark."""
    rows: list[tuple[int, str]] = field(default_factory=list)
    """Row and state (added, removed, gone or empty)."""
    said: str = ""
    refused: bool = False


class Sheet:
    """A frame under edit.

    Parameters
    ----------
    opportunities : DataFrame
        Any frame of opportunities with unique ids; it is not changed.
    today : date, optional
        Day that gives a date typed without a year its year; by default today.

    Examples
    --------
    >>> sheet = Sheet(pd.DataFrame({"unique_id": ["a"], "name": ["Acme"], "probability": [40]}))
    >>> sheet.edit([(0, "probability", "140")]).said
    'Chance not set: “140” is above 100%. Type a percentage from 0 to 100. Kept 40%.'
    >>> sheet.edit([(0, "probability", "60")]).said
    'Chance set to 60%'
    >>> sheet.edited["probability"].tolist(), sheet.undo().said
    ([60], 'Undone: Chance set to 60%')
    """

    def __init__(self, opportunities: pd.DataFrame, *, today: date | None = None) -> None:
        self.frame = org.require(opportunities, unique=True).rename(columns=str)
        self.frame.attrs = dict(opportunities.attrs)
        self.columns = columns_of(self.frame)
        self.column: dict[str, Column] = {column.field: column for column in self.columns}
        self._today = today
        self._lists: dict[str, list[Any]] = {}
        self._settled: dict[Key, Any] = {}
        """Cells that the server holds by now, where they differ from the frame."""
        self._slots: dict[Key, Slot] = {}
        self._added: frozenset[int] = frozenset()
        self._removed: frozenset[int] = frozenset()
        self._created: set[int] = set()
        self._deleted: set[int] = set()
        self._end = len(self.frame)
        self._past: list[_Step] = []
        self._future: list[_Step] = []

    # -- actions

    def edit(self, cells: Iterable[tuple[int, str, Any]], label: str = "") -> Answer:
        """Put typed text into cells, as one step.

        Parameters
        ----------
        cells : iterable of (int, str, str or None)
            Row, field, and typed text; None clears the cell. Cells of read-only columns are left as they are.
        label : str, optional
            Name of the step; "{cells}" in it becomes the number of cells.
        """
        slots: dict[Key, Slot | None] = {}
        known: dict[tuple[str, Any], tuple[Any, str]] = {}
        alike: dict[tuple[str, Any], Slot] = {}
        locked = 0
        for row, name, typed in cells:
            if self.column[name].locked:
                locked += 1
                continue
            what = (name, typed)
            if what not in known:
                known[what] = self._read(name, typed)
                alike[what] = Slot(known[what][0], True)
            slots[row, name] = self._slot((row, name), typed, known[what][1], alike[what])
        return self._step(slots, label, locked=locked)

    def revert(self, cells: Iterable[Key]) -> Answer:
        """Give cells their old values back and forget their refusals."""
        slots: dict[Key, Slot | None] = {key: None for key in cells if key in self._slots}
        return self._step(slots, f"Reverted {count(len(slots), 'cell')}")

    def dismiss(self, cells: Iterable[Key]) -> Answer:
        """Forget refusals; the cells keep their values."""
        slots: dict[Key, Slot | None] = {}
        for key in cells:
            slot = self._slots.get(key)
            if slot is not None and slot.why:
                slots[key] = Slot(slot.value, True) if slot.changed else None
        return self._step(slots, f"Dismissed {count(len(slots), 'refusal')}")

    def add(self) -> Answer:
        """Add an empty row; it needs a name before the deal can be created."""
        row = self._end
        self._end += 1
        why = refusal(None, "is blank; a deal needs a name")
        slots: dict[Key, Slot | None] = {}
        if "name" in self.column:
            slots[row, "name"] = Slot(None, False, None, why)
        return self._step(slots, "Added a deal", added=self._added | {row}, quiet=True)

    def remove(self, rows: Iterable[int]) -> Answer:
        """Mark rows for removal, or keep them if all are marked; the deals are deleted when the plan is applied."""
        wanted = frozenset(rows)
        if wanted <= self._removed:
            return self._step({}, f"Kept {count(len(wanted))}", removed=self._removed - wanted)
        label = f"Marked {count(len(wanted))} for removal"
        return self._step({}, label, removed=self._removed | wanted)

    def undo(self) -> Answer:
        """Undo the last step."""
        return self._back(self._past, self._future, "Undone", "Nothing to undo")

    def redo(self) -> Answer:
        """Do the last undone step again."""
        return self._back(self._future, self._past, "Redone", "Nothing to redo")

    def state(self) -> Answer:
        """All edits so far."""
        changed = self._added | self._removed | self._deleted | self._created
        return Answer(self._states({*self._slots, *self._settled}), self._row_states(changed))

    # -- what the server said

    def settle(self, cells: dict[Key, Any]) -> None:
        """Take cells as what the server holds; an edit that says the same is no change any more."""
        self._settled |= cells
        for key, value in cells.items():
            slot = self._slots.get(key)
            if slot is not None and same(key[1], slot.value, value):
                del self._slots[key]
            elif slot is not None:
                self._slots[key] = Slot(slot.value, True, slot.typed, slot.why)

    def settle_row(self, row: int, *, created: str | None = None, deleted: bool = False) -> None:
        """Take a row as created, with its id, or as deleted on the server."""
        if deleted:
            self._deleted.add(row)
            self._removed -= {row}
        if created is not None:
            self._created.add(row)
            self._added -= {row}
            self._settled[row, "unique_id"] = created

    def give_way(self, key: Key) -> None:
        """Drop a change because the server's value stays."""
        self._slots.pop(key, None)

    def keep_row(self, row: int, *, back: bool = False) -> None:
        """Drop the removal of a row; `back` if it had been deleted on the server and was recovered."""
        self._removed -= {row}
        if back:
            self._deleted.discard(row)

    def refuse(self, key: Key, why: str) -> None:
        """Note the server's refusal of a change, which stays a change."""
        slot = self._slots.get(key)
        if slot is not None:
            self._slots[key] = Slot(slot.value, slot.changed, shown(self.column[key[1]], slot.value), why)

    def forget_steps(self) -> None:
        """Empty the stacks of undo and redo, after a write."""
        self._past.clear()
        self._future.clear()

    # -- what there is

    @property
    def end(self) -> int:
        """Number of rows, new, removed and gone ones included."""
        return self._end

    @property
    def labels(self) -> tuple[str, str]:
        """Names of the steps that undo and redo would take."""
        return tuple(steps[-1].label if steps else "" for steps in (self._past, self._future))  # type: ignore[return-value]

    @property
    def changed_rows(self) -> list[int]:
        """Rows with a change that can be written: a refusal is none, nor is a new deal without a name."""
        cells = {row for (row, _), slot in self._slots.items() if slot.changed and self._live(row)}
        whole = {row for row in self._added | self._removed if self.row_state(row) != "gone"}
        unnamed = {row for row in self._added if self.value(row, "name") is None}
        return sorted((cells | whole) - unnamed)

    @property
    def changes(self) -> int:
        """Number of changes: changed cells, and one for each added or removed deal."""
        return self.numbers["changes"]

    @property
    def numbers(self) -> dict[str, int]:
        """Number of changes, of the deals they are in, and of problems."""
        rows = self.changed_rows
        whole = sum(1 for row in rows if row in self._removed or row in self._added)
        cells = sum(
            slot.changed and self._live(row) and row not in self._added
            for (row, _), slot in self._slots.items()
        )
        return {"changes": cells + whole, "deals": len(rows), "problems": len(self.problems)}

    def fields_of(self, rows: Iterable[int]) -> dict[int, list[str]]:
        """Changed fields of rows, in the order of the columns; an added or removed row counts once, as ""."""
        fields: dict[int, list[str]] = {row: [] for row in rows}
        for row in fields:
            if self.row_state(row):
                fields[row] = [""]
        for (row, name), slot in self._slots.items():
            if row in fields and slot.changed and not self.row_state(row):
                fields[row].append(name)
        place = {name: position for position, name in enumerate(self.column)}
        return {row: sorted(names, key=lambda name: place.get(name, -1)) for row, names in fields.items()}

    @property
    def problems(self) -> dict[Key, Slot]:
        """Refused edits."""
        return {key: slot for key, slot in self._slots.items() if slot.why and self._live(key[0])}

    @property
    def base(self) -> pd.DataFrame:
        """The opportunities as the server is known to hold them."""
        return self.before(self._rows_of_base())

    @property
    def edited(self) -> pd.DataFrame:
        """The edited frame with unchanged dtypes; new rows at its end without ``unique_id``, and no removed rows."""
        return self.after([row for row in range(self._end) if self._live(row)])

    def before(self, rows: list[int], fields: list[str] | None = None) -> pd.DataFrame:
        """Rows as the server is known to hold them; all columns, or some."""
        return overlay(self.frame, self._settled, rows, fields)

    def after(self, rows: list[int], fields: list[str] | None = None) -> pd.DataFrame:
        """Rows as edited; all columns, or some."""
        values = {key: slot.value for key, slot in self._slots.items()}
        return overlay(self.frame, self._settled | values, rows, fields)

    def is_new(self, row: int) -> bool:
        """Whether the row is not on the server yet."""
        return row >= len(self.frame) and row not in self._created

    def value(self, row: int, name: str) -> Any:
        """Current value of a cell."""
        slot = self._slots.get((row, name))
        return self.base_value(row, name) if slot is None else slot.value

    def base_value(self, row: int, name: str) -> Any:
        """Value of a cell on the server, as far as known."""
        if self._settled and (row, name) in self._settled:
            return self._settled[row, name]
        if row >= len(self.frame) or name not in self.column:
            return None
        if name not in self._lists:
            cells = self.frame[name].astype("object")
            self._lists[name] = cells.where(cells.notna() & (cells != ""), None).tolist()
        return self._lists[name][row]

    def name(self, row: int) -> str:
        """A deal's name, for messages."""
        return str(self.value(row, "name") or self.value(row, "unique_id") or "New deal")

    def row_state(self, row: int) -> str:
        """added, removed, gone, or empty for a row that is just there."""
        if row in self._deleted or (self.is_new(row) and (row in self._removed or row not in self._added)):
            return "gone"
        return "removed" if row in self._removed else "added" if self.is_new(row) else ""

    def judge(self, cells: Iterable[tuple[str, Any]]) -> list[tuple[Any, str]]:
        """For each field and typed text: the value as the browser has it, and the sentence of a refusal."""
        judged = []
        for name, typed in cells:
            value, why = self._read(name, typed)
            judged.append((None if why else self.column[name].wire(value), why and refusal(typed, why)))
        return judged

    def operands(self, cells: Iterable[tuple[str, str]]) -> list[tuple[Any, str]]:
        """For each field and text of a filter: what to compare with, and why it is neither amount nor date."""
        found: list[tuple[Any, str]] = []
        for name, typed in cells:
            try:
                value = operand(self.column[name], typed, today=self._today)
            except BadCell as reason:
                found.append((None, str(reason)))
            else:
                found.append((f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else value, ""))
        return found

    def open_rows(self, rows: Iterable[int]) -> list[tuple[int, int]]:
        """Rows, and 1 for an open deal, else 0."""
        stages = org.Org.of(self.frame)
        return [
            (row, int(org.outcome_of({c: self.value(row, c) for c in ("stage", "status")}, stages) == "open"))
            for row in rows
        ]

    # -- inside

    def _live(self, row: int) -> bool:
        if row < len(self.frame):
            return row not in self._removed and row not in self._deleted
        return self.row_state(row) not in ("removed", "gone")

    def _rows_of_base(self) -> list[int]:
        return [row for row in range(self._end) if not self.is_new(row) and row not in self._deleted]

    def _read(self, name: str, typed: Any) -> tuple[Any, str]:
        try:
            return read(self.column[name], typed, today=self._today), ""
        except BadCell as reason:
            return None, str(reason)

    def _slot(self, key: Key, typed: Any, why: str, slot: Slot) -> Slot | None:
        if self._removed and self.row_state(key[0]) == "removed":
            why = _REMOVED
        base = self.base_value(*key)
        if why:
            kept = self.value(*key)
            said = f"{refusal(typed, why)} Kept {shown(self.column[key[1]], kept)}."
            return Slot(kept, not same(key[1], base, kept), typed, said)
        return None if base == slot.value else slot

    def _step(
        self,
        slots: dict[Key, Slot | None],
        label: str,
        *,
        added: frozenset[int] | None = None,
        removed: frozenset[int] | None = None,
        locked: int = 0,
        quiet: bool = False,
    ) -> Answer:
        """Put slots and row states in place, remember how to undo them, and say what was done."""
        slots = {key: slot for key, slot in slots.items() if self._slots.get(key) != slot}
        added = self._added if added is None else added
        removed = self._removed if removed is None else removed
        rows = (self._added ^ added) | (self._removed ^ removed)
        aside = ""
        if locked:
            aside = f", {count(locked, 'read-only cell')} left as {'it was' if locked == 1 else 'they were'}"
        if not slots and not rows:
            return Answer(said=f"Nothing to change{aside}")
        refused = [slot.why for slot in slots.values() if slot is not None and slot.why]
        label = label.replace("{cells}", count(len(slots), "cell")) or self._describe(slots)
        self._past.append(_Step(label, {k: self._slots.get(k) for k in slots}, self._added, self._removed))
        self._future.clear()
        self._place(slots, added, removed)
        said = label + aside
        if refused and not quiet:
            said = _with_refusals(label, aside, refused, len(slots), self.column[next(iter(slots))[1]].title)
        return Answer(self._states(slots), self._row_states(rows), said, bool(refused) and not quiet)

    def _place(self, slots: dict[Key, Slot | None], added: frozenset[int], removed: frozenset[int]) -> None:
        self._added, self._removed = added, removed
        for key, slot in slots.items():
            if slot is None:
                self._slots.pop(key, None)
            else:
                self._slots[key] = slot

    def _describe(self, slots: dict[Key, Slot | None]) -> str:
        (row, name), *more = slots
        title = self.column[name].title
        if more:
            return f"Set {count(len(slots), 'cell')} in {title}"
        slot = slots[row, name]
        value = self.base_value(row, name) if slot is None else slot.value
        return f"{title} set to {shown(self.column[name], value)}"

    def _back(self, steps: list[_Step], others: list[_Step], done: str, nothing: str) -> Answer:
        if not steps:
            return Answer(said=nothing)
        step = steps.pop()
        others.append(
            _Step(step.label, {key: self._slots.get(key) for key in step.slots}, self._added, self._removed)
        )
        rows = (self._added ^ step.added) | (self._removed ^ step.removed)
        self._place(step.slots, step.added, step.removed)
        return Answer(self._states(step.slots), self._row_states(rows), f"{done}: {step.label}")

    def _states(self, keys: Iterable[Key]) -> list[tuple[int, str, Any, Mark]]:
        return [(*key, self.column[key[1]].wire(self.value(*key)), self._mark(key)) for key in keys]

    def _mark(self, key: Key) -> Mark:
        slot = self._slots.get(key)
        if slot is None:
            return Mark()
        column = self.column[key[1]]
        was = (column.wire(self.base_value(*key)),) if slot.changed and not self.is_new(key[0]) else None
        return Mark(was, slot.why, None if slot.typed is None else str(slot.typed))

    def _row_states(self, rows: Iterable[int]) -> list[tuple[int, str]]:
        return [(row, self.row_state(row)) for row in sorted(rows)]


def _with_refusals(label: str, aside: str, refused: list[str], cells: int, title: str) -> str:
    if cells == 1:
        return f"{title} not set: {refused[0]}"
    return f"{label}{aside} · {len(refused):,} refused: {refused[0]}"
