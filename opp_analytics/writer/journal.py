"""The journal: runs, their steps and changes on disk, read to resume or undo.

It is written around every call.

One SQLite file per tenant in the state folder, readable by its owner alone, in WAL mode with
``synchronous=FULL``: when `Journal.do` returns, its job is on disk and survives a crash or power
loss. Results wait for the next intent and share its commit: losing one only means that resume looks
again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from opp_analytics import schema
from opp_analytics.api import Client, find_unsafe, state_folder
from opp_analytics.errors import JournalError, PlanError
from opp_analytics.files import (
    locked,
    make_name,
    make_private_folder,
    read_whole,
    say_failure,
    write_whole,
)
from opp_analytics.schema import Json, read_stamp
from opp_analytics.writer.cells import from_text, to_text
from opp_analytics.writer.steps import (
    OPERATIONS,
    OUTCOMES,
    EditedCell,
    EqualCreate,
    Result,
    RunStep,
    Step,
)


def _list_options(options: Iterable[str]) -> str:
    return ", ".join(f"'{option}'" for option in options)


_TIME = (
    "GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]*[+-]??:??'"
)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS run (
  run_id TEXT PRIMARY KEY, plan_id TEXT NOT NULL, url TEXT NOT NULL,
  started_at TEXT NOT NULL CHECK (started_at {_TIME}), ended_at TEXT CHECK (ended_at {_TIME}),
  on_conflict TEXT NOT NULL CHECK (on_conflict IN ('skip', 'overwrite', 'stop')),
  since TEXT CHECK (since {_TIME}), known_ids TEXT NOT NULL CHECK (json_valid(known_ids)),
  accounted TEXT NOT NULL CHECK (json_valid(accounted))
) STRICT;
CREATE TABLE IF NOT EXISTS step (
  run_id TEXT NOT NULL REFERENCES run, number INTEGER NOT NULL,
  operation TEXT NOT NULL CHECK (operation IN ({_list_options(OPERATIONS)})),
  unique_id TEXT CHECK (unique_id IS NOT NULL OR operation = 'create'), name TEXT,
  base TEXT CHECK (json_valid(base)), attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  intended_at TEXT CHECK (intended_at = '' OR intended_at {_TIME}),
  settled_at TEXT CHECK (settled_at {_TIME}),
  refused INTEGER NOT NULL DEFAULT 0 CHECK (refused IN (0, 1)),
  updated_before TEXT, updated_after TEXT, record TEXT CHECK (json_valid(record)),
  identity TEXT CHECK ((operation = 'create') = (identity IS NOT NULL)),
  server_at TEXT CHECK (server_at {_TIME}),
  told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)), doubt TEXT,
  PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (
  run_id TEXT NOT NULL, number INTEGER NOT NULL, place INTEGER NOT NULL, field TEXT,
  before TEXT CHECK (json_valid(before)), after TEXT CHECK (json_valid(after)),
  was TEXT CHECK (json_valid(was)), answered TEXT CHECK (json_valid(answered)),
  outcome TEXT NOT NULL DEFAULT 'pending' CHECK (outcome IN ({_list_options(OUTCOMES)})),
  error TEXT, PRIMARY KEY (run_id, number, place), FOREIGN KEY (run_id, number) REFERENCES step
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS approval (
  run_id TEXT PRIMARY KEY REFERENCES run, proposed_by TEXT NOT NULL, approved_by TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS step_identity ON step (identity) WHERE identity IS NOT NULL;
CREATE INDEX IF NOT EXISTS change_answered ON change (run_id, number) WHERE answered IS NOT NULL;
"""
_VERSION = 8
_BUSY_SECONDS = 30.0
"""Wait this long for another process that writes; each of its commits takes milliseconds."""
_SHARED = "OPP_ANALYTICS_SHARED_JOURNAL"
"""The environment variable that allows a journal which others can change."""
LEFT = "(outcome IN ('pending', 'unknown') OR (outcome = 'failed' AND NOT refused))"
"""SQL for a change on which `resume` has work to do, as `Result.left`."""
APPLIED = "(outcome = 'applied' OR told)"
# By the order in which they were written: our clock may have been set in between.
_NEWEST = """
SELECT run_id FROM run JOIN step USING (run_id) JOIN change USING (run_id, number)
WHERE {} ORDER BY run.rowid DESC LIMIT 1
"""
_LAST_WRITES = """
SELECT DISTINCT unique_id, operation, updated_after,
       coalesce(server_at, settled_at) AS written_at, settled_at
FROM step JOIN change USING (run_id, number)
WHERE (outcome = 'applied' OR told) AND unique_id IS NOT NULL
  AND (server_at IS NULL OR server_at >= ?)
ORDER BY written_at
"""
_CUT = timedelta(seconds=2)
"""By as much the server's clock may seem to go back: its answers tell whole seconds, and its nodes
differ a little."""
_EQUAL = """
SELECT run_id, number, unique_id FROM step
WHERE identity = ? AND (unique_id IS NOT NULL OR intended_at IS NOT NULL)
ORDER BY unique_id IS NULL, run_id DESC, number
"""
_FORMS = """
SELECT run_id, unique_id, field, after, answered, was, intended_at
FROM step JOIN change USING (run_id, number)
WHERE unique_id IN (SELECT value FROM json_each(?))
  AND (answered IS NOT NULL OR (intended_at IS NOT NULL AND was IS NOT NULL))
"""


