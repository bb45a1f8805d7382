"""A file is replaced whole or not at all, with the mode it should have, and nothing is left
over."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import errors, files
from opp_analytics.cli.load import write_opportunities
from opp_analytics.crm import read_changes
from tests.writer.frames import opportunities

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


_WRITER = """
import os, signal, sys
from pathlib import Path
from opp_analytics import files
with files.replace_file(Path(sys.argv[1])) as staged:
    staged.write_bytes(b"half")
    print(staged, flush=True)
    sys.stdin.readline()
    staged.write_bytes(b"whole")
"""


def begin_to_write(target: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a process that has written half of the file."""
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    return writer, Path(writer.stdout.readline().rstrip())


@pytest.mark.slow
@pytest.mark.posix
def test_write_whole__removes_what_a_killed_one_left_a_day_ago(target: Path) -> None:
    killed, left = begin_to_write(target)
    other = target.with_name(".deals.csv.0123456789abcdef")
    mine = target.with_name(f".{target.name}.notes")
    for file in (other, mine):
        file.write_bytes(b"another file's")
    killed.kill()
    killed.communicate()
    files.write_whole(target, NEW)
    assert left.read_bytes() == b"half"
    for file in (left, other, mine):
        os.utime(file, (0, 0))
    files.write_whole(target, NEW)
    assert sorted(target.parent.iterdir()) == sorted([target, other, mine])
    assert target.read_bytes() == NEW


@pytest.mark.slow
def test_write_whole__leaves_what_another_process_is_writing(target: Path) -> None:
    writer, staged = begin_to_write(target)
    files.write_whole(target, NEW)
    assert staged.read_bytes() == b"half"
    writer.communicate("\n")
    assert writer.returncode == 0
    assert (target.read_bytes(), list(target.parent.iterdir())) == (b"whole", [target])


def test_write_whole__of_one_file_by_many_at_once_fails_for_none(target: Path) -> None:
    def write(k: int) -> None:
        for _ in range(40):
            files.write_whole(target, f"content {k}".encode(), durable=False)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert target.read_bytes().startswith(b"content ")
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.posix
def test_write_whole__touches_no_link_or_pipe_named_like_a_leftover(
    target: Path, tmp_path: Path
) -> None:
    link, pipe = (target.with_name(f".{target.name}.{k:016x}") for k in (1, 2))
    (tmp_path / "kept").write_bytes(OLD)
    link.symlink_to(tmp_path / "kept")
    os.mkfifo(pipe)
    files.write_whole(target, NEW)
    assert (tmp_path / "kept").read_bytes() == OLD
    assert link.is_symlink()
    assert pipe.exists()


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


@pytest.mark.parametrize(
    "error", [ValueError("a cell that cannot be written"), KeyboardInterrupt()]
)
def test_write_whole__changes_nothing_on_an_error_in_mid_write(
    target: Path, error: BaseException
) -> None:
    def half(out: BinaryIO) -> None:
        out.write(NEW[:10])
        raise error

    with pytest.raises(type(error)):
        files.write_whole(target, half)
    assert untouched(target)


@pytest.mark.posix
@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
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


def test_replace_file__shows_the_old_file_until_the_end(target: Path) -> None:
    with files.replace_file(target) as staged:
        staged.write_bytes(NEW)
        assert target.read_bytes() == OLD
    assert target.read_bytes() == NEW


@pytest.mark.posix
@pytest.mark.parametrize("kept", [0o600, 0o640, 0o664])
def test_write_whole__keeps_the_mode_of_what_it_replaces(
    target: Path, umask: int, kept: int
) -> None:
    target.chmod(kept)
    files.write_whole(target, NEW)
    assert mode(target) == kept


@pytest.mark.posix
def test_write_whole__follows_the_umask_for_a_new_file(tmp_path: Path, umask: int) -> None:
    files.write_whole(tmp_path / "new.csv", NEW)
    assert mode(tmp_path / "new.csv") == 0o666 & ~umask


@pytest.mark.posix
def test_write_whole__private_is_for_the_owner_only(target: Path, umask: int) -> None:
    target.chmod(0o666)
    files.write_whole(target, NEW, private=True)
    assert mode(target) == 0o600


@pytest.mark.posix
def test_make_private_folder__is_private_from_the_top_whatever_the_umask(
    tmp_path: Path, umask: int
) -> None:
    folder = tmp_path / "cache" / "opp-analytics" / "tenant"
    files.make_private_folder(folder)
    made = (folder, folder.parent, folder.parent.parent)
    assert [mode(path) for path in made] == [0o700] * 3


@pytest.mark.posix
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


