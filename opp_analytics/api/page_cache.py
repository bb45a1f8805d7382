"""The page cache: pages of a sweep on disk, so that an interrupted load resumes.

A stored page answers unasked only where a sweep goes on. Otherwise the server is asked whether it
is still current, by its validators; a page without any is fetched again.

Without a usable file (another process holds it, the disk is full), pages come from the server.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from opp_analytics.errors import DataWarning
from opp_analytics.files import locked, make_private_folder, set_aside, write_whole

if TYPE_CHECKING:
    from opp_analytics.api.page_store import PageStore
    from opp_analytics.api.transport import Transport

_LOG = logging.getLogger("opp_analytics")
_LOCK_SECONDS = 30.0
"""Opening a store waits without limit while another process holds it; clearing one takes well under
a second."""


class PageCache:
    """Pages in `folder`, each under a hash of `Settings.cache_key` and the request.

    No secret is stored.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self._key = key
        self._lock = threading.Lock()
        self._store: PageStore | None = None
        self._unusable = False
        self._may_hold_pages = True

    def read(
        self, transport: Transport, path: str, query: Mapping[str, Any], *, stored: bool
    ) -> bytes:
        """Read a list answer's body: the stored page if there is one, else the server's.

        A stored page is used only if `stored` is true.
        """
        store = self._get_store()
        key = hashlib.sha256(f"{self._key} {path}?{urlencode(query)}".encode()).hexdigest()
        kept = None
        with self._giving_up(store):
            kept = None if store is None else store.read(key)
        if kept and stored:
            _LOG.debug("GET %s page %s from the page cache", path, query["page"])
            return kept.body
        page = transport.fetch(path, query, kept)
        with self._giving_up(store):
            if store is not None and page is not kept:
                store.write(key, page)
        return page.body

    def clear(self) -> None:
        """Remove every page."""
        if not self._may_hold_pages or not self.folder.is_dir():
            return
        with self._lock, self._in_turn():
            self._shut()
            file = self.folder / "pages.sqlite"
            for suffix in ("", "-wal", "-shm"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
            self._may_hold_pages = False

    def close(self) -> None:
        """Close the file; it opens again when needed."""
        with self._lock:
            self._shut()

    def read_progress(self, sweep: str) -> Any:
        """Read the last progress note of an interrupted sweep.

        None when there is no readable one.
        """
        try:
            return json.loads(self._progress_file(sweep).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None

    def note_progress(self, sweep: str, note: Any) -> None:
        """Note the progress of a sweep; None removes the note.

        Warn if the folder cannot be written.
        """
        file = self._progress_file(sweep)
        try:
            if note is None:
                file.unlink(missing_ok=True)
            else:
                make_private_folder(self.folder)
                write_whole(file, json.dumps(note).encode(), private=True, durable=False)
        except OSError as error:
            DataWarning.warn(
                f"cannot write {file} ({error.strerror}); an interrupted load would start over"
            )

    def _progress_file(self, sweep: str) -> Path:
        return self.folder / f"sweep-{sweep}.json"

    def _get_store(self) -> PageStore | None:
        with self._lock:
            if self._store is None and not self._unusable:
                self._store = self._open()
                self._unusable = self._store is None
            self._may_hold_pages = self._may_hold_pages or self._store is not None
            return self._store

    def _open(self) -> PageStore | None:
        # Its libraries take longer to import than a cached frame to read.
        from opp_analytics.api.page_store import PageStore

        file = self.folder / "pages.sqlite"
        try:
            make_private_folder(self.folder)
            with self._in_turn():
                try:
                    return PageStore(file)
                except sqlite3.OperationalError:
                    raise  # It is in use, or the disk is full.
                except sqlite3.DatabaseError as error:
                    set_aside(file, str(error), "the pages are fetched again")
                    for suffix in ("-wal", "-shm"):
                        file.with_name(file.name + suffix).unlink(missing_ok=True)
                    return PageStore(file)
        except (OSError, sqlite3.Error) as error:
            self._warn(str(error))
            return None

    def _in_turn(self) -> AbstractContextManager[None]:
        """Lock the making and removing of the file, so that no process finds half of it."""
        return locked(self.folder / "pages.lock", seconds=_LOCK_SECONDS, mode=0o600)

    @contextmanager
    def _giving_up(self, store: PageStore | None) -> Iterator[None]:
        """Go on without a store that fails."""
        try:
            yield
        except sqlite3.Error as error:
            with self._lock:
                if self._store is not store:
                    return  # It was closed or cleared in between, which is no failure.
                self._unusable = True
                self._shut()
            self._warn(str(error))

    def _shut(self) -> None:
        if self._store is not None:
            self._store.shut()
            self._store = None

    def _warn(self, reason: str) -> None:
        DataWarning.warn(
            f"the page cache in {self.folder} cannot be used ({reason}); pages are fetched "
            "without it"
        )
