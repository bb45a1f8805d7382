"""The edits of a frame: what each cell and row is now, and what the server holds by now.

Rows are numbered as in the frame, and new ones continue from its end.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opp_analytics import org
from opp_analytics.widgets.grid.columns import Column, columns_of, shown
from opp_analytics.widgets.grid.frames import overlay
from opp_analytics.writer import same

__all__ = ["Edits", "Key", "Slot"]

Key = tuple[int, str]
"""Row and field of a cell."""


@dataclass(frozen=True)
class Slot:
    """A cell that was edited."""

    value: Any
    """Current value: the new one, or the kept one if the edit was refused."""
    changed: bool
    typed: Any = None
    why: str = ""
    """Sentence about a refusal; of the server's, the value is still the new one."""


class Edits:
    """The edits of a frame of opportunities, which is not changed itself.

    Parameters
    ----------
    opportunities : DataFrame
        Any frame of opportunities with unique ids.
    """

    def __init__(self, opportunities: pd.DataFrame) -> None:
        self.frame = org.require(opportunities, unique=True).rename(columns=str)
        self.frame.attrs = dict(opportunities.attrs)
        self.columns = columns_of(self.frame)
        self.column: dict[str, Column] = {column.field: column for column in self.columns}
        self._lists: dict[str, list[Any]] = {}
        self._settled: dict[Key, Any] = {}
        """Cells that the server holds by now, where they differ from the frame."""
        self._slots: dict[Key, Slot] = {}
        self._added: frozenset[int] = frozenset()
        self._removed: frozenset[int] = frozenset()
        self._created: set[int] = set()
        self._deleted: set[int] = set()
        self._rows = self._end = len(self.frame)  # a frame counts its rows anew each time

    def copy(self) -> Edits:
        """The same edits, apart from this one's."""
        other = copy.copy(self)
        other._settled, other._slots = dict(self._settled), dict(self._slots)
        other._created, other._deleted = set(self._created), set(self._deleted)
        return other

    # -- what there is

    @property
    def end(self) -> int:
        """Number of rows, new, removed and gone ones included."""
        return self._end

    @property
    def changed_rows(self) -> list[int]:
        """Rows with a change that can be written: a refusal is none, nor is a new deal without a name."""
        cells = set(filter(self._live, {row for (row, _), slot in self._slots.items() if slot.changed}))
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
        whole = {row for row in rows if row in self._removed or row in self._added}
        partly = set(rows) - whole
        cells = sum(slot.changed and row in partly for (row, _), slot in self._slots.items())
        return {"changes": cells + len(whole), "deals": len(rows), "problems": len(self.problems)}

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
        return row >= self._rows and row not in self._created

    def value(self, row: int, name: str) -> Any:
        """Current value of a cell."""
        slot = self._slots.get((row, name))
        return self.base_value(row, name) if slot is None else slot.value

    def base_value(self, row: int, name: str) -> Any:
        """Value of a cell on the server, as far as known."""
        if self._settled and (row, name) in self._settled:
            return self._settled[row, name]
        if row >= self._rows or name not in self.column:
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

    def open_rows(self, rows: Iterable[int]) -> list[tuple[int, int]]:
        """Rows, and 1 for an open deal, else 0."""
        stages = org.Org.of(self.frame)
        return [
            (row, int(org.outcome_of({c: self.value(row, c) for c in ("stage", "status")}, stages) == "open"))
            for row in rows
        ]

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

    # -- inside

    def _live(self, row: int) -> bool:
        if row < self._rows:
            return row not in self._removed and row not in self._deleted
        return self.row_state(row) not in ("removed", "gone")

    def _rows_of_base(self) -> list[int]:
        return [row for row in range(self._end) if not self.is_new(row) and row not in self._deleted]
