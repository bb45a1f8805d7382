"""The store of pages: one SQLite file, which any number of threads and processes may use at once."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from opp_analytics.api.stored_page import StoredPage, pack, unpack

_BUSY_SECONDS = 10.0


class PageStore:
    """Pages by key in `file`. One thread at a time uses the connection; once shut it stays so.

    Raises
    ------
    sqlite3.Error
        When the file is not a database, or cannot be written.
    """

    def __init__(self, file: Path) -> None:
        file.touch(mode=0o600)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            # The default journal takes several times longer, and a page that a power failure takes is fetched again.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("CREATE TABLE IF NOT EXISTS pages (key TEXT PRIMARY KEY, value BLOB)")
            self._keys = {key for (key,) in self._connection.execute("SELECT key FROM pages")}
        except BaseException:
            self._connection.close()
            raise

    def read(self, key: str) -> StoredPage | None:
        """The page; None when there is none."""
        if key not in self._keys:
            return None
        with self._lock:
            row = self._connection.execute("SELECT value FROM pages WHERE key = ?", (key,)).fetchone()
        return None if row is None else unpack(row[0])

    def write(self, key: str, page: StoredPage) -> None:
        """Keep a page."""
        packed = pack(page)
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO pages (key, value) VALUES (?, ?)", (key, packed))
        self._keys.add(key)

    def shut(self) -> None:
        """Close for good, after the running reads and writes."""
        with self._lock:
            self._connection.close()
