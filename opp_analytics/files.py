"""Files: named ones are read by one rule, written ones appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from opp_analytics.errors import DataError, DataWarning
from opp_analytics.text import joined

SMALL = 16_000_000
"""Bytes of a text that people write, such as an org file or a table of people: a thousand times a
long one."""
_LARGEST = 4_000_000_000
"""Bytes of a file of deals: more than a million of them with every field take."""
_DAY = 86_400
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_KINDS |= dict.fromkeys((stat.S_IFCHR, stat.S_IFBLK), "a device")


def make_private_folder(folder: Path) -> None:
    """Create a folder, and those above it, for its owner only; one that exists is left as it is."""
    # `parents=True` would make those above it as the umask says.
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(exist_ok=True)


def set_aside(file: Path, reason: str, consequence: str) -> None:
    """Rename an unreadable file to ``….damaged``, and warn with the reason and the consequence."""
    aside = file.with_name(f"{file.name}.damaged")
    try:
        _check_target(aside)
        file.replace(aside)
        done = f"it was renamed to {aside.name}"
    except DataError as error:
        done = f"it could not be renamed ({error})"
    except OSError as error:
        done = f"it could not be renamed ({error.strerror})"
    DataWarning.warn(f"{file} could not be read ({reason}); {done}, and {consequence}")


def sync_folder(folder: Path) -> None:
    """Flush the folder's entries to disk, so that a rename survives a power failure."""
    # Windows cannot open a folder, and its renames are journaled by the file system.
    if os.name != "nt":
        _sync(folder, os.O_RDONLY)


def refuse_links(folder: Path) -> None:
    """Refuse a folder of ours that holds a link, or anything but files and folders, at any depth.

    A link would let somebody redirect a write, or a removal, to another place. The folder itself
    may be a link: its owner chose it. A folder that does not exist holds nothing.
    """
    if not folder.exists():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise DataError(
                    f"{entry.path} is a link to {Path(entry.path).readlink()}, and nothing is "
                    "written or removed through one; remove the link, and move what it leads to in "
                    "its place if it belongs there"
                )
            if entry.is_dir(follow_symlinks=False):
                refuse_links(Path(entry.path))
            elif not entry.is_file(follow_symlinks=False) and os.path.lexists(entry.path):
                raise DataError(f"{entry.path} is neither a file nor a folder; remove it")


def make_name(text: str) -> str:
    """Make part of a file name from a text: hexadecimal digits stay, else a checksum.

    A plan or frame that somebody sent may call itself ``../x``, ``a:b`` or ``con``, which lead
    elsewhere or nowhere.
    """
    return (
        text
        if re.fullmatch(r"[0-9a-f]{1,64}", text)
        else digest(text.encode("utf-8", "surrogatepass"))
    )


@contextlib.contextmanager
def replace_file(
    target: Path, *, staging: Path | None = None, private: bool = False, durable: bool = True
) -> Iterator[Path]:
    """Replace a file: give a temporary path to write to, which becomes `target` at the end.

    On an error the temporary file is removed.

    A link or a folder as `target` is refused; a stream such as ``/dev/stdout`` gets the content at
    the end. `staging` is a folder on the same file system to write in. A `private` file is its
    owner's only; else it keeps the mode of the one it replaces. Without `durable`, it may be lost
    in a power failure: for files that can be rebuilt.
    """
    if _is_stream(target):
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "content"
            written.touch()
            yield written
            number = _descriptor(target)
            with (
                written.open("rb") as source,
                target.open("wb", buffering=0)
                if number is None
                else open(os.dup(number), "wb") as out,  # noqa: PTH123
            ):
                shutil.copyfileobj(source, out)
        return
    _check_target(target)
    place, prefix = staging or target.parent, f".{target.name[:100]}."
    _remove_leftovers(place, prefix)
    staged = place / f"{prefix}{secrets.token_hex(8)}"
    mode = 0o600 if private else 0o666
    os.close(os.open(staged, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode))
    try:
        if not private and target.exists():
            staged.chmod(stat.S_IMODE(target.stat().st_mode))
        yield staged
        if durable:
            # Windows syncs a file only through a handle that can write.
            _sync(staged, os.O_RDWR)
        _check_target(target)
        staged.replace(target)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(target.parent)


