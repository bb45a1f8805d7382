"""The way of a plan from the grid to the server: check, decide conflicts, apply, and take back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.org import Org
from opp_analytics.widgets.grid.edits import Edits, Key
from opp_analytics.widgets.grid.held import Held, read_held
from opp_analytics.widgets.grid.sheet import Sheet
from opp_analytics.widgets.grid.strip import plan_of
from opp_analytics.writer import Plan, Receipt, apply, own_writes, undo

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["Conflict", "Line", "Review", "Run"]

Keep = Literal["mine", "theirs"]
Tell = Callable[[int, int], None]
_WORDS = {"applied": "written", "already": "already there", "failed": "refused", "pending": "not sent"}


@dataclass
class Conflict:
    """A change that somebody else's change on the server contradicts."""

    remote: Any
    reason: str
    held: Held | None
    """The deal on the server; None if it was deleted, so that only their way is left."""
    keep: Keep | None = None


@dataclass(frozen=True)
class Line:
    """A change in a receipt."""

    row: int
    field: str
    before: Any
    after: Any
    operation: str
    outcome: str
    why: str


@dataclass
class Run:
    """A plan that was applied."""

    run_id: str | None
    at: datetime
    lines: list[Line]
    theirs: int
    stopped: str | None
    undone: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def written(self) -> int:
        """Number of changes that are on the server."""
        return sum(line.outcome in ("written", "already there") for line in self.lines)


