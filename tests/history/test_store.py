"""The folder of a history: damage, links, permissions, and writers that crash or meet."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import files
from opp_analytics.analysis import waterfall
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests.writer.frames import opportunities

ROOT = Path(oa.__file__).parents[1]
WEEKS = ["2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23"]


def week(k):
    """Four deals; deal k changes its value in week k."""
    values = [100.0 + place * (k >= place) for place in range(4)]
    return pd.DataFrame({"unique_id": list("abcd"), "stage": "proposal", "value": values})


@pytest.fixture
def history(tmp_path):
    history = History(tmp_path / "history")
    for k, at in enumerate(WEEKS):
        history.record(week(k), at=at)
    return history


def assert_whole(path):
    history = History(path)
    assert len(history.records) == len(WEEKS)
    for k, at in enumerate(WEEKS):
        pd.testing.assert_frame_equal(
            history.as_of(at), week(k), check_dtype=False, check_categorical=False
        )


@pytest.mark.parametrize("how", ["truncated", "altered", "removed", "foreign"])
def test_read__names_a_damaged_change_file(history, tmp_path, how):
    file = tmp_path / "history/changes/000002.parquet"
    content = file.read_bytes()
    if how == "truncated":
        file.write_bytes(content[:-20])
    elif how == "altered":
        file.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    elif how == "foreign":
        pd.DataFrame({"unique_id": ["z"]}).to_parquet(file)
    else:
        file.unlink()
    for read in (history.changes, lambda: history.as_of("2026-03-23"), lambda: history.table):
        with pytest.raises(oa.errors.HistoryError, match="000002.parquet"):
            read()
    found = history.check()
    assert found["file"].tolist() == [str(file)]
    assert found["recorded_at"].tolist() == [pd.Timestamp("2026-03-09", tz="UTC")]
    file.write_bytes(content)
    assert_whole(tmp_path / "history")


def test_check__sets_aside_and_the_next_record_heals(history, tmp_path):
    file = tmp_path / "history/changes/000003.parquet"
    file.write_bytes(b"torn")
    assert history.check(set_aside=True)["problem"].tolist() == ["was damaged and set aside"]
    assert (tmp_path / "history/damaged/000003.parquet").read_bytes() == b"torn"
    with pytest.warns(oa.errors.DataWarning, match="000003.parquet was damaged"):
        stale = history.as_of("2026-03-23")
    assert stale["value"].tolist() == [100.0, 101.0, 100.0, 103.0]
    assert history.records["complete"].tolist() == [True, True, False, False]
    with pytest.warns(oa.errors.DataWarning):
        history.record(week(3), at="2026-03-30")
    with pytest.warns(oa.errors.DataWarning):
        healed = history.as_of("2026-03-30")
    assert healed["value"].tolist() == week(3)["value"].tolist()
    assert history.records["complete"].tolist() == [True, True, False, False, True]
    assert history.coverage(freq="W")["complete"].tolist() == [True, True, False, False, True]
    with pytest.warns(oa.errors.DataWarning):
        doubtful = waterfall(history, start="2026-03-09", end="2026-03-30")
    assert note_of(doubtful).figures["complete"] is False
    with pytest.warns(oa.errors.DataWarning):
        sound = waterfall(history, start="2026-03-02", end="2026-03-09")
    assert "complete" not in note_of(sound).figures


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("records/000002.json", "000002.json is damaged"),
        ("history.json", "history.json is damaged, or the folder is not a history"),
    ],
)
def test_read__names_a_damaged_entry(history, tmp_path, file, says):
    damaged = tmp_path / "history" / file
    damaged.write_bytes(damaged.read_bytes()[:-5])
    with pytest.raises(oa.errors.HistoryError, match=says):
        History(tmp_path / "history")


@pytest.mark.parametrize("number", [2, 4])
def test_read__misses_a_removed_entry(history, tmp_path, number):
    (tmp_path / f"history/records/00000{number}.json").unlink()
    with pytest.raises(oa.errors.HistoryError, match=f"00000{number}.json is missing"):
        assert history.records.empty


@pytest.mark.parametrize("file", ["changes/mine.parquet", "changes/000099.parquet"])
def test_read__refuses_a_foreign_file(history, tmp_path, file):
    (tmp_path / "history" / file).write_bytes(b"{}")
    with pytest.raises(oa.errors.HistoryError, match="is not part of this history"):
        assert history.records.empty


def test_history__refuses_a_folder_that_is_not_one(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Ann")
    with pytest.raises(oa.errors.HistoryError, match="not a history.*letter.txt"):
        History(tmp_path)
    with pytest.raises(oa.errors.HistoryError, match="is a file"):
        History(tmp_path / "letter.txt")


@pytest.mark.parametrize("version", [3, 5])
def test_history__of_another_format_is_refused_with_what_to_do(history, tmp_path, version):
    (tmp_path / "history/history.json").write_text(
        f'{{"format": "opp_analytics history", "version": {version}}}'
    )
    with pytest.raises(oa.errors.HistoryError, match="another release.*into a new folder"):
        History(tmp_path / "history")


@pytest.mark.parametrize("damage", [lambda content: content[:-9], None])
def test_state__is_rebuilt_when_it_does_not_match(history, tmp_path, damage):
    (state,) = (tmp_path / "history/state").glob("*.arrow")
    if damage is None:
        state.unlink()
    else:
        state.write_bytes(damage(state.read_bytes()))
    assert history.record(week(3), at="2026-03-30").changed == 0
    assert history.check().empty


def test_state__of_another_entry_is_not_believed(history, tmp_path):
    (state,) = (tmp_path / "history/state").glob("*.arrow")
    old = state.read_bytes()
    history.record(week(2), at="2026-03-30")
    (new,) = (tmp_path / "history/state").glob("*.arrow")
    new.unlink()
    new.with_name(f"000005-{files.digest(old)}.arrow").write_bytes(old)
    assert history.record(week(2), at="2026-04-06").changed == 0


def test_read__notices_what_was_altered_in_place_under_its_old_time(history, tmp_path):
    assert len(history.changes()) == 7
    file = tmp_path / "history/changes/000003.parquet"
    times, content = file.stat(), file.read_bytes()
    file.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(oa.errors.HistoryError, match="000003.parquet"):
        history.changes()


def test_records__do_not_look_complete_when_the_note_of_a_damaged_file_is_lost(history, tmp_path):
    (tmp_path / "history/changes/000002.parquet").write_bytes(b"torn")
    history.check(set_aside=True)
    shutil.rmtree(tmp_path / "history/damaged")
    for opened in (history, History(tmp_path / "history")):
        with pytest.raises(oa.errors.HistoryError, match="000002.parquet.*missing"):
            opened.records  # noqa: B018
    assert history.check()["file"].tolist() == [str(tmp_path / "history/changes/000002.parquet")]


def test_history__that_lost_all_but_its_state_is_not_an_empty_folder(history, tmp_path):
    (tmp_path / "history/history.json").unlink()
    shutil.rmtree(tmp_path / "history/records")
    shutil.rmtree(tmp_path / "history/changes")
    with pytest.raises(oa.errors.HistoryError, match="no history.json"):
        History(tmp_path / "history")
    with pytest.raises(oa.errors.HistoryError, match="no history.json"):
        history.record(week(3), at="2026-03-30")


def test_record__cut_off_before_its_entry_never_counted(history, tmp_path):
    orphan = tmp_path / "history/changes/000005.parquet"
    orphan.write_bytes(b"half a file")
    (tmp_path / "history/staging/000005.json.77").write_bytes(b"{")
    assert_whole(tmp_path / "history")
    history.record(week(0), at="2026-03-30")
    assert history.as_of("2026-03-30")["value"].tolist() == week(0)["value"].tolist()
    assert not list((tmp_path / "history/staging").iterdir())


@pytest.mark.parametrize("call", range(1, 5))
def test_record__full_disk_leaves_the_history_as_it_was(history, tmp_path, monkeypatch, call):
    calls = iter(range(1, 99))
    real = os.fsync

    def full(handle):
        if next(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr("opp_analytics.files.os.fsync", full)
    # Both files and both folder entries are synced: 1 and 2 for the changes, 3 and 4 for the entry.
    with pytest.raises(oa.errors.HistoryError, match="disk is full"):
        history.record(week(0), at="2026-03-30")
    monkeypatch.undo()
    assert_whole(tmp_path / "history")
    assert history.record(week(0), at="2026-03-30").appended
    assert history.check().empty


def test_record__waits_for_another_writer_and_says_so(history, tmp_path):
    from filelock import FileLock

    impatient = History(tmp_path / "history", lock_timeout=0.05)
    with (
        FileLock(tmp_path / "history/lock"),
        pytest.raises(oa.errors.HistoryError, match="another process"),
    ):
        impatient.record(week(0), at="2026-03-30")


@pytest.mark.slow
@pytest.mark.posix
def test_record__killed_at_any_step_is_there_or_not():
    """See `tests.history.kills`, in a process of its own because it forks."""
    command = [sys.executable, "-m", "tests.history.kills", "6", "20"]
    said = subprocess.run(command, cwd=ROOT, timeout=500, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    kills = [int(n) for n in re.findall(r": (\d+)", said.stdout)]
    assert len(kills) == 5
    assert min(kills) > 2
    assert max(kills) > 20
    assert f"{sum(kills) + 6} kills" in said.stdout


_WRITER = """
import sys, pandas as pd
from opp_analytics.history import History
history = History(sys.argv[1])
for k, _ in enumerate(sys.stdin):
    history.record(pd.DataFrame({"unique_id": ["a"], "value": [float(k)], "name": [sys.argv[2]]}))
    print(k, flush=True)