_T = TypeVar("_T")
Job = Callable[[sqlite3.Connection], object]


class SentCell(NamedTuple):
    """A value that a run sent, and the form in which the server holds it, if known."""

    value: Any
    answered: bool
    """False while the write has no answer."""
    held: Any
    """What the server answered that it holds; without an answer, what it held just before."""


Forms = Mapping[tuple[str | None, str], Sequence[SentCell]]
"""Sent values that the server holds, or may hold, in another form; by id and field."""


@dataclass(frozen=True)
class PlanRun:
    """A run of a plan, as the journal holds it."""

    run_id: str
    plan_id: str
    url: str
    on_conflict: str
    since: Any = None
    """A quarter of an hour before the newest ``created_at`` on the server before the first create;
    None where the server does not sort by it, does not tell the time, or is empty."""
    known_ids: frozenset[str] = frozenset()
    """Opportunities created since then, before the first create; all of them if `since` is None."""
    accounted: frozenset[str] = frozenset()
    """Equal creates of earlier runs that must not count as one of this run."""
    proposed_by: str | None = None
    approved_by: str | None = None
    """The assistant that proposed the plan, and who approved it; None for a person's own."""

    def is_new(self, record: Json) -> bool:
        """Tell whether an opportunity was created after the run began."""
        at = read_stamp(record.get("created_at"))
        early = self.since is not None and at is not None and at < self.since
        return record["unique_id"] not in self.known_ids and not early


def _folder() -> Path:
    return state_folder() / "journals"


def _refuse_shared() -> None:
    """Refuse a journal that others could change.

    They could have `undo` write anything, or `apply` write nothing.
    """
    unsafe = find_unsafe(state_folder(), _folder())
    if unsafe is not None and os.environ.get(_SHARED) != "1":
        raise JournalError(
            f"the journal is not used, because others could change it: {unsafe}. Remove what is a "
            f"link, make the rest yours alone (chmod -R go-w {state_folder()}), or set "
            f"{_SHARED}=1 if those who can change it may"
        )


def locate_journal(tenant: str) -> Path:
    """Locate a tenant's journal (`Settings.tenant`)."""
    return _folder() / f"{tenant}.sqlite3"


def _locate_proposals(plan_id: str, cells: Sequence[str]) -> list[Path]:
    """Locate the notes of a proposal, which is found by its id and by what it writes."""
    folder = state_folder() / "proposals"
    return [folder / sha256(key.encode()).hexdigest() for key in (plan_id, "\n".join(cells))]


def note_proposal(plan_id: str, cells: Sequence[str], asker: str) -> None:
    """Note outside a plan's file who proposed it."""
    for note in _locate_proposals(plan_id, cells):
        with say_failure(f"cannot write {note}"):
            make_private_folder(note.parent)
            write_whole(note, asker.encode())


def find_proposer(plan_id: str, cells: Sequence[str]) -> str | None:
    """Find the assistant that proposed a plan or its cells; None for a person's own plan."""
    notes = (note for note in _locate_proposals(plan_id, cells) if note.is_file())
    return next((read_whole(note).decode(errors="replace") for note in notes), None)


@contextmanager
def lock_plan(tenant: str, plan_id: str) -> Iterator[None]:
    """Lock a plan so that no one else applies it at the same time.

    A killed process releases its lock.
    """
    path = _folder() / f"{tenant}-{make_name(plan_id)}.lock"
    busy = PlanError(
        "another process or thread is applying this plan; wait for it, or stop it and resume its "
        "run"
    )
    with ExitStack() as held:
        try:
            held.enter_context(locked(path, busy, mode=0o600, remove=True))
        except OSError as error:
            raise JournalError(
                f"cannot lock plan {plan_id!r} in {path.parent}: {error.strerror}"
            ) from None
        yield


def _make_error(path: Path, error: object) -> JournalError:
    return JournalError(
        f"cannot use the journal {path}: {error}; nothing is sent without it. Free the disk; "
        "restore a damaged file from a backup, or move it away: its runs can then no longer be "
        "resumed or undone, nor their creates be recognized"
    )


@contextmanager
def _name_damage(path: Path) -> Iterator[None]:
    """Name the journal where a cell cannot be read."""
    try:
        yield
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise _make_error(path, f"a cell cannot be read ({error!r})") from None


