"""The sheet behind the grid: a frame under edit, with checks, undo and redo.

This module does not know the browser.
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
from opp_analytics.widgets.grid.columns import plain, shown
from opp_analytics.widgets.grid.edits import Edits, Key, Slot
from opp_analytics.widgets.grid.reading import operand, read, refusal
from opp_analytics.writer import find_problem, same

__all__ = ["Answer", "Mark", "Sheet"]

_REMOVED = "is in a deal that is marked for removal; undo that first"


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


class Sheet(Edits):
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
        super().__init__(opportunities)
        self._today = today
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
        return self._step(slots | self._foreign_stages(slots), label, locked=locked)

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

    def forget_steps(self) -> None:
        """Empty the stacks of undo and redo, after a write."""
        self._past.clear()
        self._future.clear()

    @property
    def labels(self) -> tuple[str, str]:
        """Names of the steps that undo and redo would take."""
        return tuple(steps[-1].label if steps else "" for steps in (self._past, self._future))  # type: ignore[return-value]

    def text(self, row: int, name: str) -> str | None:
        """A cell as it is typed."""
        return plain(self.column[name], self.value(row, name))

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

    # -- inside

    def _read(self, name: str, typed: Any) -> tuple[Any, str]:
        try:
            return read(self.column[name], typed, today=self._today), ""
        except BadCell as reason:
            return None, str(reason)

    def _foreign_stages(self, slots: dict[Key, Slot | None]) -> dict[Key, Slot | None]:
        """Refusals of stages that belong to another pipeline than the deal's."""
        meaning = org.Org.of(self.frame)
        found: dict[Key, Slot | None] = {}
        if org.PIPELINE not in self.column or not meaning.stages.pipelines:
            return found
        for key, slot in slots.items():
            if key[1] != "stage" or slot is None or slot.why:
                continue
            place = (key[0], org.PIPELINE)
            moved = slots.get(place)
            now = self.base_value(*place) if place in slots else self.value(*place)
            wrong = find_problem("stage", slot.value, meaning, pipeline=now if moved is None else moved.value)
            if wrong:
                found[key] = self._slot(key, slot.value, "; ".join(wrong), slot)
        return found

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
