"""Steps: what a plan changes, one per deal and request, and the tables of plans and receipts.

The steps are the source; ``Plan.changes``, ``Plan.conflicts`` and ``Receipt.table`` are views, made
here.
"""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd

from opp_analytics import schema
from opp_analytics.files import digest
from opp_analytics.org import CURRENCY, DEFAULT, Org, is_converted
from opp_analytics.schema import Json
from opp_analytics.writer.cells import from_text, quote_cell, read_cells, same, to_text

Operation = Literal["create", "update", "delete", "recover"]
OPERATIONS = get_args(Operation)
Status = Literal["clean", "already", "conflict"]
"""How a cell compares with the server: unchanged, already at the new value, changed by somebody
else."""
OUTCOMES = {
    "applied": "the server holds it, in its own form",
    "already": "already on the server; nothing was sent",
    "not_kept": "sent and answered, but the server holds the old value",
    "overwritten": "written, and changed by somebody else since",
    "conflict": "somebody else changed it before; not sent",
    "skipped": "not sent, because another cell of the same opportunity is in conflict",
    "failed": "refused by the server",
    "unknown": "sent, but nobody knows what became of it; resume finds out",
    "pending": "not sent yet; resume sends it",
}
"""Outcomes of a change and their meanings."""
_CHANGES = ("unique_id", "operation", "field", "before", "after", "status", "row", "name")
_CONFLICTS = ("unique_id", "operation", "field", "before", "after", "remote", "reason")
_RECEIPT = (
    "unique_id",
    "operation",
    "field",
    "before",
    "after",
    "outcome",
    "error",
    "attempts",
    "name",
)
_OBJECTS = ("before", "after", "remote", "value", "row", "attempts")
"""Columns of these frames that are not text."""
_OUTCOME_COLUMNS = ("stage", "status")
"""Columns that decide a deal's outcome; every update keeps them, to detect a deal closed since the
plan."""


class PlanProblem(NamedTuple):
    """A cell or row that must be fixed before a plan can be sent."""

    row: Any
    """Label of the edited row; None for a problem of every row."""
    unique_id: Any
    field: str
    value: Any
    problem: str
    suggestion: str

    @property
    def said(self) -> str:
        """The problem in words, without its row."""
        cell = "" if schema.is_blank(self.value) else f"={quote_cell(self.value)}"
        return f"{self.field}{cell} {self.problem}; {self.suggestion}"


@dataclass(frozen=True)
class EditedCell:
    """One change: a new value of a field.

    Without a field, the whole deal is deleted or recovered.
    """

    field: str | None = None
    before: Any = None
    after: Any = None
    status: str = "clean"
    """One of `Status`; clean until compared with the server."""
    remote: Any = None
    """The server's value, in a conflict."""
    reason: str | None = None
    """What happened on the server, in a conflict."""


