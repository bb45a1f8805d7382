"""The weekly page of 300 to 100,000 deals with two years of weekly records, and of an imported
field history.

Each page is a process of its own that has imported what it needs and has opened its history. Sizes
are held against the page of 300 deals in the same rounds; reading a field history against the lines
of pandas that make a row for each of its changes.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import opp_analytics as oa
from tests.benchmarks._figures import Figure, in_turns
from tests.benchmarks._process import Run, cost, measured, python
from tests.benchmarks._two_years import play, write_field_history

_FEW = 300
_AT_MOST = {20_000: 2.0, 100_000: 5.0}
"""Wanted of a page's time, by that of the page of few deals."""
_PANDAS, _EACH = 9.0, 6.0
"""Wanted of the page of few deals, by ``import pandas``; of it and the pages of all people, by the
one page."""
_IMPORT = 24.0
"""Wanted of the import of a million lines, by what pandas takes: 15 seconds."""
_PAGE_MB, _IMPORT_MB, _IMPORTED_MB = 400.0, 800.0, 2000.0
"""Wanted of the growth of the peak memory: of a page, of an import, of the page of an imported
history."""


def run(quick: bool) -> list[Figure]:
    """Time of pages and imports, peak growth of memory, and the size of a page."""
    with tempfile.TemporaryDirectory() as name:
        if quick:
            pages = _play(Path(name), (_FEW, 5_000), weeks=13)
            _write(Path(name, "lines"), 30_000)
            lines = _import(Path(name, "lines"), 30_000, rounds=3)
            return [*_pages(pages, rounds=1, each=False), lines[0]]
        pages = _play(Path(name), (_FEW, 5_000, 20_000, 100_000), weeks=104)
        _write(Path(name, "lines"), 1_000_000)
        return [
            *_pages(pages, rounds=3, each=True),
            *_import(Path(name, "lines"), 1_000_000, rounds=3, at_most=_IMPORT),
            *_imported(Path(name)),
        ]


def _play(root: Path, sizes: tuple[int, ...], *, weeks: int) -> dict[int, Path]:
    folders = {rows: root / str(rows) for rows in sizes}
    for rows, folder in folders.items():
        play(oa.History(folder / "history"), rows, weeks).to_pickle(folder / "opportunities.pickle")
    return folders


def _write(folder: Path, lines: int) -> None:
    folder.mkdir()
    write_field_history(folder / "lines.csv", lines)


def _once(contender: str, folder: Path) -> Run:
    if contender == "import":
        shutil.rmtree(folder / "history", ignore_errors=True)
    return measured("_page_once", contender, folder)


def _pages(folders: dict[int, Path], *, rounds: int, each: bool) -> list[Figure]:
    calls = {f"{rows:,}": partial(_once, "page", folder) for rows, folder in folders.items()}
    for contender in ("open", *(["each"] if each else [])):
        calls[contender] = partial(_once, contender, folders[_FEW])
    calls["pandas"] = partial(cost, partial(python, "-c", "import pandas"))
    runs = in_turns(rounds, calls)
    sizes = list(folders)
    few, title = runs[f"{_FEW}"], "weekly page of {:,} deals".format
    figures = [
        Figure.of_runs(title(_FEW), "opening its history", few, runs["open"]),
        Figure.of_runs(title(_FEW), "import pandas", few, runs["pandas"], at_most=_PANDAS),
    ]
    if each:
        name = f"{title(_FEW)} and of each of {runs['each'][0].answer} people"
        figures.append(Figure.of_runs(name, "the one page", runs["each"], few, at_most=_EACH))
    for fewer, rows in pairwise(sizes):
        own = runs[f"{rows:,}"]
        figures.append(
            Figure.of_runs(
                title(rows),
                f"{_FEW} deals",
                own,
                few,
                times=rows / _FEW,
                at_most=_AT_MOST.get(rows),
            )
        )
        if fewer != _FEW:
            figures.append(
                Figure.of_runs(
                    title(rows), f"{fewer:,} deals", own, runs[f"{fewer:,}"], times=rows / fewer
                )
            )
    figures += [_bounded(title(rows), runs[f"{rows:,}"], _PAGE_MB) for rows in sizes]
    size = runs[f"{sizes[-1]:,}"][0].answer / 1e6
    return [
        *figures,
        Figure.of(f"{title(sizes[-1])}, size", "one megabyte", [size], [1.0], unit="MB", at_most=1),
    ]


def _bounded(name: str, runs: list[Run], most: float) -> Figure:
    found = [run.peak_mb for run in runs]
    return Figure.of(
        f"{name}, memory", "what is allowed", found, [most] * len(found), unit="MB", at_most=1
    )


def _import(folder: Path, lines: int, *, rounds: int, **further: Any) -> list[Figure]:
    runs = in_turns(rounds, {who: partial(_once, who, folder) for who in ("import", "plain")})
    name = f"import of a field history of {lines:,} lines"
    return [
        Figure.of_runs(name, "the same log by pandas", runs["import"], runs["plain"], **further),
        _bounded(name, runs["import"], _IMPORT_MB),
    ]


def _imported(root: Path) -> list[Figure]:
    """The page of the imported history, once: it has no rounds to be told from."""
    folders = {"imported": root / "lines", "few": root / f"{_FEW}"}
    runs = in_turns(1, {who: partial(_once, "page", folder) for who, folder in folders.items()})
    name = "weekly page of the imported history"
    return [
        Figure.of_runs(name, f"{_FEW} deals", runs["imported"], runs["few"]),
        _bounded(name, runs["imported"], _IMPORTED_MB),
    ]
