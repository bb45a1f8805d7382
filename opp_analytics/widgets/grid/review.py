"""The way of a plan from the grid to the server: check, decide conflicts, apply, and take back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.api import Client
from opp_analytics.errors import ArgumentValueError, NotFoundError
from opp_analytics.org import Org
from opp_analytics.widgets.grid.effect import make_plan
from opp_analytics.widgets.grid.sheet import EditSheet, Key
from opp_analytics.writer import Plan, Receipt, apply, normalize_or_keep, own_writes, undo

NOTHING = "Nothing is changed, so there is nothing to review."
Keep = Literal["mine", "theirs"]
ShowProgress = Callable[[int, int], None]
_WORDS = {"applied": "written", "already": "already there", "failed": "refused", "pending": "not sent"}
_AUTHORS = ("updated_by_name", "updated_by", "modified_by_name", "modified_by", "last_modified_by")
"""Attributes in which an API may name the author of the last change."""


@dataclass
class Conflict:
    """A change that contradicts somebody else's change on the server."""

    reason: str
    remote: Any
    """The server's value of the cell; None if the whole deal is in conflict."""
    deal: dict[str, Any] | None
    """The deal's values on the server; None if it was deleted there, which leaves only their way."""
    author: str
    """Who changed it last and when, as far as known."""
    keep: Keep | None = None


@dataclass(frozen=True)
class ReceiptLine:
    """A change in a receipt."""

    row: int
    field: str
    before: Any
    after: Any
    operation: str
    outcome: str
    why: str

    @property
    def is_written(self) -> bool:
        """Whether the change is on the server."""
        return self.outcome in ("written", "already there")


@dataclass
class AppliedPlan:
    """A plan that was applied."""

    run_id: str | None
    at: datetime
    lines: list[ReceiptLine]
    theirs: int
    stopped: str | None
    undone: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def written(self) -> int:
        """Number of changes that are on the server."""
        return sum(line.is_written for line in self.lines)