"""


@pytest.mark.slow
def test_record__two_processes_lose_nothing(tmp_path):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path / "h"), name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for name in "xy"
    ]
    seen = [0]
    for k in range(8):
        for writer in writers:
            writer.stdin.write("record\n")
        for writer in writers:
            assert writer.stdout.readline() == f"{k}\n"
            # A reader never sees half a record, nor takes a record in the making for damage.
            seen.append(len(History(tmp_path / "h").records))
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert seen == sorted(seen)
    assert seen[2::2] == [2, 4, 6, 8, 10, 12, 14, 16]
    history = History(tmp_path / "h")
    assert history.changes()["name"].value_counts().to_dict() == {"x": 8, "y": 8}
    assert history.check().empty


def deals(value: float) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": ["a", "b"], "stage": "proposal", "value": [value, 1.0]})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of three records, of which one was set aside, so that every file there can be is
    there."""
    folder = tmp_path_factory.mktemp("whole") / "history"
    history = History(folder)
    for day in (2, 3, 4):
        history.record(deals(float(day)), at=f"2026-03-0{day}")
    (folder / "changes/000002.parquet").write_bytes(b"torn")
    history.check(set_aside=True)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "history"))


@pytest.fixture(params=[0o077, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def contents(place: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()}


def linked_elsewhere(path: Path, elsewhere: Path) -> None:
    """Move a file or folder away and put a link in its place; with nothing there, link to a folder
    of somebody else."""
    if path.exists():
        path.rename(elsewhere)
    else:
        elsewhere.write_text("three years of work")
    if elsewhere.is_dir():
        (elsewhere / "thesis.txt").write_text("three years of work")
    path.symlink_to(elsewhere)


NAMES = [
    "history.json",
    "lock",
    "changes",
    "records",
    "state",
    "staging",
    "damaged",
    "changes/000001.parquet",
    "records/000004.json",
    "state/*.arrow",
    "staging/.000004.json.77",
    "damaged/000002.json",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "use",
    [
        lambda folder: History(folder).record(deals(9.0), at="2026-03-20"),
        lambda folder: History(folder).check(set_aside=True),
        lambda folder: History(folder).changes(),
    ],
    ids=["record", "check", "changes"],
)
def test_history__refuses_a_link_by_name_before_anything_is_touched(
    folder: Path, tmp_path: Path, name: str, use: Callable[[Path], object]
) -> None:
    link = next(folder.glob(name)) if "*" in name else folder / name
    linked_elsewhere(link, tmp_path / "elsewhere")
    before = contents(tmp_path)
    with pytest.raises(oa.errors.HistoryError) as refused:
        use(folder)
    assert str(refused.value).startswith(f"{link} is a link to ")
    assert link.is_symlink()
    assert contents(tmp_path) == before


def test_history__opened_before_the_link_was_made_refuses_it_too(
    folder: Path, tmp_path: Path
) -> None:
    history = History(folder)
    linked_elsewhere(folder / "staging", tmp_path / "elsewhere")
    with pytest.raises(oa.errors.HistoryError, match="staging is a link to"):
        history.record(deals(9.0), at="2026-03-20")
    with pytest.raises(oa.errors.HistoryError, match="staging is a link to"):
        history.check(set_aside=True)
    assert (tmp_path / "elsewhere/thesis.txt").read_text() == "three years of work"


@pytest.mark.posix
def test_history__may_be_reached_through_a_link_and_hold_hard_links(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "shortcut").symlink_to(folder)
    os.link(folder / "changes/000001.parquet", tmp_path / "backup.parquet")
    history = History(tmp_path / "shortcut")
    with pytest.warns(oa.errors.DataWarning, match="set aside"):
        assert history.record(deals(9.0), at="2026-03-20").changed == 1
    assert (folder / "records/000004.json").is_file()


@pytest.mark.posix
def test_record__follows_the_umask(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "a/b/history"
    history = History(folder)
    history.record(deals(1.0), at="2026-03-02")
    history.record(deals(2.0), at="2026-03-09")
    (folder / "changes/000001.parquet").write_bytes(b"torn")
    history.check(set_aside=True)
    made = [*folder.rglob("*"), folder, folder.parent, folder.parent.parent]
    assert len(made) == 16
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in made}
    torn = folder / "damaged/000001.parquet"
    assert modes == {path: (0o777 if path.is_dir() else 0o666) & ~umask for path in made} | {
        torn: modes[torn]
    }


@pytest.mark.posix
@pytest.mark.parametrize(
    "name", ["changes/000001.parquet", "records/000001.json", "damaged/000002.json"]
)
def test_history__does_not_wait_for_a_pipe(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(
        oa.errors.HistoryError, match=f"{Path(name).name}.*neither a file nor a folder"
    ):
        History(folder).changes()


def test_as_of__reads_the_folder_of_its_name_where_that_looks_like_a_pattern(
    tmp_path: Path,
) -> None:
    for name, deals in (("Sales [2]", 2), ("Sales 2", 6), ("Sales *", 1), ("Sales ?", 3)):
        oa.History(tmp_path / name).record(opportunities(deals), at="2026-06-01T10:00:00Z")
    counts = {
        folder.name: len(oa.History(folder).as_of("2026-06-02")) for folder in tmp_path.iterdir()
    }
    assert counts == {"Sales [2]": 2, "Sales 2": 6, "Sales *": 1, "Sales ?": 3}


def test_as_of__keeps_a_column_whatever_its_name(tmp_path: Path) -> None:
    history = oa.History(tmp_path / "history")
    for day, cells in (("2026-06-01", ["a", "b"]), ("2026-06-08", ["c", "d"])):
        frame = opportunities(2).assign(_place=cells, _Place_=cells)
        history.record(frame, at=f"{day}T10:00:00Z")
    assert history.as_of("2026-06-02")["_place"].tolist() == ["a", "b"]
    assert history.as_of("2026-06-09")["_place"].tolist() == ["c", "d"]
