"""The folder that a history lives in.

::

    history.json            what this folder is
    changes/000001.parquet  change rows of one append, never altered afterwards
    records/000001.json     the append's entry; an append counts once its entry is here
    state/000001-….arrow    last change row of every opportunity: rebuilt whenever it does not match the log
    staging/                files being written
    damaged/                what `check(set_aside=True)` set aside
    lock                    held while something is written

A crash leaves the history before or after an append, never between: the change file comes first, unread until
its entry is renamed into place.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from opp_analytics.errors import HistoryError
from opp_analytics.files import digest, make_private_folder, write_whole
from opp_analytics.history.entries import Damage, Entry, Moment, read_entry

__all__ = ["Store"]

_MARK = {"format": "opp_analytics history", "version": 2}
_OLDER = """\
{mark} is of an older format; this release reads format {version}. Record into a new folder, or bring over what this one knows:
    files = sorted(pathlib.Path({folder!r}, "changes").glob("*.parquet"))
    changes = pd.concat(map(pd.read_parquet, files)).replace({{"operation": {{"gone": "deleted"}}}})
    History.from_changes(changes, path="a new folder")"""
_FOLDERS = ("changes", "records", "state", "staging")


class Store:
    """Reads and appends; knows files and entries, not what the rows mean.

    Parameters
    ----------
    folder : Path
        The history's folder; made by the first append.
    lock_seconds : float
        How long an append waits for another one to finish.
    """

    def __init__(self, folder: Path, lock_seconds: float) -> None:
        self.folder = folder
        self._lock_seconds = lock_seconds
        self._verified: dict[str, tuple[int, int]] = {}
        self._read: dict[str, tuple[tuple[int, int], Entry]] = {}

    # Reading

    def entries(self) -> list[Entry]:
        """Every entry in order, after a check of the register itself.

        Raises
        ------
        HistoryError
            When the folder is not a history, or an entry is damaged, missing or not part of it; names the file.
        """
        if not self._is_history():
            return []
        # Listed in the reverse of the order of writing: an append that ends in between is then whole in all lists.
        newest = max((file.name[:6] for file in (self.folder / "state").glob("*.arrow")), default="")
        changes, records = self._names("changes", ".parquet"), self._names("records", ".json")
        entries = [self._entry(name) for name in records]
        for place, entry in enumerate(entries):
            before = entries[place - 1] if place else None
            if entry.sequence != place + 1 or entry.previous != (before.digest if before else ""):
                raise Damage(
                    self.folder / "records" / f"{place + 1:06d}.json",
                    f"is missing, or is not the one before {entry.name}.json; restore it from a backup",
                )
        # One change file past the last entry is an append that was cut off before it counted.
        unknown = [n for n in changes if n not in set(records) and n != f"{len(entries) + 1:06d}"]
        if unknown:
            raise Damage(
                self.folder / "changes" / f"{unknown[0]}.parquet", "is not part of this history; move it away"
            )
        if newest > f"{len(entries):06d}":
            raise Damage(
                self.folder / "records" / f"{len(entries) + 1:06d}.json",
                "is missing; restore it from a backup",
            )
        return entries

    def _entry(self, name: str) -> Entry:
        file = self.folder / "records" / f"{name}.json"
        try:
            mark = _mark(file)
        except OSError as error:
            raise Damage(file, f"cannot be read ({error.strerror})") from None
        kept = self._read.get(name)
        if kept is None or kept[0] != mark:
            kept = self._read[name] = (mark, read_entry(file))
        return kept[1]

    def change_files(self, entries: list[Entry]) -> list[Path]:
        """The change file of every entry that is in use, each proven to be what was written.

        Raises
        ------
        Damage
            Naming the first file that is missing or damaged.
        """
        aside = self.set_aside()
        files = []
        for entry in entries:
            if entry.name not in aside:
                problem = self.problem_with(entry)
                if problem:
                    raise Damage(self.change_file(entry), problem)
                files.append(self.change_file(entry))
        return files

    def change_file(self, entry: Entry) -> Path:
        """Where an entry's change rows are."""
        return self.folder / "changes" / f"{entry.name}.parquet"

    def problem_with(self, entry: Entry) -> str | None:
        """What is wrong with an entry's change file, None when it is intact."""
        file = self.change_file(entry)
        what = f"(the record of {entry.last.recorded_at:%Y-%m-%d %H:%M} UTC)"
        out = "restore it from a backup, or go on without it: history.check(set_aside=True)"
        try:
            mark = _mark(file)
            if mark[0] != entry.size:
                return f"{what} is damaged: {mark[0]:,} bytes of {entry.size:,}; {out}"
            if self._verified.get(entry.name) != mark:
                if digest(file) != entry.sha256:
                    return f"{what} is damaged: its content does not match its checksum; {out}"
                self._verified[entry.name] = mark
        except FileNotFoundError:
            return f"{what} is missing; {out}"
        except OSError as error:
            return f"{what} cannot be read ({error.strerror})"
        return None

    def set_aside(self) -> dict[str, int]:
        """Entries whose change file was taken out of use, with the sequence of the last record that leaned on it."""
        notes = (self.folder / "damaged").glob("*.json")
        return {note.stem: int(json.loads(note.read_bytes())["until"]) for note in notes}

    def take_aside(self, entry: Entry, entries: list[Entry]) -> None:
        """Take an entry's change file out of use, keeping the file; to be called while `writing`."""
        make_private_folder(self.folder / "damaged")
        if self.change_file(entry).exists():
            self.change_file(entry).replace(self.folder / "damaged" / f"{entry.name}.parquet")
        note = json.dumps({"until": entries[-1].sequence}).encode()
        self._publish(self.folder / "damaged" / f"{entry.name}.json", lambda out: out.write(note))

    def state(self, entries: list[Entry]) -> pa.Table | None:
        """The kept last rows of all opportunities, None unless they provably belong to the last entry."""
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
        """What a state is the state of: the chain up to an entry, less what was set aside."""
        return " ".join([entry.digest, *sorted(self.set_aside())]).encode()

    # Writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder for one append; others wait.

        Raises
        ------
        HistoryError
            When another process holds it for too long, or the disk is full or refuses.
        """
        try:
            self._is_history()
            make_private_folder(self.folder)
            with FileLock(self.folder / "lock", timeout=self._lock_seconds, mode=0o600):
                self._prepare()
                yield
        except Timeout:
            raise HistoryError(
                f"another process is writing to {self.folder}, and did not finish within "
                f"{self._lock_seconds:g} s; try again"
            ) from None
        except OSError as error:
            why = (
                "the disk is full"
                if error.errno in (errno.ENOSPC, errno.EDQUOT)
                else f"{error.strerror or error}"
            )
            raise HistoryError(f"cannot write to {self.folder}: {why}; the history is unchanged") from None

    def append(
        self,
        changes: pa.Table,
        moments: tuple[Moment, ...],
        *,
        columns: Mapping[str, str],
        kinds: Mapping[str, str],
        certificate: Mapping[str, Any] | None,
        previous: Entry | None,
        notes: tuple[Mapping[str, str], ...] = (),
    ) -> Entry:
        """Add change rows and their entry; to be called while `writing`."""
        sequence = previous.sequence + 1 if previous else 1
        target = self.folder / "changes" / f"{sequence:06d}.parquet"
        register = self.folder / "records" / f"{sequence:06d}.json"
        try:
            self._publish(target, lambda out: pq.write_table(changes, out, compression="zstd"))
            entry = Entry(
                sequence,
                moments,
                columns,
                kinds,
                target.stat().st_size,
                digest(target),
                certificate=certificate,
                notes=notes,
                previous=previous.digest if previous else "",
            ).sealed()
            self._publish(register, lambda out: out.write(entry.as_bytes()))
        except BaseException:
            register.unlink(missing_ok=True)
            target.unlink(missing_ok=True)
            raise
        return entry

    def keep_state(self, rows: pa.Table, entry: Entry) -> None:
        """Keep the last rows of all opportunities beside the log; a disk that refuses costs time later, nothing else."""
        sink = pa.BufferOutputStream()
        tagged = rows.replace_schema_metadata({"of": self._state_tag(entry)})
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(sink, tagged.schema, options=options) as writer:
            writer.write_table(tagged)
        content = sink.getvalue().to_pybytes()
        target = self.folder / "state" / f"{entry.name}-{digest(content)}.arrow"
        try:
            self._publish(target, lambda out: out.write(content), durable=False)
        except OSError:
            return
        for older in (self.folder / "state").glob("*.arrow"):
            if older != target:
                older.unlink(missing_ok=True)

    def _publish(self, target: Path, write: Callable[[BinaryIO], object], *, durable: bool = True) -> None:
        write_whole(target, write, staging=self.folder / "staging", private=True, durable=durable)

    # The folder itself

    def _is_history(self) -> bool:
        """Whether the folder holds a history; False when it is empty or does not exist."""
        mark = self.folder / "history.json"
        try:
            if mark.is_file():
                return self._check_mark(mark)
            if self.folder.exists() and not self.folder.is_dir():
                raise HistoryError(f"{self.folder} is a file, not the folder of a history; give another path")
            others = [file.name for file in self.folder.iterdir() if file.name not in (*_FOLDERS, "lock")]
        except FileNotFoundError:
            return False
        except OSError as error:
            raise HistoryError(f"{self.folder} cannot be read ({error.strerror})") from None
        if others or any(True for _ in self.folder.glob("records/*")):
            if mark.is_file():  # another process began it just now
                return self._check_mark(mark)
            raise HistoryError(
                f"{self.folder} is not a history: it has no history.json"
                + (f" but {others[0]}" if others else "")
                + "; give a new or empty folder"
            )
        return False

    def _check_mark(self, mark: Path) -> bool:
        try:
            found = json.loads(mark.read_bytes())
            known = found["format"] == _MARK["format"]
            older, newer = found["version"] < _MARK["version"], found["version"] > _MARK["version"]
        except (ValueError, KeyError, TypeError):
            known = older = newer = False
        if not known:
            raise Damage(mark, "is damaged or not ours: it does not name this folder a history")
        if newer:
            raise HistoryError(f"{mark} was written by a newer release of opp_analytics; update to read it")
        if older:
            raise HistoryError(_OLDER.format(mark=mark, folder=str(self.folder), **_MARK))
        return True

    def _prepare(self) -> None:
        """Make what is missing and clear what a crash left; to be called under the lock, or a writer loses its files."""
        for name in _FOLDERS:
            make_private_folder(self.folder / name)
        for leftover in (self.folder / "staging").iterdir():
            if leftover.is_file():
                leftover.unlink(missing_ok=True)
        if not self._is_history():
            self._publish(self.folder / "history.json", lambda out: out.write(json.dumps(_MARK).encode()))

    def _names(self, folder: str, suffix: str) -> list[str]:
        """Stems of the files in a folder of the log, in order; a file that does not belong there is refused."""
        try:
            with os.scandir(self.folder / folder) as found:
                names = sorted(file.name for file in found if not file.name.startswith("."))
        except OSError as error:
            raise HistoryError(f"{self.folder / folder} cannot be read ({error.strerror})") from None
        stems = [name.removesuffix(suffix) for name in names]
        for name, stem in zip(names, stems, strict=True):
            if name != stem + suffix or not (len(stem) == 6 and stem.isdigit()):
                raise Damage(self.folder / folder / name, "is not part of this history; move it away")
        return stems


def _mark(file: Path) -> tuple[int, int]:
    """Size and time of a file, which change when it is written."""
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns
