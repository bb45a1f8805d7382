"""The page cache: pages of a sweep in requests-cache over SQLite, so that an interrupted load resumes.

requests-cache 1.3 shares one connection among threads, lets a second writer into the first one's transaction, repeats
a BEGIN for as long as it fails, and reopens a closed connection. Here one thread at a time uses the connection,
failures are raised, and a closed store stays closed, so that its file can be removed.

Without a usable file (another process holds it, the disk is full), pages come from the server.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock, Timeout
from requests_cache import CachedSession
from requests_cache.backends.base import BaseCache
from requests_cache.backends.sqlite import SQLiteCache, SQLiteDict
from requests_cache.models.response import CachedResponse

from opp_analytics.api.cache_place import find_unsafe
from opp_analytics.api.connection import Session
from opp_analytics.api.stored_page import dump_page, load_page
from opp_analytics.api.transport import Transport
from opp_analytics.errors import DataWarning, ServerError
from opp_analytics.files import make_private_folder, set_aside, write_whole

_BUSY_MS = 10_000
_LOCK_SECONDS = 30.0
_SECRETS = ["Authorization", "authorization", "AppId", "appid", "X-API-KEY", "x-api-key", "token"]
_OF_ANY_AGE = {"Cache-Control": "max-stale=31536000"}
_STALE_AT_ONCE = timedelta(microseconds=1)
"""Always check a stored page with the server; without a validator, fetch it again."""


class PageCache:
    """Pages in `folder`, each under a hash of `key` and the request; no secret is stored.

    Parameters
    ----------
    folder : Path
        Folder of one tenant and token; the first write makes it.
    key : str
        `Settings.cache_key`.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self._key = key
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._unusable = False
        self._may_hold_pages = True

    def read(self, transport: Transport, path: str, query: Mapping[str, Any], *, stored: bool) -> bytes:
        """The body of a list answer: from the file if `stored` is true and it is there, else from the server."""
        session = self._opened(transport)
        if session is None:
            return transport.read(path, query)
        try:
            if stored:
                # Only a page that is not there is a server's error here: no request is made.
                with suppress(ServerError):
                    return transport.read(
                        path, query, session=session, only_if_cached=True, headers=_OF_ANY_AGE
                    )
            return transport.read(path, query, session=session)
        except sqlite3.Error as error:
            self._give_up(session, str(error))
            return transport.read(path, query)

    def clear(self) -> None:
        """Remove every page.

        Raises
        ------
        OSError
            When the file cannot be removed.
        """
        if not self._may_hold_pages or not self.folder.is_dir():
            return
        with self._lock, self._in_turn():
            self._shut()
            for suffix in ("", "-wal", "-shm"):
                (self.folder / f"pages.sqlite{suffix}").unlink(missing_ok=True)
            self._may_hold_pages = False

    def close(self) -> None:
        """Close the file; it opens again when needed."""
        with self._lock:
            self._shut()

    def read_progress(self, sweep: str) -> Any:
        """The last progress note of an interrupted sweep; None when there is no readable one."""
        try:
            return json.loads(self._progress_file(sweep).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None

    def note_progress(self, sweep: str, note: Any) -> None:
        """Note the progress of a sweep; None removes the note. Warn if the folder cannot be written."""
        file = self._progress_file(sweep)
        try:
            if note is None:
                file.unlink(missing_ok=True)
            else:
                make_private_folder(self.folder)
                write_whole(file, json.dumps(note).encode(), private=True, durable=False)
        except OSError as error:
            warnings.warn(
                f"cannot write {file} ({error.strerror}); an interrupted load would start over",
                DataWarning,
                stacklevel=2,
            )

    def _progress_file(self, sweep: str) -> Path:
        return self.folder / f"sweep-{sweep}.json"

    def _opened(self, transport: Transport) -> _Session | None:
        with self._lock:
            if self._session is None and not self._unusable:
                self._session = self._open(transport)
                self._unusable = self._session is None
            self._may_hold_pages = self._may_hold_pages or self._session is not None
            return self._session

    def _open(self, transport: Transport) -> _Session | None:
        file = self.folder / "pages.sqlite"
        try:
            make_private_folder(self.folder)
            if unsafe := find_unsafe(self.folder.parent, self.folder):
                raise OSError(f"others could change it: {unsafe}")
            with self._in_turn():
                try:
                    return transport.prepare(_Session(file, self._key_of))
                except sqlite3.DatabaseError as error:
                    set_aside(file, str(error), "the pages are fetched again")
                    for suffix in ("-wal", "-shm"):
                        file.with_name(file.name + suffix).unlink(missing_ok=True)
                    return transport.prepare(_Session(file, self._key_of))
        except (OSError, sqlite3.Error, Timeout) as error:
            self._warn(str(error))
            return None

    def _key_of(self, request: requests.PreparedRequest, **_: Any) -> str:
        return hashlib.sha256(f"{self._key} {request.method} {request.url}".encode()).hexdigest()

    def _in_turn(self) -> FileLock:
        """A lock for making or removing the file, so that no process finds half of it."""
        return FileLock(self.folder / "pages.lock", timeout=_LOCK_SECONDS, mode=0o600)

    def _give_up(self, session: _Session, reason: str) -> None:
        with self._lock:
            if self._session is not session:
                return  # It was closed or cleared in between, which is no failure.
            self._unusable = True
            self._shut()
        self._warn(reason)

    def _shut(self) -> None:
        if self._session is not None:
            self._session.shut()
            self._session = None

    def _warn(self, reason: str) -> None:
        warnings.warn(
            f"the page cache in {self.folder} cannot be used ({reason}); pages are fetched without it",
            DataWarning,
            stacklevel=2,
        )


class _Session(Session, CachedSession):
    """A session whose GETs are kept in `file`.

    Raises
    ------
    sqlite3.Error
        When the file is not a database, or cannot be written.
    """

    def __init__(self, file: Path, key: Callable[..., str]) -> None:
        file.touch(mode=0o600)
        self._store = _Store(file)
        super().__init__(
            backend=self._store,
            key_fn=key,
            ignored_parameters=_SECRETS,
            allowable_methods=["GET"],
            allowable_codes=[200],
            expire_after=_STALE_AT_ONCE,
            autoclose=False,
        )

    def shut(self) -> None:
        """Close connections and store for good, after the running reads."""
        self.close()  # type: ignore[no-untyped-call]
        self._store.shut()


class _Table(SQLiteDict):
    """One table of plain bytes; `_lock` is held from the first look at the connection to the last."""

    is_shut = False

    @contextmanager
    def connection(self, commit: bool = False) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self.is_shut:
                raise sqlite3.ProgrammingError("the page cache is closed")
            with super().connection(commit) as connection:
                yield connection

    # The library's own serializers are pickles, or name the types to build.
    def serialize(self, value: Any) -> bytes | str:
        return value if isinstance(value, str) else dump_page(value)

    def deserialize(self, key: str, value: Any) -> Any:
        page = value if isinstance(value, str) else load_page(value)
        if isinstance(page, CachedResponse):
            page.cache_key = key
        return page

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
        responses = _Table(file, table_name="responses", serializer=None, **options)
        redirects = _Table(file, table_name="redirects", lock=responses._lock, serializer=None, **options)
        self.responses, self.redirects = self._tables = responses, redirects

    def shut(self) -> None:
        """Close for good, after the running reads."""
        for table in self._tables:
            table.is_shut = True
        self.close()  # type: ignore[no-untyped-call]