def test_set_aside__says_when_the_file_cannot_be_moved(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.warns(errors.DataWarning, match="could not be renamed \\(Permission denied\\)"):
        files.set_aside(target, "bad checksum", "it is made again")
    assert untouched(target)


def test_digest__is_the_same_of_a_file_and_its_bytes(target: Path) -> None:
    assert files.digest(target) == files.digest(OLD)
    assert files.digest(OLD) != files.digest(NEW)


# Links, devices and pipes.


@pytest.mark.posix
@pytest.mark.parametrize("leads_to", ["other.csv", "missing.csv", ".", "report.csv"])
def test_replace_file__refuses_a_link_by_name(tmp_path: Path, leads_to: str) -> None:
    (tmp_path / "other.csv").write_bytes(OLD)
    link = tmp_path / "report.csv"
    link.symlink_to(tmp_path / leads_to)
    with pytest.raises(
        errors.DataError, match=r"report\.csv is a link to .*name .* itself, or remove the link"
    ):
        files.write_whole(link, NEW)
    assert link.is_symlink()
    assert (tmp_path / "other.csv").read_bytes() == OLD
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.csv", "report.csv"]


@pytest.mark.posix
def test_replace_file__refuses_a_link_that_appears_in_mid_write(
    target: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"

    def swap(out: BinaryIO) -> None:
        out.write(NEW)
        target.rename(other)
        target.symlink_to(other)

    with pytest.raises(errors.DataError, match="is a link"):
        files.write_whole(target, swap)
    assert other.read_bytes() == OLD


@pytest.mark.posix
def test_replace_file__refuses_a_folder_and_a_socket(tmp_path: Path) -> None:
    with pytest.raises(errors.DataError, match="is a folder; name a file"):
        files.write_whole(tmp_path, NEW)
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        with pytest.raises(errors.DataError, match="is a socket; name a file"):
            files.write_whole(path, NEW)


@pytest.mark.posix
def test_write_whole__writes_to_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_bytes)
        files.write_whole(pipe, NEW)
        assert read.result() == NEW
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.posix
def test_write_whole__writes_to_a_device_and_leaves_it_one(tmp_path: Path) -> None:
    private = tmp_path / "null"
    try:
        os.mknod(private, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        private.read_bytes()
    except PermissionError:
        pytest.skip("only root may make a device, and the machine's own is not put at risk")
    files.write_whole(private, NEW)
    assert private.is_char_device()


READERS: dict[str, Callable[[str], object]] = {
    "deals.csv": oa.read_csv,
    "deals.xlsx": oa.read_excel,
    "export.csv": lambda path: oa.read_export(path, oa.Org()),
    "log.csv": read_changes,
    "plan.json": oa.Plan.read,
    "org.toml": oa.Org.read,
    "people.csv": lambda path: read_beside(path, "people"),
    "targets.csv": lambda path: read_beside(path, "targets"),
}


def read_beside(path: str, table: str) -> object:
    """Read an org file that names this file as one of its tables."""
    file = Path(path).parent / "opp-analytics.toml"
    file.write_text(f'[{table}]\nfile = "{Path(path).name}"\n')
    return oa.Org.read(file)


@pytest.mark.posix
@pytest.mark.parametrize("name", READERS)
def test_read_whole__waits_for_no_pipe_and_asks_no_socket(tmp_path: Path, name: str) -> None:
    pipe = tmp_path / name
    os.mkfifo(pipe)
    with pytest.raises(
        errors.DataError, match=f"{name} is a pipe, and a pipe is not read; name a file"
    ):
        READERS[name](str(pipe))
    pipe.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(pipe))
        with pytest.raises(errors.DataError, match=f"{name} is a socket, and a socket is not read"):
            READERS[name](str(pipe))


@pytest.mark.parametrize("name", READERS)
def test_read_whole__refuses_a_file_larger_than_any_export(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.touch()
    os.truncate(file, 10**13)  # takes no room: nothing is in it
    with pytest.raises(errors.DataError, match=f"{name} has more than (2|16|4,000),000,"):
        READERS[name](str(file))


@pytest.mark.posix
def test_read_whole__refuses_a_device_a_folder_and_a_link_to_one(tmp_path: Path) -> None:
    link = tmp_path / "zero.csv"
    link.symlink_to("/dev/zero")
    for path in (link, Path("/dev/zero")):
        if path.is_char_device():
            with pytest.raises(
                errors.DataError, match="is a device, and a device is not read; name a file"
            ):
                files.read_whole(path)
    with pytest.raises(
        errors.DataError, match="is a folder, and a folder is not read; name a file"
    ):
        files.read_whole(tmp_path)
    with pytest.raises(errors.DataError, match="gone does not exist; check its name and folder"):
        files.read_whole(tmp_path / "gone")


@pytest.mark.posix
def test_read_whole__follows_the_users_own_link(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_bytes(OLD)
    (tmp_path / "link.csv").symlink_to(tmp_path / "deals.csv")
    assert files.read_whole(tmp_path / "link.csv") == OLD


def test_read_whole__ends_where_a_file_gives_more_than_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "endless"
    file.write_bytes(b"x" * 1000)
    # As those of /proc, which say 0; the kernel's own differ from machine to machine.
    monkeypatch.setattr(files, "SMALL", 100)
    sized = os.fstat

    def say_empty(handle: int) -> os.stat_result:
        found = list(sized(handle))
        found[stat.ST_SIZE] = 0
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", say_empty)
    with pytest.raises(
        errors.DataError, match="endless has more than 100 bytes; name a smaller file"
    ):
        files.read_whole(file)


@pytest.mark.posix
def test_read_whole__waits_for_no_pipe_that_takes_a_files_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "deals.csv"
    os.mkfifo(pipe)
    monkeypatch.setattr(files, "refuse_special", lambda _: None)
    with pytest.raises(errors.DataError, match="is a pipe"):
        files.read_whole(pipe)


@pytest.mark.posix
def test_read_whole__waits_for_nothing_that_a_file_may_give_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "kmsg"
    os.mkfifo(pipe)
    monkeypatch.setattr(files, "refuse_special", lambda _: None)
    monkeypatch.setattr(files, "_refuse_kind", lambda *_: None)
    writer = os.open(pipe, os.O_RDWR)
    with pytest.raises(errors.DataError, match="gives nothing unless one waits"):
        files.read_whole(pipe)
    os.close(writer)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("redirected", [False, True])
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_write_whole__writes_to_standard_output(
    tmp_path: Path, name: str, redirected: bool
) -> None:
    script = (
        "from pathlib import Path; from opp_analytics import files; print('head', flush=True); "
        f"files.write_whole(Path({name!r}), {NEW!r})"
    )
    into = tmp_path / "out.csv"
    with into.open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", script],
            stdout=out if redirected else subprocess.PIPE,
            check=True,
            env=os.environ,
        )
    assert (into.read_bytes() if redirected else done.stdout) == b"head\n" + NEW


@pytest.mark.posix
def test_replace_file__sends_nothing_to_a_pipe_on_an_error(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def half(out: BinaryIO) -> None:
        out.write(NEW)
        raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        files.write_whole(pipe, half)
    assert pipe.is_fifo()


@pytest.mark.posix
@pytest.mark.parametrize("at", ["staging", "data/2026", "changes.parquet"])
def test_refuse_links__names_a_link_at_any_depth(tmp_path: Path, at: str) -> None:
    ours, other = tmp_path / "history", tmp_path / "other"
    (ours / "data").mkdir(parents=True)
    other.mkdir()
    (ours / "data" / "one.parquet").write_bytes(OLD)
    files.refuse_links(ours)
    (ours / at).symlink_to(other)
    with pytest.raises(errors.DataError, match=rf"history/{at} is a link to .*other"):
        files.refuse_links(ours)


@pytest.mark.posix
def test_refuse_links__refuses_a_pipe_and_takes_a_folder_that_is_a_link_or_missing(
    tmp_path: Path,
) -> None:
    ours, link = tmp_path / "history", tmp_path / "link"
    files.refuse_links(ours)
    ours.mkdir()
    link.symlink_to(ours)
    files.refuse_links(link)
    os.mkfifo(ours / "staging")
    with pytest.raises(errors.DataError, match="staging is neither a file nor a folder"):
        files.refuse_links(link)


@pytest.mark.posix
def test_set_aside__leaves_a_link_in_the_way_alone(target: Path) -> None:
    aside, other = target.with_name("report.html.damaged"), target.with_name("other")
    aside.symlink_to(other)
    with pytest.warns(errors.DataWarning, match="could not be renamed"):
        files.set_aside(target, "bad checksum", "it is made again")
    assert aside.is_symlink()
    assert target.read_bytes() == OLD


EXPORTS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "deals.csv": oa.to_csv,
    "deals.xlsx": oa.to_excel,
    "plan.json": lambda deals, file: oa.plan(deals, deals.assign(value=7.0)).save(file),
    "loaded.csv": write_opportunities,
    "loaded.parquet": write_opportunities,
    "loaded.xlsx": write_opportunities,
    "weekly.html": lambda deals, file: oa.weekly_report(deals, as_of="2026-07-01", out=file),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_export__leaves_the_old_file_when_the_disk_refuses(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deals, file = opportunities(3), tmp_path / name
    EXPORTS[name](deals, file)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(errors.DataError, match="no space left"):
        EXPORTS[name](deals, file)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_stage_folder__begins_empty_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        files.stage_folder(tmp_path, "work") as folder,
        files.stage_folder(tmp_path, "work") as two,
    ):
        assert list(folder.iterdir()) == list(two.iterdir()) == []
        (folder / "file").touch()
    assert list(tmp_path.iterdir()) == []
