"""A history's folder: appends, and reads that check every file.

After a crash, an append is complete or absent: the change file comes first and is not read until
its entry is renamed into place.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from opp_analytics import files
from opp_analytics.errors import DataError, HistoryError
from opp_analytics.files import digest
from opp_analytics.schema import Json


class Damage(HistoryError):
    """A file of a history is damaged, missing, or not part of it."""

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(f"{file} {problem}")
        self.file = file
        self.damage = problem


_T = TypeVar("_T")
Note = Mapping[str, str]
"""A problem of an import: ``unique_id`` and ``problem``."""


@dataclass(frozen=True)
class RecordCounts:
    """Counts of one record of all opportunities."""

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


@dataclass(frozen=True)
class Recorded(RecordCounts):
    """Result of one call of `History.record`."""

    appended: bool = True
    """False when the same frame was already recorded at this instant."""


@dataclass(frozen=True)
class Entry:
    """One append: a change file and its record.

    An import has its first and its last record here; the records between them are in its rows.
    """

    sequence: int
    """Number of the append, 1, 2, 3 …; it names the files."""
    moments: Annotated[tuple[RecordCounts, ...], msgspec.Meta(min_length=1)]
    """The record; of an import, the first and the last one."""
    columns: Mapping[str, str]
    """Columns of the recorded frame, in order, with their pandas dtypes."""
    kinds: Mapping[str, str]
    """Kinds (`rows.KINDS`) of the extra columns known so far."""
    size: int
    """Bytes of the change file."""
    sha256: str
    """Checksum of the change file."""
    certificate: Json | None = None
    """The load certificate that came with the frame, as plain JSON."""
    notes: tuple[Note, ...] = ()
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
    def last(self) -> RecordCounts:
        """The newest record."""
        return self.moments[-1]

    def sealed(self) -> Entry:
        """Add the entry's digest."""
        return replace(self, digest=digest(replace(self, digest="").as_bytes()))

    def as_bytes(self) -> bytes:
        """Encode the entry's file."""
        return msgspec.json.format(msgspec.json.encode(self, enc_hook=pd.Timestamp.isoformat))


def read_entry(file: Path) -> Entry:
    """Read an entry from its file."""
    content = _read_bytes(file)
    try:
        entry = msgspec.json.decode(content, type=Entry, dec_hook=lambda kind, cell: kind(cell))
        intact = entry.sealed().as_bytes() == content and entry.name == file.stem
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Damage(file, f"is damaged or not a record of this history ({error})") from None
    if not intact:
        raise Damage(file, "is damaged: its content does not match its checksum")
    return entry


def encode_note(name: str, until: int) -> bytes:
    """Encode the note that an append's change file was set aside.

    `until` is the last record that relied on it.
    """
    return json.dumps({"until": until, "digest": digest(f"{name} {until}".encode())}).encode()


