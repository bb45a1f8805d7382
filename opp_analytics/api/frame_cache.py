"""The cache folder of one tenant: fetched *pages* for a sweep, and the assembled *frame* for a warm load.

Pages live in requests-cache over SQLite, keyed by tenant and request, both secrets redacted. A frame is one file:
a line of JSON with the load certificate and a checksum, then an Arrow stream. Files are readable by their owner
alone. A file that is damaged or not ours is set aside and named, never believed. Pages are an aid: where the page
store cannot be used (another process holds it, the disk is full), reads simply go to the server.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import warnings
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import requests
from filelock import FileLock, Timeout

from opp_analytics.api.page_cache import PageSession
from opp_analytics.api.transport import Transport
from opp_analytics.errors import CacheError, DataWarning, ServerError

_MAGIC = "opp_analytics frame 1"
_SECRETS = ["Authorization", "authorization", "AppId", "appid", "token"]
_LOCK_SECONDS = 30.0
_OF_ANY_AGE = {"Cache-Control": "max-stale=31536000"}


class Storage:
    """Pages and frames of one tenant below `folder`.

    Parameters
    ----------
    folder : Path
        The cache folder, shared by all tenants; made when first written to.
    tenant : str
        `Settings.cache_key`.
    """

    def __init__(self, folder: Path, tenant: str) -> None:
        self.folder = folder / tenant
        self._tenant = tenant
        self._lock = threading.Lock()
        self._session: PageSession | None = None
        self._unusable = False
        self._holds_pages = True

    def read_page(self, transport: Transport, path: str, query: Mapping[str, Any], *, stored: bool) -> bytes:
        """The body of a list answer: from the store when `stored` and there, else from the server and kept."""
        session = self._pages(transport)
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

    def invalidate(self) -> None:
        """Forget what a write makes stale: every frame and every page of this tenant."""
        if not self.folder.is_dir():
            return
        try:
            for frame in self.folder.glob("frame-*.arrow"):
                frame.unlink(missing_ok=True)
            self._private("epoch").write_bytes(os.urandom(8))
            if self._holds_pages:
                self._clear_pages()
        except OSError as error:
            raise CacheError(
                f"cannot drop stale frames in {self.folder} ({error.strerror}); remove the folder"
            ) from None

    def epoch(self) -> bytes:
        """A token that changes with every write, so that a sweep that overlapped one is not kept."""
        try:
            return (self.folder / "epoch").read_bytes()
        except OSError:
            return b""

    def read_frame(self, key: str) -> pd.DataFrame | None:
        """The frame kept under `key`, its certificate in ``attrs["load"]``; None when there is none to trust."""
        file = self._frame_file(key)
        try:
            head, _, body = file.read_bytes().partition(b"\n")
            header = json.loads(head)
            if header["magic"] != _MAGIC or header["crc32"] != zlib.crc32(body):
                raise ValueError("its checksum does not match")
            frame: pd.DataFrame = pa.ipc.open_stream(body).read_all().to_pandas()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            self._set_aside(file, str(error))
            return None
        # Arrow hands out read-only columns, on which .loc edits raise.
        frame = frame.copy()
        frame.attrs = {"load": header["certificate"]}
        return frame

    def write_frame(
        self, key: str, opportunities: pd.DataFrame, certificate: dict[str, Any], epoch: bytes
    ) -> None:
        """Keep a frame, unless something was written since `epoch`; a cache that cannot be written warns."""
        table = pa.Table.from_pandas(opportunities, preserve_index=False)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        body = sink.getvalue()
        header = {"magic": _MAGIC, "crc32": zlib.crc32(body), "certificate": certificate}
        file = self._frame_file(key)
        staged = file.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        try:
            with self._private(staged.name).open("wb") as out:
                out.write(json.dumps(header).encode() + b"\n")
                out.write(body)
            if self.epoch() == epoch:
                staged.replace(file)
        except OSError as error:
            warnings.warn(
                f"the frame was loaded but not kept in {self.folder} ({error.strerror}); the next load fetches again",
                DataWarning,
                stacklevel=2,
            )
        finally:
            with suppress(OSError):
                staged.unlink(missing_ok=True)

    def read_note(self, name: str) -> Any:
        """A small JSON note, None when absent or unreadable."""
        try:
            return json.loads((self.folder / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None

    def write_note(self, name: str, note: Any) -> None:
        """Keep a small JSON note; None removes it. A note is an aid: a folder that cannot be written is no error."""
        file = self.folder / f"{name}.json"
        try:
            if note is None:
                file.unlink(missing_ok=True)
            else:
                self._private(file.name).write_text(json.dumps(note))
        except OSError as error:
            warnings.warn(
                f"cannot write {file} ({error.strerror}); a cut-off load will start anew",
                DataWarning,
                stacklevel=2,
            )

    def close(self) -> None:
        """Close the page store; it opens again when needed."""
        with self._lock:
            self._close_pages()

    def _frame_file(self, key: str) -> Path:
        return self.folder / f"frame-{key}.arrow"

    def _private(self, name: str) -> Path:
        """The path of a file in the folder, made for its owner alone."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        file = self.folder / name
        file.touch(mode=0o600)
        return file

    def _pages(self, transport: Transport) -> PageSession | None:
        with self._lock:
            if self._session is None and not self._unusable:
                self._session = self._open(transport)
                self._unusable = self._session is None
            self._holds_pages = self._holds_pages or self._session is not None
            return self._session

    def _open(self, transport: Transport) -> PageSession | None:
        try:
            file = self._private("pages.sqlite")
            with self._in_turn():
                try:
                    return transport.prepare(PageSession(file, self._key, _SECRETS))
                except sqlite3.DatabaseError as error:
                    self._set_aside(file, str(error))
                    return transport.prepare(PageSession(self._private(file.name), self._key, _SECRETS))
        except (OSError, sqlite3.Error, Timeout) as error:
            self._warn_unusable(str(error))
            return None

    def _key(self, request: requests.PreparedRequest, **_: Any) -> str:
        return hashlib.sha256(f"{self._tenant} {request.method} {request.url}".encode()).hexdigest()

    def _in_turn(self) -> FileLock:
        """Held by whoever makes or removes the page file, so that no process finds half of it."""
        return FileLock(self.folder / "pages.lock", timeout=_LOCK_SECONDS, mode=0o600)

    def _clear_pages(self) -> None:
        with self._lock, self._in_turn():
            self._close_pages()
            for suffix in ("", "-wal", "-shm"):
                (self.folder / f"pages.sqlite{suffix}").unlink(missing_ok=True)
            self._holds_pages = False

    def _give_up(self, session: PageSession, reason: str) -> None:
        with self._lock:
            if self._session is not session:
                return  # Closed or cleared meanwhile, which is no failure.
            self._unusable = True
            self._close_pages()
        self._warn_unusable(reason)

    def _close_pages(self) -> None:
        if self._session is not None:
            self._session.shut()
            self._session = None

    def _warn_unusable(self, reason: str) -> None:
        warnings.warn(
            f"the page store in {self.folder} cannot be used ({reason}); pages are fetched without it",
            DataWarning,
            stacklevel=2,
        )

    def _set_aside(self, file: Path, reason: str) -> None:
        aside = file.with_name(f"{file.name}.damaged")
        file.replace(aside)
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        warnings.warn(
            f"{file} could not be read ({reason}); set aside as {aside.name}, the data is fetched again",
            DataWarning,
            stacklevel=3,
        )
