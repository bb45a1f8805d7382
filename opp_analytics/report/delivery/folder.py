"""A folder with the pages of the last days, and ``latest.html``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from opp_analytics.answers import Part
from opp_analytics.errors import DataError
from opp_analytics.files import check_writable, say_failure, write_whole
from opp_analytics.report.delivery.ledger import Ledger, Run, now
from opp_analytics.report.html import WHOLE, read_audience

_LATEST = "latest.html"
_LONGEST, _BYTES = 80, 120
"""Characters of a name in that of a file, and their bytes: file systems allow 255 for all of it."""


def name_parts(parts: Iterable[Part]) -> dict[Part, str]:
    """Give each part a file name without an ending.

    A name has letters of any script and digits, in lower case; equal names get a number.

    Numbers follow the alphabet, so they stay the same while the people do.
    """
    plain = {
        part: _simplify(part.audience) for part in sorted(parts, key=lambda part: part.audience)
    }
    taken = set(plain.values())
    names: dict[Part, str] = {}
    for part, name in plain.items():
        number, own = 1, name
        while own in names.values() or (number > 1 and own in taken):
            number += 1
            own = f"{name}-{number}"
        names[part] = own
    return names


def _simplify(audience: str) -> str:
    name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", audience).casefold())
    cut = re.sub(r"\W+", "-", name)[:_LONGEST].encode()[:_BYTES]
    return cut.decode(errors="ignore").strip("-")


def check_folder(folder: Path) -> None:
    """Check that the latest page and the ledger could be written.

    A latest page that is not ours is refused.
    """
    Ledger(folder).check()
    latest = folder / _LATEST
    with say_failure(f"cannot write {latest}"):
        check_writable(latest)
    if latest.exists() and read_audience(latest) != WHOLE:
        raise DataError(f"{latest} is not ours; name another folder, or remove it")


def keep_folder(folder: Path, day: str, files: Iterable[Path], *, keep: int | None) -> None:
    """Add a run's files to the folder's ledger, and remove the files of old days.

    The `keep` newest days stay. The newest page of everybody is copied to ``latest.html``.
    """
    ledger = Ledger(folder)
    ledger.add(Run(now(), day, tuple(file.name for file in files)))
    runs = ledger.runs()
    kept = {day, *sorted({run.day for run in runs}, reverse=True)[:keep]}
    # A ledger may come from elsewhere: only names that a run gives are followed.
    old = {
        folder / name
        for run in runs
        if run.day not in kept
        for name in run.files
        if Path(name).name == name and name.startswith(f"weekly-{run.day}")
    }
    for file in sorted(old):
        with say_failure(f"cannot remove {file}"):
            file.unlink(missing_ok=True)
    pages = sorted(folder.glob(f"weekly-{'[0-9]' * 4}-{'[0-9]' * 2}-{'[0-9]' * 2}.html"))
    whole = [page for page in pages if read_audience(page) == WHOLE]
    if whole:
        latest = folder / _LATEST
        with say_failure(f"cannot write {latest}"):
            write_whole(latest, whole[-1].read_bytes())
