"""A folder of pages with names of their own, ``latest.html`` and ``index.html``.

``index.html`` lists all pages. As many days are there as are kept.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from opp_analytics import text
from opp_analytics.answers import Part
from opp_analytics.errors import DataError
from opp_analytics.files import check_writable, say_failure, write_whole
from opp_analytics.report.delivery.ledger import Ledger, Run, now
from opp_analytics.report.html import WHOLE, read_head, render_template
from opp_analytics.svg import stylesheet

_INDEX, _LATEST = "index.html", "latest.html"
_LIST = "list of pages"
"""The audience of ``index.html``."""
_DAY = re.compile(r"weekly-(\d{4}-\d\d-\d\d)[-.]")
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
    """Check that the list, the latest page and the ledger could be written.

    A file of somebody else is refused.
    """
    Ledger(folder).check()
    for name, ours in ((_INDEX, _LIST), (_LATEST, WHOLE)):
        file = folder / name
        with say_failure(f"cannot write {file}"):
            check_writable(file)
        if file.exists() and read_head(file).get("audience") != ours:
            raise DataError(f"{file} is not ours; name another folder, or remove it")


def keep_folder(
    folder: Path, day: str, files: Iterable[Path], *, keep: int | None, accent: str | None
) -> None:
    """Add a run's files to the folder's ledger, and remove the files of old days.

    The `keep` newest days stay. The list of pages is written again.
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
    weeks = _list_weeks(folder)
    newest = next(
        (page.file for _, lines in weeks for _, page in lines if page.audience == WHOLE), None
    )
    values = {"weeks": weeks, "audience": _LIST, "pictures": stylesheet(accent), "script": ""}
    contents = {_INDEX: render_template("index.html", **values).encode()}
    if newest is not None:
        contents[_LATEST] = newest.read_bytes()
    for name, content in contents.items():
        with say_failure(f"cannot write {folder / name}"):
            write_whole(folder / name, content)


@dataclass(frozen=True)
class Page:
    """A page of the list."""

    file: Path
    audience: str
    team: str
    """The team of a person, if any."""
    sentence: str
    """Its first sentence."""

    @property
    def name(self) -> str:
        """Whose it is."""
        return self.audience.partition(" ")[2] or text.capital(self.audience)

    @property
    def link(self) -> str:
        """Its address from the list."""
        return quote(self.file.name)

    @property
    def workbook(self) -> str:
        """The address of the workbook beside it; empty without one."""
        book = self.file.with_suffix(".xlsx")
        return quote(book.name) if book.exists() else ""


def _list_weeks(folder: Path) -> list[tuple[str, list[tuple[int, Page]]]]:
    """List the pages of a folder by day, the newest first, in order and each with its depth."""
    pages: dict[datetime.date, list[Page]] = {}
    for file in folder.glob("weekly-*.html"):
        found, head = _DAY.match(file.name), read_head(file)
        if found and "audience" in head:
            page = Page(file, head["audience"], head.get("team", ""), head.get("description", ""))
            # A file of somebody else may name a day that no calendar has.
            with contextlib.suppress(ValueError):
                pages.setdefault(datetime.date.fromisoformat(found[1]), []).append(page)
    return [(text.day(day, year=True), _nest(pages[day])) for day in sorted(pages, reverse=True)]


def _nest(found: Sequence[Page]) -> list[tuple[int, Page]]:
    """Order the pages of a day by name: the whole, teams, and people under their team."""
    teams = {page.name for page in found if page.audience.startswith("team ")}

    def place(page: Page) -> tuple[int, str, bool, str, Path]:
        is_person, is_below = page.audience.startswith("person "), page.team in teams
        group = 0 if page.audience == WHOLE else 2 if is_person and not is_below else 1
        whose = page.team if is_person and is_below else page.name
        return group, whose.casefold(), is_person and is_below, page.name.casefold(), page.file

    return [
        (min(group, 1) + below, page)
        for page in sorted(found, key=place)
        for group, _, below, *_ in [place(page)]
    ]
