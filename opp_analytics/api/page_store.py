"""The store of pages: a table of requests-cache's SQLite store.

requests-cache 1.3 lets a second writer into the first one's transaction, repeats a BEGIN for as
long as it fails, and reopens a closed connection. Here each write is a statement of its own, one
thread at a time uses the connection, failures are raised, and a closed store stays closed, so that
its file can be removed.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import pyarrow as pa
from requests_cache.backends.sqlite import SQLiteDict

from opp_analytics.api.transport import LARGEST_BODY, StoredPage

_CODEC = "zstd"


class _Packed(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    validators: dict[str, str]
    size: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_BODY)]
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack(page: StoredPage) -> bytes:
    """Encode a page as MessagePack, its body compressed."""
    packed = pa.compress(page.body, codec=_CODEC, asbytes=True)
    return _encode(_Packed(dict(page.validators), len(page.body), packed))


def unpack(stored: object) -> StoredPage | None:
    """Decode a page; None when the bytes hold anything else, such as a pickle."""
    try:
        packed = _decode(stored)  # type: ignore[arg-type]
        body = pa.decompress(packed.body, decompressed_size=packed.size, codec=_CODEC, asbytes=True)
    except (msgspec.MsgspecError, TypeError, OSError):
        return None
    return StoredPage(body, packed.validators)


_BUSY_MS = 10_000
"""Wait for another process's write, which takes milliseconds; then go on without the cache."""


class PageStore(SQLiteDict):
    """Pages by key in `file`."""

    def __init__(self, file: Path) -> None:
        self._turn = threading.Lock()
        self._shut = False
        file.touch(mode=0o600)
        try:
            super().__init__(
                file, table_name="pages", serializer=None, wal=True, busy_timeout=_BUSY_MS
            )
            self._pages = set(self)
        except BaseException:
            self.shut()  # Windows moves no open file aside.
            raise

    def init_db(self) -> None:
        """Make the table, outside of the library's transactions."""
        with self.connection() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS pages (key TEXT PRIMARY KEY, value BLOB)"
            )

    def read(self, key: str) -> StoredPage | None:
        """Read a page; None when there is none."""
        if key not in self._pages:
            return None
        with self._open():
            return unpack(self.get(key))

    def write(self, key: str, page: StoredPage) -> None:
        """Keep a page."""
        packed = pack(page)
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO pages VALUES (?, ?)", (key, packed))
        self._pages.add(key)

    def shut(self) -> None:
        """Close for good, after the running reads."""
        with self._turn:
            self._shut = True
            self.close()  # type: ignore[no-untyped-call]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection to one thread at a time."""
        with self._turn:
            if self._shut:
                raise sqlite3.ProgrammingError("the page cache is closed")
            with self.connection() as connection:
                yield connection