@dataclass(frozen=True)
class Step:
    """The changes that one request makes to a deal."""

    operation: str
    unique_id: str | None
    """None for a create."""
    cells: tuple[EditedCell, ...]
    name: str | None = None
    """Name before the edits; for a create, the new deal's."""
    row: Any = None
    """Label of the edited row; None for a delete."""
    base: Json = field(default_factory=dict)
    """The deal's values when planned: all of them and their stamp for a delete, stage and status
    for an update."""
    value_before: float = 0.0
    """The deal's money before the edits; 0 if missing, or unknown because the deal is in the
    trash."""
    drifted: tuple[EditedCell, ...] = ()
    """For a delete: cells that somebody has changed since."""
    rate: float = field(default=1.0, compare=False)
    """What one unit of the deal's currency is in the org's, after the edits."""
    currency: str | None = field(default=None, compare=False)
    """Currency of the values to write, where it may be another than the org's."""
    org: Org = field(default=DEFAULT, compare=False)
    """Defines the stages; a step read from the journal has the API's."""

    @property
    def fields(self) -> Json:
        """Values to write, by field."""
        return {cell.field: cell.after for cell in self.cells if cell.field is not None}

    @property
    def title(self) -> str:
        """The deal's name, or its id if it has none."""
        return str(self.unique_id if self.name is None else self.name)

    @property
    def value_after(self) -> float:
        """The deal's money after the edits."""
        if self.operation == "delete":
            return 0.0
        if "value" not in self.fields:
            return self.value_before
        amount = float(self.fields["value"] or 0.0) * self.rate
        return 0.0 if math.isnan(amount) else amount

    @property
    def value_change(self) -> float:
        """Change in the deal's money."""
        return self.value_after - self.value_before

    @property
    def conflicts(self) -> tuple[EditedCell, ...]:
        """Cells that somebody has changed since."""
        return (*(c for c in self.cells if c.field and c.status == "conflict"), *self.drifted)

    @property
    def in_conflict(self) -> bool:
        """True if any cell is in conflict."""
        return any(cell.status == "conflict" for cell in self.cells)

    @property
    def already(self) -> bool:
        """True if nothing is left to write."""
        return all(cell.status == "already" for cell in self.cells)

    @property
    def identity(self) -> str:
        """Hash that identifies equal creates, whatever the types and order of their cells."""
        filled = {f: v for f, v in self.fields.items() if not schema.is_blank(v)}
        cells = sorted(f"{f!r}={_normalize_text(f, v)}" for f, v in filled.items())
        return digest("\n".join(cells).encode())

    def read_forms(self, told: Json) -> Json:
        """Read the server's forms of the values to write, as it `told`.

        A form is another value of the column than the one to write.
        """
        forms = read_cells(told, filter(told.__contains__, self.fields))
        return {
            name: form for name, form in forms.items() if not same(name, form, self.fields[name])
        }

    def mark(self, status: str) -> Step:
        """Copy it with one status in every cell."""
        return replace(self, cells=tuple(replace(cell, status=status) for cell in self.cells))


def _normalize_text(field: str, value: Any) -> str:
    """Normalize a cell to text that survives a file: equal numbers alike, text NFC and stripped."""
    value = from_text(field, to_text(field, value))
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return f"{Decimal(str(value)).normalize():f}"
    return repr(unicodedata.normalize("NFC", str(value).strip()))


class EqualCreate(NamedTuple):
    """An equal create of another run."""

    run_id: str
    number: int
    unique_id: str | None
    """Its new id; None while its outcome is unknown."""

    @property
    def place(self) -> str:
        """Its place in the journal."""
        return f"{self.run_id}/{self.number}"


@dataclass(frozen=True)
class Result:
    """The result of a step so far, with one outcome per cell."""

    outcomes: tuple[str, ...]
    errors: tuple[str | None, ...]
    attempts: int = 0
    """Number of writes sent."""
    unique_id: str | None = None
    """The deal's id; for a create, the new one."""
    record: Json | None = None
    """The server's answer to a create or recovery; undoing it starts from here."""
    updated_before: str | None = None
    updated_after: str | None = None
    """``updated_at`` around our write, where the server sent it."""
    sent: bool = False
    """True if a write was sent and its outcome is uncertain."""
    told: bool = False
    """True if that write has an answer, so that what the server holds decides."""
    doubt: str | None = None
    """Why the answer to a create may not be what it made; None where it is, or without one."""
    sent_at: datetime | None = None
    """When an earlier process sent that write, by the server's clock; None where no answer had said
    its time."""
    refused: bool = False
    """True if the server rejected it (4xx); resume does not try again."""
    outage: bool = False
    """True if it failed because the server was unavailable."""
    waits_for: EqualCreate | None = None
    """An equal create of another run that must be settled before this one is sent."""
    looked_for: bool = False
    """True if a lost create was not found and can be sent again."""
    was: Json = dataclasses.field(default_factory=dict)
    """Values of the fields that were sent just before the write; undo writes them back."""
    answered: Json = dataclasses.field(default_factory=dict)
    """What the server holds of the written fields, or answered that it does, where that is another
    value than the one sent."""

    @classmethod
    def whole(cls, step: Step, outcome: str, error: str | None = None, **more: Any) -> Result:
        """Make a result with one outcome for all cells of the step."""
        size = len(step.cells)
        return cls((outcome,) * size, (error,) * size, **more)

    @property
    def lost(self) -> bool:
        """True if a write was sent and has no answer."""
        return self.sent and not self.told

    @property
    def doubtful(self) -> bool:
        """True if nobody knows whether the server has carried it out."""
        return "unknown" in self.outcomes and not self.told

    @property
    def reached(self) -> bool:
        """True if the server carried out some of it, or answered that it did."""
        return self.told or not {"applied", "overwritten"}.isdisjoint(self.outcomes)

    @property
    def left(self) -> bool:
        """True if resume has work to do on the step."""
        return any(
            o in ("pending", "unknown") or (o == "failed" and not self.refused)
            for o in self.outcomes
        )


