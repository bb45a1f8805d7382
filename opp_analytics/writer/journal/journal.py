"""The journal of applied plans: what was meant, before each call, and what came of it, after.

One SQLite file per account in the state folder, readable by its owner alone, in WAL mode with ``synchronous=FULL``:
what `intend` has returned from is on the disk, whatever happens to the process or the power afterwards. A single
thread writes; notes that arrive while it waits for the disk share the next commit, so that the cost per call
falls with the number of connections.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from opp_analytics.api import state_folder
from opp_analytics.errors import JournalError, PlanError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
  run_id TEXT PRIMARY KEY, plan_id TEXT NOT NULL, url TEXT NOT NULL, tenant TEXT NOT NULL, started_at TEXT NOT NULL,
  ended_at TEXT, on_conflict TEXT NOT NULL, mark TEXT
);
CREATE TABLE IF NOT EXISTS step (
  run_id TEXT NOT NULL, number INTEGER NOT NULL, operation TEXT NOT NULL, unique_id TEXT, name TEXT, base TEXT,
  attempts INTEGER NOT NULL DEFAULT 0, intended_at TEXT, settled_at TEXT, refused INTEGER NOT NULL DEFAULT 0,
  updated_before TEXT, updated_after TEXT, record TEXT,
  PRIMARY KEY (run_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (
  run_id TEXT NOT NULL, at INTEGER NOT NULL, number INTEGER NOT NULL, field TEXT, before TEXT, after TEXT, was TEXT,
  outcome TEXT NOT NULL DEFAULT 'pending', error TEXT,
  PRIMARY KEY (run_id, at)
) WITHOUT ROWID;
"""
_VERSION = 1
_BUSY_SECONDS = 30.0
Job = Callable[[sqlite3.Connection], Any]


def _folder() -> Path:
    return state_folder() / "journals"


def journal_file(account: str) -> Path:
    """Where the journal of an account is (`Settings.tenant`)."""
    return _folder() / f"{account}.sqlite3"


def journal_files() -> list[Path]:
    """Every journal there is."""
    return sorted(_folder().glob("*.sqlite3"))


@contextmanager
def plan_lock(account: str, plan_id: str) -> Iterator[None]:
    """Hold a plan, so that nobody else carries it out at the same time; a killed process lets go of it.

    Raises
    ------
    PlanError
        When somebody else holds it.
    """
    path = _folder() / f"{account}-{plan_id}.lock"
    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise PlanError(
            "this plan is being carried out by another process or thread; wait for it, or stop it and resume it"
        ) from None
    except OSError as error:
        raise JournalError(f"cannot lock plan {plan_id!r} in {path.parent} ({error.strerror})") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _unusable(path: Path, error: Exception) -> JournalError:
    return JournalError(
        f"the journal {path} cannot be used ({error}); nothing is sent without it. Free the disk, or, when the file "
        "is damaged, move it aside: runs recorded in it can then no longer be resumed or undone"
    )


class Journal:
    """The journal of one account, open for writing; close it when done.

    Parameters
    ----------
    account : str
        `Settings.tenant`.

    Raises
    ------
    JournalError
        When it cannot be opened: no space, no permission, damaged, or written by a newer version.
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self.path = journal_file(account)
        self._jobs: queue.SimpleQueue[tuple[Job, Future[Any]] | None] = queue.SimpleQueue()
        self._failure: Exception | None = None
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise _unusable(self.path, error) from None
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()
        try:
            self.do(_prepare)
        except JournalError:
            self.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is noted and close the file."""
        self._jobs.put(None)
        self._thread.join()

    def do(self, job: Job) -> Any:
        """What a job returns, after it and everything noted before it is on the disk.

        Raises
        ------
        JournalError
            When this or an earlier note could not be written.
        """
        done: Future[Any] = Future()
        self._jobs.put((job, done))
        result = done.result()
        if self._failure is not None:
            raise self._failure
        return result

    def note(self, job: Job) -> None:
        """Have a job written with the next commit; a failure shows at the next `do`."""
        self._jobs.put((job, Future()))

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        open_ = True
        while open_:
            batch = [self._jobs.get()]
            while not self._jobs.empty():
                batch.append(self._jobs.get())
            open_ = None not in batch
            jobs = [job for job in batch if job is not None]
            try:
                connection = connection or _connect(self.path)
                self._commit(connection, jobs)
            except Exception as error:  # whatever it is, nobody may wait for ever
                failure = _unusable(self.path, error) if isinstance(error, sqlite3.Error) else error
                self._failure = self._failure or failure
                for _, done in jobs:
                    done.set_exception(failure)
        if connection is not None:
            connection.close()

    def _commit(self, connection: sqlite3.Connection, jobs: list[tuple[Job, Future[Any]]]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            results = [job(connection) for job, _ in jobs]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        for (_, done), result in zip(jobs, results, strict=True):
            done.set_result(result)


def read_journal(path: Path, query: str) -> list[sqlite3.Row]:
    """Rows of a journal that nobody needs to hold open.

    Raises
    ------
    JournalError
        When it cannot be read.
    """
    try:
        with closing(_connect(path)) as connection:
            _prepare(connection)
            return connection.execute(query).fetchall()
    except sqlite3.Error as error:
        raise _unusable(path, error) from None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise sqlite3.DatabaseError(f"written by a newer version of this package, format {version}")
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {_VERSION}")
