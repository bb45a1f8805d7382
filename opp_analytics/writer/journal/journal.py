"""The journal of applied plans: the intent before each call, and its result after.

One SQLite file per tenant in the state folder, readable by its owner alone, in WAL mode with ``synchronous=FULL``:
when `Journal.do` returns, its job is on disk and survives a crash or power loss.
Results wait for the next intent and share its commit: losing one only means that resume looks again.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from opp_analytics.api import find_unsafe, state_folder
from opp_analytics.errors import JournalError, PlanError
from opp_analytics.files import make_private_folder

__all__ = ["Journal", "journal_file", "journal_files", "plan_lock", "read_journal"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
  run_id TEXT PRIMARY KEY, plan_id TEXT NOT NULL, url TEXT NOT NULL, started_at TEXT NOT NULL,
  ended_at TEXT, on_conflict TEXT NOT NULL, mark TEXT, accounted TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS step (
  run_id TEXT NOT NULL, number INTEGER NOT NULL, operation TEXT NOT NULL, unique_id TEXT, name TEXT, base TEXT,
  attempts INTEGER NOT NULL DEFAULT 0, intended_at TEXT, settled_at TEXT, refused INTEGER NOT NULL DEFAULT 0,
  updated_before TEXT, updated_after TEXT, record TEXT, identity TEXT,
  PRIMARY KEY (run_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (
  run_id TEXT NOT NULL, at INTEGER NOT NULL, number INTEGER NOT NULL, field TEXT, before TEXT, after TEXT, was TEXT,
  outcome TEXT NOT NULL DEFAULT 'pending', error TEXT,
  PRIMARY KEY (run_id, at)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS step_identity ON step (identity) WHERE identity IS NOT NULL;
"""
_VERSION = 3
_BUSY_SECONDS = 30.0
_SHARED = "OPP_ANALYTICS_SHARED_JOURNAL"
"""The environment variable by which a journal that others can change is used all the same."""
Job = Callable[[sqlite3.Connection], Any]


def _folder() -> Path:
    return state_folder() / "journals"


def _refuse_shared() -> None:
    """Refuse a journal that others could change: they could have `undo` write anything, or `apply` write nothing."""
    unsafe = find_unsafe(state_folder(), _folder())
    if unsafe is not None and os.environ.get(_SHARED) != "1":
        raise JournalError(
            f"the journal is not used, because others could change it: {unsafe}. Make it yours alone "
            f"(chmod -R go-w {state_folder()}), or set {_SHARED}=1 if those who can change it may"
        )


def journal_file(tenant: str) -> Path:
    """Path of a tenant's journal (`Settings.tenant`)."""
    return _folder() / f"{tenant}.sqlite3"


def journal_files() -> list[Path]:
    """Paths of all journals."""
    return sorted(_folder().glob("*.sqlite3"))


@contextmanager
def plan_lock(tenant: str, plan_id: str) -> Iterator[None]:
    """Lock a plan so that no one else applies it at the same time; a killed process releases its lock.

    Raises
    ------
    PlanError
        If another process or thread holds the lock.
    """
    path = _folder() / f"{tenant}-{plan_id}.lock"
    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise PlanError(
            "another process or thread is applying this plan; wait for it, or stop it and resume its run"
        ) from None
    except OSError as error:
        raise JournalError(f"cannot lock plan {plan_id!r} in {path.parent}: {error.strerror}") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _unusable(path: Path, error: Exception) -> JournalError:
    return JournalError(
        f"cannot use the journal {path}: {error}; nothing is sent without it. Free the disk, or move a damaged file "
        "away: its runs can then no longer be resumed or undone"
    )


class Journal:
    """The journal of one tenant, open for writing; close it when done.

    Parameters
    ----------
    tenant : str
        The tenant's hash, `Settings.tenant`.

    Raises
    ------
    JournalError
        If it cannot be opened: no space, no permission, damaged, another version's format, or open to others.
    """

    def __init__(self, tenant: str) -> None:
        self.path = journal_file(tenant)
        self._lock = threading.Lock()
        self._noted: deque[Job] = deque()
        self._failure: JournalError | None = None
        _refuse_shared()
        try:
            make_private_folder(self.path.parent)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = _open(self.path)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(self.path, error) from None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write pending jobs and close the file."""
        try:
            if self._noted and self._failure is None:
                self.do(lambda _: None)
        finally:
            self._connection.close()

    def do(self, job: Job) -> Any:
        """Run a job, commit it with all pending jobs, and return its result.

        Raises
        ------
        JournalError
            If this or an earlier job could not be written.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            noted = [self._noted.popleft() for _ in range(len(self._noted))]
            try:
                return self._commit([*noted, job])
            except sqlite3.Error as error:
                self._failure = _unusable(self.path, error)
                raise self._failure from None

    def note(self, job: Job) -> None:
        """Queue a job for the next commit, without waiting for a running one."""
        self._noted.append(job)

    def _commit(self, jobs: list[Job]) -> Any:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            results = [job(self._connection) for job in jobs]
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return results[-1]


def read_journal(path: Path, query: str) -> list[sqlite3.Row]:
    """Open a journal, run a query, and return its rows.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    _refuse_shared()
    try:
        with closing(_open(path)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error as error:
        raise _unusable(path, error) from None


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise JournalError(
                f"the journal {path} was written by another version of this package (format {version}, not {_VERSION}). "
                "Resume or undo its runs with that version, or move the file away to go on without them"
            )
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection
