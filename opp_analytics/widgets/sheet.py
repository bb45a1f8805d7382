"""The sheet behind the grid: a frame under edit, with checks and undo.

Rows are numbered as in the frame, and new ones continue from its end. This module does not know the browser.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import org, schema
from opp_analytics.schema import BadCell
from opp_analytics.text import count, number
from opp_analytics.widgets.columns import columns_of
from opp_analytics.writer import format_cell, same

__all__ = ["Answer", "Sheet"]

_Key = tuple[int, str]
_REMOVED = "is in a removed row; undo the removal first"


@dataclass(frozen=True)
class _Slot:
    """A cell that was edited."""

    value: Any
    """Current value: the new one, or the old one if the edit was refused."""
    typed: Any = None
    refused: str = ""
    """Reason for a refusal."""


@dataclass(frozen=True)
class _Step:
    """The sheet before one edit, for undo."""

    slots: dict[_Key, _Slot | None]
    added: frozenset[int]
    removed: frozenset[int]


@dataclass(frozen=True)
class Answer:
    """The result of one edit, to show."""

    cells: list[tuple[int, str, Any, str, str]] = field(default_factory=list)
    """Row, field, value, state (changed, refused or empty), note."""
    rows: list[tuple[int, str]] = field(default_factory=list)
    """Row and state (added, removed, gone or empty)."""
    said: str = ""
    """The result in a sentence."""


def _nullable(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column at a dtype that can hold blanks, unlike numpy's integers and booleans."""
    fixed = isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub"
    return column.convert_dtypes() if fixed else column.copy()