class Review:
    """A sheet's plan under review.

    Parameters
    ----------
    sheet : Sheet
        The sheet whose changes are reviewed.
    client : Client, optional
        Where they are checked and written.
    """

    def __init__(self, sheet: Sheet, client: Client | None) -> None:
        self.sheet, self.client = sheet, client
        self.checked = False
        self.conflicts: dict[Key, Conflict] = {}
        self.run: Run | None = None

    def reset(self) -> None:
        """Ask for a new check, after an edit."""
        self.checked = False
        self.conflicts = {}

    @property
    def undecided(self) -> int:
        """Number of conflicts without a decision."""
        return sum(conflict.keep is None for conflict in self.conflicts.values())

    @property
    def theirs(self) -> int:
        """Number of changes that give way to the server's."""
        return sum(conflict.keep == "theirs" for conflict in self.conflicts.values())

    def check(self) -> None:
        """Compare every change with the server; nothing is written.

        Raises
        ------
        OppAnalyticsError
            When the server cannot be read.
        """
        planned = plan_of(self.sheet, client=self.client)
        self._note_conflicts(planned)
        self.checked = True

    def choose(self, key: Key, keep: Keep) -> None:
        """Decide a conflict; in a deleted deal only theirs is possible, for all its cells."""
        conflict = self.conflicts[key]
        conflict.keep = "theirs" if conflict.held is None else keep

    def decided(self) -> Edits:
        """The edits, with what was decided in each deal whose conflicts all are."""
        edits = self.sheet.copy()
        undecided = {row for (row, _), conflict in self.conflicts.items() if conflict.keep is None}
        for key, conflict in self.conflicts.items():
            if key[0] not in undecided:
                _settle(edits, key, conflict)
        return edits

    def apply(self, tell: Tell | None = None) -> bool:
        """Write the plan; False if the server has new conflicts, which are to be decided first.

        Raises
        ------
        OppAnalyticsError
            When nothing could be sent.
        """
        theirs = self.theirs
        for key, conflict in self.conflicts.items():
            _settle(self.sheet, key, conflict)
        self.conflicts = {}
        planned = plan_of(self.sheet, client=self.client)
        if len(planned.conflicts):
            self._note_conflicts(planned)
            return False
        receipt = self._send(planned, tell)
        self.run = Run(
            receipt.run_id, datetime.now(), self._absorb(planned, receipt), theirs, receipt.stopped
        )
        self.sheet.forget_steps()
        self.reset()
        return True

    def undo_run(self, tell: Tell | None = None) -> None:
        """Take the last run back.

        Raises
        ------
        OppAnalyticsError
            When nothing could be sent.
        """
        assert self.run is not None
        assert self.client is not None
        planned = undo(self.client, self.run.run_id)
        lines = self._absorb(planned, self._send(planned, tell))
        left = [line for line in lines if line.outcome not in ("written", "already there")]
        self.run.undone = not left
        self.run.notes = [
            f"{self.sheet.name(line.row)}: {line.why or 'changed since then, left as it is'}" for line in left
        ]
        self.sheet.forget_steps()
        self.reset()

    # -- inside

    def _send(self, planned: Plan, tell: Tell | None) -> Receipt:
        assert self.client is not None
        return apply(
            planned,
            self.client,
            progress=tell or False,
            clear_nulls="clear_nulls" in planned.needs,
            allow_delete="allow_delete" in planned.needs,
        )

    def _rows(self, planned: Plan) -> list[int]:
        """The sheet's row of each change of a plan."""
        sheet = self.sheet
        ids = {sheet.base_value(row, "unique_id"): row for row in range(sheet.end) if not sheet.is_new(row)}
        sent = [row for row in sheet.changed_rows if sheet.row_state(row) != "removed"]
        return [
            sent[int(label)] if pd.isna(unique_id) else ids[unique_id]
            for label, unique_id in zip(planned.changes["row"], planned.changes["unique_id"], strict=True)
        ]

    def _note_conflicts(self, planned: Plan) -> None:
        rows = dict(zip(planned.changes["unique_id"], self._rows(planned), strict=True))
        self.conflicts = {}
        if planned.conflicts.empty:
            return
        held = self._read_held(planned.conflicts["unique_id"].unique())
        for drift in planned.conflicts.to_dict("records"):
            name = "" if drift["operation"] == "delete" else str(drift["field"])
            unique_id = drift["unique_id"]
            self.conflicts[rows[unique_id], name] = Conflict(
                drift["remote"] if name else None, str(drift["reason"]), held[unique_id]
            )

    def _read_held(self, ids: Iterable[str]) -> dict[str, Held | None]:
        """The deals in conflict as the server holds them."""
        assert self.client is not None
        ours = own_writes(self.client)
        zone = Org.of(self.sheet.frame).zone(None)
        return {each: read_held(self.client, each, self.sheet.column, ours, zone) for each in ids}

    def _absorb(self, planned: Plan, receipt: Receipt) -> list[Line]:
        """Take over what is on the server now, and mark what it refused."""
        lines = []
        for row, change in zip(self._rows(planned), receipt.table.to_dict("records"), strict=True):
            name = "" if schema.is_blank(change["field"]) else str(change["field"])
            why = "" if schema.is_blank(change["error"]) else str(change["error"])
            outcome = str(change["outcome"])
            lines.append(
                Line(
                    row,
                    name,
                    change["before"],
                    change["after"],
                    str(change["operation"]),
                    _WORDS.get(outcome, outcome),
                    why,
                )
            )
            if outcome in ("applied", "already"):
                self._take(row, name, change)
            elif outcome in ("failed", "conflict", "unknown"):
                self.sheet.refuse((row, name), _sentence(outcome, why))
        return lines

    def _take(self, row: int, name: str, change: dict[Any, Any]) -> None:
        match change["operation"]:
            case "delete":
                self.sheet.settle_row(row, deleted=True)
            case "recover":
                self.sheet.keep_row(row, back=True)
            case "create":
                self.sheet.settle_row(row, created=str(change["unique_id"]))
                self.sheet.settle({(row, name): change["after"]})
            case _:
                self.sheet.settle({(row, name): change["after"]})


def _settle(edits: Edits, key: Key, conflict: Conflict) -> None:
    """Take what the server holds of the deal as known, and drop the change if theirs stays."""
    row, name = key
    if conflict.keep == "theirs":
        if name:
            edits.give_way(key)
        else:
            edits.keep_row(row)
    if conflict.held is None:
        edits.settle_row(row, deleted=True)
    else:
        edits.settle({(row, column): value for column, value in conflict.held.cells.items()})


def _sentence(outcome: str, why: str) -> str:
    told = {"failed": "The server refused", "unknown": "Perhaps not written"}.get(outcome, "Not written")
    return f"{told}: {text.printable(why)}" if why else f"{told}."
