"""requests-cache over SQLite, made safe for the threads of a sweep and for a disk that fails.

requests-cache 1.3 shares one connection among threads, lets a second writer into the first one's transaction, repeats
a BEGIN for as long as it fails, and opens anew whatever was closed. Here one thread at a time uses the connection,
what fails is raised, and a store that was shut stays shut, so that its file can be removed.
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

_BUSY_MS = 10_000
_STALE_AT_ONCE = timedelta(microseconds=1)
"""A stored page answers only after the server was asked; with no validator to ask by, it is fetched again."""


class PageSession(CachedSession):
    """A session whose GETs are kept in `file`, each under its `key`, without the headers named in `secrets`.

    Raises
    ------
    sqlite3.Error
        When the file is no database, or cannot be written.
    """

    def __init__(self, file: Path, key: Callable[..., str], secrets: list[str]) -> None:
        self._store = _Store(file)
        super().__init__(
            backend=self._store,
            key_fn=key,
            ignored_parameters=secrets,
            allowable_methods=["GET"],
            allowable_codes=[200],
            expire_after=_STALE_AT_ONCE,
            autoclose=False,
        )

    def shut(self) -> None:
        """Close connections and store for good, once the reads under way are done."""
        self.close()  # type: ignore[no-untyped-call]
        self._store.shut()


class _Table(SQLiteDict):
    """One table; `_lock` is held from the first look at the connection to the last."""

    is_shut = False

    @contextmanager
    def connection(self, commit: bool = False) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self.is_shut:
                raise sqlite3.ProgrammingError("the page store is shut")
            with super().connection(commit) as connection:
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
        responses = _Table(file, table_name="responses", serializer="pickle", **options)
        redirects = _Table(file, table_name="redirects", lock=responses._lock, serializer=None, **options)
        self.responses, self.redirects = self._tables = responses, redirects

    def shut(self) -> None:
        """Close for good, once the reads under way are done."""
        for table in self._tables:
            table.is_shut = True
        self.close()  # type: ignore[no-untyped-call]
