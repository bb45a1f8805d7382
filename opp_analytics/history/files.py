"""Files that survive a crash: staged, synced, renamed; private to their owner; known by their SHA-256."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

__all__ = ["digest", "make_folder", "publish", "sync_folder"]

_OWNER_ONLY = 0o600


def make_folder(folder: Path) -> None:
    """Create a folder, and those above it, for the owner's eyes only; one that stands is left as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the folder's entries on the disk, so that a rename survives a power cut."""
    # Windows cannot open a folder, and its renames are journaled by the file system.
    if os.name == "nt":  # pragma: no cover
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(
    target: Path, staging: Path, write: Callable[[BinaryIO], object], *, durable: bool = True
) -> None:
    """Make `target` appear whole or not at all.

    Parameters
    ----------
    target : Path
        Final name; replaced when it exists.
    staging : Path
        Folder on the same file system that no reader looks into.
    write : callable
        Writes the content to the open file it is given.
    durable : bool
        Whether file and folder must be on the disk before this returns; False for files that can be rebuilt.

    Raises
    ------
    OSError
        When the disk is full or refuses; nothing is left behind then.
    """
    staged = staging / f"{target.name}.{os.getpid()}"
    try:
        handle = os.open(
            staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), _OWNER_ONLY
        )
        with os.fdopen(handle, "wb") as out:
            write(out)
            out.flush()
            if durable:
                os.fsync(out.fileno())
        staged.replace(target)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(target.parent)


def digest(content: bytes | Path) -> str:
    """SHA-256 of some bytes or of a file, in hexadecimal."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
