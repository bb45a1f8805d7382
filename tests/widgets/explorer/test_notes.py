"""Notes and the mark "discussed": kept beside the org file, durable, and read back as they were
written."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import ArgumentValueError, DataError
from opp_analytics.widgets.explorer.notes import Note, Notes, write_note
from tests.widgets.asking import ask, choose, open_first
from tests.widgets.explorer.pipelines import DAYS, explorer_at, states


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "review.csv"


HOSTILE = [
    "=cmd()",
    "'=cmd()",
    "''",
    "'",
    "+1",
    "-1",
    "@x",
    "<svg/onload>",
    'say "hi", then; go',
    "x" * 10_000,
    "Ünïcode 日本",
    "a\u202eb",
    "  spaces  inside  ",
]


def test_notes__are_read_back_as_they_were_written(file: Path) -> None:
    for at, words in enumerate(HOSTILE):
        write_note(file, f"d{at}", note=words)
    write_note(file, "=id()", discussed=True)
    kept = Notes(file).newest
    expected = [words.replace("\u202e", "").strip() for words in HOSTILE]
    assert [kept[f"d{at}"].note for at in range(len(HOSTILE))] == expected
    assert kept["=id()"].discussed
    # A spreadsheet runs none of them.
    cells = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert not cells.map(lambda cell: cell.startswith(("=", "+", "-", "@"))).any(axis=None)


def test_notes__are_of_one_line_and_of_whole_characters(file: Path) -> None:
    written, _ = write_note(file, "d1", note="one\r\ntwo\u2028three\x00")
    assert written.note == "one two three"
    for bad in ("half \ud800", "x" * 32_001):
        with pytest.raises(ArgumentValueError, match="type it again|characters"):
            write_note(file, "d1", note=bad)
    with pytest.raises(ArgumentValueError, match="line break"):
        write_note(file, "d\n1", discussed=True)
    assert Notes(file).get("d1").note == "one two three"


def test_notes__a_damaged_row_is_named_and_stays(file: Path) -> None:
    write_note(file, "d1", note="first")
    damaged = [
        'd2,2026-11-29T08:00:00Z,yes,"torn',
        "d3,2026-13-45,yes,x",
        "d4,2026-11-29T08:00:00Z,perhaps,x",
        ",2026-11-29T08:00:00Z,yes,x",
        "d5,2026-11-29T08:00:00Z",
    ]
    with file.open("a") as out:
        # The last one is torn by a power failure.
        out.write("\n".join(damaged))
    write_note(file, "d6", note="after")
    notes = Notes(file)
    assert set(notes.newest) == {"d1", "d6"}
    assert [problem.split(" (")[0] for problem in notes.problems] == [
        f"line {line} of review.csv" for line in range(3, 8)
    ]
    assert "line 3 of review.csv" in notes.said
    assert "2 more" in notes.said
    assert all(row in file.read_text("utf-8-sig").splitlines() for row in damaged)


def test_notes__a_file_that_a_spreadsheet_saved_is_read_and_goes_on(file: Path) -> None:
    file.write_text(
        "Who;unique_id;at;discussed;note\r\nAnn;d1;2026-11-29T08:00:00Z;TRUE;fine\r\n", "utf-8-sig"
    )
    write_note(file, "d2", note="a;b")
    notes = Notes(file)
    assert notes.get("d1").note == "fine"
    assert notes.get("d1").discussed
    assert notes.get("d2").note == "a;b"
    assert not notes.problems
    file.write_text("unique_id,at,note\n")
    with pytest.raises(DataError, match="no column discussed"):
        write_note(file, "d1", note="x")
    file.write_bytes("unique_id,at,discussed,note\nd1,2026-11-29,no,caf\u00e9\n".encode("cp1252"))
    with pytest.raises(DataError, match="save it as CSV UTF-8"):
        write_note(file, "d1", discussed=True)
    file.with_name(".~lock.review.csv#").touch()
    file.unlink()
    with pytest.raises(DataError, match="open in a spreadsheet"):
        write_note(file, "d1", discussed=True)


def test_notes__of_many_notebooks_at_once_are_all_kept(file: Path) -> None:
    def write(who: int) -> None:
        for at in range(8):
            write_note(file, f"d{who}-{at}", note=f"{who} {at}")

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    notes = Notes(file)
    assert len(notes.newest) == 32
    assert not notes.problems
    assert file.read_text("utf-8-sig").count("unique_id") == 1


def test_notes__somebody_elses_newer_one_stays_and_is_shown(file: Path) -> None:
    write_note(file, "d1", note="theirs")
    held, written = write_note(file, "d1", note="mine", known="")
    assert (held.note, written) == ("theirs", False)
    # A mark takes nothing of it away, and knowing it one may replace it.
    assert write_note(file, "d1", discussed=True)[0].note == "theirs"
    assert write_note(file, "d1", note="mine", known="theirs")[0] == Notes(file).get("d1")
    assert Notes(file).get("d1").note == "mine"
    # The next row is newer, also than one of a computer whose clock is ahead.
    ahead = Note("d1", datetime.now(UTC) + timedelta(days=400), False, "ahead")
    with file.open("ab") as out:
        out.write(Notes(file).write(ahead) + b"\n")
    write_note(file, "d1", note="now", known="ahead")
    assert Notes(file).get("d1").note == "now"


def test_discussed__holds_for_a_week_and_a_note_does_not_renew_it(file: Path) -> None:
    now = datetime.now(UTC)
    rows = [
        Note("old", now - timedelta(days=8), True, ""),
        Note("new", now - timedelta(days=6), True, ""),
    ]
    file.write_bytes(
        b"unique_id,at,discussed,note\n" + b"".join(Notes(None).write(row) + b"\n" for row in rows)
    )
    assert Notes(file).list_discussed() == ["new"]
    assert not write_note(file, "old", note="x")[0].discussed
    assert Notes(file).list_discussed() == ["new"]
    write_note(file, "old", discussed=True)
    write_note(file, "new", discussed=False)
    assert Notes(file).list_discussed() == ["old"]


def test_explorer__keeps_marks_and_notes_and_filters_by_them(tmp_path: Path) -> None:
    explorer = explorer_at(tmp_path)
    assert explorer._about["notes"]
    deals = open_first(explorer)
    first, second, *_ = deals["ids"]
    assert deals["review"]["rows"][0] == [False, ""]
    assert ask(explorer, do="note", id=first, discussed=True) == {
        "to": None,
        "note": True,
        "text": "",
        "newer": "",
    }
    ask(explorer, do="note", id=first, note="<svg/onload>", known="")
    other = explorer_at(tmp_path)
    review = open_first(other)["review"]
    assert review["rows"][0] == [True, "<svg/onload>"]
    assert (review["discussed"], review["deals"]) == (1, len(deals["ids"]))
    answer = ask(other, do="note", id=first, note="mine", known="")
    assert "“<svg/onload>” was written on" in answer["newer"]
    assert explorer.notes[["unique_id", "discussed", "note"]].values.tolist() == [
        [first, True, "<svg/onload>"]
    ]
    assert [str(dtype) for dtype in explorer.notes.dtypes] == [
        "str",
        "datetime64[us, UTC]",
        "bool",
        "str",
    ]
    choose(explorer, discussed="yes")
    assert explorer.opportunities["unique_id"].tolist() == [first]
    choose(explorer, discussed="no")
    assert second in set(explorer.opportunities["unique_id"])
    assert first not in set(explorer.opportunities["unique_id"])
    assert "~deals" in explorer.code
    assert (
        "is not the id of a deal"
        in ask(explorer, do="note", id="nobody's", discussed=True)["error"]
    )
    (tmp_path / "review.csv").unlink()
    (tmp_path / "review.csv").mkdir()
    review = open_first(other)["review"]
    assert "review.csv is a folder" in review["why"]
    assert "rows" not in review
    assert "error" in ask(other, do="note", id=first, discussed=True)


def test_explorer__without_an_org_file_says_so_and_offers_nothing() -> None:
    explorer = oa.explore(states()[-1], as_of=DAYS[-1])
    assert not explorer._about["notes"]
    assert "org file" in open_first(explorer)["review"]["why"]
    assert "rows" not in open_first(explorer)["review"]
    first = explorer.opportunities["unique_id"].iloc[0]
    assert "org file" in ask(explorer, do="note", id=first, discussed=True)["error"]
    assert explorer.notes.empty
    assert list(explorer.notes) == ["unique_id", "at", "discussed", "note"]
