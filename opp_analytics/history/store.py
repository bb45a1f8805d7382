"""Appends to a history's folder and reads from it, checking every file.

After a crash, an append is complete or absent: the change file comes first and is not read until its entry
is renamed into place.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from opp_analytics.errors import HistoryError
from opp_analytics.files import digest
from opp_analytics.history.entries import Damage, Entry, Moment, file_mark, note_bytes, read_entry, read_note
from opp_analytics.history.folder import (
    holds_history,
    list_stems,
    lock_file,
    prepare,
    publish,
    refuse_links,
)

__all__ = ["Store"]

_STATE = re.compile(r"([0-9]{6})-[0-9a-f]{64}\.arrow")


class Store:
    """Reads and writes the files and entries of a history.

    Parameters
    ----------
    folder : Path
        The history's folder; the first append creates it.
    lock_seconds : float
        Seconds that an append waits for another one to finish.
    """

    def __init__(self, folder: Path, lock_seconds: float) -> None:
        self.folder = folder
        self._lock_seconds = lock_seconds
        self._verified: dict[str, tuple[int, int, int]] = {}
        self._read: dict[str, tuple[tuple[int, int, int], Entry]] = {}

    # Reading

    def entries(self) -> list[Entry]:
        """Every entry in order, after a check of the register itself.

        Raises
        ------
        HistoryError
            When the folder is not a history, or an entry is damaged, missing or foreign; the message names the file.
        """
        refuse_links(self.folder)
        if not holds_history(self.folder):
            return []
        # Listed in the reverse of the order of writing: an append that ends in between is then whole in all lists.
        states = (_STATE.fullmatch(file.name) for file in (self.folder / "state").glob("*.arrow"))
        newest = max((state[1] for state in states if state), default="")
        changes, records = (
            list_stems(self.folder / "changes", ".parquet"),
            list_stems(self.folder / "records", ".json"),
        )
        entries = [self._entry(name) for name in records]
        for place, entry in enumerate(entries):
            before = entries[place - 1] if place else None
            if entry.sequence != place + 1 or entry.previous != (before.digest if before else ""):
                raise Damage(
                    self.folder / "records" / f"{place + 1:06d}.json",
                    f"is missing, or does not precede {entry.name}.json; restore it from a backup",
                )
        # One change file past the last entry is an interrupted append that does not count.
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
            mark = file_mark(file)
        except OSError as error:
            raise Damage(file, f"cannot be read ({error.strerror})") from None
        kept = self._read.get(name)
        if kept is None or kept[0] != mark:
            kept = self._read[name] = (mark, read_entry(file))
        return kept[1]

    def change_files(self, entries: list[Entry]) -> list[Path]:
        """The change file of every entry in use, after a check that each is intact.

        Raises
        ------
        Damage
            When a file is missing or damaged; the message names the first one.
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
        """The file of an entry's change rows."""
        return self.folder / "changes" / f"{entry.name}.parquet"

    def problem_with(self, entry: Entry) -> str | None:
        """The problem with an entry's change file; None when it is intact."""
        file = self.change_file(entry)
        what = f"(the record of {entry.last.recorded_at:%Y-%m-%d %H:%M} UTC)"
        out = "restore it from a backup, or go on without it: history.check(set_aside=True)"
        try:
            mark = file_mark(file)
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
        """Entries whose change file was set aside, with the sequence of the last record that relied on it.

        Raises
        ------
        Damage
            When a note is damaged; the message names it.
        """
        return {note.stem: read_note(note) for note in sorted((self.folder / "damaged").glob("*.json"))}

    def take_aside(self, entry: Entry, entries: list[Entry]) -> None:
        """Set an entry's change file aside without deleting it; call it inside `writing`."""
        (self.folder / "damaged").mkdir(exist_ok=True)
        # The note comes first: a file that is noted and still in its place is out of use too.
        publish(self.folder, f"damaged/{entry.name}.json", note_bytes(entry.name, entries[-1].sequence))
        file = self.change_file(entry)
        if file.exists():
            file.replace(self.folder / "damaged" / file.name)

    def state(self, entries: list[Entry]) -> pa.Table | None:
        """The kept last rows of all opportunities; None unless they match the last entry."""
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
        """Tag of a kept state: the chain up to an entry, without files set aside."""
        return " ".join([entry.digest, *sorted(self.set_aside())]).encode()

    # Writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Lock the folder for one append; others wait.

        Raises
        ------
        HistoryError
            When another process holds the lock for too long, or the disk is full or the write fails.
        """
        try:
            refuse_links(self.folder)
            holds_history(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            lock, mode = lock_file(self.folder)
            with FileLock(lock, timeout=self._lock_seconds, mode=mode):
                prepare(self.folder)
                yield
        except Timeout:
            raise HistoryError(
                f"another process is writing to {self.folder} and did not finish within "
                f"{self._lock_seconds:g} s; try again"
            ) from None
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            place = self.folder if full or not error.filename else error.filename
            why = "the disk is full" if full else error.strerror or error
            raise HistoryError(f"cannot write to {place}: {why}; the history is unchanged") from None

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
        """Add change rows and their entry; call it inside `writing`."""
        sequence = previous.sequence + 1 if previous else 1
        changes_name, entry_name = f"changes/{sequence:06d}.parquet", f"records/{sequence:06d}.json"
        target = self.folder / changes_name
        try:
            publish(self.folder, changes_name, lambda out: pq.write_table(changes, out, compression="zstd"))
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
            publish(self.folder, entry_name, entry.as_bytes())
        except BaseException:
            (self.folder / entry_name).unlink(missing_ok=True)
            target.unlink(missing_ok=True)
            raise
        return entry

    def keep_state(self, rows: pa.Table, entry: Entry) -> None:
        """Keep the last rows of all opportunities beside the log; if the write fails, they are rebuilt later."""
        sink = pa.BufferOutputStream()
        tagged = rows.replace_schema_metadata({"of": self._state_tag(entry)})
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(sink, tagged.schema, options=options) as writer:
            writer.write_table(tagged)
        content = sink.getvalue().to_pybytes()
        target = self.folder / "state" / f"{entry.name}-{digest(content)}.arrow"
        try:
            publish(self.folder, f"state/{target.name}", content, durable=False)
        except OSError:
            return
        for older in (self.folder / "state").glob("*.arrow"):
            if older != target:
                older.unlink(missing_ok=True)
