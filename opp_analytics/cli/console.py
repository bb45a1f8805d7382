"""Terminal output: lines, headings, tables, errors."""

from __future__ import annotations

import shlex
import shutil
import sysconfig
import traceback
import warnings
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import NamedTuple, TextIO

import pandas as pd
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from opp_analytics import text
from opp_analytics.arrays import Series
from opp_analytics.columns import find_rank, find_unit, make_formatter
from opp_analytics.errors import DataWarning
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
    """The form in which the running command answers."""

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


def write_command(*words: object) -> str:
    """Write a command as a person types it in a shell.

    A program of this environment goes by its name if the shell finds it, else by its path.
    """
    called = "opp-analytics"
    own, found = Path(sysconfig.get_path("scripts")) / called, shutil.which(called)
    if found is None or Path(found).parent != own.parent:
        here = Path.cwd()
        called = str(own.relative_to(here) if own.is_relative_to(here) else own)
    return shlex.join(map(str, [called, *words]))


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
    if isinstance(message, DataWarning):
        # Many analyses say the same of their data, each with its own name and numbers.
        known = _GATHERED.setdefault(message.about, message)
        _GATHERED[message.about] = max(known, message, key=lambda one: one.size)
    else:
        python = warnings.formatwarning(message, category, filename, lineno, line)
        _err.print(escape_markup(python), highlight=False)


def say_gathered() -> None:
    """Print what was gathered: of warnings about one thing that of the most deals."""
    for warning in _GATHERED.values():
        _err.print(f"[yellow]Note:[/] {escape_markup(warning)}", highlight=False, soft_wrap=True)
    _GATHERED.clear()


_GATHERED: dict[str, DataWarning] = {}
"""Warnings of the command that runs, by what they are about."""


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
    keys = rows.index.nlevels if index else 1
    rooms = _find_room(widths, texts, wrap, list(columns)[:keys])
    left_out = [name for name in columns if name not in rooms]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in rooms:
        table.add_column(
            escape(named[name]),
            justify="right" if name in right else "left",
            overflow="fold" if name in wrap else "ellipsis",
            no_wrap=name not in wrap,
            max_width=rooms[name] if name in texts else None,
        )
    for cells in zip(*(columns[name] for name in rooms), strict=True):
        table.add_row(*map(escape, cells))
    out.print(table, highlight=False)
    more = [f"… and {text.number(len(rows) - most)} more"] if len(rows) > most else []
    more += [f"Also: {text.joined(named[name] for name in left_out)}"] if left_out else []
    if more:
        ways = f"; {asked.ways} has all" if asked.ways else ""
        out.print(f"[dim]{escape('. '.join(more))}{ways}.[/]", highlight=False, soft_wrap=True)


def _is_number(values: Series) -> bool:
    # Money may be text: a word in place of it, or what it was and is.
    if find_unit(str(values.name)) == "money":
        return True
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(
        values.dtype
    )


def _find_room(
    full: dict[str, int], texts: set[str], wrap: Collection[str], keys: Collection[str]
) -> dict[str, int]:
    """Find the widths of the columns that fit on one line, all texts cut where they must be.

    The `keys` always stay, and columns of texts share the space that is left.
    """
    least = dict.fromkeys(wrap, _WRAPPED // max(len(wrap), 1))
    widths = {
        name: min(width, least.get(name, _SHORT)) if name in texts else width
        for name, width in full.items()
    }
    places = {name: (find_rank(name), place) for place, name in enumerate(full)}
    for name in sorted(full, key=places.__getitem__, reverse=True):
        if sum(widths.values()) + GAP * (len(widths) - 1) <= out.width:
            break
        if name not in keys and name not in wrap:
            del widths[name]
    narrow_first = sorted(texts & widths.keys(), key=full.__getitem__)
    fixed = sum(width for name, width in widths.items() if name not in texts)
    free = out.width - GAP * (len(widths) - 1) - fixed
    for left, name in zip(range(len(narrow_first), 0, -1), narrow_first, strict=True):
        widths[name] = min(full[name], max(_SHORTEST, free // left))
        free -= widths[name]
    return widths
