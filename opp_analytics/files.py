"""Atomic file writes: a file appears whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from opp_analytics.errors import DataWarning

__all__ = ["digest", "make_private_folder", "replaced", "set_aside", "sync_folder", "write_whole"]


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
        file.replace(aside)
        done = f"it was renamed to {aside.name}"
    except OSError as error:
        done = f"it could not be renamed ({error.strerror})"
    warnings.warn(
        f"{file} could not be read ({reason}); {done}, and {consequence}", DataWarning, stacklevel=3
    )


def sync_folder(folder: Path) -> None:
    """Flush the folder's entries to disk, so that a rename survives a power failure."""
    # Windows cannot open a folder, and its renames are journaled by the file system.
    if os.name == "nt":  # pragma: no cover
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def replaced(
    target: Path, *, staging: Path | None = None, private: bool = False, durable: bool = True
) -> Iterator[Path]:
    """A temporary path to write to; it becomes `target` at the end, or is removed on an error.

    Parameters
    ----------
    target : Path
        Final name; replaced when it exists.
    staging : Path, optional
        Folder on the same file system to write in; default: the target's own, under a hidden name.
    private : bool
        If True, the file is readable by its owner only; else it keeps the mode of the file it replaces, and a new one
        follows the umask.
    durable : bool
        If True, file and folder are on the disk before this returns; False is for files that can be rebuilt.

    Raises
    ------
    OSError
        When the disk is full or the write fails; `target` is unchanged and no other file remains.
    """
    staged = (staging or target.parent) / f".{target.name[:100]}.{secrets.token_hex(8)}"
    os.close(os.open(staged, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666))
    try:
        if not private and target.exists():
            staged.chmod(stat.S_IMODE(target.stat().st_mode))
        yield staged
        if durable:
            _sync(staged)
        staged.replace(target)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(target.parent)


def write_whole(
    target: Path,
    content: bytes | Callable[[BinaryIO], object],
    *,
    staging: Path | None = None,
    private: bool = False,
    durable: bool = True,
) -> None:
    """Write a file whole or not at all: `content` is its bytes, or writes them to the open file it is given.

    See `replaced` for the options and errors.
    """
    with (
        replaced(target, staging=staging, private=private, durable=durable) as staged,
        staged.open("wb") as out,
    ):
        if isinstance(content, bytes):
            out.write(content)
        else:
            content(out)


def digest(content: bytes | Path) -> str:
    """SHA-256 of some bytes or of a file, in hexadecimal."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