class Sheet:
    """A frame under edit.

    Parameters
    ----------
    opportunities : DataFrame
        Any frame of opportunities with unique ids; it is not changed.

    Examples
    --------
    >>> sheet = Sheet(pd.DataFrame({"unique_id": ["a"], "name": ["Acme"], "probability": [40]}))
    >>> sheet.edit([(0, "probability", "140")]).said
    "probability of Acme: '140' is not between 0 and 100; write a whole percentage such as 60"
    >>> sheet.edit([(0, "probability", "60")]).said
    '1 cell changed'
    >>> sheet.edited["probability"].tolist(), sheet.undo().said
    ([60], 'undone: 1 cell')
    """

    def __init__(self, opportunities: pd.DataFrame) -> None:
        self.base = org.require(opportunities, unique=True).rename(columns=str)
        self.base.attrs = dict(opportunities.attrs)
        self.columns = columns_of(self.base)
        self._column = {column.field: column for column in self.columns}
        self._cells: dict[str, list[Any]] = {}
        self._slots: dict[_Key, _Slot] = {}
        self._added: frozenset[int] = frozenset()
        self._removed: frozenset[int] = frozenset()
        self._end = len(self.base)
        self._steps: list[_Step] = []

    def edit(self, cells: Iterable[tuple[int, str, Any]]) -> Answer:
        """Put typed text into cells; one undo reverts all of them.

        Parameters
        ----------
        cells : iterable of (int, str, str or None)
            Row, field, and typed text; None clears the cell.
        """
        before: dict[_Key, _Slot | None] = {}
        for row, name, text in cells:
            key = (row, name)
            before.setdefault(key, self._slots.get(key))
            self._put(key, self._read(key, text))
        self._steps.append(_Step(before, self._added, self._removed))
        return Answer(self._states(before), said=self._describe(before))

    def add(self, rows: int = 1) -> Answer:
        """Add empty rows; each needs a name before it can be created."""
        new = range(self._end, self._end + rows)
        self._end = new.stop
        keys: list[_Key] = [(row, "name") for row in new if "name" in self._column]
        self._steps.append(_Step(dict.fromkeys(keys), self._added, self._removed))
        self._added |= set(new)
        for key in keys:
            self._put(key, self._read(key, None))
        return Answer(
            self._states(keys), self._row_states(new), f"{count(rows, 'row')} added; enter a name in each"
        )

    def remove(self, rows: Iterable[int]) -> Answer:
        """Remove rows; the opportunities among them are deleted when the plan is applied."""
        gone = set(rows) - self._removed
        self._steps.append(_Step({}, self._added, self._removed))
        self._removed |= gone
        return Answer(rows=self._row_states(gone), said=f"{count(len(gone), 'row')} removed")

    def undo(self) -> Answer:
        """Undo the last edit."""
        if not self._steps:
            return Answer(said="nothing to undo")
        step = self._steps.pop()
        rows = (self._added ^ step.added) | (self._removed ^ step.removed)
        self._added, self._removed = step.added, step.removed
        for key, slot in step.slots.items():
            if slot is None:
                self._slots.pop(key, None)
            else:
                self._slots[key] = slot
        what = count(len(rows), "row") if rows else count(len(step.slots), "cell")
        return Answer(self._states(step.slots), self._row_states(rows), f"undone: {what}")

    def state(self) -> Answer:
        """All edits so far."""
        return Answer(self._states(self._slots), self._row_states(self._added | self._removed))

    def summary(self) -> str:
        """All edits so far, in a few words."""
        changed = sum(not slot.refused for slot in self._slots.values())
        refused = len(self._slots) - changed
        states = [self._row_state(row) for row in self._added | self._removed]
        parts = [count(changed, "cell") + " changed"] if changed else []
        parts += [f"{number(refused)} refused"] if refused else []
        parts += [f"{count(states.count(s), 'row')} {s}" for s in ("added", "removed") if s in states]
        return ", ".join(parts) or "no changes"

    @property
    def edited(self) -> pd.DataFrame:
        """The edited frame with unchanged dtypes; new rows at its end without ``unique_id``, and no removed rows."""
        frame = self._with_room()
        by_field: dict[str, dict[int, Any]] = {}
        for (row, name), slot in self._slots.items():
            by_field.setdefault(name, {})[row] = slot.value
        for name, cells in by_field.items():
            values = list(cells.values())
            column = _nullable(frame[name]) if None in values else frame[name].copy()
            column.iloc[list(cells)] = pd.Series(values, dtype=column.dtype).array
            frame[name] = column
        never_added = set(range(len(self.base), self._end)) - self._added
        edited = org.conform(frame.drop(index=list(self._removed | never_added)))
        edited.attrs = dict(self.base.attrs)
        return edited

    @property
    def refused(self) -> pd.DataFrame:
        """Refused edits: ``unique_id name field value problem``; value is as typed, the others are str."""
        found = [
            (self._value(row, "unique_id"), self._value(row, "name"), name, slot.typed, slot.refused)
            for (row, name), slot in self._slots.items()
            if slot.refused and self._row_state(row) not in ("removed", "gone")
        ]
        table = pd.DataFrame(
            found, columns=["unique_id", "name", "field", "value", "problem"], dtype="object"
        )
        return table.astype(dict.fromkeys(("unique_id", "name", "field", "problem"), schema.TEXT))

    def _with_room(self) -> pd.DataFrame:
        """A copy of the base with a blank row for every added row."""
        if self._end == len(self.base):
            return self.base.copy()
        columns = {str(name): _nullable(column) for name, column in self.base.items()}
        return self.base.assign(**columns).reindex(range(self._end))

    def _value(self, row: int, name: str) -> Any:
        """Current value of a cell."""
        slot = self._slots.get((row, name))
        return self._base_value(row, name) if slot is None else slot.value

    def _base_value(self, row: int, name: str) -> Any:
        if row >= len(self.base) or name not in self._column:
            return None
        if name not in self._cells:
            self._cells[name] = self.base[name].astype("object").tolist()
        value = self._cells[name][row]
        return None if schema.is_blank(value) else value

    def _read(self, key: _Key, text: Any) -> _Slot:
        row, name = key
        try:
            if self._row_state(row) in ("removed", "gone"):
                raise BadCell(_REMOVED)
            return _Slot(self._column[name].read(text))
        except BadCell as reason:
            return _Slot(self._value(row, name), text, str(reason))

    def _put(self, key: _Key, slot: _Slot) -> None:
        if not slot.refused and same(key[1], self._base_value(*key), slot.value):
            self._slots.pop(key, None)
        else:
            self._slots[key] = slot

    def _states(self, keys: Iterable[_Key]) -> list[tuple[int, str, Any, str, str]]:
        return [(*key, self._column[key[1]].wire(self._value(*key)), *self._mark(key)) for key in keys]

    def _mark(self, key: _Key) -> tuple[str, str]:
        slot = self._slots.get(key)
        if slot is None:
            return "", ""
        if slot.refused:
            return "refused", self._why(slot)
        return "changed", f"was {format_cell(key[1], self._base_value(*key))}"

    def _why(self, slot: _Slot) -> str:
        return slot.refused if schema.is_blank(slot.typed) else f"{slot.typed!r} {slot.refused}"

    def _row_state(self, row: int) -> str:
        new = row >= len(self.base)
        if new and (row in self._removed or row not in self._added):
            return "gone"
        return "removed" if row in self._removed else "added" if new else ""

    def _row_states(self, rows: Iterable[int]) -> list[tuple[int, str]]:
        return [(row, self._row_state(row)) for row in sorted(rows)]

    def _describe(self, before: dict[_Key, _Slot | None]) -> str:
        """The result of an edit in a sentence; the first refusal in full."""
        now = {key: self._slots.get(key) for key in before}
        refused = {key: slot for key, slot in now.items() if slot is not None and slot.refused}
        done = sum(slot != before[key] for key, slot in now.items() if key not in refused)
        changed = f"{count(done, 'cell')} changed"
        if not refused:
            return changed
        (row, name), slot = next(iter(refused.items()))
        first = f"{name} of {self._value(row, 'name') or f'row {row + 1}'}: {self._why(slot)}"
        return first if len(now) == 1 else f"{changed}, {number(len(refused))} refused: {first}"
