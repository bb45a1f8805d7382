"""The register of a history: one entry per append, chained by checksums, so that a missing file is noticed."""

from __future__ import annotations

import json
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
    """One record: all opportunities at one instant."""

    recorded_at: pd.Timestamp
    """The instant, UTC."""
    rows: int
    """Opportunities in the record."""
    new: int = 0
    """Opportunities seen for the first time."""
    changed: int = 0
    """Opportunities that differ from the previous record."""
    deleted: int = 0
    """Opportunities deleted since the previous record."""
    returned: int = 0
    """Deleted opportunities that are back."""

    @property
    def changes(self) -> int:
        """Rows that this record added to the change log."""
        return self.new + self.changed + self.deleted + self.returned

    def as_json(self) -> dict[str, Any]:
        """The record as plain JSON."""
        return {**self.__dict__, "recorded_at": self.recorded_at.isoformat()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Moment:
        """The record from plain JSON."""
        return cls(**{**value, "recorded_at": pd.Timestamp(value["recorded_at"])})


@dataclass(frozen=True)
class Recorded(Moment):
    """Result of one call of `History.record`."""

    appended: bool = True
    """False when the same frame was already recorded at this instant."""


@dataclass(frozen=True)
class Entry:
    """One append: a change file and its record (an import has several records)."""

    sequence: int
    """Number of the append, 1, 2, 3 …; it names the files."""
    moments: tuple[Moment, ...]
    """The records, in order of time; exactly one, except for an import."""
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
    """Problems of an import: ``unique_id`` and ``problem``."""
    previous: str = ""
    """Digest of the previous entry."""
    digest: str = field(default="", compare=False)
    """Checksum of the fields above."""

    @property
    def name(self) -> str:
        """Stem of the file names."""
        return f"{self.sequence:06d}"

    @property
    def tenant(self) -> str | None:
        """Tenant of the opportunities; None when the frame did not name it."""
        return (self.certificate or {}).get("tenant")

    @property
    def last(self) -> Moment:
        """The newest record."""
        return self.moments[-1]

    def sealed(self) -> Entry:
        """The entry with its digest."""
        return replace(self, digest=digest(_canonical(self)))

    def as_bytes(self) -> bytes:
        """The bytes of the entry's file."""
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
    """Read an entry from its file.

    Raises
    ------
    Damage
        When the file is not a valid entry; the message names it.
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
    """The note that an append's change file was set aside; `until` is the last record that relied on it."""
    return json.dumps({"until": until, "digest": digest(f"{name} {until}".encode())}).encode()


def read_note(file: Path) -> int:
    """The last record that relied on a change file set aside, from its note.

    Raises
    ------
    Damage
        Naming the note when it is not as it was written.
    """
    try:
        until = int(_plain_json(file)["until"])
        intact = file.read_bytes() == note_bytes(file.stem, until)
    except (ValueError, KeyError, TypeError) as error:
        raise Damage(file, f"is damaged, or is not a note of this history ({error})") from None
    if not intact:
        raise Damage(file, "is damaged: its content does not match its checksum; restore it from a backup")
    return until


def file_mark(file: Path) -> tuple[int, int, int]:
    """Size and times of a file, to notice a change; the last one cannot be set back."""
    found = file.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _plain_json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Damage(file, f"is damaged: it is not JSON ({error})") from None
    except OSError as error:
        raise Damage(file, f"cannot be read ({error.strerror})") from None
