"""Runs, steps and changes in the journal: written around every call, read to resume or undo."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opp_analytics.errors import PlanError
from opp_analytics.writer.journal.journal import Journal
from opp_analytics.writer.journal.result import Result, StepProgress, has_work_left
from opp_analytics.writer.plan.codec import from_text, to_text
from opp_analytics.writer.plan.steps import Cell, Step

__all__ = [
    "Run",
    "StoredStep",
    "begin",
    "end",
    "intend",
    "latest_run",
    "note_intent",
    "read_run",
    "settle",
]


@dataclass(frozen=True)
class Run:
    """One run of a plan."""

    run_id: str
    plan_id: str
    url: str
    on_conflict: str
    mark: dict[str, Any] | None = None
    """The server's newest opportunities before the first create."""
    accounted: frozenset[str] = frozenset()
    """Equal creates of earlier runs that do not stand for one of this run."""


@dataclass(frozen=True)
class StoredStep:
    """A step as stored in the journal."""

    number: int
    step: Step
    name: str | None
    outcomes: tuple[str, ...]
    errors: tuple[str | None, ...]
    progress: StepProgress
    refused: bool
    unique_id: str | None
    """The id of the opportunity; for a completed create, the new id."""
    was: dict[str, Any]
    """Values of the written fields just before the write."""
    record: dict[str, Any] | None

    @property
    def left(self) -> bool:
        """True if resume has work to do on this step."""
        return has_work_left(self.outcomes, refused=self.refused)

    @property
    def lost(self) -> bool:
        """True if it is a create whose outcome is unknown."""
        return self.step.operation == "create" and self.progress.sent


def _now() -> str:
    """The current time as text."""
    return datetime.now(UTC).isoformat()


def _record_text(record: dict[str, Any] | None) -> str | None:
    return None if record is None else json.dumps({k: to_text(k, v) for k, v in record.items()})


def _record(text: str | None) -> dict[str, Any] | None:
    return None if text is None else {k: from_text(k, v) for k, v in json.loads(text).items()}


def _identity(step: Step) -> str | None:
    return step.identity if step.operation == "create" else None


def begin(journal: Journal, run: Run, steps: list[Step], names: list[str | None]) -> None:
    """Record a whole run before its first request."""
    mark = None if run.mark is None else json.dumps(run.mark)
    accounted = json.dumps(sorted(run.accounted))
    run_row = (run.run_id, run.plan_id, run.url, _now(), run.on_conflict, mark, accounted)
    step_rows = [
        (run.run_id, n, s.operation, s.unique_id, names[n], _record_text(s.base or None), _identity(s))
        for n, s in enumerate(steps)
    ]
    change_rows = [
        (run.run_id, c.at, n, c.field, *(to_text(c.field or "", v) for v in (c.before, c.after)))
        for n, s in enumerate(steps)
        for c in s.cells
    ]

    def write(db: sqlite3.Connection) -> None:
        db.execute(
            "INSERT INTO run (run_id, plan_id, url, started_at, on_conflict, mark, accounted) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            run_row,
        )
        db.executemany(
            "INSERT INTO step (run_id, number, operation, unique_id, name, base, identity) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            step_rows,
        )
        db.executemany(
            "INSERT INTO change (run_id, at, number, field, before, after) VALUES (?, ?, ?, ?, ?, ?)",
            change_rows,
        )

    journal.do(write)


def intend(
    journal: Journal,
    run_id: str,
    number: int,
    overwritten: dict[str, Any],
    outcome: dict[str, Any] | None = None,
) -> None:
    """Record on disk that the step's write is about to be sent, and any unplanned values it overwrites.

    If the deal was closed or reopened since the plan, `outcome` is its stage and status: the new base.
    """
    was = [(to_text(field, value) or "null", run_id, number, field) for field, value in overwritten.items()]

    def write(db: sqlite3.Connection) -> None:
        note_intent(db, run_id, number, outcome)
        db.executemany("UPDATE change SET was = ? WHERE run_id = ? AND number = ? AND field = ?", was)

    journal.do(write)


def note_intent(
    db: sqlite3.Connection, run_id: str, number: int, outcome: dict[str, Any] | None = None
) -> None:
    """Part of a job: a step's write is about to be sent."""
    db.execute(
        "UPDATE step SET intended_at = ?, attempts = attempts + 1, base = coalesce(?, base) "
        "WHERE run_id = ? AND number = ?",
        (_now(), _record_text(outcome), run_id, number),
    )


