"""The folder of a history: its files, and how it is created.

::

    history.json            marks the folder as a history
    changes/000001.parquet  change rows of one append, never changed afterward
    records/000001.json     the append's entry; an append counts once its entry exists
    state/000001-….arrow    last change row of every opportunity: rebuilt whenever it does not match the log
    staging/                files being written
    damaged/                files that `check(set_aside=True)` set aside
    lock                    held during a write

New files follow the umask; links inside the folder are refused.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from opp_analytics import files
from opp_analytics.errors import DataError, HistoryError
from opp_analytics.history.entries import Damage

__all__ = ["holds_history", "list_stems", "lock_file", "prepare", "publish", "refuse_links"]

_MARK = {"format": "opp_analytics history", "version": 2}
_OLDER = """\
{mark} is of an older format; this release reads format {version}. Record into a new folder, or convert this one:
    files = sorted(pathlib.Path({folder!r}, "changes").glob("*.parquet"))
    changes = pd.concat(map(pd.read_parquet, files)).replace({{"operation": {{"gone": "deleted"}}}})
    History.from_changes(changes, path="a new folder")"""
_FOLDERS = ("changes", "records", "state", "staging")


def refuse_links(folder: Path) -> None:
    """Refuse a link inside the folder: a write through it would change files elsewhere.

    The path of the folder itself may be a link.

    Raises
    ------
    HistoryError
        When there is a link, or anything but files and folders; the message names it.
    """
    try:
        files.refuse_links(folder)
    except DataError as error:
        raise HistoryError(str(error)) from None
    except NotADirectoryError:
        return
    except OSError as error:
        raise HistoryError(f"{error.filename or folder} cannot be read ({error.strerror})") from None


def holds_history(folder: Path) -> bool:
    """True when the folder is a history; False when it is empty or does not exist.

    Raises
    ------
    HistoryError
        When the folder contains something else, or a history of another format.
    """
    mark = folder / "history.json"
    try:
        if mark.is_file():
            return _check_mark(mark)
        if folder.exists() and not folder.is_dir():
            raise HistoryError(f"{folder} is a file, not the folder of a history; give another path")
        others = [file.name for file in folder.iterdir() if file.name not in (*_FOLDERS, "lock")]
    except FileNotFoundError:
        return False
    except OSError as error:
        raise HistoryError(f"{folder} cannot be read ({error.strerror})") from None
    # The mark comes before anything but what was being staged.
    if not others:
        others = [str(file.relative_to(folder)) for name in _FOLDERS[:3] for file in folder.glob(f"{name}/*")]
    if others:
        if mark.is_file():  # another process began it just now
            return _check_mark(mark)
        raise HistoryError(
            f"{folder} is not a history: it has no history.json but {min(others)}; give a new or empty folder"
        )
    return False


def _check_mark(mark: Path) -> bool:
    try:
        found = json.loads(mark.read_bytes())
        known = found["format"] == _MARK["format"]
        older, newer = found["version"] < _MARK["version"], found["version"] > _MARK["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        known = older = newer = False
    if not known:
        raise Damage(
            mark,
            "is damaged, or the folder is not a history; restore it from a backup or give another folder",
        )
    if newer:
        raise HistoryError(f"{mark} was written by a newer release of opp_analytics; update to read it")
    if older:
        raise HistoryError(_OLDER.format(mark=mark, folder=str(mark.parent), **_MARK))
    return True


def lock_file(folder: Path) -> tuple[Path, int]:
    """The lock file, created if missing, with a mode that lets everybody who can write to the folder lock it."""
    file = folder / "lock"
    handle = os.open(file, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        return file, stat.S_IMODE(os.fstat(handle).st_mode)
    finally:
        os.close(handle)


def prepare(folder: Path) -> None:
    """Create missing folders and remove the remains of a crash; call it under the lock, or a writer loses its files."""
    for name in _FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    for leftover in (folder / "staging").iterdir():
        if leftover.is_file():
            leftover.unlink(missing_ok=True)
    if not holds_history(folder):
        publish(folder, "history.json", json.dumps(_MARK).encode())


def publish(
    folder: Path, name: str, content: bytes | Callable[[BinaryIO], object], *, durable: bool = True
) -> None:
    """Write a file of the history whole or not at all, through ``staging/``."""
    files.write_whole(folder / name, content, staging=folder / "staging", durable=durable)


def list_stems(place: Path, suffix: str) -> list[str]:
    """Stems of the files in a folder of the log, in order; any other file raises `Damage`."""
    try:
        with os.scandir(place) as found:
            names = sorted(file.name for file in found if not file.name.startswith("."))
    except OSError as error:
        raise HistoryError(f"{place} cannot be read ({error.strerror})") from None
    stems = [name.removesuffix(suffix) for name in names]
    for name, stem in zip(names, stems, strict=True):
        if name != stem + suffix or not (len(stem) == 6 and stem.isdigit()):
            raise Damage(place / name, "is not part of this history; move it away")
    return stems
