"""Output files of the commands, each written whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from opp_analytics import text
from opp_analytics.errors import DataError
from opp_analytics.files import replaced

__all__ = ["check_ending", "written"]


def check_ending(file: Path, endings: Collection[str]) -> None:
    """Refuse an output file that cannot be written, before the first request.

    Raises
    ------
    DataError
        When the file's ending is not one of `endings`, or its folder does not exist.
    """
    if file.suffix.lower() not in endings:
        raise DataError(f"{file} ends in {file.suffix!r}; use {text.joined(endings, last='or')}")
    if not file.parent.is_dir():
        raise DataError(f"the folder {file.parent} does not exist; create it first")


@contextmanager
def written(file: Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes `file` at the end. A failed write leaves an older file unchanged.

    Raises
    ------
    DataError
        When the disk is full or the write fails.
    """
    try:
        with replaced(file) as staged:
            yield staged
    except OSError as error:
        raise DataError(f"cannot write {file}: {error.strerror or error}") from None
