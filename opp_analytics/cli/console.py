"""Terminal output: lines, headings, tables, errors."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sysconfig
import traceback
import warnings
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, TextIO

import pandas as pd
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from opp_analytics import text
from opp_analytics.columns import find_rank, find_unit, make_formatter
from opp_analytics.org import Org

_SHORT, _SHORTEST, _WRAPPED = 12, 6, 24
"""Characters kept of a text before a column is left out, and in any case; of all that go on below
together."""
GAP = 2
"""Blanks between two columns."""
_WHOLE = ("unique_id", "run_id", "period")
"""Texts that a person copies, never shortened."""

out = Console()
_err = Console(stderr=True)


class Output(NamedTuple):
    """How the command that runs gives its answer."""

    quiet: bool = False
    """Without notes and progress."""
    as_json: bool = False
    """As JSON, with nothing else on stdout."""
    file: Path | None = None
    """Where its tables go in full."""
    ways: str = ""
    """Options that give all of a table."""


_AS_USUAL = Output()
OUTPUT: ContextVar[Output] = ContextVar("output", default=_AS_USUAL)
"""That of the command that runs."""


def write_command(*words: object, program: str = "opp-analytics") -> str:
    """Write a command as a person types it, quoted for the shell of this system.

    A program of this environment goes by its name if the shell finds it, else by its path.
    """
    first = _quote(_locate(program))
    # PowerShell runs what is quoted only if told to.
    called = f"& {first}" if first.startswith("'") and os.name == "nt" else first
    return " ".join([called, *map(_quote, words)])


def _locate(name: str) -> str:
    own = Path(sysconfig.get_path("scripts")) / name
    found = shutil.which(name)
    if found is not None and Path(found).parent == own.parent:
        return name
    here = Path.cwd()
    return str(own.relative_to(here) if own.is_relative_to(here) else own)


def _quote(word: object) -> str:
    if os.name != "nt":
        return shlex.quote(str(word))
    plain = re.fullmatch(r"[\w%+=:./\\-]+", str(word))
    return str(word) if plain else "'{}'".format(str(word).replace("'", "''"))


def escape_markup(value: object) -> str:
    """Escape text from elsewhere, so its markup and control characters have no effect."""
    return escape(text.printable(value, lines=True))


def say(line: str) -> None:
    """Print text as it is."""
    if not OUTPUT.get().as_json:
        out.print(text.printable(line, lines=True), highlight=False, markup=False, soft_wrap=True)


def note(line: str) -> None:
    """Print a remark verbatim: on stderr with --json, not at all with --quiet."""
    say_marked(escape_markup(line))


def say_marked(line: str) -> None:
    """Print a remark that has markup.

    On a terminal it breaks between words, but for a command to copy.
    """
    asked = OUTPUT.get()
    console, whole = _err if asked.as_json else out, "opp-analytics " in line
    if not asked.quiet:
        console.print(line, highlight=False, soft_wrap=whole or not console.is_terminal)


def complain(message: str) -> None:
    """Print an error on stderr."""
    _err.print(f"[bold red]Error:[/] {escape_markup(message)}", highlight=False, soft_wrap=True)


def say_stopped(done: str) -> None:
    """Print on stderr what was done when the command was stopped."""
    _err.print(f"[bold]{escape_markup(text.capital(done))}.[/]", highlight=False, soft_wrap=True)


def gather_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Keep a warning of this package for `say_gathered`; print others as Python does.

    None with --quiet.
    """
    if OUTPUT.get().quiet:
        return
    if category.__module__.startswith("opp_analytics"):
        # Many analyses say the same of their data, each with its own name and numbers.
        kind = _NUMBERS.sub("", _ASKED_BY.sub("", str(message)))
        _GATHERED.setdefault(kind, {})[str(message)] = None
    else:
        python = warnings.formatwarning(message, category, filename, lineno, line)
        _err.print(escape_markup(python), highlight=False)


def say_gathered() -> None:
    """Print each kind of warning once, the one with the largest number, and how many there were."""
    for same in _GATHERED.values():
        (largest, *others) = sorted(same, key=_find_number, reverse=True)
        more = f" ({text.number(len(others))} more like it)" if others else ""
        _err.print(
            f"[yellow]Note:[/] {escape_markup(largest)}{more}", highlight=False, soft_wrap=True
        )
    _GATHERED.clear()


_GATHERED: dict[str, dict[str, None]] = {}
"""Warnings of the command that runs, by their text without numbers."""
_ASKED_BY, _NUMBERS = re.compile(r"^[a-z_.]+: "), re.compile(r"\d[\d,]*( \w+)?")