class Review:
    """A sheet's plan under review; the client checks and writes it."""

    def __init__(self, sheet: EditSheet, client: Client | None) -> None:
        self.sheet, self.client = sheet, client
        self.checked = False
        self.conflicts: dict[Key, Conflict] = {}
        self.run: AppliedPlan | None = None

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
        """Compare every change with the server; nothing is written."""
        self.conflicts = self._find_conflicts(make_plan(self.sheet, client=self._server))
        self.checked = True

    def choose(self, key: Key, keep: Keep) -> None:
        """Decide a conflict; in a deleted deal only theirs is possible, for all its cells."""
        conflict = self.conflicts.get(key)
        if conflict is None:
            raise ArgumentValueError(
                "This cell has no conflict by now. Check the plan against the server again."
            )
        conflict.keep = "theirs" if conflict.deal is None else keep

    def decide(self) -> EditSheet:
        """Copy the edits with the decisions on each deal that has no open conflict."""
        sheet = self.sheet.copy()
        undecided = {row for (row, _), conflict in self.conflicts.items() if conflict.keep is None}
        for key, conflict in self.conflicts.items():
            if key[0] not in undecided:
                _settle(sheet, key, conflict)
        return sheet

    def apply(self, progress: ShowProgress | None = None) -> bool:
        """Write the plan; False if the server has new conflicts, which must be decided first.

        When the server cannot be read, nothing has changed.
        """
        if not self.sheet.changed_rows:
            raise ArgumentValueError(NOTHING)
        if not self.checked or self.undecided:
            left = f"Choose mine or theirs in {text.count(self.undecided, 'conflict')} first."
            raise ArgumentValueError(left if self.checked else "Check the plan against the server first.")
        planned = make_plan(self.decide(), client=self._server)
        conflicts, theirs = self._find_conflicts(planned), self.theirs
        for key, conflict in self.conflicts.items():
            _settle(self.sheet, key, conflict)
        self.conflicts = conflicts
        if conflicts:
            return False
        receipt = self._send(planned, progress)
        lines = self._absorb(planned, receipt)
        self.run = AppliedPlan(receipt.run_id, datetime.now(), lines, theirs, receipt.stopped)
        self.sheet.forget_steps()
        self.reset()
        return True

    def undo_run(self, progress: ShowProgress | None = None) -> None:
        """Take the last run back."""
        if self.run is None or self.run.run_id is None or self.run.undone:
            raise ArgumentValueError("There is no run to undo.")
        planned = undo(self._server, self.run.run_id)
        lines = self._absorb(planned, self._send(planned, progress))
        left = [line for line in lines if not line.is_written]
        self.run.undone = not left
        self.run.notes = [
            f"{self.sheet.deal_name(line.row)}: {line.why or 'changed since then, left as it is'}"
            for line in left
        ]
        self.sheet.forget_steps()
        self.reset()

    # -- inside

    @property
    def _server(self) -> Client:
        if self.client is None:
            raise ArgumentValueError(
                "This grid has no client to write with: open it with oa.edit(opportunities, client=client)."
            )
        return self.client

    def _send(self, planned: Plan, progress: ShowProgress | None) -> Receipt:
        # The drawer's confirmation names what is cleared and deleted.
        clear, delete = (need in planned.needs for need in ("clear_nulls", "allow_delete"))
        return apply(
            planned, self._server, progress=progress or False, clear_nulls=clear, allow_delete=delete
        )

    def _rows(self, planned: Plan) -> list[int]:
        """Find the sheet's row of each change of a plan."""
        sheet = self.sheet
        ids = {sheet.base_value(row, "unique_id"): row for row in range(sheet.end) if not sheet.is_new(row)}
        return [
            int(row) if pd.isna(unique_id) else ids[unique_id]
            for row, unique_id in zip(planned.changes["row"], planned.changes["unique_id"], strict=True)
        ]

    def _find_conflicts(self, planned: Plan) -> dict[Key, Conflict]:
        conflicts: dict[Key, Conflict] = {}
        if planned.conflicts.empty:
            return conflicts
        rows = dict(zip(planned.changes["unique_id"], self._rows(planned), strict=True))
        ours = own_writes(self._server)
        deals = {each: self._read_deal(each, ours) for each in planned.conflicts["unique_id"].unique()}
        for drift in planned.conflicts.to_dict("records"):
            name = "" if drift["operation"] == "delete" else str(drift["field"])
            unique_id = drift["unique_id"]
            remote = drift["remote"] if name else None
            conflicts[rows[unique_id], name] = Conflict(str(drift["reason"]), remote, *deals[unique_id])
        return conflicts

    def _read_deal(self, unique_id: str, ours: pd.DataFrame) -> tuple[dict[str, Any] | None, str]:
        """Read a deal's values on the server, and who changed it last; None if it was deleted."""
        try:
            remote = self._server.get(unique_id)
        except NotFoundError:
            return None, ""
        cells = {
            field: normalize_or_keep(field, remote[field]) for field in self.sheet.column if field in remote
        }
        at = pd.to_datetime(str(remote.get("updated_at") or ""), utc=True, errors="coerce")
        mine = ours[(ours["unique_id"] == unique_id) & (ours["updated_after"] == at)]
        who = f"your run {mine['run_id'].iloc[-1]}" if len(mine) else _find_author(remote)
        zone = Org.of(self.sheet.frame).zone(None)
        when = _format_moment(at, zone) if isinstance(at, pd.Timestamp) else ""
        return cells, ", ".join(part for part in (who, when) if part)

    def _absorb(self, planned: Plan, receipt: Receipt) -> list[ReceiptLine]:
        """Store the values that are on the server now, and mark those that it refused."""
        lines = []
        for row, change in zip(self._rows(planned), receipt.table.to_dict("records"), strict=True):
            name, why = ("" if schema.is_blank(change[c]) else str(change[c]) for c in ("field", "error"))
            before, after, operation, outcome = (
                change[c] for c in ("before", "after", "operation", "outcome")
            )
            lines.append(ReceiptLine(row, name, before, after, operation, _WORDS.get(outcome, outcome), why))
            if outcome in ("applied", "already"):
                self._store(row, name, change)
            elif outcome in ("failed", "conflict", "unknown"):
                self.sheet.refuse((row, name), _explain(outcome, why))
        return lines

    def _store(self, row: int, name: str, change: dict[Any, Any]) -> None:
        operation = change["operation"]
        if operation in ("delete", "recover"):
            self.sheet.settle_deleted(row, recovered=operation == "recover")
            return
        if operation == "create":
            self.sheet.settle_created(row, str(change["unique_id"]))
        self.sheet.settle({(row, name): change["after"]})


def _settle(sheet: EditSheet, key: Key, conflict: Conflict) -> None:
    """Store the deal's values on the server, and drop the change if theirs stays."""
    row, _ = key
    if conflict.keep == "theirs":
        sheet.drop_change(key)
    if conflict.deal is None:
        sheet.settle_deleted(row)
    else:
        sheet.settle({(row, column): value for column, value in conflict.deal.items()})


def _find_author(remote: dict[str, Any]) -> str:
    names = (remote.get(name) for name in _AUTHORS)
    return next((text.printable(name) for name in names if isinstance(name, str) and name.strip()), "")


def _format_moment(at: pd.Timestamp, zone: str) -> str:
    local, now = at.tz_convert(zone), datetime.now(UTC).astimezone(ZoneInfo(zone))
    day = "today" if local.date() == now.date() else text.day(local, year=local.year != now.year)
    return f"{day}, {local:%I:%M %p}".replace(" 0", " ")


def _explain(outcome: str, why: str) -> str:
    done = {"failed": "The server refused", "unknown": "Perhaps not written"}.get(outcome, "Not written")
    return f"{done}: {text.printable(why)}" if why else f"{done}."
