"""The folder that a history lives in: what belongs there, and how it is made.

::

    history.json            what this folder is
    changes/000001.parquet  change rows of one append, never altered afterwards
    records/000001.json     the append's entry; an append counts once its entry is here
    state/000001-….arrow    last change row of every opportunity: rebuilt whenever it does not match the log
    staging/                files being written
    damaged/                what `check(set_aside=True)` set aside
    lock                    held while something is written

It is its owner's own folder: new files follow the umask, and links inside it are refused.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from opp_analytics.errors import HistoryError
from opp_analytics.files import write_whole
from opp_analytics.history.entries import Damage

__all__ = ["holds_history", "list_stems", "lock_file", "prepare", "publish", "refuse_links"]

_MARK = {"format": "opp_analytics history", "version": 2}
_OLDER = """\
{mark} is of an older format; this release reads format {version}. Record into a new folder, or bring over what this one knows:
    files = sorted(pathlib.Path({folder!r}, "changes").glob("*.parquet"))
    changes = pd.concat(map(pd.read_parquet, files)).replace({{"operation": {{"gone": "deleted"}}}})
    History.from_changes(changes, path="a new folder")"""
_FOLDERS = ("changes", "records", "state", "staging")


def refuse_links(folder: Path) -> None:
    """Refuse a symbolic link inside the folder: what is written or cleared through it would be somebody else's.

    The path of the folder itself may be a link.

    Raises
    ------
    Damage
        Naming the link.
    """
    for place in (folder, *(folder / name for name in (*_FOLDERS, "damaged"))):
        try:
            with os.scandir(place) as found:
                links = [entry.name for entry in found if entry.is_symlink()]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise HistoryError(f"{place} cannot be read ({error.strerror})") from None
        if links:
            raise Damage(
                place / min(links),
                "is a symbolic link, and a history must hold its own files; put what it points to in its place",
            )


def holds_history(folder: Path) -> bool:
    """Whether the folder holds a history; False when it is empty or does not exist.

    Raises
    ------
    HistoryError
        When it holds something else, or a history of another format.
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
    if others or any(True for _ in folder.glob("records/*")):
        if mark.is_file():  # another process began it just now
            return _check_mark(mark)
        raise HistoryError(
            f"{folder} is not a history: it has no history.json"
            + (f" but {others[0]}" if others else "")
            + "; give a new or empty folder"
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
        raise Damage(mark, "is damaged or not ours: it does not name this folder a history")
    if newer:
        raise HistoryError(f"{mark} was written by a newer release of opp_analytics; update to read it")
    if older:
        raise HistoryError(_OLDER.format(mark=mark, folder=str(mark.parent), **_MARK))
    return True


def lock_file(folder: Path) -> tuple[Path, int]:
    """The file to lock, made where it is missing, and its mode: whoever may write the folder may lock it."""
    file = folder / "lock"
    handle = os.open(file, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        return file, stat.S_IMODE(os.fstat(handle).st_mode)
    finally:
        os.close(handle)


def prepare(folder: Path) -> None:
    """Make what is missing and clear what a crash left; to be called under the lock, or a writer loses its files."""
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
    """Write a file of the history whole or not at all, by way of ``staging/``."""
    write_whole(folder / name, content, staging=folder / "staging", durable=durable)


def list_stems(place: Path, suffix: str) -> list[str]:
    """Stems of the files in a folder of the log, in order; a file that does not belong there is refused."""
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
