"""Cells of a file that cannot be read, told by row, column and value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from opp_analytics.errors import DataError

__all__ = ["BadValue", "refuse"]

_SHOWN = 3


@dataclass(frozen=True, order=True)
class BadValue:
    """One cell that cannot be read."""

    row: int
    """Row of the file, as a spreadsheet counts them; of a frame, its position."""
    column: str
    """The file's own label."""
    value: Any
    reason: str
    """Completes "row 12: Amount='abc' …"."""

    def __str__(self) -> str:
        shown = repr(self.value)
        return (
            f"row {self.row}: {self.column}={shown if len(shown) <= 80 else shown[:79] + '…'} {self.reason}"
        )


def refuse(file: str, bad: Sequence[BadValue]) -> NoReturn:
    """Raise one error that names the first cells in the order of the file."""
    first = sorted(bad, key=lambda one: (one.row, one.column))[:_SHOWN]
    more = f" (and {len(bad) - _SHOWN:,} more)" if len(bad) > _SHOWN else ""
    raise DataError(f"{file}: {'; '.join(map(str, first))}{more}")
