"""The files that the commands write, each whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from opp_analytics import text
from opp_analytics.errors import DataError
from opp_analytics.files import replaced

__all__ = ["check_ending", "written"]


def check_ending(file: Path, endings: Collection[str]) -> None:
    """Refuse a file that could not be written, before anything is asked of the API.

    Raises
    ------
    DataError
        When its ending is not one of `endings`, or its folder does not exist.
    """
    if file.suffix.lower() not in endings:
        raise DataError(f"{file} ends in {file.suffix!r}; use {text.joined(endings, last='or')}")
    if not file.parent.is_dir():
        raise DataError(f"the folder {file.parent} does not exist; create it first")


@contextmanager
def written(file: Path) -> Iterator[Path]:
    """A path to write to that becomes `file`; a full disk leaves an older file as it was.

    Raises
    ------
    DataError
        When the disk is full or refuses.
    """
    try:
        with replaced(file) as staged:
            yield staged
    except OSError as error:
        raise DataError(f"cannot write {file}: {error.strerror or error}") from None
