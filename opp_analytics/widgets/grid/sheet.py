"""The sheet behind the grid: opportunities under edit, with checks and undo.

It also has the grid's columns, and what the server holds by now.

It does not know the browser. Rows are numbered as in the frame, and new ones continue from its end.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as field_of
from datetime import date
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import inputs, org, schema, text
from opp_analytics.arrays import Series
from opp_analytics.errors import ArgumentValueError
from opp_analytics.inputs import fold
from opp_analytics.org import DEFAULT, Org
from opp_analytics.schema import BadCell, Json
from opp_analytics.text import count
from opp_analytics.widgets.messages import read_days, write_refusal
from opp_analytics.writer import KINDS, find_problem, normalize, read_typed, replace_cells, same

_KINDS = KINDS | dict.fromkeys(("stage", "status"), "choice")
_KINDS |= dict.fromkeys(("created_at", "updated_at"), "instant")
_TITLES = {
    "name": "Deal",
    "owner_name": "Owner",
    "stage": "Stage",
    "value": "Value",
    "close_date": "Close date",
    "probability": "Stated",
    "status": "Status",
    "account_name": "Account",
    "created_at": "Created",
    "updated_at": "Updated",
}
"""Titles of the first columns, in their order."""
_MOST_NAMES = 500
"""Names offered as a list; a longer one can't be scrolled."""
_LARGEST = 2**53
"""Whole numbers that a browser can hold: its numbers are floats."""
_NUMERIC = ("money", "percent", "number", "whole")
_FORMATS = {"date": "%Y-%m-%d", "instant": "%Y-%m-%d %H:%M"}


@dataclass(frozen=True)
class GridColumn:
    """One column of the grid."""

    field: str
    title: str
    kind: str
    """text, money, percent, number, whole, date, instant, choice, person or flag."""
    locked: str = ""
    """Why no cell can be edited; empty if cells can."""
    hidden: bool = False
    """Hidden at first: identifiers and timestamps."""
    options: tuple[str, ...] = ()
    """Values of a choice or flag; names offered for a person."""
    by_pipeline: dict[str, tuple[str, ...]] = field_of(default_factory=dict)
    """The options by pipeline, where the org has several."""

    def encode(self, value: Any) -> str | float | None:
        """Encode a cell for the browser: a number, text, or None when blank."""
        if value is None or schema.is_blank(value):
            return None
        if self.kind in _NUMERIC:
            return float(value)
        return str(value.strftime(_FORMATS[self.kind])) if self.kind in _FORMATS else str(value)

    def show(self, value: Any) -> str:
        """Format a cell as the grid shows it, for messages."""
        if schema.is_blank(value):
            return "empty"
        if self.kind in _FORMATS:
            return text.day(value, year=True)
        if self.kind == "percent":
            return text.percent(float(value) / 100)
        if self.kind in _NUMERIC:
            return text.money(float(value), full=True)
        return text.label(value) if self.kind == "choice" else str(value)

    def spell(self, value: Any) -> str | None:
        """Spell a cell as it is typed, so that `read` gives it back; None when blank."""
        if schema.is_blank(value):
            return None
        if self.kind == "date":
            return f"{value:%Y-%m-%d}"
        if self.kind in _NUMERIC:
            typed = inputs.spell_amount(float(value))
            return f"{typed}%" if self.kind == "percent" else typed
        return text.label(value) if self.kind == "choice" else str(value)

    def read(
        self, typed: Any, *, today: date | None = None, closed: bool = False, meaning: Org = DEFAULT
    ) -> Any:
        """Read typed text as a value of the frame, None when blank.

        The message of BadCell completes a quote of what was typed.

        A date without a year is the next one of an open deal, the last one of a `closed` one.
        `meaning` tells the currency, and the habits of writing of its country.
        """
        if self.locked:
            raise BadCell("is in a column that is read only")
        bare = typed.strip() if isinstance(typed, str) else typed
        if isinstance(typed, str) and not text.is_whole(typed):
            raise BadCell("holds half of a character", "type it again")
        if schema.is_blank(bare):
            if self.field == "name":
                raise BadCell("is blank", "a deal needs a name")
            return None
        value = self._parse(str(bare), today, closed, meaning)
        # A choice is one of its options by now.
        if self.field not in schema.COLUMNS or self.kind == "choice":
            return value
        wrong = find_problem(self.field, value)
        if wrong:
            raise BadCell(*wrong)
        return normalize(self.field, value)

    def _parse(self, typed: str, today: date | None, closed: bool, meaning: Org) -> Any:
        if self.kind == "flag":
            return inputs.read_flag(typed)
        if self.kind == "choice":
            option = inputs.match_name(typed, self.options)
            if option is None:
                hint = inputs.did_you_mean(typed, self.options, most=2, write=text.label)
                raise BadCell(f"is not a {self.title.lower()}", hint)
            return option
        dates: Json = {"today": today, "past": closed, "day_first": meaning.day_first}
        value = read_typed(self.kind, typed, meaning, **(dates if self.kind == "date" else {}))
        if self.kind not in ("percent", "whole"):
            return value
        if value != int(value):
            raise BadCell("is not a whole number", f"type {int(value)} or {int(value) + 1}")
        if abs(value) >= _LARGEST:
            raise BadCell("is too large")
        return int(value)


