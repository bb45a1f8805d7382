"""A client's cache folder: the one asked for, or a private temporary one if others could write to it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import warnings
import weakref
from pathlib import Path

from opp_analytics.errors import DataWarning

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def private_cache(owner: object, root: Path, name: str) -> Path:
    """The folder `name` in `root`; neither needs to exist.

    If others can write to `root`, the folder or a file in it, the result is a temporary folder that is removed with
    `owner`, and a warning says why.
    """
    unsafe = find_unsafe(root, root / name)
    if unsafe is None:
        return root / name
    temporary = Path(tempfile.mkdtemp(prefix="opp-analytics-"))
    weakref.finalize(owner, shutil.rmtree, temporary, ignore_errors=True)
    warnings.warn(
        f"the cache is not used, because others could change it: {unsafe}. This client keeps its pages in a private "
        f"temporary folder; remove {root / name}, or make {root} writable by you only (chmod go-w)",
        DataWarning,
        stacklevel=3,
    )
    return temporary / name


def find_unsafe(root: Path, folder: Path) -> str | None:
    """The part of a cache that others could change, and how; None when only this user can."""
    # Windows has no such modes, and keeps a user's folders from other users by itself.
    if os.name == "nt":  # pragma: no cover
        return None
    try:
        # A link to the root is the user's own choice; one below it is not ours.
        reason = _unsafe(root, root.stat()) or _unsafe(folder, folder.lstat())
        inside = () if reason else (_unsafe(entry, entry.lstat()) for entry in folder.iterdir())
        return reason or next(filter(None, inside), None)
    except OSError:
        return None  # Missing or unreadable: the later use reports it.


def _unsafe(path: Path, found: os.stat_result) -> str | None:
    if stat.S_ISLNK(found.st_mode):
        return f"{path} is a link"
    if found.st_uid not in (os.geteuid(), 0):
        return f"{path} belongs to another user"
    if found.st_mode & _OTHERS_MAY_WRITE:
        return f"{path} has mode {stat.S_IMODE(found.st_mode):04o}"
    return None
