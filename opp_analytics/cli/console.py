"""How the command line speaks: tables, headings, complaints."""

from __future__ import annotations

import math
import warnings
from typing import Any, TextIO

import pandas as pd
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = ["complain", "heading", "out", "say_warning", "show"]

_NARROWEST = 6
"""Characters that a shortened column keeps."""

out = Console()
_err = Console(stderr=True)


def complain(message: str) -> None:
    """One error, on stderr."""
    _err.print(f"[bold red]Error:[/] {escape(message)}", highlight=False)


def say_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning of ours as one line; others as Python shows them."""
    if category.__module__.startswith("opp_analytics"):
        _err.print(f"[yellow]Note:[/] {escape(str(message))}", highlight=False)
    else:
        _err.print(escape(warnings.formatwarning(message, category, filename, lineno, line)), highlight=False)


def heading(text: str, note: str = "") -> None:
    """A section's title, with a dim note after it."""
    out.print(f"\n[bold]{escape(text)}[/]" + (f"  [dim]{escape(note)}[/]" if note else ""), highlight=False)


def show(rows: pd.DataFrame, *, index: bool = True, most: int = 20, shorten: tuple[str, ...] = ()) -> None:
    """A result table: numbers right-aligned and grouped, rates as percent, missing cells as a dash.

    The columns of `shorten` end in … where a row would not fit into one line.
    """
    shown = rows.head(most)
    if index:
        shown = shown.reset_index()
    columns = {str(name): [_cell(str(name), value) for value in shown[name]] for name in shown.columns}
    rooms = _rooms(columns, shorten)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in shown.columns:
        numeric = pd.api.types.is_numeric_dtype(shown[name].dtype) and not pd.api.types.is_bool_dtype(
            shown[name].dtype
        )
        room = rooms.get(str(name))
        table.add_column(
            str(name),
            justify="right" if numeric else "left",
            overflow="fold" if room is None else "ellipsis",
            no_wrap=room is not None,
            max_width=room,
        )
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    out.print(table, highlight=False)
    if len(rows) > most:
        out.print(f"[dim]… and {len(rows) - most:,} more[/]", highlight=False)


def _rooms(columns: dict[str, list[str]], shorten: tuple[str, ...]) -> dict[str, int]:
    """How wide each column of `shorten` may be: equal shares of what the others leave, none wider than it needs."""
    widths = {name: max(map(cell_len, [name, *cells])) for name, cells in columns.items()}
    free = (
        out.width
        - 2 * (len(widths) - 1)
        - sum(width for name, width in widths.items() if name not in shorten)
    )
    rooms = {}
    narrow_first = sorted(set(shorten) & set(widths), key=widths.__getitem__)
    for left, name in zip(range(len(narrow_first), 0, -1), narrow_first, strict=True):
        rooms[name] = max(_NARROWEST, min(widths[name], free // left))
        free -= rooms[name]
    return rooms


def _cell(name: str, value: Any) -> str:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return "–"
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d" if value == value.normalize() else "%Y-%m-%d %H:%M")
    if isinstance(value, (bool, str)):
        return escape(str(value))
    if isinstance(value, (int, float)):
        return _number(name, float(value))
    return escape(str(value))


def _number(name: str, value: float) -> str:
    if (
        name in ("rate", "p_target")
        or name.endswith(("_rate", "_rate_low", "_rate_high"))
        or name.startswith("rate_")
    ):
        return f"{value:.1%}"
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"
