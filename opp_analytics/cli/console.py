"""Terminal output: lines, headings, tables, errors."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sysconfig
import traceback
import warnings
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np
import pandas as pd
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from opp_analytics import text
from opp_analytics.columns import COLUMNS, make_formatter
from opp_analytics.org import Org

_CHANCES = {name: COLUMNS[name].title for name in ("probability", "chance")}
"""The two chances of a deal, which their own names do not tell apart."""
_NARROWEST = 6
"""Characters kept of a shortened column."""

out = Console()
_err = Console(stderr=True)


def write_command(*words: object, program: str = "opp-analytics") -> str:
    """Write a command as a person types it, quoted for the shell of this system.

    A program of this environment goes by its name if the shell finds it, else by its path.
    """
    first = _quote(_locate(program))
    # PowerShell runs what is quoted only if told to.
    return " ".join(
        [f"& {first}" if first.startswith("'") and os.name == "nt" else first, *map(_quote, words)]
    )


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
    """Escape text from elsewhere for our markup: neither its markup nor a control character has an effect."""
    return escape(text.printable(value, lines=True))


def say(line: str) -> None:
    """Print text as it is."""
    out.print(text.printable(line, lines=True), highlight=False, markup=False, soft_wrap=True)


def complain(message: str) -> None:
    """Print an error on stderr."""
    _err.print(f"[bold red]Error:[/] {escape_markup(message)}", highlight=False, soft_wrap=True)


def say_stopped(done: str) -> None:
    """Print on stderr what was done when the command was stopped."""
    _err.print(f"[bold]{escape_markup(text.capital(done))}.[/]", highlight=False, soft_wrap=True)


def say_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of this package as one line, others as Python does."""
    if category.__module__.startswith("opp_analytics"):
        _err.print(f"[yellow]Note:[/] {escape_markup(message)}", highlight=False, soft_wrap=True)
    else:
        python = warnings.formatwarning(message, category, filename, lineno, line)
        _err.print(escape_markup(python), highlight=False)


def say_crash(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
    """Print a traceback, which may quote what a server or a file holds."""
    python = "".join(traceback.format_exception(kind, error, frames))
    _err.print(escape_markup(python), highlight=False, soft_wrap=True, end="")


def heading(title: str, note: str = "") -> None:
    """Print a section's title, with a dim note after it."""
    dim = f"  [dim]{escape_markup(note)}[/]" if note else ""
    out.print(f"\n[bold]{escape_markup(title)}[/]{dim}", highlight=False, soft_wrap=True)


def show(
    rows: pd.DataFrame,
    *,
    index: bool = True,
    most: int = 20,
    shorten: tuple[str, ...] = (),
    wrap: tuple[str, ...] = (),
    trim: bool = False,
) -> None:
    """Print a result table as `oa.show` does: money with its sign, rates in percent, dates, missing cells as a dash.

    If a row does not fit on one line, the columns in `shorten` are cut and end in …, those in `wrap` go on below; with `trim`,
    the last columns are left out, and named.
    """
    shown = rows.head(most)
    if index:
        shown = shown.reset_index()
    shown = shown.rename(columns=text.printable)
    money = Org.of(rows).currency
    columns = {
        name: list(map(make_formatter(name, shown[name], money), shown[name])) for name in shown.columns
    }
    left_out = _find_too_wide(columns, rows.index.nlevels if index else 0) if trim else []
    columns = {name: cells for name, cells in columns.items() if name not in left_out}
    rooms = _share_room(columns, (*shorten, *wrap))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        dtype = shown[name].dtype
        numeric = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
        room = rooms.get(name)
        table.add_column(
            _CHANCES.get(name, name),
            justify="right" if numeric else "left",
            overflow="ellipsis" if name in shorten else "fold",
            no_wrap=name in shorten,
            max_width=room,
        )
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*map(escape, cells))
    out.print(table, highlight=False)
    if len(rows) > most:
        out.print(f"[dim]… and {text.number(len(rows) - most)} more[/]", highlight=False)
    if left_out:
        named = text.joined(map(text.label, left_out))
        out.print(f"[dim]Too narrow to show {escape(named)}.[/]", highlight=False, soft_wrap=True)


def _find_too_wide(columns: dict[str, list[str]], keys: int) -> list[str]:
    """Find the last columns that do not fit on one line with the others; the first `keys` always stay."""
    widths = [max(map(cell_len, [name, *cells])) + 2 for name, cells in columns.items()]
    ends = np.cumsum(widths) - 2
    return [
        name
        for place, (name, end) in enumerate(zip(columns, ends, strict=True))
        if place >= keys and end > out.width
    ]


def _share_room(columns: dict[str, list[str]], shorten: tuple[str, ...]) -> dict[str, int]:
    """Share the space left among the columns in `shorten`, none wider than its content."""
    widths = {name: max(map(cell_len, [name, *cells])) for name, cells in columns.items()}
    others = sum(width for name, width in widths.items() if name not in shorten)
    free = out.width - 2 * (len(widths) - 1) - others
    rooms = {}
    narrow_first = sorted(set(shorten) & set(widths), key=widths.__getitem__)
    for left, name in zip(range(len(narrow_first), 0, -1), narrow_first, strict=True):
        rooms[name] = max(_NARROWEST, min(widths[name], free // left))
        free -= rooms[name]
    return rooms