def settle(journal: Journal, run_id: str, number: int, step: Step, result: Result) -> None:
    """Record the result of a step with the next commit; if it is lost, resume looks again."""
    step_row = (
        _now(),
        result.sent,
        result.refused,
        result.unique_id,
        result.updated_before,
        result.updated_after,
        _record_text(result.record),
        run_id,
        number,
    )
    change_rows = [
        (outcome, error, run_id, c.at)
        for c, outcome, error in zip(step.cells, result.outcomes, result.errors, strict=True)
    ]

    def write(db: sqlite3.Connection) -> None:
        db.execute(
            "UPDATE step SET settled_at = ?, intended_at = CASE WHEN ? THEN intended_at END, refused = ?, "
            "unique_id = coalesce(?, unique_id), updated_before = coalesce(?, updated_before), updated_after = ?, record = coalesce(?, record) "
            "WHERE run_id = ? AND number = ?",
            step_row,
        )
        db.executemany("UPDATE change SET outcome = ?, error = ? WHERE run_id = ? AND at = ?", change_rows)

    journal.note(write)


def end(journal: Journal, run_id: str) -> None:
    """Record that the run has ended."""
    journal.do(lambda db: db.execute("UPDATE run SET ended_at = ? WHERE run_id = ?", (_now(), run_id)))


def _run_of(row: sqlite3.Row) -> Run:
    """A run from its row."""
    mark = None if row["mark"] is None else json.loads(row["mark"])
    accounted = frozenset(json.loads(row["accounted"]))
    return Run(row["run_id"], row["plan_id"], row["url"], row["on_conflict"], mark, accounted)


def read_run(journal: Journal, run_id: str) -> tuple[Run, list[StoredStep]]:
    """A run with its steps in order.

    Raises
    ------
    PlanError
        If the journal has no such run.
    """

    def read(db: sqlite3.Connection) -> tuple[list[sqlite3.Row], ...]:
        return (
            db.execute("SELECT * FROM run WHERE run_id = ?", (run_id,)).fetchall(),
            db.execute("SELECT * FROM step WHERE run_id = ? ORDER BY number", (run_id,)).fetchall(),
            db.execute("SELECT * FROM change WHERE run_id = ? ORDER BY number, at", (run_id,)).fetchall(),
        )

    runs, steps, changes = journal.do(read)
    if not runs:
        raise PlanError(f"no run {run_id!r} in the journal; the list of runs has every id")
    cells: dict[int, list[sqlite3.Row]] = {}
    for change in changes:
        cells.setdefault(change["number"], []).append(change)
    return _run_of(runs[0]), [_stored(step, cells[step["number"]]) for step in steps]


def _stored(row: sqlite3.Row, changes: list[sqlite3.Row]) -> StoredStep:
    cells = tuple(
        Cell(c["at"], c["field"], *(from_text(c["field"] or "", c[side]) for side in ("before", "after")))
        for c in changes
    )
    created = row["operation"] == "create"
    step = Step(row["operation"], None if created else row["unique_id"], cells, _record(row["base"]) or {})
    # Settling clears the intent unless the outcome is unknown; one that is left may have been carried out.
    sent = row["intended_at"] is not None
    return StoredStep(
        number=row["number"],
        step=step,
        name=row["name"],
        outcomes=tuple("unknown" if sent and c["outcome"] == "pending" else c["outcome"] for c in changes),
        errors=tuple(c["error"] for c in changes),
        progress=StepProgress(
            row["attempts"], sent, datetime.fromisoformat(row["intended_at"]) if sent else None
        ),
        refused=bool(row["refused"]),
        unique_id=row["unique_id"],
        was={c["field"]: from_text(c["field"], c["was"] or c["before"]) for c in changes if c["field"]},
        record=_record(row["record"]),
    )


_NEWEST = {
    True: "outcome IN ('pending', 'unknown') OR (outcome = 'failed' AND NOT refused)",
    False: "outcome = 'applied'",
}
_RUNS = "SELECT run_id FROM run JOIN step USING (run_id) JOIN change USING (run_id, number)"


def latest_run(journal: Journal, *, left: bool) -> str | None:
    """The newest run with work left, or, with ``left=False``, with applied changes."""
    query = f"{_RUNS} WHERE {_NEWEST[left]} ORDER BY started_at DESC LIMIT 1"
    rows = journal.do(lambda db: db.execute(query).fetchall())
    return rows[0]["run_id"] if rows else None
