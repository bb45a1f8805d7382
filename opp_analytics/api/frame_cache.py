"""The frame cache: loaded opportunities on disk, so that a warm load reads no page.

They are one file: a line of JSON with the load certificate, an Arrow stream, and a checksum of the stream. One that is
damaged is set aside and named; one of an older format is simply loaded again.
"""

from __future__ import annotations

import io
import json
import os
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa

from opp_analytics.certificate import Certificate
from opp_analytics.errors import DataWarning
from opp_analytics.files import make_private_folder, replace_file, set_aside

_FORMAT = "opp_analytics frame 4"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_CHECKSUM = 4
"""Bytes of the checksum."""


@dataclass(frozen=True)
class Kept:
    """Opportunities as they were read, and the certificate of the load as plain JSON."""

    table: pa.Table
    certificate: dict[str, Any]


class FrameCache:
    """Opportunities in `folder`, which belongs to one tenant and token; the first write makes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str, *, stale: bool = False) -> Kept | None:
        """Read the opportunities kept under `key`; `stale` allows a frame from before the last write to the API."""
        file = self._file(key)
        try:
            with file.open("rb") as source:
                header = json.loads(source.readline())
                if header["magic"] != _FORMAT or not (stale or header["epoch"] == self.epoch().hex()):
                    return None
                Certificate.from_json(header["certificate"])
                content = memoryview(source.read())
            stream, checksum = content[:-_CHECKSUM], content[-_CHECKSUM:]
            if _checksum(zlib.crc32(stream)) != checksum:
                raise ValueError("its checksum does not match")
            return Kept(pa.ipc.open_stream(pa.py_buffer(stream)).read_all(), header["certificate"])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            RecursionError,
            pa.ArrowException,
            msgspec.ValidationError,
        ) as error:
            set_aside(file, str(error), "the data is fetched again")
            return None

    def write(self, key: str, kept: Kept, epoch: bytes) -> None:
        """Keep opportunities that were loaded in `epoch`; a folder that cannot be written is a warning."""
        header = {"magic": _FORMAT, "epoch": epoch.hex(), "certificate": kept.certificate}
        try:
            make_private_folder(self.folder)
            with (
                replace_file(self._file(key), private=True, durable=False) as staged,
                staged.open("wb") as out,
            ):
                out.write(json.dumps(header).encode() + b"\n")
                stream = _Summed(out)
                with pa.ipc.new_stream(stream, kept.table.schema) as writer:
                    writer.write_table(kept.table)
                out.write(_checksum(stream.crc32))
        except OSError as error:
            warnings.warn(
                f"the frame was loaded but could not be cached in {self.folder} ({error.strerror}); the next load fetches again",
                DataWarning,
                stacklevel=2,
            )

    def make_stale(self) -> None:
        """Begin a new epoch: a frame of an earlier one is only good for catching up from."""
        if not self.folder.is_dir():
            return
        # In place, since it comes twice with every write: other bytes are another epoch, also where they are mixed.
        handle = os.open(self.folder / "epoch", os.O_WRONLY | os.O_CREAT | _NO_LINK, 0o600)
        try:
            os.write(handle, os.urandom(8))
        finally:
            os.close(handle)

    def epoch(self) -> bytes:
        """Read the bytes that change with every write to the API, so that a load during a write is stale."""
        try:
            return (self.folder / "epoch").read_bytes()
        except OSError:
            return b""

    def _file(self, key: str) -> Path:
        return self.folder / f"frame-{key}.arrow"


class _Summed(io.RawIOBase):
    """What is written goes to `out`, and into a checksum."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.crc32 = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.crc32 = zlib.crc32(content, self.crc32)
        return self._out.write(content)


def _checksum(crc32: int) -> bytes:
    return crc32.to_bytes(_CHECKSUM, "big")