class Journal:
    """The journal of one tenant (`Settings.tenant`), open for writing; close it when done."""

    def __init__(
        self, tenant: str, server_time: Callable[[], datetime | None] = lambda: None
    ) -> None:
        self.path = locate_journal(tenant)
        self._server_time = server_time
        self._lock = threading.Lock()
        self._queue: deque[Job] = deque()
        self._failure: JournalError | None = None
        _refuse_shared()
        try:
            make_private_folder(self.path.parent)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = _open(self.path)
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            raise _make_error(self.path, error) from None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write queued jobs and close the file."""
        try:
            if self._queue and self._failure is None:
                self.do(lambda _: None)
        finally:
            # A thread that a second Ctrl-C left behind may be about to write: SQLite must not close
            # under it.
            with self._lock:
                self._failure = self._failure or JournalError("the run has ended")
                self._connection.close()

    def do(self, job: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run a job, commit it with all queued jobs, and return its result."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            queued = [self._queue.popleft() for _ in range(len(self._queue))]
            try:
                return self._commit(queued, job)
            except (sqlite3.Error, UnicodeDecodeError) as error:
                self._failure = _make_error(self.path, error)
                raise self._failure from None

    def note(self, job: Job) -> None:
        """Queue a job for the next commit, without waiting for a running one."""
        self._queue.append(job)

    def _commit(self, queued: list[Job], job: Callable[[sqlite3.Connection], _T]) -> _T:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for each in queued:
                each(self._connection)
            result = job(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result

    def query(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Return the rows of a query, with all queued jobs done."""
        return self.do(lambda db: db.execute(query, values).fetchall())

    # -- writing a run

    def begin(self, run: PlanRun, entries: Iterable[RunStep]) -> None:
        """Record a whole run before its first request."""
        since = None if run.since is None else run.since.isoformat()
        ids = (json.dumps(sorted(ids)) for ids in (run.known_ids, run.accounted))
        run_row = (run.run_id, run.plan_id, run.url, _now(), run.on_conflict, since, *ids)
        steps, changes = [], []
        for entry in entries:
            number, step, _ = entry
            identity = step.identity if entry.creates else None
            base = _record_text(step.base or None)
            steps.append(
                (run.run_id, number, step.operation, step.unique_id, step.name, base, identity)
            )
            for place, cell in enumerate(step.cells):
                values = (to_text(cell.field or "", value) for value in (cell.before, cell.after))
                changes.append((run.run_id, number, place, cell.field, *values))

        def write(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO run (run_id, plan_id, url, started_at, on_conflict, since, known_ids, "
                "accounted) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                run_row,
            )
            if run.proposed_by is not None:
                approval = (run.run_id, run.proposed_by, run.approved_by)
                db.execute("INSERT INTO approval VALUES (?, ?, ?)", approval)
            db.executemany(
                "INSERT INTO step (run_id, number, operation, unique_id, name, base, identity) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                steps,
            )
            db.executemany(
                "INSERT INTO change (run_id, number, place, field, before, after) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                changes,
            )

        self.do(write)

    def intend(
        self,
        run_id: str,
        number: int,
        held: Json,
        outcome: Json | None = None,
    ) -> None:
        """Record a step's write before it is sent, with the old values of its cells.

        If the deal was closed or reopened since the plan, `outcome` is its stage and status: the
        new base.
        """
        was = [_cell_row(name, value, run_id, number) for name, value in held.items()]

        def write(db: sqlite3.Connection) -> None:
            self._intend(db, run_id, number, outcome)
            db.executemany(
                "UPDATE change SET was = ? WHERE run_id = ? AND number = ? AND field = ?", was
            )

        self.do(write)

    def claim(
        self, run: PlanRun, number: int, identity: str, gone: Collection[str | None]
    ) -> EqualCreate | None:
        """Record that a create is about to be sent; or return an equal create of another run.

        An equal create that may have been carried out counts too.

        Processes that share the journal ask and record one after another, so that only one of them
        sends. Ids in `gone` are not on the server any more.
        """

        def ask(db: sqlite3.Connection) -> EqualCreate | None:
            equal = _list_equal(db, identity)
            ours = {create.unique_id for create in equal if create.run_id == run.run_id}
            spent = (run.accounted | ours | set(gone)) - {None}
            for create in equal:
                if create.run_id != run.run_id and not spent & {create.unique_id, create.place}:
                    return create
            self._intend(db, run.run_id, number)
            return None

        return self.do(ask)

    def _intend(
        self,
        db: sqlite3.Connection,
        run_id: str,
        number: int,
        outcome: Json | None = None,
    ) -> None:
        """Record, within a job, that a step's write is about to be sent.

        The time is by the server's clock, and empty if it has none.
        """
        at = self._read_server_time() or ""
        db.execute(
            "UPDATE step SET intended_at = ?, told = 0, attempts = attempts + 1, "
            "base = coalesce(?, base) WHERE run_id = ? AND number = ?",
            (at, _record_text(outcome), run_id, number),
        )

    def _read_server_time(self) -> str | None:
        at = self._server_time()
        return None if at is None else at.isoformat()

    def settle(self, run_id: str, number: int, result: Result) -> None:
        """Record the result of a step with the next commit; if that is lost, resume looks again."""
        record, stamps = _record_text(result.record), (result.updated_before, result.updated_after)
        times = (_now(), self._read_server_time())
        step_row = (
            *times,
            result.sent,
            result.refused,
            result.told,
            result.doubt,
            result.unique_id,
            *stamps,
            record,
            run_id,
            number,
        )
        changes = [
            (outcome, error, run_id, number, place)
            for place, (outcome, error) in enumerate(
                zip(result.outcomes, result.errors, strict=True)
            )
        ]
        forms = [
            _cell_row(field, value, run_id, number) for field, value in result.answered.items()
        ]

        def write(db: sqlite3.Connection) -> None:
            db.execute(
                "UPDATE step SET settled_at = ?, server_at = ?, intended_at = CASE WHEN ? THEN "
                "intended_at END, refused = ?, told = ?, doubt = ?, "
                "unique_id = coalesce(?, unique_id), "
                "updated_before = coalesce(?, updated_before), updated_after = ?, "
                "record = coalesce(?, record) WHERE run_id = ? AND number = ?",
                step_row,
            )
            db.executemany(
                (
                    "UPDATE change SET outcome = ?, error = ? WHERE run_id = ? AND number = ? AND "
                    "place = ?"
                ),
                changes,
            )
            db.execute(
                "UPDATE change SET answered = NULL WHERE run_id = ? AND number = ?",
                (run_id, number),
            )
            db.executemany(
                "UPDATE change SET answered = ? WHERE run_id = ? AND number = ? AND field = ?",
                forms,
            )

        self.note(write)

    def end(self, run_id: str) -> None:
        """Record that the run has ended."""
        self.do(
            lambda db: db.execute("UPDATE run SET ended_at = ? WHERE run_id = ?", (_now(), run_id))
        )

    # -- reading runs

    def read_run(self, run_id: str) -> tuple[PlanRun, list[RunStep]]:
        """Read a run with its steps in order."""

        def read(db: sqlite3.Connection) -> tuple[list[sqlite3.Row], ...]:
            runs = db.execute("SELECT * FROM run WHERE run_id = ?", (run_id,))
            steps = db.execute("SELECT * FROM step WHERE run_id = ? ORDER BY number", (run_id,))
            changes = db.execute(
                "SELECT * FROM change WHERE run_id = ? ORDER BY number, place", (run_id,)
            )
            return runs.fetchall(), steps.fetchall(), changes.fetchall()

        runs, steps, changes = self.do(read)
        if not runs:
            raise PlanError(
                f"no run {run_id!r} in the journal",
                python_way="see oa.runs()",
                shell_way="see opp-analytics runs",
            )
        cells: dict[int, list[sqlite3.Row]] = {}
        for change in changes:
            cells.setdefault(change["number"], []).append(change)
        with _name_damage(self.path):
            (row,) = runs
            known, accounted = (
                frozenset(json.loads(row[column])) for column in ("known_ids", "accounted")
            )
            head = (row["run_id"], row["plan_id"], row["url"], row["on_conflict"])
            run = PlanRun(*head, read_stamp(row["since"]), known, accounted)
            return run, [_read_entry(step, cells[step["number"]]) for step in steps]

    def find_newest_run(self, condition: str) -> str | None:
        """Find the newest run with a change that meets a condition: `LEFT` or `APPLIED`."""
        rows = self.query(_NEWEST.format(condition))
        return rows[0]["run_id"] if rows else None

    def list_created_ids(self) -> set[str]:
        """List the ids of all opportunities created in this tenant."""
        query = "SELECT unique_id FROM step WHERE operation = 'create' AND unique_id IS NOT NULL"
        return {row["unique_id"] for row in self.query(query)}

    def list_last_writes(self, since: datetime | None) -> dict[str, tuple[str, Any]]:
        """List the last write to each opportunity since a time by the server's clock; None for all.

        Each is the operation, and the opportunity's ``updated_at`` after it: None where the server
        did not tell it.
        """
        last: dict[str, sqlite3.Row] = {}
        rows = self.query(_LAST_WRITES, "" if since is None else since.isoformat())
        with _name_damage(self.path):
            for row in rows:
                known = last.setdefault(row["unique_id"], row)
                at, before = (datetime.fromisoformat(one["written_at"]) for one in (row, known))
                # Of writes at one time by the server's clock, ours tells the order.
                if at - before > _CUT or row["settled_at"] >= known["settled_at"]:
                    last[row["unique_id"]] = row
        return {
            one: (row["operation"], read_stamp(row["updated_after"])) for one, row in last.items()
        }

    def read_forms(self, steps: Iterable[Step]) -> Forms:
        """Read how the server stored the values that these steps sent."""
        return _make_forms(self.path, self.query(_FORMS, _list_ids(steps)))

    def list_doubtful_runs(self) -> set[str]:
        """List the runs with a create whose outcome is unknown."""
        query = (
            "SELECT DISTINCT run_id FROM step WHERE identity IS NOT NULL AND intended_at IS NOT "
            "NULL"
        )
        return {row["run_id"] for row in self.query(query)}

    def account_for(
        self, identities: Iterable[str], known: Collection[str], *, again: bool
    ) -> frozenset[str]:
        """Find earlier identical creates that must not count as a new plan's.

        They are given by id, or by place in the journal.

        The plan was made from the `known` ids; a row that equals one of them is a further deal.
        With `again`, no earlier create counts.
        """
        wanted = set(identities)
        equal = self.do(
            lambda db: [create for identity in wanted for create in _list_equal(db, identity)]
        )
        if again:
            return frozenset(create.place for create in equal)
        ids = {create.unique_id for create in equal}
        # A known opportunity may turn out to be a create that has no id yet.
        return frozenset(unique_id for unique_id in known if unique_id in ids or None in ids)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _cell_row(field: str, value: Any, run_id: str, number: int) -> tuple[Any, ...]:
    return to_text(field, value) or "null", run_id, number, field


def _record_text(record: Json | None) -> str | None:
    return None if record is None else json.dumps({k: to_text(k, v) for k, v in record.items()})


def _read_record(text: str | None) -> Json | None:
    return None if text is None else {k: from_text(k, v) for k, v in json.loads(text).items()}


def _list_equal(db: sqlite3.Connection, identity: str) -> list[EqualCreate]:
    """List equal creates that were sent, those with an id first, the newest runs first."""
    return [EqualCreate(*row) for row in db.execute(_EQUAL, (identity,))]


def _read_entry(row: sqlite3.Row, changes: list[sqlite3.Row]) -> RunStep:
    cells = tuple(
        EditedCell(
            c["field"], *(from_text(c["field"] or "", c[side]) for side in ("before", "after"))
        )
        for c in changes
    )
    unique_id = None if row["operation"] == "create" else row["unique_id"]
    step = Step(
        row["operation"], unique_id, cells, row["name"], base=_read_record(row["base"]) or {}
    )
    # Settling clears the intent unless the outcome is unknown; one that is left may have been
    # carried out.
    sent = row["intended_at"] is not None
    result = Result(
        outcomes=tuple(
            "unknown" if sent and c["outcome"] == "pending" else c["outcome"] for c in changes
        ),
        errors=tuple(c["error"] for c in changes),
        attempts=row["attempts"],
        unique_id=row["unique_id"],
        record=_read_record(row["record"]),
        sent=sent,
        told=bool(row["told"]),
        doubt=row["doubt"],
        updated_before=row["updated_before"],
        updated_after=row["updated_after"],
        sent_at=datetime.fromisoformat(row["intended_at"]) if row["intended_at"] else None,
        refused=bool(row["refused"]),
        was={c["field"]: from_text(c["field"], c["was"]) for c in changes if c["was"]},
        answered={
            c["field"]: from_text(c["field"], c["answered"]) for c in changes if c["answered"]
        },
    )
    return RunStep(row["number"], step, result)


def read_journal(path: Path, query: str, *values: Any) -> list[sqlite3.Row]:
    """Open a journal, run a query, and return its rows."""
    _refuse_shared()
    try:
        with closing(_open(path)) as connection:
            return connection.execute(query, values).fetchall()
    except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
        raise _make_error(path, error) from None


def read_forms(tenant: str, steps: Iterable[Step]) -> Forms:
    """Read the forms of a tenant as `Journal.read_forms` does; none without a journal."""
    path = locate_journal(tenant)
    return _make_forms(path, read_journal(path, _FORMS, _list_ids(steps)) if path.exists() else ())


def _list_ids(steps: Iterable[Step]) -> str:
    return json.dumps(sorted({step.unique_id for step in steps if step.unique_id is not None}))


def _make_forms(path: Path, rows: Iterable[sqlite3.Row]) -> Forms:
    forms: dict[tuple[str | None, str], list[SentCell]] = {}
    for run_id, unique_id, field, after, answer, was, intended_at in rows:
        # Empty where the server has no clock.
        in_doubt = intended_at is not None
        with _name_damage(path):
            sent, held = (from_text(field, cell) for cell in (after, was if in_doubt else answer))
        forms.setdefault((unique_id, field), []).append(SentCell(sent, not in_doubt, held))
    return forms


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise JournalError(
                f"the journal {path} was written by another version of this package (format "
                f"{version}, not {_VERSION}). Resume or undo its runs with that version, or move "
                "the file away to go on without them"
            )
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok" or connection.execute("PRAGMA foreign_key_check").fetchone():
            raise _make_error(path, found if found != "ok" else "rows are missing")
    except BaseException:
        connection.close()
        raise
    return connection


_IN_DOUBT = "(outcome = 'pending' AND intended_at IS NOT NULL)"
"""A change whose write was about to be sent when the process ended."""
_COUNTS = {
    **{outcome: f"outcome = '{outcome}'" for outcome in OUTCOMES},
    "unknown": f"outcome = 'unknown' OR {_IN_DOUBT}",
    "pending": f"outcome = 'pending' AND NOT {_IN_DOUBT}",
}
_RUNS = """
SELECT run_id, started_at, ended_at, url, proposed_by, approved_by,
       count(DISTINCT number) AS opportunities, count(*) AS changes,
       {counts}, sum({left}) AS left_over
FROM run LEFT JOIN approval USING (run_id) JOIN step USING (run_id)
     JOIN change USING (run_id, number) GROUP BY run_id
"""
_OWN = """
SELECT step.unique_id, settled_at AS written_at, updated_before, updated_after, run_id, url
FROM run JOIN step USING (run_id) JOIN change USING (run_id, number)
WHERE outcome = 'applied' AND step.unique_id IS NOT NULL
GROUP BY run_id, number ORDER BY settled_at
"""


def runs() -> pd.DataFrame:
    """List every run in the journals, newest first.

    Returns
    -------
    DataFrame
        RangeIndex; ``run_id`` str, ``started_at``, ``ended_at`` (missing: it was killed, or is
        still running) datetime64[us, UTC], ``url`` str, ``proposed_by``, ``approved_by`` str (of a
        plan that an assistant proposed, else missing), ``opportunities``, ``changes`` and a count
        per outcome int64 (applied already not_kept overwritten conflict skipped failed unknown
        pending), ``state`` str:
        finished, or unfinished where `resume` has work to do. Empty, with its columns, if nothing
        was ever applied.

    Raises
    ------
    JournalError
        If a journal cannot be read.
    """
    counted = ", ".join(f"sum({condition}) AS {outcome}" for outcome, condition in _COUNTS.items())
    query = _RUNS.format(counts=counted, left=LEFT)
    counts = ("opportunities", "changes", *OUTCOMES, "left_over")
    signed = ("proposed_by", "approved_by")
    columns = ["run_id", "started_at", "ended_at", "url", *signed, *counts]
    rows = [
        tuple(row)
        for file in sorted(_folder().glob("*.sqlite3"))
        for row in read_journal(file, query)
    ]
    found = _frame(rows, columns, times=("started_at", "ended_at")).astype(
        dict.fromkeys(counts, "int64")
    )
    state = (
        found["left_over"].gt(0).map({True: "unfinished", False: "finished"}).astype(schema.TEXT)
    )
    found = found.drop(columns="left_over").assign(state=state)
    return found.sort_values("started_at", ascending=False, kind="stable", ignore_index=True)


def own_writes(client: Client) -> pd.DataFrame:
    """List updates that were our own batch writes, not somebody's work on a deal; for `audit`.

    Parameters
    ----------
    client : Client
        Identifies the tenant, because two servers may use the same ids. No request is sent.

    Returns
    -------
    DataFrame
        One row per opportunity and run, oldest first; RangeIndex. ``unique_id`` str, ``written_at``
        (by this computer's clock), ``updated_before``, ``updated_after`` (the server's
        ``updated_at`` around the write, missing where it sent none) datetime64[us, UTC], ``run_id
        url tenant`` str.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    tenant = client.settings.tenant
    file = locate_journal(tenant)
    times = ("written_at", "updated_before", "updated_after")
    rows = [(*row, tenant) for row in (read_journal(file, _OWN) if file.exists() else [])]
    return _frame(rows, ["unique_id", *times, "run_id", "url", "tenant"], times=times)


_TEXTS = ("unique_id", "run_id", "url", "tenant", "proposed_by", "approved_by")


def _frame(rows: list[tuple[Any, ...]], columns: list[str], times: tuple[str, ...]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=columns, dtype="object")
    texts = [c for c in _TEXTS if c in found]
    # What a server sent as its stamp may be anything; our own are checked.
    moments = {
        c: pd.to_datetime(found[c], utc=True, format="ISO8601", errors="coerce").astype(
            "datetime64[us, UTC]"
        )
        for c in times
    }
    return found.astype(dict.fromkeys(texts, schema.TEXT)).assign(**moments)