def _remove_leftovers(folder: Path, prefix: str) -> None:
    """Remove what killed processes left over a day ago in place of a file's next content."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            state = entry.stat(follow_symlinks=False)
            if (
                re.fullmatch(re.escape(prefix) + "[0-9a-f]{16}", entry.name)
                and stat.S_ISREG(state.st_mode)
                and state.st_mtime < time.time() - _DAY
            ):
                os.unlink(entry.path)  # noqa: PTH108


@contextlib.contextmanager
def locked(
    lock: Path,
    busy: Exception | None = None,
    *,
    seconds: float = 0,
    mode: int = -1,
    remove: bool = False,
) -> Iterator[None]:
    """Hold a lock file; raise `busy` if another process holds it for longer than `seconds`.

    `mode` is that of a new file, by default as the umask says; with `remove`, the file goes at the
    end.
    """
    # Here: a warm load needs no lock.
    from filelock import FileLock, Timeout

    try:
        held = FileLock(lock, timeout=seconds, mode=mode).acquire()
    except Timeout:
        raise busy or TimeoutError(f"another process holds {lock}") from None
    with held:
        try:
            yield
        finally:
            # While it is locked: who waits for it finds that out, and nobody locks a file that is
            # about to go. Windows removes no open file; there the lock removes its own once it is
            # released.
            if remove and os.name != "nt":
                lock.unlink(missing_ok=True)


@contextlib.contextmanager
def stage_folder(parent: Path, name: str) -> Iterator[Path]:
    """Give an empty hidden folder in `parent` to prepare files in; it is removed at the end."""
    with say_failure(f"cannot write in the folder {parent.resolve()}"):
        made = tempfile.TemporaryDirectory(
            prefix=f".{name}-", dir=parent, ignore_cleanup_errors=True
        )
    with made as folder:
        yield Path(folder)


@contextlib.contextmanager
def in_turn(file: Path) -> Iterator[None]:
    """Change a file in turn: our other processes that would change it wait up to a minute."""
    lock = file.with_name(f".{file.name[:100]}.lock")
    with say_failure(f"cannot change {file}"), locked(lock, seconds=60, remove=True):
        yield


def write_whole(
    target: Path,
    content: bytes | Callable[[BinaryIO], object],
    *,
    staging: Path | None = None,
    private: bool = False,
    durable: bool = True,
) -> None:
    """Write a file whole or not at all.

    `content` is its bytes, or a function that writes them to the open file.

    See `replace_file` for the options and errors.
    """
    with (
        replace_file(target, staging=staging, private=private, durable=durable) as staged,
        staged.open("wb") as out,
    ):
        if isinstance(content, bytes):
            out.write(content)
        else:
            content(out)


def check_ending(file: Path, endings: Collection[str]) -> None:
    """Refuse to write a file whose name says another format."""
    if file.suffix.lower() not in endings:
        raise DataError(
            f"{file} ends in {file.suffix!r}; use {joined(filter(None, endings), last='or')}"
        )


def check_writable(file: Path) -> None:
    """Check that a file could be replaced, before anything is computed for it.

    One that does not exist could.
    """
    if _is_stream(file):
        return
    _check_target(file)
    if file.exists():
        file.open("r+b").close()


def append_line(file: Path, line: bytes) -> None:
    """Add a line to a file: whole, or not at all if there is no room.

    It is on the disk when this returns. A link is refused.
    """
    _check_target(file)
    flags = (
        os.O_RDWR
        | os.O_CREAT
        | os.O_APPEND
        | getattr(os, "O_NOFOLLOW", 0)
        | getattr(os, "O_BINARY", 0)
    )
    handle = os.open(file, flags, 0o666)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        os.lseek(handle, max(size - 1, 0), os.SEEK_SET)
        # A line that a power failure tore stays one of its own.
        torn = os.read(handle, 1) not in (b"", b"\n")
        content = b"\n" * torn + line + b"\n"
        try:
            if os.write(handle, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if not size:
        sync_folder(file.parent)


def refuse_open(file: Path, what: str) -> None:
    """Refuse to add `what` to a file open in a spreadsheet."""
    if any(file.with_name(lock).exists() for lock in (f"~${file.name}", f".~lock.{file.name}#")):
        raise DataError(
            f"{file} is open in a spreadsheet, which would write over {what}; close it first"
        )


@contextlib.contextmanager
def say_failure(what: str, way_out: str = "") -> Iterator[None]:
    """Say what failed, such as ``cannot write week.xlsx``, and why."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{what}: {error.strerror or error}{way_out}") from None


def digest(content: bytes | Path) -> str:
    """Compute the SHA-256 of bytes or of a file, in hexadecimal."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_whole(file: Path, *, most: int = _LARGEST) -> bytes:
    """Read a file that somebody named: a regular one, or a link to one, of at most `most` bytes.

    A device, a pipe, a socket or a folder is refused by name before it is opened, and nothing is
    waited for. A file that gives more than its size says, as those of ``/proc`` that never end, is
    read as far as a small one.
    """
    try:
        refuse_special(file)
        # Should a pipe take its place in between, the open call does not wait for a writer.
        handle = os.open(
            file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
        with open(handle, "rb") as source:  # noqa: PTH123
            state = os.fstat(handle)
            _refuse_kind(file, state.st_mode)
            limit = min(most, max(state.st_size, SMALL))
            content: bytes | None = b"" if state.st_size > most else source.read(limit + 1)
    except FileNotFoundError:
        raise DataError(f"{file} does not exist; check its name and folder") from None
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from None
    if content is None:
        raise DataError(f"{file} gives nothing unless one waits for it; name a file")
    if state.st_size > most or len(content) > limit:
        raise DataError(f"{file} has more than {limit:,} bytes; name a smaller file")
    return content


def refuse_special(file: Path) -> None:
    """Refuse a device, a pipe, a socket or a folder in the place of a file to read.

    Opening one may wait forever.
    """
    _refuse_kind(file, file.stat().st_mode)


def _refuse_kind(file: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _name_kind(mode)
        raise DataError(f"{file} is {kind}, and {kind} is not read; name a file")


def _name_kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "not a file")


def _descriptor(path: Path) -> int | None:
    """Find the open file of this process behind a path such as ``/dev/stdout``."""
    named = re.fullmatch(r"/dev/(?:(stdout|stderr)|fd/(\d+))|/proc/self/fd/(\d+)", str(path))
    if named is None:
        return None
    return {"stdout": 1, "stderr": 2}[named[1]] if named[1] else int(named[2] or named[3])


def _is_stream(path: Path) -> bool:
    """True for a path that keeps nothing: a device, a pipe, or an open file of this process."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def _check_target(path: Path) -> None:
    """Refuse a link, a folder or a device in the place of a file."""
    try:
        found = path.lstat()
    except OSError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise DataError(
            f"{path} is a link to {path.readlink()}, and nothing is written through one; "
            f"name {os.path.realpath(path)} itself, or remove the link"
        )
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path} is {_name_kind(found.st_mode)}; name a file")


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
