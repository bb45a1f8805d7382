"""The folder of a history is its owner's own: modes as the umask says, and no file in it that is really elsewhere."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.history import History


def deals(value: float) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": ["a", "b"], "stage": "proposal", "value": [value, 1.0]})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of three records, of which one was set aside, so that every file there can be is there."""
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


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def contents(place: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()}


def linked_elsewhere(path: Path, elsewhere: Path) -> None:
    """Move a file or folder away and put a link in its place; with nothing there, link to a folder of somebody else."""
    if path.exists():
        path.rename(elsewhere)
    else:
        elsewhere.write_text("three years of work")
    if elsewhere.is_dir():
        (elsewhere / "thesis.txt").write_text("three years of work")
    path.symlink_to(elsewhere)


NAMES = [
    "history.json", "lock", "changes", "records", "state", "staging", "damaged",
    "changes/000001.parquet", "changes/000004.parquet", "records/000001.json", "records/000004.json",
    "state/*.arrow", "staging/.000004.json.77", "damaged/000002.json", "damaged/000002.parquet", "damaged/000003.json",
]  # fmt: skip


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


def test_history__opened_before_the_link_was_made_refuses_it_too(folder: Path, tmp_path: Path) -> None:
    history = History(folder)
    linked_elsewhere(folder / "staging", tmp_path / "elsewhere")
    with pytest.raises(oa.errors.HistoryError, match="staging is a link to"):
        history.record(deals(9.0), at="2026-03-20")
    with pytest.raises(oa.errors.HistoryError, match="staging is a link to"):
        history.check(set_aside=True)
    assert (tmp_path / "elsewhere/thesis.txt").read_text() == "three years of work"


def test_history__may_be_reached_through_a_link_and_hold_hard_links(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "shortcut").symlink_to(folder)
    os.link(folder / "changes/000001.parquet", tmp_path / "backup.parquet")
    history = History(tmp_path / "shortcut")
    with pytest.warns(oa.errors.DataWarning, match="set aside"):
        assert history.record(deals(9.0), at="2026-03-20").changed == 1
    assert (folder / "records/000004.json").is_file()


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


def test_record__keeps_the_mode_of_a_folder_that_is_there(tmp_path: Path, umask: int) -> None:
    (tmp_path / "history").mkdir()
    (tmp_path / "history").chmod(0o750)
    History(tmp_path / "history").record(deals(1.0), at="2026-03-02")
    assert stat.S_IMODE((tmp_path / "history").stat().st_mode) == 0o750


@pytest.mark.skipif(os.name == "nt", reason="there are no named pipes in folders")
@pytest.mark.parametrize("name", ["changes/000001.parquet", "records/000001.json", "damaged/000002.json"])
def test_history__does_not_wait_for_a_pipe(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(oa.errors.HistoryError, match=f"{Path(name).name}.*neither a file nor a folder"):
        History(folder).changes()
