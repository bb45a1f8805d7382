"""requests-cache over SQLite, made safe for the threads of a sweep and for a disk that fails.

requests-cache 1.3 shares one connection among threads, lets a second writer into the first one's transaction, and
repeats a BEGIN for as long as it fails. Here one thread at a time uses the connection, which may therefore be closed
at any moment, and what fails is raised.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from requests_cache import CachedSession
from requests_cache.backends.base import BaseCache
from requests_cache.backends.sqlite import SQLiteCache, SQLiteDict

__all__ = ["page_session"]

_BUSY_MS = 10_000
_STALE_AT_ONCE = timedelta(microseconds=1)
"""A stored page answers only after the server was asked; with no validator to ask by, it is fetched again."""


def page_session(file: Path, key: Callable[..., str], secrets: list[str]) -> CachedSession:
    """A session whose GETs are kept in `file`, each under its `key`, without the headers named in `secrets`.

    Raises
    ------
    sqlite3.Error
        When the file is no database, or cannot be written.
    """
    return CachedSession(
        backend=_Store(file),
        key_fn=key,
        ignored_parameters=secrets,
        allowable_methods=["GET"],
        allowable_codes=[200],
        expire_after=_STALE_AT_ONCE,
        autoclose=False,
    )


class _Table(SQLiteDict):
    """One table; `_lock` is held from the first look at the connection to the last."""

    @contextmanager
    def connection(self, commit: bool = False) -> Iterator[sqlite3.Connection]:
        with self._lock, super().connection(commit) as connection:
            yield connection

    @contextmanager
    def _acquire_sqlite_lock(self) -> Iterator[None]:
        assert self._connection is not None
        self._connection.execute("BEGIN IMMEDIATE")
        self._active_transaction = True
        try:
            with self._connection:
                yield
        finally:
            self._active_transaction = False


class _Store(SQLiteCache):
    """`SQLiteCache` with tables of the class above."""

    def __init__(self, file: Path) -> None:
        BaseCache.__init__(self, cache_name=str(file))
        options: dict[str, Any] = {"wal": True, "busy_timeout": _BUSY_MS}
        self.responses = _Table(file, table_name="responses", serializer="pickle", **options)
        self.redirects = _Table(
            file, table_name="redirects", lock=self.responses._lock, serializer=None, **options
        )