def read_note(file: Path) -> int:
    """Read a note: the last record that relied on the change file set aside."""
    content = _read_bytes(file)
    try:
        until = int(json.loads(content)["until"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damage(file, f"is damaged, or is not a note of this history ({error})") from None
    if content != encode_note(file.stem, until):
        raise Damage(
            file, "is damaged: its content does not match its checksum; restore it from a backup"
        )
    return until


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Damage(file, f"cannot be read ({error.strerror})") from None


def make_mark(found: os.stat_result) -> tuple[int, int, int]:
    """Make a file's mark of its size and times, to notice a change.

    The ctime cannot be set back.
    """
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read_marks(*folders: Path) -> list[Any] | None:
    """Read the name, kind and mark of everything in folders.

    None if that fails: reading the files says why.
    """
    marks: list[Any] = []
    try:
        for folder in folders:
            with os.scandir(folder) as inside:
                for each in inside:
                    found = each.stat(follow_symlinks=False)
                    marks.append((each.name, found.st_mode, make_mark(found)))
    except OSError:
        return None
    return marks


_MARK = {"format": "opp_analytics history", "version": 4}
_FOLDERS = ("changes", "records", "state", "staging")


def refuse_links(folder: Path) -> None:
    """Refuse links inside the folder, which may itself be a link.

    A write through them would change files elsewhere.
    """
    try:
        files.refuse_links(folder)
    except DataError as error:
        raise HistoryError(str(error)) from None
    except NotADirectoryError:
        return
    except OSError as error:
        raise HistoryError(
            f"{error.filename or folder} cannot be read ({error.strerror})"
        ) from None


def holds_history(folder: Path) -> bool:
    """Tell whether a folder holds a history; False if it is empty or does not exist.

    Anything else is an error.
    """
    mark = folder / "history.json"
    try:
        if mark.is_file():
            return _check_mark(mark)
        if folder.exists() and not folder.is_dir():
            raise HistoryError(
                f"{folder} is a file, not the folder of a history; give another path"
            )
        others = [file.name for file in folder.iterdir() if file.name not in (*_FOLDERS, "lock")]
    except FileNotFoundError:
        return False
    except OSError as error:
        raise HistoryError(f"{folder} cannot be read ({error.strerror})") from None
    # Before the mark, only staged files are written.
    if not others:
        others = [
            str(file.relative_to(folder))
            for name in _FOLDERS[:3]
            for file in folder.glob(f"{name}/*")
        ]
    if others:
        if mark.is_file():  # another process began it just now
            return _check_mark(mark)
        raise HistoryError(
            f"{folder} is not a history: it has no history.json but {min(others)}; give a new or "
            "empty folder"
        )
    return False


def _check_mark(mark: Path) -> bool:
    try:
        found = json.loads(mark.read_bytes())
        known, version = found["format"] == _MARK["format"], int(found["version"])
    except (ValueError, KeyError, TypeError, RecursionError):
        known, version = False, 0
    if not known:
        raise Damage(
            mark,
            "is damaged, or the folder is not a history; restore it from a backup or give "
            "another folder",
        )
    if version != _MARK["version"]:
        raise HistoryError(
            f"{mark} was written by another release of opp_analytics (format {version}, not "
            f"{_MARK['version']}). Read it with that release; here, record or import the same "
            "files into a new folder"
        )
    return True


def lock_file(folder: Path) -> tuple[Path, int]:
    """Create the lock file if missing; whoever can write to the folder can lock it."""
    file = folder / "lock"
    handle = os.open(file, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        return file, stat.S_IMODE(os.fstat(handle).st_mode)
    finally:
        os.close(handle)


def prepare(folder: Path) -> None:
    """Create missing folders and remove the remains of a crash.

    Call it under the lock, or a writer loses its files.
    """
    for name in _FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    for leftover in (folder / "staging").iterdir():
        if leftover.is_file():
            leftover.unlink(missing_ok=True)
    if not holds_history(folder):
        publish(folder, "history.json", json.dumps(_MARK).encode())


def publish(
    folder: Path, name: str, content: bytes | Callable[[BinaryIO], object], *, durable: bool = True
) -> None:
    """Write a file of the history whole or not at all, through ``staging/``."""
    files.write_whole(folder / name, content, staging=folder / "staging", durable=durable)


def list_stems(place: Path, suffix: str) -> list[str]:
    """List the stems of the files in a folder of the log, in order.

    Any other file raises `Damage`.
    """
    try:
        with os.scandir(place) as found:
            names = sorted(file.name for file in found if not file.name.startswith("."))
    except OSError as error:
        raise HistoryError(f"{place} cannot be read ({error.strerror})") from None
    stems = [name.removesuffix(suffix) for name in names]
    for name, stem in zip(names, stems, strict=True):
        if name != stem + suffix or not (len(stem) == 6 and stem.isdigit()):
            raise Damage(place / name, "is not part of this history; move it away")
    return stems


_MOST = 8
"""Results that a history keeps: a page asks about eight questions of the same records; each may
hold all change rows."""


class Memory:
    """The last results by key, each kept while the state behind it stays the same."""

    def __init__(self) -> None:
        self._results: dict[Any, tuple[Any, Any]] = {}
        self._facts: dict[Any, tuple[Any, Any]] = {}

    def get(self, key: Any, state: Any, compute: Callable[[], _T], *, fact: bool = False) -> _T:
        """Return the result for `key`.

        It is computed the first time, when `state` has changed, and while `state` is None, unknown.

        Every question asks for a `fact`, so facts are not dropped to make room.
        """
        results = self._facts if fact else self._results
        kept: tuple[Any, _T] = results.pop(key, (None, None))
        if kept[0] is None or state != kept[0]:
            kept = state, compute()
        results[key] = kept
        while len(self._results) > _MOST:
            del self._results[next(iter(self._results))]
        return kept[1]


_STATE = re.compile(r"([0-9]{6})-[0-9a-f]{64}\.arrow")


class Store:
    """Reads and writes the files and entries of a history; the first append creates its folder."""

    def __init__(self, folder: Path, lock_seconds: float) -> None:
        self.folder = folder
        self._lock_seconds = lock_seconds
        self._memory = Memory()
        self._held: dict[str, Any] | None = None

    # Reading

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Look for changes of the folder once, so a block reads the same records."""
        before = self._held
        self._held = {} if before is None else before
        try:
            yield
        finally:
            self._held = before

    def _look(self, what: str, look: Callable[[], Any]) -> Any:
        """Look at the folder, or remember what was seen in this block."""
        if self._held is None:
            return look()
        if what not in self._held:
            self._held[what] = look()
        return self._held[what]

    def entries(self) -> list[Entry]:
        """List all entries in order.

        Where the folder changed, read them, and check that none is missing.
        """
        marks = self._look("records", lambda: read_marks(self.folder, self.folder / "records"))
        return self._memory.get("entries", marks, self._read_entries)

    def _read_entries(self) -> list[Entry]:
        refuse_links(self.folder)
        if not holds_history(self.folder):
            return []
        # List records last, so that an append ending meanwhile never leaves a listed file without
        # its entry.
        states = (_STATE.fullmatch(file.name) for file in (self.folder / "state").glob("*.arrow"))
        newest = max((state[1] for state in states if state), default="")
        changes = list_stems(self.folder / "changes", ".parquet")
        records = list_stems(self.folder / "records", ".json")
        entries = [self._entry(name) for name in records]
        for place, entry in enumerate(entries):
            before = entries[place - 1] if place else None
            if entry.sequence != place + 1 or entry.previous != (before.digest if before else ""):
                lacking = (
                    f"is missing, or does not precede {entry.name}.json; restore it from a backup"
                )
                raise Damage(self._name_entry(place + 1), lacking)
        # One change file past the last entry is an interrupted append that does not count.
        unknown = [n for n in changes if n not in set(records) and n != f"{len(entries) + 1:06d}"]
        if unknown:
            stray = self.folder / "changes" / f"{unknown[0]}.parquet"
            raise Damage(stray, "is not part of this history; move it away")
        if newest > f"{len(entries):06d}":
            raise Damage(self._name_entry(len(entries) + 1), "is missing; restore it from a backup")
        return entries

    def _name_entry(self, sequence: int) -> Path:
        return self.folder / "records" / f"{sequence:06d}.json"

    def _entry(self, name: str) -> Entry:
        file = self._name_entry(int(name))
        try:
            mark = make_mark(file.stat())
        except OSError as error:
            raise Damage(file, f"cannot be read ({error.strerror})") from None
        return self._memory.get(file, mark, lambda: read_entry(file), fact=True)

    def change_files(self, entries: list[Entry]) -> list[Path]:
        """List the change file of every entry in use.

        Where any file changed, check that each is intact.
        """
        aside, marks = (
            self.set_aside(),
            self._look("changes", lambda: read_marks(self.folder / "changes")),
        )
        used = [entry for entry in entries if entry.name not in aside]
        state = marks and (used, marks)
        return self._memory.get("files", state, lambda: self._check_files(used))

    def _check_files(self, used: list[Entry]) -> list[Path]:
        for entry in used:
            if problem := self.find_problem(entry):
                raise Damage(self.change_file(entry), problem)
        return [self.change_file(entry) for entry in used]

    def change_file(self, entry: Entry) -> Path:
        """Name the file of an entry's change rows."""
        return self.folder / "changes" / f"{entry.name}.parquet"

    def find_problem(self, entry: Entry) -> str | None:
        """Check an entry's change file; return its problem, None if intact."""
        file = self.change_file(entry)
        what = f"(the record of {entry.last.recorded_at:%Y-%m-%d %H:%M} UTC)"
        out = "restore it from a backup, or go on without it: history.check(set_aside=True)"
        try:
            mark = make_mark(file.stat())
            if mark[0] != entry.size:
                return f"{what} is damaged: {mark[0]:,} bytes of {entry.size:,}; {out}"
            if self._memory.get(file, mark, lambda: digest(file), fact=True) != entry.sha256:
                return f"{what} is damaged: its content does not match its checksum; {out}"
        except FileNotFoundError:
            return f"{what} is missing; {out}"
        except OSError as error:
            return f"{what} cannot be read ({error.strerror})"
        return None

    def set_aside(self) -> dict[str, int]:
        """Map each entry whose change file is set aside to the last record that relied on it.

        The record is given by its sequence.
        """
        notes: list[Path] = self._look(
            "damaged", lambda: sorted((self.folder / "damaged").glob("*.json"))
        )
        return {note.stem: read_note(note) for note in notes}

    def take_aside(self, entry: Entry, entries: list[Entry]) -> None:
        """Set an entry's change file aside without deleting it; call it inside `writing`."""
        (self.folder / "damaged").mkdir(exist_ok=True)
        # Write the note first: a noted file is out of use even while still in its place.
        publish(
            self.folder, f"damaged/{entry.name}.json", encode_note(entry.name, entries[-1].sequence)
        )
        file = self.change_file(entry)
        if file.exists():
            file.replace(self.folder / "damaged" / file.name)

    def state(self, entries: list[Entry]) -> pa.Table | None:
        """Read the kept latest row of each opportunity; None unless they match the last entry."""
        for file in (self.folder / "state").glob(f"{entries[-1].name}-*.arrow"):
            try:
                content = file.read_bytes()
                if file.stem.partition("-")[2] == digest(content):
                    rows = pa.ipc.open_file(content).read_all()
                    if (rows.schema.metadata or {}).get(b"of") == self._state_tag(entries[-1]):
                        return rows.replace_schema_metadata(None)
            except (OSError, pa.ArrowException):
                continue
        return None

    def _state_tag(self, entry: Entry) -> bytes:
        """Make the tag of a kept state: the chain up to an entry, and the files set aside."""
        return " ".join([entry.digest, *sorted(self.set_aside())]).encode()

    # Writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Lock the folder for one append; others wait."""
        busy = HistoryError(
            f"another process is writing to {self.folder} and did not finish within "
            f"{self._lock_seconds:g} s; try again"
        )
        try:
            refuse_links(self.folder)
            holds_history(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            lock, mode = lock_file(self.folder)
            with files.locked(lock, busy, seconds=self._lock_seconds, mode=mode):
                prepare(self.folder)
                yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            place = self.folder if full or not error.filename else error.filename
            why = "the disk is full" if full else error.strerror or error
            raise HistoryError(
                f"cannot write to {place}: {why}; the history is unchanged"
            ) from None

    def append(
        self,
        changes: pa.Table,
        moments: tuple[RecordCounts, ...],
        *,
        columns: Mapping[str, str],
        kinds: Mapping[str, str],
        certificate: Json | None = None,
        previous: Entry | None = None,
        notes: tuple[Note, ...] = (),
    ) -> Entry:
        """Add change rows and their entry; call it inside `writing`."""
        sequence, before = (previous.sequence + 1, previous.digest) if previous else (1, "")
        changes_name, entry_name = f"changes/{sequence:06d}.parquet", f"records/{sequence:06d}.json"
        target = self.folder / changes_name
        try:
            publish(
                self.folder,
                changes_name,
                lambda out: pq.write_table(changes, out, compression="zstd"),
            )
            size, checksum = target.stat().st_size, digest(target)
            entry = Entry(
                sequence, moments, columns, kinds, size, checksum, certificate, notes, before
            )
            entry = entry.sealed()
            publish(self.folder, entry_name, entry.as_bytes())
        except BaseException:
            (self.folder / entry_name).unlink(missing_ok=True)
            target.unlink(missing_ok=True)
            raise
        return entry

    def keep_state(self, rows: pa.Table, entry: Entry) -> None:
        """Keep the latest row of each opportunity beside the log.

        If the write fails, it is rebuilt later.
        """
        sink = pa.BufferOutputStream()
        tagged = rows.replace_schema_metadata({"of": self._state_tag(entry)})
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(sink, tagged.schema, options=options) as writer:
            writer.write_table(tagged)
        content = sink.getvalue().to_pybytes()
        target = self.folder / "state" / f"{entry.name}-{digest(content)}.arrow"
        try:
            publish(self.folder, f"state/{target.name}", content, durable=False)
            for older in (self.folder / "state").glob("*.arrow"):
                if older != target:
                    older.unlink(missing_ok=True)
        except OSError:
            return  # On Windows an older one stays while somebody reads it.
