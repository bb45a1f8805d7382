"""How the command line speaks: tables, headings, complaints."""

from __future__ import annotations

import math
import warnings
from typing import Any, TextIO

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = ["complain", "heading", "out", "say_warning", "show"]

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


def show(rows: pd.DataFrame, *, index: bool = True, most: int = 20) -> None:
    """A result table: numbers right-aligned and grouped, rates as percent, missing cells as a dash."""
    shown = rows.head(most)
    if index:
        shown = shown.reset_index()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in shown.columns:
        numeric = pd.api.types.is_numeric_dtype(shown[name].dtype) and not pd.api.types.is_bool_dtype(
            shown[name].dtype
        )
        table.add_column(str(name), justify="right" if numeric else "left", overflow="fold")
    for row in shown.itertuples(index=False):
        table.add_row(*(_cell(str(name), value) for name, value in zip(shown.columns, row, strict=True)))
    out.print(table, highlight=False)
    if len(rows) > most:
        out.print(f"[dim]… and {len(rows) - most:,} more[/]", highlight=False)


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