def _classify(column: Series) -> tuple[str, str]:
    """Find the kind of a column outside the schema, and what of it a grid cannot edit."""
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "flag", ""
    if pd.api.types.is_integer_dtype(dtype):
        exact = bool((column.abs() <= _LARGEST).all())
        return ("whole", "") if exact else ("text", "whole numbers too large for a browser")
    if pd.api.types.is_float_dtype(dtype):
        finite = not column.isin([math.inf, -math.inf]).any()  # JSON has no infinity
        return ("number", "") if finite else ("text", "infinite numbers")
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "instant", "times of day"
    if pd.api.types.is_datetime64_dtype(dtype):
        return "date", ""
    is_text = pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty")
    return "text", "" if is_text else "values that are no text"


def _make_column(
    name: str, cells: Series, meaning: Org, people: Iterable[str], editable: Sequence[str]
) -> GridColumn:
    known = name in schema.COLUMNS
    kind, odd = (_KINDS.get(name, "text"), "") if known else _classify(cells)
    if name in schema.READ_ONLY:
        locked = "the server sets it"
    elif name in meaning.derived:
        locked = f"it comes from {meaning.find_source(name)}"
    elif editable and name not in editable:
        locked = f"this grid edits {text.joined(editable)} only"
    else:
        locked = odd and f"it holds {odd}"
    options = {"stage": meaning.stages.names, "status": schema.STATUSES}.get(name, ())
    if kind == "flag":
        options = ("True", "False")
    if name.endswith("owner_name") and not locked:
        names = sorted({*cells.dropna(), *people})
        kind, options = "person", tuple(names[:_MOST_NAMES])
    stages = meaning.stages
    split = (
        {pipeline: stages.of(pipeline).names for pipeline in stages.pipelines}
        if name == "stage"
        else {}
    )
    hidden = name.endswith("_id") or name in ("created_at", "updated_at")
    title = _TITLES.get(name) or (name if hidden else text.label(name).capitalize())
    locked = locked and f"{title} is read only: {locked}"
    return GridColumn(name, title, kind, locked, hidden, options, split)


def make_columns(
    opportunities: pd.DataFrame, people: Iterable[str] = (), editable: Sequence[str] = ()
) -> list[GridColumn]:
    """Make the grid's columns: the deal's name first, timestamps and identifiers hidden at the end.

    An owner may be one of the `people`, too. Identifiers, the server's timestamps, and columns of
    lists, objects or custom categories are locked; so are all but the `editable` ones, if any are.
    """
    meaning = Org.of(opportunities)
    names = map(str, opportunities.columns)
    columns = [_make_column(name, opportunities[name], meaning, people, editable) for name in names]
    first = list(_TITLES)
    place = {c.field: first.index(c.field) if c.field in first else len(first) for c in columns}
    return sorted(columns, key=lambda column: (column.hidden, place[column.field]))


def _array(column: GridColumn, cells: Series) -> pa.Array:
    if column.kind in _NUMERIC:
        return pa.array(cells.astype("float64"), from_pandas=True)
    if column.kind in _FORMATS:
        naive = cells.dt.tz_localize(None)
        return pc.strftime(pa.array(naive), _FORMATS[column.kind]).dictionary_encode()
    texts = isinstance(cells.dtype, (pd.StringDtype, pd.CategoricalDtype))
    text_cells = cells if texts else cells.astype("object").map(str, na_action="ignore")
    return pa.array(text_cells.astype(schema.TEXT)).cast(pa.string()).dictionary_encode()


def to_arrow(opportunities: pd.DataFrame, columns: Sequence[GridColumn]) -> bytes:
    """Write the frame as an Arrow stream of numbers and texts, as in `GridColumn.encode`."""
    table = pa.table({c.field: _array(c, opportunities[c.field]) for c in columns})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


Key = tuple[int, str]
"""Row and field of a cell."""
_PREVIEWED = 3
"""Deals whose change is shown before it is made."""
_FAR = 3653
"""Days from now, ten years, in which no open deal closes."""
_ODD = 100
"""Times the largest, or part of the smallest, amount of the others: likely a slip."""
_INEXACT = 9e13
"""Amounts from which a float holds no cents."""
_REMOVED = BadCell("is in a deal that is marked for removal", "undo that first")
_MONEY = (org.VALUE_ORIGINAL, org.CURRENCY)
"""Columns whose edit changes the converted value."""


@dataclass(frozen=True)
class CellEdit:
    """A cell that was edited."""

    value: Any
    """Current value: the new one, or the old one if the edit was refused."""
    changed: bool
    typed: Any = None
    why: str = ""
    """Sentence about a refusal; after the server's, the value is still the new one."""
    refusal: BadCell | None = field_of(default=None, compare=False)
    """What equal refusals have in common: `why` without what was typed and kept."""


Edits = dict[Key, CellEdit | None]
"""Edits by their cells; None takes an edit back."""
_NAMELESS = CellEdit(None, False, None, "A deal needs a name.", BadCell("a deal needs a name"))


