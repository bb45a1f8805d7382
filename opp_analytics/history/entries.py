"""The register of a history: one entry per append, chained and checksummed, so that nothing can vanish unseen."""

from __future__ import annotations

import errno
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics.errors import HistoryError
from opp_analytics.files import digest

__all__ = ["Damage", "Entry", "Moment", "Recorded", "file_mark", "note_bytes", "read_entry", "read_note"]


class Damage(HistoryError):
    """A file of a history is damaged, missing, or not part of it."""

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(f"{file} {problem}")
        self.file = file
        self.problem = problem


@dataclass(frozen=True)
class Moment:
    """One record: all opportunities as they were at one instant."""

    recorded_at: pd.Timestamp
    """The instant, UTC."""
    rows: int
    """Opportunities in the frame."""
    new: int = 0
    """How many were seen for the first time."""
    changed: int = 0
    """How many differed from the record before."""
    deleted: int = 0
    """How many had been deleted."""
    returned: int = 0
    """How many had been deleted and were back."""

    @property
    def changes(self) -> int:
        """Rows that this record added to the change log."""
        return self.new + self.changed + self.deleted + self.returned

    def as_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**self.__dict__, "recorded_at": self.recorded_at.isoformat()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Moment:
        """From what `as_json` made."""
        return cls(**{**value, "recorded_at": pd.Timestamp(value["recorded_at"])})


@dataclass(frozen=True)
class Recorded(Moment):
    """What one call of `History.record` added."""

    appended: bool = True
    """False when this very frame had been recorded at this instant before."""


@dataclass(frozen=True)
class Entry:
    """What one append added: a change file, and the record (or, for an import, the records) it holds."""

    sequence: int
    """1, 2, 3 …; names the files."""
    moments: tuple[Moment, ...]
    """The records, in order of time; one, unless this was an import."""
    columns: Mapping[str, str]
    """Columns of the recorded frame, in order, with their pandas dtypes."""
    kinds: Mapping[str, str]
    """Kinds (`rows.KINDS`) of the further columns known so far."""
    size: int
    """Bytes of the change file."""
    sha256: str
    """Checksum of the change file."""
    certificate: Mapping[str, Any] | None = None
    """The load certificate that came with the frame, as plain JSON."""
    notes: tuple[Mapping[str, str], ...] = ()
    """What an import found wrong: ``unique_id`` and ``problem``."""
    previous: str = ""
    """Digest of the entry before."""
    digest: str = field(default="", compare=False)
    """Checksum of all of the above."""

    @property
    def name(self) -> str:
        """Stem of the append's files."""
        return f"{self.sequence:06d}"

    @property
    def tenant(self) -> str | None:
        """Whose opportunities these are, None when the frame did not say."""
        return (self.certificate or {}).get("tenant")

    @property
    def last(self) -> Moment:
        """The newest record."""
        return self.moments[-1]

    def sealed(self) -> Entry:
        """The entry with its digest."""
        return replace(self, digest=digest(_canonical(self)))

    def as_bytes(self) -> bytes:
        """As the file holds it."""
        return json.dumps({**_plain(self), "digest": self.digest}, indent=1, sort_keys=True).encode()


def _plain(entry: Entry) -> dict[str, Any]:
    plain = {name: value for name, value in entry.__dict__.items() if name != "digest"}
    # A JSON object sorted by key would lose the order of the columns.
    return {
        **plain,
        "moments": [moment.as_json() for moment in entry.moments],
        "columns": [list(pair) for pair in entry.columns.items()],
        "notes": [dict(note) for note in entry.notes],
    }


def _canonical(entry: Entry) -> bytes:
    return json.dumps(_plain(entry), sort_keys=True, separators=(",", ":")).encode()


def read_entry(file: Path) -> Entry:
    """The entry that a file holds.

    Raises
    ------
    Damage
        Naming the file when it is not an entry as it was written.
    """
    plain = _plain_json(file)
    try:
        entry = Entry(
            **{
                **plain,
                "moments": tuple(Moment.from_json(moment) for moment in plain["moments"]),
                "columns": dict(plain["columns"]),
                "notes": tuple(plain["notes"]),
            }
        )
        intact = bool(entry.moments) and entry.sealed().digest == entry.digest and entry.name == file.stem
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damage(file, f"is damaged or not a record of this history ({error})") from None
    if not intact:
        raise Damage(file, "is damaged: its content does not match its checksum")
    return entry


def note_bytes(name: str, until: int) -> bytes:
    """The note that an append's change file was set aside, `until` being the last record that leaned on it."""
    return json.dumps({"until": until, "digest": digest(f"{name} {until}".encode())}).encode()


def read_note(file: Path) -> int:
    """The last record that leaned on a change file set aside, from its note.

    Raises
    ------
    Damage
        Naming the note when it is not as it was written.
    """
    try:
        until = int(_plain_json(file)["until"])
        intact = file.read_bytes() == note_bytes(file.stem, until)
    except (ValueError, KeyError, TypeError) as error:
        raise Damage(file, f"is damaged or not a note of this history ({error})") from None
    if not intact:
        raise Damage(file, "is damaged: its content does not match its checksum; restore it from a backup")
    return until


def file_mark(file: Path) -> tuple[int, int]:
    """Size and time of a file, which change when it is written.

    Raises
    ------
    OSError
        When there is no such file; also for a folder, device or pipe, a read of which might never end.
    """
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return found.st_size, found.st_mtime_ns


def _plain_json(file: Path) -> Any:
    try:
        file_mark(file)
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Damage(file, f"is damaged: it is not JSON ({error})") from None
    except OSError as error:
        raise Damage(file, f"cannot be read ({error.strerror})") from None
