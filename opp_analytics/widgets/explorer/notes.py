"""Notes on deals and the mark "discussed", which a meeting keeps in ``review.csv`` beside the org file."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics import inputs, text
from opp_analytics.errors import ArgumentValueError, DataError
from opp_analytics.files import SMALL, append_line, in_turn, refuse_open, say_failure
from opp_analytics.org import Org
from opp_analytics.schema import TEXT, BadCell
from opp_analytics.table_files import allow_long_cells, decode_file, read_content
from opp_analytics.writer import guard_formula

MEETING_DAYS = 7
"""Days for which a deal counts as discussed: a weekly meeting begins anew."""
_FILE = "review.csv"
_LONGEST = 32_000
"""Characters of a note: a cell of Excel holds 32,767."""
NO_NOTES = (
    "Notes and the mark “discussed” are kept beside an org file, and these deals have none; "
    "opp-analytics org init drafts one."
)
_MOST_NAMED = 3
"""Damaged rows named in a sentence."""


class Note(NamedTuple):
    """A row of the file: what is known of a deal from a moment on."""

    unique_id: str
    at: datetime
    discussed: bool
    note: str

    def is_discussed(self, now: datetime) -> bool:
        """Tell whether the deal was discussed in the meeting that is now."""
        return self.discussed and self.at > now - timedelta(days=MEETING_DAYS)


def find_file(orgs: Mapping[str, Org]) -> Path | None:
    """Find the file of the first org that was read from one; None without."""
    files = (org.file.absolute() for org in orgs.values() if org.file is not None)
    return next((file.with_name(_FILE) for file in files if file.exists()), None)


class Notes:
    """The newest row of each deal in a file, and the rows that cannot be read, in words."""

    def __init__(self, file: Path | None) -> None:
        self.newest: dict[str, Note] = {}
        self.labels: list[str] = list(Note._fields)
        self.delimiter = ","
        self.encoding = "UTF-8"
        self.problems: list[str] = []
        if file is None or not file.exists() or not file.stat().st_size:
            return
        with say_failure(f"cannot read {file}"), allow_long_cells():
            content, self.encoding = decode_file(file, read_content(file, most=SMALL))
            self._read(file, enumerate(re.split("\r\n|\n|\r", content), start=1))

    def _read(self, file: Path, lines: Iterator[tuple[int, str]]) -> None:
        _, head = next(lines)
        self.delimiter = max(",;\t", key=head.count)
        labels = next(csv.reader([head], delimiter=self.delimiter))
        self.labels = [label.strip().casefold() for label in labels]
        if missing := [label for label in Note._fields if label not in self.labels]:
            names = f"{text.joined(missing)}; its first line is {','.join(Note._fields)}"
            raise DataError(f"{file} has no column {names}")
        for number, line in lines:
            try:
                # A note has one line, so that a torn row does not take the next ones with it.
                note = self._parse(line) if line.strip() else None
            except (csv.Error, ValueError, BadCell) as error:
                self.problems.append(f"line {number} of {file.name} ({error})")
                continue
            if note is not None and note.at >= self.get(note.unique_id).at:
                self.newest[note.unique_id] = note

    def _parse(self, line: str) -> Note:
        [cells] = csv.reader([line], delimiter=self.delimiter, strict=True)
        if len(cells) < len(self.labels) or any(cells[len(self.labels) :]):
            raise ValueError(f"{text.count(len(cells), 'cell')}, not {len(self.labels)}")
        row = {label: _unguard(cell) for label, cell in zip(self.labels, cells, strict=False)}
        if not row["unique_id"]:
            raise ValueError("no unique_id")
        at = datetime.fromisoformat(row["at"])
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        is_discussed = bool(row["discussed"]) and inputs.read_flag(row["discussed"])
        return Note(row["unique_id"], at, is_discussed, row["note"])

    def get(self, unique_id: str) -> Note:
        """Get what is known of a deal."""
        return self.newest.get(unique_id) or Note(
            unique_id, datetime.min.replace(tzinfo=UTC), False, ""
        )

    def list_discussed(self) -> list[str]:
        """List the deals that were discussed in the meeting that is now."""
        now = datetime.now(UTC)
        return [note.unique_id for note in self.newest.values() if note.is_discussed(now)]

    def to_frame(self) -> pd.DataFrame:
        """Make a frame of the newest rows: ``unique_id`` (str), ``at`` (UTC), ``discussed`` (bool), ``note`` (str)."""
        frame = pd.DataFrame(self.newest.values(), columns=Note._fields)
        dtypes: Any = {
            "unique_id": TEXT,
            "at": "datetime64[us, UTC]",
            "discussed": bool,
            "note": TEXT,
        }
        return frame.astype(dtypes).sort_values("at", ignore_index=True, kind="stable")

    @property
    def said(self) -> str:
        """The rows that cannot be read, in a sentence; empty if all can."""
        if not self.problems:
            return ""
        return f"Not read, and left as it is: {text.joined(self.problems, most=_MOST_NAMED)}."

    def write(self, note: Note) -> bytes:
        """Write a row as the file has its rows."""
        cells = {
            **note._asdict(),
            "at": note.at.isoformat(),
            "discussed": "yes" if note.discussed else "no",
        }
        line = io.StringIO()
        row = [guard_formula(str(cells.get(label, ""))) for label in self.labels]
        csv.writer(line, delimiter=self.delimiter, lineterminator="").writerow(row)
        return line.getvalue().encode()


def _unguard(cell: str) -> str:
    """Take away the apostrophe of `guard_formula`."""
    return cell[1:] if cell[:1] == "'" and guard_formula(cell[1:]) != cell[1:] else cell


def write_note(
    file: Path,
    unique_id: str,
    *,
    discussed: bool | None = None,
    note: str | None = None,
    known: str = "",
) -> tuple[Note, bool]:
    """Append a row with what changes of a deal, on disk when this returns.

    With what holds now, and whether it was written.

    A note that somebody else has written since the one that is `known` stays, and is returned. Two
    processes at once write one after the other.

    Raises
    ------
    ArgumentValueError
        When the note cannot be kept.
    DataError
        When the file cannot be read or written.
    """
    if not text.is_whole(unique_id) or not text.is_whole(note or ""):
        raise ArgumentValueError("The note holds half of a character; type it again.")
    if len(note or "") > _LONGEST:
        raise ArgumentValueError(
            f"The note has {len(note or ''):,} characters; {_LONGEST:,} are the most."
        )
    if text.one_line(unique_id) != unique_id:
        raise ArgumentValueError(
            f"The deal's id {unique_id!r} has a line break, so no note of it can be kept."
        )
    with in_turn(file), say_failure(f"cannot write {file}"):
        held = Notes(file)
        before, now = held.get(unique_id), datetime.now(UTC)
        if note is not None and before.note not in (known, note):
            return before, False
        after = Note(
            unique_id,
            # Newer than the row before it, also where that computer's clock is ahead.
            max(now, before.at + timedelta(microseconds=1)),
            before.is_discussed(now) if discussed is None else discussed,
            before.note if note is None else text.one_line(note).strip(),
        )
        if held.encoding != "UTF-8":
            raise DataError(
                f"{file} is {held.encoding}; save it as CSV UTF-8, and write the note again"
            )
        refuse_open(file, "the note")
        if not file.exists() or not file.stat().st_size:
            append_line(file, codecs.BOM_UTF8 + ",".join(Note._fields).encode())
        append_line(file, held.write(after))
    return after, True


def show_notes(ids: list[str], listed: list[str], file: Path | None) -> dict[str, Any]:
    """Put what is known of deals into JSON: of the listed ones whether discussed, and the note.

    Or why there is none.
    """
    try:
        notes = Notes(file)
    except DataError as error:
        return {"why": str(error)}
    if file is None:
        return {"why": NO_NOTES}
    now = datetime.now(UTC)
    held = {one: notes.get(one) for one in ids}
    rows = {one: (note.is_discussed(now), note.note) for one, note in held.items()}
    return {
        "why": notes.said,
        "rows": [rows[one] for one in listed],
        "discussed": sum(discussed for discussed, _ in rows.values()),
        "deals": len(rows),
    }
