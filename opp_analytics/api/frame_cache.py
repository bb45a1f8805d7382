"""The frame cache: loaded frames on disk, so that a warm load reads no page.

A frame is one file: a line of JSON with the load certificate and a checksum, then an Arrow stream. One that is damaged
is set aside and named; one of an older format is simply loaded again.
"""

from __future__ import annotations

import json
import os
import warnings
import zlib
from pathlib import Path

import pandas as pd
import pyarrow as pa

from opp_analytics.errors import DataWarning
from opp_analytics.files import make_private_folder, replaced, set_aside, write_whole
from opp_analytics.schema import TEXT

_FORMAT = "opp_analytics frame 3"
_TEXT = {pa.string(): TEXT, pa.large_string(): TEXT}


class FrameCache:
    """Frames in `folder`, which belongs to one tenant and token; the first write makes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str, *, stale: bool = False) -> pd.DataFrame | None:
        """The frame kept under `key`, its certificate in ``attrs["load"]``; None when there is none to trust.

        Parameters
        ----------
        key : str
            Key of the frame.
        stale : bool
            If True, take also a frame from before the last write to the API.
        """
        file = self._file(key)
        try:
            head, _, body = file.read_bytes().partition(b"\n")
            header = json.loads(head)
            if header["magic"] != _FORMAT:
                return None
            if not stale and header["epoch"] != self.epoch().hex():
                return None
            if header["crc32"] != zlib.crc32(body):
                raise ValueError("its checksum does not match")
            frame: pd.DataFrame = pa.ipc.open_stream(body).read_all().to_pandas(types_mapper=_TEXT.get)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException) as error:
            set_aside(file, str(error), "the data is fetched again")
            return None
        # Arrow hands out read-only columns, on which .loc edits raise, and names of categories without their dtype.
        frame = frame.copy()
        for label, column in frame.select_dtypes("category").items():
            frame[label] = column.cat.rename_categories(column.cat.categories.astype(TEXT))  # type: ignore[arg-type]
        frame.attrs = {"load": header["certificate"]}
        return frame

    def write(self, key: str, opportunities: pd.DataFrame, epoch: bytes) -> None:
        """Keep a frame that was loaded in `epoch`; a folder that cannot be written is a warning."""
        table = pa.Table.from_pandas(opportunities, preserve_index=False)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        body = sink.getvalue()
        header = {
            "magic": _FORMAT,
            "crc32": zlib.crc32(body),
            "epoch": epoch.hex(),
            "certificate": opportunities.attrs["load"],
        }
        try:
            make_private_folder(self.folder)
            with (
                replaced(self._file(key), private=True, durable=False) as staged,
                staged.open("wb") as out,
            ):
                out.write(json.dumps(header).encode() + b"\n")
                out.write(body)
        except OSError as error:
            warnings.warn(
                f"the frame was loaded but could not be cached in {self.folder} ({error.strerror}); the next load fetches again",
                DataWarning,
                stacklevel=2,
            )

    def make_stale(self) -> None:
        """Begin a new epoch: a frame of an earlier one is only good for catching up from.

        Raises
        ------
        OSError
            When the folder cannot be written.
        """
        if self.folder.is_dir():
            write_whole(self.folder / "epoch", os.urandom(8), private=True, durable=False)

    def epoch(self) -> bytes:
        """Bytes that change with every write to the API, so that a load that overlapped one is stale."""
        try:
            return (self.folder / "epoch").read_bytes()
        except OSError:
            return b""

    def _file(self, key: str) -> Path:
        return self.folder / f"frame-{key}.arrow"