class RunStep(NamedTuple):
    """A step of a run with its result so far: an entry of the journal, and of a receipt."""

    number: int
    """Its place in the plan."""
    step: Step
    result: Result

    @property
    def creates(self) -> bool:
        """True if it makes a new deal."""
        return self.step.operation == "create"

    @property
    def lost(self) -> bool:
        """True if it is a create that was sent and has no answer."""
        return self.creates and self.result.lost


def add_base(steps: Iterable[Step], before: pd.DataFrame) -> list[Step]:
    """Add to each step its deal's values and money before the edits, and the org.

    The org defines the stages.
    """
    steps, meaning = list(steps), Org.of(before)
    held = meaning.hold_rates(before) if is_converted(before) else None
    columns: list[str] = [*_OUTCOME_COLUMNS, "value"]
    if any(step.operation == "delete" for step in steps):
        columns = [str(c) for c in before if c not in ("unique_id", "created_at")]
    rows = before[before["unique_id"].isin({step.unique_id for step in steps} - {None})]
    money = dict(zip(rows["unique_id"], rows["value"], strict=True)) if "value" in rows else {}
    rows = rows if held is None else meaning.bare(rows)
    records = rows[[c for c in columns if c in rows]].to_dict("records")
    known = {
        unique_id: {str(c): None if schema.is_blank(v) else v for c, v in record.items()}
        for unique_id, record in zip(rows["unique_id"], records, strict=True)
    }
    based = []
    for step in steps:
        deal = known.get(step.unique_id, {}) if step.operation in ("update", "delete") else {}
        kept = (
            deal
            if step.operation == "delete"
            else {c: deal[c] for c in _OUTCOME_COLUMNS if c in deal}
        )
        amount = money.get(step.unique_id) if deal else None
        value = 0.0 if schema.is_blank(amount) else float(amount or 0.0)
        step = replace(step, base=kept, value_before=value, org=meaning)
        if held is not None:
            asked = step.unique_id, step.fields.get(CURRENCY)
            step = replace(step, rate=held.rate(*asked), currency=held.code(*asked))
        based.append(step)
    return based


def _make_frame(rows: Iterable[tuple[Any, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(columns), dtype="object")
    return frame.astype({column: schema.TEXT for column in columns if column not in _OBJECTS})


def list_changes(steps: Iterable[Step]) -> pd.DataFrame:
    """List the changes of steps as in `Plan.changes`."""
    pairs = ((s, c) for s in steps for c in s.cells)
    rows = (
        (s.unique_id, s.operation, c.field, c.before, c.after, c.status, s.row, s.name)
        for s, c in pairs
    )
    return _make_frame(rows, _CHANGES)


def list_conflicts(steps: Iterable[Step]) -> pd.DataFrame:
    """List the cells in conflict as in `Plan.conflicts`."""
    pairs = ((s, c) for s in steps for c in s.conflicts)
    rows = (
        (s.unique_id, s.operation, c.field, c.before, c.after, c.remote, c.reason) for s, c in pairs
    )
    return _make_frame(rows, _CONFLICTS)


def list_problems(problems: Iterable[PlanProblem]) -> pd.DataFrame:
    """List problems as in `Plan.problems`."""
    return _make_frame(problems, PlanProblem._fields)


def list_outcomes(entries: Iterable[RunStep]) -> pd.DataFrame:
    """List the outcome of every change as in `Receipt.table`."""
    rows = (
        (
            result.unique_id or step.unique_id,
            *(
                step.operation,
                cell.field,
                cell.before,
                result.answered.get(cell.field or "", cell.after),
            ),
            *(outcome, error, result.attempts, step.name),
        )
        for _, step, result in entries
        for cell, outcome, error in zip(step.cells, result.outcomes, result.errors, strict=True)
    )
    return _make_frame(rows, _RECEIPT).astype({"attempts": "int64"})
