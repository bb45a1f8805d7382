"""A plan's changes grouped into steps: one opportunity, one operation, one write."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from opp_analytics import schema
from opp_analytics.files import digest
from opp_analytics.org import DEFAULT, Org
from opp_analytics.writer.plan.codec import from_text, to_text

__all__ = ["Cell", "Step", "steps_of"]

OUTCOME_COLUMNS = ("stage", "status")
"""Columns that decide a deal's outcome; kept with every update to detect a deal closed since the plan."""


@dataclass(frozen=True)
class Cell:
    """One change: a cell that gets a new value, or, with no field, the whole opportunity."""

    at: int
    """Position of the change in the plan."""
    field: str | None
    before: Any
    after: Any


@dataclass(frozen=True)
class Step:
    """The changes that one write makes."""

    operation: str
    """create, update, delete or recover."""
    unique_id: str | None
    """None for a create."""
    cells: tuple[Cell, ...]
    base: dict[str, Any]
    """The opportunity as it was when it was planned: all of it for a delete, stage and status for an update."""
    org: Org = dataclasses.field(default=DEFAULT, compare=False)
    """What its stages mean; that of a step read from the journal is the client's."""

    @property
    def fields(self) -> dict[str, Any]:
        """Values to write, by field."""
        return {cell.field: cell.after for cell in self.cells if cell.field is not None}

    @property
    def identity(self) -> str:
        """Hash that identifies equal creates, whatever the types and order of their cells."""
        cells = sorted(f"{f!r}={_plain(f, v)}" for f, v in self.fields.items() if not schema.is_blank(v))
        return digest("\n".join(cells).encode())


def _plain(field: str, value: Any) -> str:
    """A cell as normalized text, the same before and after a file: equal numbers alike, text composed and stripped."""
    value = from_text(field, to_text(field, value))
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return f"{Decimal(str(value)).normalize():f}"
    return repr(unicodedata.normalize("NFC", str(value).strip()))


def _none(value: Any) -> Any:
    return None if schema.is_blank(value) else value


def steps_of(changes: pd.DataFrame, before: pd.DataFrame) -> list[Step]:
    """Group a plan's changes into steps; recoveries first, so that a recovered opportunity can be updated.

    Parameters
    ----------
    changes : DataFrame
        The plan's changes.
    before : DataFrame
        The opportunities the plan was made from; the base of deletes and updates.
    """
    groups: dict[tuple[str, Hashable], list[Cell]] = {}
    wanted = ("unique_id", "operation", "field", "before", "after", "row")
    for at, (unique_id, operation, field, was, now, row) in enumerate(
        zip(*(changes[c] for c in wanted), strict=True)
    ):
        key = row if operation == "create" else unique_id
        groups.setdefault((operation, key), []).append(Cell(at, _none(field), _none(was), _none(now)))
    kept: dict[str, Iterable[Hashable]] = {
        "delete": [c for c in before if c not in schema.READ_ONLY],
        "update": OUTCOME_COLUMNS,
    }
    bases = {
        operation: _bases(before, {str(key) for done, key in groups if done == operation}, columns)
        for operation, columns in kept.items()
    }
    meaning = Org.of(before)
    steps = [
        Step(
            operation,
            None if operation == "create" else str(key),
            tuple(cells),
            bases.get(operation, {}).get(str(key), {}),
            meaning,
        )
        for (operation, key), cells in groups.items()
    ]
    return sorted(steps, key=lambda step: step.operation != "recover")


def _bases(before: pd.DataFrame, ids: set[str], columns: Iterable[Hashable]) -> dict[str, dict[str, Any]]:
    there = [c for c in columns if c in before]
    if not ids or not there:
        return {}
    rows = before[before["unique_id"].isin(ids)]
    records = rows[there].to_dict("records")
    return {
        unique_id: {str(column): _none(value) for column, value in record.items()}
        for unique_id, record in zip(rows["unique_id"], records, strict=True)
    }
