"""A file is replaced whole or not at all, with the mode it should have, and nothing is left over."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from opp_analytics import errors, files

OLD, NEW = b"the old content", b"the new content, which is longer than the old one"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    file = tmp_path / "report.html"
    file.write_bytes(OLD)
    return file


@pytest.fixture(params=[0o022, 0o002, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def untouched(target: Path) -> bool:
    return target.read_bytes() == OLD and list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("content", [NEW, lambda out: out.write(NEW)])
def test_write_whole__replaces_and_leaves_nothing_over(
    target: Path, content: bytes | Callable[[BinaryIO], object], durable: bool
) -> None:
    files.write_whole(target, content, durable=durable)
    assert target.read_bytes() == NEW
    assert list(target.parent.iterdir()) == [target]


def test_write_whole__makes_a_new_file_in_another_staging_folder(tmp_path: Path) -> None:
    staging, target = tmp_path / "staging", tmp_path / "data" / "changes.parquet"
    for folder in (staging, target.parent):
        folder.mkdir()
    files.write_whole(target, NEW, staging=staging)
    assert target.read_bytes() == NEW
    assert list(staging.iterdir()) == []


@pytest.mark.parametrize("error", [ValueError("a cell that cannot be written"), KeyboardInterrupt()])
def test_write_whole__changes_nothing_on_an_error_in_mid_write(target: Path, error: BaseException) -> None:
    def half(out: BinaryIO) -> None:
        out.write(NEW[:10])
        raise error

    with pytest.raises(type(error)):
        files.write_whole(target, half)
    assert untouched(target)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_write_whole__changes_nothing_on_a_full_disk(target: Path) -> None:
    def on_a_full_disk(out: BinaryIO) -> None:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, out.fileno())
        os.close(full)
        out.write(NEW)

    with pytest.raises(OSError, match="No space left") as caught:
        files.write_whole(target, on_a_full_disk)
    assert caught.value.errno == errno.ENOSPC
    assert untouched(target)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_write_whole__changes_nothing_when_the_disk_refuses_at_the_end(
    target: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(OSError, match="Input/output"):
        files.write_whole(target, NEW)
    monkeypatch.undo()
    assert untouched(target)


def test_replaced__shows_the_old_file_until_the_end(target: Path) -> None:
    with files.replaced(target) as staged:
        staged.write_bytes(NEW)
        assert target.read_bytes() == OLD
    assert target.read_bytes() == NEW


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o664])
def test_write_whole__keeps_the_mode_of_what_it_replaces(target: Path, umask: int, kept: int) -> None:
    target.chmod(kept)
    files.write_whole(target, NEW)
    assert mode(target) == kept


def test_write_whole__follows_the_umask_for_a_new_file(tmp_path: Path, umask: int) -> None:
    files.write_whole(tmp_path / "new.csv", NEW)
    assert mode(tmp_path / "new.csv") == 0o666 & ~umask


def test_write_whole__private_is_for_the_owner_only(target: Path, umask: int) -> None:
    target.chmod(0o666)
    files.write_whole(target, NEW, private=True)
    assert mode(target) == 0o600


def test_make_private_folder__is_private_from_the_top_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "cache" / "opp-analytics" / "tenant"
    files.make_private_folder(folder)
    made = (folder, folder.parent, folder.parent.parent)
    assert [mode(path) for path in made] == [0o700] * 3


def test_make_private_folder__leaves_one_that_exists_and_refuses_a_file(target: Path) -> None:
    before = mode(target.parent)
    files.make_private_folder(target.parent)
    assert mode(target.parent) == before
    with pytest.raises(FileExistsError):
        files.make_private_folder(target)


def test_set_aside__names_the_file_the_reason_and_what_follows(target: Path) -> None:
    with pytest.warns(
        errors.DataWarning, match=r"bad checksum.*renamed to report\.html\.damaged, and it is made"
    ):
        files.set_aside(target, "bad checksum", "it is made again")
    assert (target.parent / "report.html.damaged").read_bytes() == OLD
    assert not target.exists()


def test_set_aside__says_when_the_file_cannot_be_moved(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.warns(errors.DataWarning, match="could not be renamed \\(Permission denied\\)"):
        files.set_aside(target, "bad checksum", "it is made again")
    assert untouched(target)


def test_digest__is_the_same_of_a_file_and_its_bytes(target: Path) -> None:
    assert files.digest(target) == files.digest(OLD)
    assert files.digest(OLD) != files.digest(NEW)