@dataclass(frozen=True)
class EditResult:
    """The result of one action: the cells and rows to show anew, and a message."""

    cells: list[Key] = field_of(default_factory=list)
    rows: list[int] = field_of(default_factory=list)
    said: str = ""
    notes: tuple[str, ...] = ()
    """What was left out or refused, and what deserves a second look."""
    refused: bool = False
    offer: str = ""
    """What `EditSheet.agree` would do now, as a question."""

    @property
    def message(self) -> str:
        """The words of the result and its notes."""
        return " · ".join((self.said, *self.notes))


@dataclass(frozen=True)
class _UndoStep:
    """The state before an action, or before its undo."""

    label: str
    cells: Edits
    added: frozenset[int]
    removed: frozenset[int]


class EditSheet:
    """A frame of opportunities under edit, which itself stays unchanged.

    `today` completes dates typed without a year.

    >>> sheet = EditSheet(pd.DataFrame({"unique_id": ["a"], "name": ["Acme"], "probability": [40]}))
    >>> sheet.edit([(0, "probability", "140")]).message
    'Stated not set: “140” is above 100%. Type a percentage from 0 to 100. Kept 40%.'
    >>> sheet.edit([(0, "probability", "60")]).message
    'Stated set to 60%'
    >>> sheet.edited["probability"].tolist(), sheet.undo().message
    ([60], 'Undone: Stated set to 60%')
    """

    def __init__(
        self,
        opportunities: pd.DataFrame,
        *,
        today: date | None = None,
        people: Iterable[str] = (),
        columns: Sequence[str] = (),
        add: bool = True,
        remove: bool = True,
    ) -> None:
        self.frame = org.require(opportunities, *columns, unique=True).rename(columns=str)
        self._people = tuple(people)
        self.columns = make_columns(self.frame, self._people, columns)
        self.adds, self.removes = add, remove
        self.column: dict[str, GridColumn] = {column.field: column for column in self.columns}
        self._org = org.Org.of(self.frame)
        self._rates = self._org.hold_rates(self.frame) if org.is_converted(self.frame) else None
        self._today = today
        # One cell of a frame costs microseconds; a list of a column nanoseconds.
        self._list = cache(self._list_column)
        self._known = cache(self._index_known)
        self._measure = cache(self._measure_column)
        self._named = {
            c.field for c in self.columns if c.kind == "person" or c.field == "account_name"
        }
        self._offered: dict[Key, Any] = {}
        self._on_server: dict[Key, Any] = {}
        """Values on the server, where they differ from the frame by now."""
        self._cells: dict[Key, CellEdit] = {}
        self._added: frozenset[int] = frozenset()
        self._removed: frozenset[int] = frozenset()
        self._created: set[int] = set()
        self._deleted: set[int] = set()
        self._rows = self._end = len(self.frame)
        self._past: list[_UndoStep] = []
        self._future: list[_UndoStep] = []

    def copy(self) -> EditSheet:
        """Copy the edits, without their undo."""
        other = copy.copy(self)
        other._on_server, other._cells = dict(self._on_server), dict(self._cells)
        other._created, other._deleted = set(self._created), set(self._deleted)
        other._past, other._future = [], []
        return other

    # -- actions

    def edit(
        self,
        cells: Iterable[tuple[int, str, Any]],
        label: str = "",
        aside: str = "",
        *,
        added: Iterable[int] = (),
        removed: Iterable[int] = (),
    ) -> EditResult:
        """Put typed text into cells, as one step.

        None clears a cell, and read-only ones are left as they are.

        "{cells}" in the label becomes the number of cells; `aside` is what else the step does.
        Rows that are reserved may be `added` in the same step, and rows marked as `removed`.
        """
        edits = self._ask_names(added)
        read_once = cache(self._read)  # a column is often filled with one text
        typed_names = cache(self._index_typed)

        @cache
        def find_name(name: str, typed: str) -> str:
            """Find the name that is known in other letters, else take the one that is typed."""
            known, folded = self._known(name), fold(typed)
            return known.get(folded) or typed_names(name).get(folded) or typed

        locked = 0
        for row, name, typed in cells:
            column = self.column[name]
            if column.locked:
                locked += 1
                continue
            if edits.get((row, name)) is _NAMELESS and schema.is_blank(typed):
                continue
            closed = column.kind == "date" and self._org.stages.is_closed(self._find_state(row))
            cell = self._refuse_converted(row, name, typed) or read_once(name, typed, closed)
            if name in self._named and cell.value is not None:
                cell = replace(cell, value=find_name(name, cell.value))
                typed_names(name).setdefault(fold(cell.value), cell.value)
            edits[row, name] = self._fit((row, name), typed, cell)
        edits |= self._refuse_foreign_stages(edits)
        rows = self._added.union(added), self._removed.union(removed)
        answer = self._step(edits, label, aside, locked=locked, added=rows[0], removed=rows[1])
        moved = dict.fromkeys(
            key[0] for key, cell in edits.items() if cell and key[1] in ("stage", "status")
        )
        self._offered = {
            (row, name): each for row in moved for name, each in self._list_leftovers(row).items()
        }
        offer = f"Also set {told}?" if (told := self._name_offer()) else ""
        return replace(answer, notes=(*answer.notes, *self._list_notes(edits)), offer=offer)

    def agree(self) -> EditResult:
        """Do what the last step offered: set chance and close date of closed deals.

        The deals are those that the step closed.
        """
        told = self._name_offer()
        cells = [(*key, self.column[key[1]].spell(value)) for key, value in self._offered.items()]
        return self.edit(cells, f"Set {told}") if cells else EditResult(said="Nothing to change")

    def change_many(
        self, rows: Sequence[int], verb: str, *, field: str = "close_date", text: str = ""
    ) -> EditResult:
        """Make one change to a `field` of many deals, as one step; those without a value stay.

        “set” puts `text` into it; “move” moves a date (``+ 30d``), and “month_end” to the end of
        its month.
        """
        column = self.column[field]
        if verb == "set":
            done = "Set" if text else "Cleared"
            label = f"{done} {column.title} in {count(len(rows))}"
            return self.edit(((row, field, text or None) for row in rows), label)
        if column.kind != "date":
            raise ArgumentValueError(f"{column.title} is not a date. Set it instead.")
        move = _read_move(verb, text)
        held = {row: value for row in rows if (value := self.value(row, field)) is not None}
        moved = {row: column.spell(day + move) for row, day in held.items()}
        cells = [(row, field, day) for row, day in moved.items() if day != column.spell(held[row])]
        how = "to the end of the month" if verb == "month_end" else f"by {text.strip()}"
        empty = (
            f", {count(len(rows) - len(held), 'empty cell')} left" if len(held) < len(rows) else ""
        )
        return self.edit(cells, f"Moved {column.title} {how} in {count(len(cells))}{empty}")

    def preview(
        self, rows: Sequence[int], verb: str, *, field: str = "close_date", text: str = ""
    ) -> Json:
        """Show what `change_many` would do: its message, and the first deals before and after."""
        trial, column = self.copy(), self.column[field]
        try:
            answer = trial.change_many(rows, verb, field=field, text=text)
        except ArgumentValueError as reason:
            return {"lines": [], "said": str(reason), "more": 0}
        changed = [(row, trial.edit_of((row, field))) for row, _ in answer.cells]
        lines = [
            {
                "deal": self.deal_name(row),
                "old": column.show(self.value(row, field)),
                "new": column.show(trial.value(row, field)),
                "why": cell.why if cell else "",
            }
            for row, cell in changed[:_PREVIEWED]
        ]
        refused = sum(bool(cell and cell.why) for _, cell in changed)
        told = f"{len(answer.cells) - refused:,} of {count(len(rows))} would change"
        said = " · ".join((told, *answer.notes))
        return {"lines": lines, "said": said, "more": max(0, len(changed) - _PREVIEWED)}

    def revert(self, cells: Iterable[Key]) -> EditResult:
        """Give cells their old values back and forget their refusals."""
        edits: Edits = {key: None for key in cells if key in self._cells}
        return self._step(edits, f"Reverted {count(len(edits), 'cell')}")

    def dismiss(self, cells: Iterable[Key]) -> EditResult:
        """Forget refusals; the cells keep their values."""
        edits: Edits = {}
        for key in cells:
            cell = self._cells.get(key)
            if cell is not None and cell.why:
                edits[key] = CellEdit(cell.value, True) if cell.changed else None
        return self._step(edits, f"Dismissed {count(len(edits), 'refusal')}")

    def reserve_rows(self, number: int) -> range:
        """Reserve rows for new deals, which are gone until they are added."""
        rows = range(self._end, self._end + number)
        self._end = rows.stop
        return rows

    def add(self) -> EditResult:
        """Add an empty row; it needs a name before the deal can be created."""
        row = self.reserve_rows(1)
        return self._step(self._ask_names(row), "Added a deal", added=self._added.union(row))

    def duplicate(self, rows: Sequence[int]) -> EditResult:
        """Add a deal with the same writable cells for each row, named as a copy.

        Identifiers stay behind.
        """
        added = self.reserve_rows(len(rows))
        edits = self._ask_names(added)
        for row, new in zip(rows, added, strict=True):
            for name, column in self.column.items():
                value = self.value(row, name)
                if column.locked or value is None or (name == "value" and self._find_foreign(row)):
                    continue
                edits[new, name] = CellEdit(f"{value} (copy)" if name == "name" else value, True)
        return self._step(edits, f"Duplicated {count(len(rows))}", added=self._added.union(added))

    def remove(self, rows: Iterable[int]) -> EditResult:
        """Mark rows for removal, or keep them if all are marked.

        The deals are deleted when the plan is applied.
        """
        marked = frozenset(rows)
        if marked <= self._removed:
            return self._step({}, f"Kept {count(len(marked))}", removed=self._removed - marked)
        label = f"Marked {count(len(marked))} for removal"
        return self._step({}, label, removed=self._removed | marked)

    def undo(self) -> EditResult:
        """Undo the last step."""
        return self._swap(self._past, self._future, "Undone", "Nothing to undo")

    def redo(self) -> EditResult:
        """Do the last undone step again."""
        return self._swap(self._future, self._past, "Redone", "Nothing to redo")

    def list_edits(self) -> EditResult:
        """List all edits so far."""
        rows = self._added | self._removed | self._deleted | self._created
        return EditResult(list({**self._cells, **self._on_server}), sorted(rows))

    def forget_steps(self) -> None:
        """Empty the stacks of undo and redo, after a write."""
        self._past.clear()
        self._future.clear()

    @property
    def step_labels(self) -> tuple[str, ...]:
        """Names of the steps that undo and redo would take."""
        return tuple(steps[-1].label if steps else "" for steps in (self._past, self._future))

    # -- what a cell or a row is

    def value(self, row: int, name: str) -> Any:
        """Look up the current value of a cell."""
        cell = self._cells.get((row, name))
        return self.base_value(row, name) if cell is None else cell.value

    def base_value(self, row: int, name: str) -> Any:
        """Look up the value of a cell on the server, as far as known."""
        if self._on_server and (row, name) in self._on_server:
            return self._on_server[row, name]
        return None if row >= self._rows or name not in self.column else self._list(name)[row]

    def spell(self, row: int, name: str) -> str | None:
        """Spell a cell as it is typed."""
        return self.column[name].spell(self.value(row, name))

    def edit_of(self, key: Key) -> CellEdit | None:
        """Look up the edit of a cell; None where there is none."""
        return self._cells.get(key)

    def deal_name(self, row: int) -> str:
        """Name a deal in messages."""
        return str(self.value(row, "name") or self.value(row, "unique_id") or "New deal")

    def name_cell(self, key: Key) -> Json:
        """Name a cell in lists: ``row field deal title``."""
        row, name = key
        return {
            "row": row,
            "field": name,
            "deal": self.deal_name(row),
            "title": self.column[name].title,
        }

    def identify(self, row: int) -> str:
        """Name a row outside the sheet: its ``unique_id``.

        ``new 1``, ``new 2``, … of a new deal.
        """
        return (
            f"new {row - self._rows + 1}"
            if self.is_new(row)
            else str(self.base_value(row, "unique_id"))
        )

    @property
    def rows_by_id(self) -> dict[str, int]:
        """The rows by the names of `identify`, also those that are gone."""
        return {self.identify(row): row for row in range(self._end)}

    def is_new(self, row: int) -> bool:
        """Tell whether the row is not on the server yet."""
        return row >= self._rows and row not in self._created

    def row_state(self, row: int) -> str:
        """Tell whether a row is added, removed or gone; empty if it is just there."""
        if row in self._deleted or (
            self.is_new(row) and (row in self._removed or row not in self._added)
        ):
            return "gone"
        return "removed" if row in self._removed else "added" if self.is_new(row) else ""

    def is_open(self, row: int) -> bool:
        """Tell whether a deal is open."""
        return (
            "stage" not in self.column or self._org.stages.outcome(self._find_state(row)) == "open"
        )

    def judge(self, cells: Iterable[tuple[str, Any]]) -> list[tuple[Any, str]]:
        """Read texts without changing anything.

        Returns each value as the browser has it, and the sentence of a refusal.
        """
        judged = []
        for name, typed in cells:
            cell = self._read(name, typed)
            why = write_refusal(typed, cell.refusal) if cell.refusal else ""
            judged.append((None if why else self.column[name].encode(cell.value), why))
        return judged

    def read_operands(self, cells: Iterable[tuple[str, str]]) -> list[tuple[Any, str]]:
        """Read the operands of filters: the first and last value that an amount or period means.

        Those of read-only columns too. A refused operand has the sentence of its refusal.
        """
        operands: list[tuple[Any, str]] = []
        for name, typed in cells:
            kind = self.column[name].kind
            try:
                if kind in _FORMATS:
                    past = kind == "instant"
                    days = read_days(typed, self._org, today=self._today, past=past)
                    operands.append(([f"{day:%Y-%m-%d}" for day in days], ""))
                else:
                    operands.append(([read_typed(kind, typed, self._org)] * 2, ""))
            except BadCell as reason:
                operands.append((None, write_refusal(typed, reason)))
        return operands

    # -- all edits

    @property
    def end(self) -> int:
        """Number of rows, including those that are new, removed or gone."""
        return self._end

    @property
    def edit_count(self) -> int:
        """Number of edited cells, refused ones included, and of added and removed rows."""
        return len(self._cells) + len(self._added) + len(self._removed)

    @property
    def changed_rows(self) -> list[int]:
        """Rows with a change that can be written.

        Refusals, and new deals without a name, are left out.
        """
        cells = set(
            filter(self._stays, {row for (row, _), cell in self._cells.items() if cell.changed})
        )
        deals = {row for row in self._added | self._removed if self.row_state(row) != "gone"}
        return sorted((cells | deals) - self._unnamed)

    @property
    def counts(self) -> dict[str, int]:
        """Number of changes, of their deals, and of problems.

        An added or removed deal is one change.
        """
        rows = self.changed_rows
        deals = {row for row in rows if row in self._removed or row in self._added}
        edited = set(rows) - deals
        cells = sum(cell.changed and row in edited for (row, _), cell in self._cells.items())
        return {"changes": cells + len(deals), "deals": len(rows), "problems": len(self.problems)}

    def list_fields(self, row: int) -> list[str]:
        """List the changed fields of a row; an added or removed one counts once, as ""."""
        if self.row_state(row):
            return [""]
        cells = ((name, self._cells.get((row, name))) for name in self.column)
        return [name for name, cell in cells if cell is not None and cell.changed]

    @property
    def problems(self) -> dict[Key, CellEdit]:
        """Refused edits."""
        return {key: cell for key, cell in self._cells.items() if cell.why and self._stays(key[0])}

    @property
    def base(self) -> pd.DataFrame:
        """The opportunities as the server is known to hold them."""
        known = (row for row in range(self._end) if not self.is_new(row))
        return self.before([row for row in known if row not in self._deleted])

    @property
    def edited(self) -> pd.DataFrame:
        """The edited frame with unchanged dtypes.

        New rows at its end without ``unique_id``, and no removed rows.
        """
        return self.after([row for row in range(self._end) if self._stays(row)])

    @property
    def writable(self) -> pd.DataFrame:
        """The edited frame without new deals that have no name."""
        unnamed = self._unnamed
        return self.after(
            [row for row in range(self._end) if self._stays(row) and row not in unnamed]
        )

    @property
    def named(self) -> pd.DataFrame:
        """The edited frame, in which new rows have the names of `identify` as ids."""
        rows = (
            row for row in range(self._rows, self._end) if self.is_new(row) and self._stays(row)
        )
        edited = self.edited
        edited.loc[edited["unique_id"].isna(), "unique_id"] = [self.identify(row) for row in rows]
        return edited

    def before(self, rows: list[int]) -> pd.DataFrame:
        """Take rows as the server is known to hold them."""
        return replace_cells(self.frame, self._on_server, rows)

    def after(self, rows: list[int]) -> pd.DataFrame:
        """Take rows as edited."""
        values = {key: cell.value for key, cell in self._cells.items()}
        for row in {row for row, name in values if name in _MONEY} if self._rates else ():
            if (row, "value") not in values or self._find_foreign(row):
                values[row, "value"] = self._convert(row, self.value(row, org.VALUE_ORIGINAL))
        return replace_cells(self.frame, self._on_server | values, rows)

    def list_problems(self, most: int = 20) -> list[Json]:
        """List the refused cells by reason: ``why``, their number and the first `most`."""
        groups: dict[str, list[Key]] = {}
        for key, cell in self.problems.items():
            why = text.capital(str(cell.refusal)) if cell.refusal else cell.why
            groups.setdefault(why, []).append(key)
        return [
            {
                "why": why,
                "count": len(keys),
                "cells": [
                    self.name_cell(key)
                    | {"typed": "" if (typed := self._cells[key].typed) is None else str(typed)}
                    for key in keys[:most]
                ],
            }
            for why, keys in groups.items()
        ]

    def note_of(self, row: int, name: str) -> str:
        """Say what deserves a second look at a value that is taken; empty for most."""
        column, value = self.column[name], self.value(row, name)
        if name == "stage":
            left = [self.column[each] for each in self._list_leftovers(row)]
            kept = [f"{each.title} {each.show(self.value(row, each.field))}" for each in left]
            return f"keeps {text.joined(kept)}" if kept else ""
        if value is None:
            return ""
        if name in self._named:
            return "" if fold(value) in self._known(name) else f"{value} is new here"
        if column.kind == "money":
            least, low, high = self._measure(column.field) or (0.0, 0.0, 0.0)
            far = high and value and not low / _ODD <= abs(value) <= _ODD * high
            odd = far or abs(value) >= _INEXACT or value < 0 <= least
            return f"{column.show(value)} is far from all others" if odd else ""
        if name != "close_date" or self._today is None:
            return ""
        days = (value.date() - self._today).days
        closed = self._org.stages.is_closed(self._find_state(row))
        odd = days > 0 if closed else not 0 <= days <= _FAR
        kind = "a closed" if closed else "an open"
        return f"{column.show(value)} is unlikely for {kind} deal" if odd else ""

    def _measure_column(self, name: str) -> tuple[float, float, float] | None:
        """Find the least amount of a column, and its smallest and largest above zero."""
        held = [float(each) for each in self._list(name) if each is not None]
        above = [each for each in held if each > 0]
        return (min(held), min(above), max(above)) if len(above) > 1 else None

    # -- after the server's answer

    def settle(self, cells: Mapping[Key, Any]) -> None:
        """Store values of the server; drop edits that now match."""
        if self._rates:
            amounts = {row: value for (row, name), value in cells.items() if name == "value"}
            originals = {(row, org.VALUE_ORIGINAL): value for row, value in amounts.items()}
            converted = {
                (row, "value"): self._convert(row, value) for row, value in amounts.items()
            }
            cells = {**cells, **originals, **converted}
        self._on_server |= cells
        for key, value in cells.items():
            cell = self._cells.get(key)
            if cell is not None and same(key[1], cell.value, value):
                del self._cells[key]
            elif cell is not None:
                self._cells[key] = CellEdit(cell.value, True, cell.typed, cell.why)

    def settle_created(self, row: int, unique_id: str) -> None:
        """Store that a row was created on the server, with its id."""
        self._created.add(row)
        self._added -= {row}
        self._on_server[row, "unique_id"] = unique_id

    def settle_deleted(self, row: int, *, recovered: bool = False) -> None:
        """Store that a row was deleted on the server, or is there again."""
        (self._deleted.discard if recovered else self._deleted.add)(row)
        self._removed -= {row}

    def drop_change(self, key: Key) -> None:
        """Drop the change of a cell; the server's value stays.

        With an empty field, drop the removal of the row.
        """
        row, name = key = self._place_money(key)
        if name:
            self._cells.pop(key, None)
        else:
            self._removed -= {row}

    def refuse(self, key: Key, why: str) -> None:
        """Note the server's refusal of a change, which stays a change."""
        key = self._place_money(key)
        cell = self._cells.get(key)
        if cell is not None:
            typed = self.column[key[1]].show(cell.value)
            self._cells[key] = CellEdit(cell.value, cell.changed, typed, why)

    # -- inside

    def _find_foreign(self, row: int) -> str:
        """Find the currency of a deal whose value is converted; empty for others."""
        if self._rates is None:
            return ""
        code = self._rates.code(self.value(row, "unique_id"), self.value(row, org.CURRENCY))
        return "" if code == self._org.currency else code

    def _convert(self, row: int, amount: Any) -> Any:
        """Convert an amount of the CRM to the org's currency."""
        if self._rates is None or amount is None:
            return amount
        return float(amount) * self._rates.rate(
            self.value(row, "unique_id"), self.value(row, org.CURRENCY)
        )

    def _refuse_converted(self, row: int, name: str, typed: Any) -> CellEdit | None:
        """Refuse a value for a deal whose value is converted; None for any other cell."""
        if name != "value" or not (code := self._find_foreign(row)):
            return None
        title = self.column[org.VALUE_ORIGINAL].title
        refusal = BadCell(f"is a value converted from {code}", f"edit {title} instead")
        return CellEdit(None, False, typed, refusal=refusal)

    def _place_money(self, key: Key) -> Key:
        """Find the cell of a value that the server holds.

        In a converted sheet it is beside the converted cell.
        """
        row, name = key
        direct = not self._rates or name != "value" or (row, "value") in self._cells
        return key if direct else (row, org.VALUE_ORIGINAL)

    def _ask_names(self, rows: Iterable[int]) -> Edits:
        return {(row, "name"): _NAMELESS for row in rows if "name" in self.column}

    def _index_typed(self, name: str) -> dict[str, str]:
        cells = (
            cell.value for (_, field), cell in self._cells.items() if field == name and cell.changed
        )
        return _index_names(value for value in cells if value is not None)

    def _index_known(self, name: str) -> dict[str, str]:
        """Index the names that a column held at first, and of owners the org's people."""
        held = (each for each in self._list(name) if each is not None)
        return _index_names(dict.fromkeys((*held, *(self._people if name == "owner_name" else ()))))

    def _list_leftovers(self, row: int) -> Json:
        """List what the chance and close date of a deal ought to be that an edit has won or lost.

        None that fits stays in.
        """
        end, was = (
            self._org.stages.outcome(self._find_state(row, at)) for at in (None, self.base_value)
        )
        if end not in ("won", "lost") or end == was or not self._stays(row):
            return {}
        wanted: Json = {"probability": 100 if end == "won" else 0}
        day = self.value(row, "close_date")
        today = None if self._today is None else pd.Timestamp(self._today).as_unit("us")
        # A deal may have been lost before today; when one was won is for a person to say.
        if today is not None and (day is None or day > today or end == "won"):
            wanted["close_date"] = today
        held = (name for name in wanted if name in self.column and not self.column[name].locked)
        return {name: wanted[name] for name in held if self.value(row, name) != wanted[name]}

    def _name_offer(self) -> str:
        wanted = ((self.column[name], value) for (_, name), value in self._offered.items())
        parts = dict.fromkeys(f"{column.title} to {column.show(value)}" for column, value in wanted)
        deals = len({row for row, _ in self._offered})
        return f"{text.joined(parts)}{f' in {count(deals)}' if deals > 1 else ''}"

    def _list_notes(self, edits: Mapping[Key, CellEdit | None]) -> list[str]:
        """List what deserves a second look at the cells of a step."""
        told = [key for key, cell in edits.items() if cell is not None and not cell.why]
        named = [key for key in told if key[1] in self._named]
        keys = named + [key for key in told if key[1] == "close_date"]
        keys += [key for key in told if self.column[key[1]].kind == "money"]
        notes = list(dict.fromkeys(note for key in keys if (note := self.note_of(*key))))
        return notes[:2] + [f"{len(notes) - 2:,} more to look at"] * bool(notes[2:])

    def _find_state(self, row: int, look_up: Callable[[int, str], Any] | None = None) -> Json:
        """Find the cells that decide a deal's outcome, as edited or as looked up."""
        return {name: (look_up or self.value)(row, name) for name in ("stage", "status")}

    def _list_column(self, name: str) -> list[Any]:
        cells = self.frame[name].astype("object")
        return cells.where(cells.notna() & (cells != ""), None).tolist()

    @property
    def _unnamed(self) -> set[int]:
        return {row for row in self._added if self.value(row, "name") is None}

    def _stays(self, row: int) -> bool:
        return self.row_state(row) not in ("removed", "gone")

    def _read(self, name: str, typed: Any, closed: bool = False) -> CellEdit:
        column = self.column[name]
        try:
            return CellEdit(
                column.read(typed, today=self._today, closed=closed, meaning=self._org), True
            )
        except BadCell as reason:
            return CellEdit(None, False, typed, refusal=reason)

    def _fit(self, key: Key, typed: Any, cell: CellEdit) -> CellEdit | None:
        """Fit a cell to its row.

        None is the old value again; a refused cell gets the value to keep.
        """
        removed = self._removed and self.row_state(key[0]) == "removed"
        refusal, base = _REMOVED if removed else cell.refusal, self.base_value(*key)
        if not refusal:
            return None if base == cell.value else cell
        value = self.value(*key)
        sentence = f"{write_refusal(typed, refusal)} Kept {self.column[key[1]].show(value)}."
        changed = not same(key[1], base, value)
        return CellEdit(value, changed, typed, sentence, refusal)

    def _refuse_foreign_stages(self, edits: Edits) -> Edits:
        """Refuse stages that belong to another pipeline than the deal's."""
        meaning = self._org
        refused: Edits = {}
        if org.PIPELINE not in self.column or not meaning.stages.pipelines:
            return refused
        for key, cell in edits.items():
            if key[1] != "stage" or cell is None or cell.why:
                continue
            place = (key[0], org.PIPELINE)
            moved = edits.get(place)
            now = self.base_value(*place) if place in edits else self.value(*place)
            wrong = find_problem(
                "stage", cell.value, meaning, pipeline=now if moved is None else moved.value
            )
            if wrong:
                refused[key] = self._fit(
                    key, cell.value, CellEdit(None, False, refusal=BadCell(*wrong))
                )
        return refused

    def _step(
        self,
        edits: Edits,
        label: str,
        aside: str = "",
        *,
        added: frozenset[int] | None = None,
        removed: frozenset[int] | None = None,
        locked: int = 0,
    ) -> EditResult:
        """Put edits and row states in place, remember how to undo them, and report."""
        edits = {key: cell for key, cell in edits.items() if self._cells.get(key) != cell}
        added = self._added if added is None else added
        removed = self._removed if removed is None else removed
        rows = (self._added ^ added) | (self._removed ^ removed)
        for what, is_open, more in (
            ("added", self.adds, added - self._added),
            ("removed", self.removes, removed - self._removed),
        ):
            if more and not is_open:
                raise ArgumentValueError(f"No deals can be {what}: this grid does not allow it.")
        aside = aside and f", {aside}"
        left = f", {count(locked, 'read-only cell')} left" if locked else ""
        self._offered = {}
        if not edits and not rows:
            return EditResult(said=f"Nothing to change{aside}{left}")
        unnamed = sum(cell is _NAMELESS for cell in edits.values())
        refusals = [
            cell.why for cell in edits.values() if cell and cell.why and cell is not _NAMELESS
        ]
        taken = len(edits) - len(refusals) - unnamed
        counted = "{cells}" in label
        label = label.replace("{cells}", count(taken, "cell")) + aside or self._describe(edits)
        self._past.append(self._remember(label, edits))
        self._future.clear()
        self._place(edits, added, removed)
        said, notes = label + left, []
        if unnamed and counted:
            notes.append(f"{count(unnamed, 'new deal')} without a name")
        if refusals and len(edits) == 1:
            said = f"{self.column[next(iter(edits))[1]].title} not set: {refusals[0]}"
        elif refusals:
            notes.append(f"{len(refusals):,} refused: {refusals[0]}")
        return EditResult(list(edits), sorted(rows), said, tuple(notes), bool(refusals))

    def _remember(self, label: str, keys: Iterable[Key]) -> _UndoStep:
        return _UndoStep(
            label, {key: self._cells.get(key) for key in keys}, self._added, self._removed
        )

    def _place(self, edits: Edits, added: frozenset[int], removed: frozenset[int]) -> None:
        self._added, self._removed = added, removed
        for key, cell in edits.items():
            if cell is None:
                self._cells.pop(key, None)
            else:
                self._cells[key] = cell

    def _describe(self, edits: Edits) -> str:
        (row, name), *more = edits
        column = self.column[name]
        if more:
            return f"Set {count(len(edits), 'cell')} in {column.title}"
        cell = edits[row, name]
        value = self.base_value(row, name) if cell is None else cell.value
        return f"{column.title} set to {column.show(value)}"

    def _swap(
        self, steps: list[_UndoStep], others: list[_UndoStep], done: str, nothing: str
    ) -> EditResult:
        """Restore the last of some steps, and keep the present state among the others."""
        if not steps:
            return EditResult(said=nothing)
        step = steps.pop()
        others.append(self._remember(step.label, step.cells))
        rows = (self._added ^ step.added) | (self._removed ^ step.removed)
        self._place(step.cells, step.added, step.removed)
        return EditResult(list(step.cells), sorted(rows), f"{done}: {step.label}")


def _read_move(verb: str, typed: str) -> pd.offsets.BaseOffset:
    """Read by how much a bulk edit moves a date."""
    if verb == "month_end":
        return pd.offsets.MonthEnd(0)
    bare = typed.strip()
    span = inputs.read_span(f"+{bare}" if bare[:1].isdecimal() else bare)
    if span is None:
        raise ArgumentValueError(f"“{bare}” is not a number of days. Try + 30d, -2w or +1m.")
    return span


# -- names of people and accounts, found in any letters


def _index_names(names: Iterable[str]) -> dict[str, str]:
    """Lead from each name, folded, to the first that is written so."""
    index: dict[str, str] = {}
    for name in names:
        index.setdefault(fold(name), name)
    return index