def _find_number(message: str) -> int:
    found = _NUMBERS.search(message)
    return int(re.sub(r"\D", "", found[0])) if found else 0


def say_crash(
    kind: type[BaseException], error: BaseException, frames: TracebackType | None
) -> None:
    """Print a traceback, which may quote what a server or a file holds."""
    python = "".join(traceback.format_exception(kind, error, frames))
    _err.print(escape_markup(python), highlight=False, soft_wrap=True, end="")


def heading(title: str, note: str = "") -> None:
    """Print a section's title, with a dim note after it."""
    asked = OUTPUT.get()
    dim = f"  [dim]{escape_markup(note)}[/]" if note and not asked.quiet else ""
    if not asked.as_json:
        out.print(f"\n[bold]{escape_markup(title)}[/]{dim}", highlight=False, soft_wrap=True)


def show(
    rows: pd.DataFrame,
    *,
    index: bool = True,
    most: int = 20,
    wrap: tuple[str, ...] = (),
    heads: Mapping[str, str] = MappingProxyType({}),
    compact: bool = True,
) -> None:
    """Print a result table as wide as the terminal, with values as people read them.

    Money is compact by default, rates are percents, a missing cell is a dash. `heads` are headings
    in place of the columns' names.

    If a row does not fit on one line, texts are cut and end in …, those in `wrap` go on below, and
    columns are left out and named: those of the highest rank first, of one rank the last.
    """
    asked = OUTPUT.get()
    if asked.as_json:
        return
    shown = rows.head(most)
    if index:
        shown = shown.reset_index()
    cells_of = {text.printable(name): values for name, values in shown.items()}
    named = {name: text.printable(heads.get(name, name)) for name in cells_of}
    money = Org.of(rows).currency
    columns = {
        name: list(map(make_formatter(name, values, money, compact=compact), values))
        for name, values in cells_of.items()
    }
    right = {name for name, values in cells_of.items() if name not in wrap and _is_number(values)}
    texts = {name for name in columns if name not in right and name not in _WHOLE}
    widths = {name: max(map(cell_len, [named[name], *cells])) for name, cells in columns.items()}
    left_out = _find_too_wide(widths, texts, wrap, keys=rows.index.nlevels if index else 1)
    columns = {name: cells for name, cells in columns.items() if name not in left_out}
    rooms = _share_room({name: widths[name] for name in columns}, texts & set(columns))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(
            escape(named[name]),
            justify="right" if name in right else "left",
            overflow="fold" if name in wrap else "ellipsis",
            no_wrap=name not in wrap,
            max_width=rooms.get(name),
        )
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*map(escape, cells))
    out.print(table, highlight=False)
    more = [f"… and {text.number(len(rows) - most)} more"] if len(rows) > most else []
    more += [f"Also: {text.joined(named[name] for name in left_out)}"] if left_out else []
    if more:
        ways = f"; {asked.ways} has all" if asked.ways else ""
        out.print(f"[dim]{escape('. '.join(more))}{ways}.[/]", highlight=False, soft_wrap=True)


def _is_number(values: pd.Series[Any]) -> bool:
    # Money may be text: a word in place of it, or what it was and is.
    if find_unit(str(values.name)) == "money":
        return True
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(
        values.dtype
    )


def _find_too_wide(
    full: Mapping[str, int], texts: Collection[str], wrap: Collection[str], *, keys: int
) -> list[str]:
    """Find the columns that do not fit on one line with the others, all texts cut.

    The first `keys` always stay.
    """
    least = dict.fromkeys(wrap, _WRAPPED // max(len(wrap), 1))
    widths = {
        name: min(width, least.get(name, _SHORT)) if name in texts else width
        for name, width in full.items()
    }
    last_first = [name for name in reversed(list(full)[keys:]) if name not in wrap]
    for name in sorted(last_first, key=find_rank, reverse=True):
        if sum(widths.values()) + GAP * (len(widths) - 1) <= out.width:
            break
        del widths[name]
    return [name for name in full if name not in widths]


def _share_room(widths: Mapping[str, int], texts: Collection[str]) -> dict[str, int]:
    """Share the space left among the texts, none wider than its content."""
    free = (
        out.width
        - GAP * (len(widths) - 1)
        - sum(w for name, w in widths.items() if name not in texts)
    )
    rooms = {}
    narrow_first = sorted(texts, key=widths.__getitem__)
    for left, name in zip(range(len(narrow_first), 0, -1), narrow_first, strict=True):
        rooms[name] = min(widths[name], max(_SHORTEST, free // left))
        free -= rooms[name]
    return rooms
