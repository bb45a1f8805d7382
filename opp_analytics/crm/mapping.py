"""What an import made of a file: each column and value that was mapped, guessed, kept or dropped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from opp_analytics.schema import TEXT

__all__ = ["How", "Mapped", "Reading", "mapping_table"]

How = Literal["mapped", "guessed", "kept", "dropped", "unknown"]
_ORDER = ("mapped", "guessed", "unknown", "kept", "dropped")


@dataclass(frozen=True)
class Mapped:
    """One line of the table."""

    theirs: str
    """A label or a value of the file."""
    ours: str
    """What it became; empty when it was dropped."""
    how: How
    note: str = ""
    """Why, and how many rows."""


def mapping_table(lines: Iterable[Mapped]) -> pd.DataFrame:
    """The lines as a table: ``theirs``, ``ours`` (missing where nothing), ``how``, ``note``; mapped first, dropped last.

    Examples
    --------
    >>> mapping_table([Mapped("Age", "", "dropped", "empty"), Mapped("Amount", "value", "mapped")])["theirs"].tolist()
    ['Amount', 'Age']
    """
    ordered = sorted(lines, key=lambda line: _ORDER.index(line.how))
    rows = [vars(line) | {"ours": line.ours or None} for line in ordered]
    return pd.DataFrame(rows, columns=["theirs", "ours", "how", "note"], dtype=TEXT)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read from a file, and what became of its columns and rows."""

    mapping: pd.DataFrame
    """``theirs``, ``ours``, ``how`` (mapped, guessed, unknown, kept, dropped), ``note``."""
    read_as: str
    """What the file was read as, such as ``CSV, UTF-8``."""
    left_out: tuple[str, ...] = ()
    """Rows that were not read, and what is not known, in words."""

    def said(self) -> str:
        """What was mapped, guessed and dropped, as a short table of text."""
        lines = self.mapping.fillna("").to_numpy().tolist()
        widths = [max((len(line[place]) for line in lines), default=0) for place in range(3)]
        rows = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(line[:3], widths, strict=True)), line[3]])
            for line in lines
        ]
        left_out = [f"Left out: {what}." for what in self.left_out]
        return "\n".join([f"Read as {self.read_as}.", *map(str.rstrip, rows), *left_out])
