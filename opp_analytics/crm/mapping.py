"""The labels of a file under our names, and what became of each column and value: mapped, guessed, kept or dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from opp_analytics.errors import MissingColumnError
from opp_analytics.schema import COLUMNS, TEXT
from opp_analytics.table_files import FileTable

CLOSED_AT = ("closed_at", "won_at", "lost_at")
FLAGS = ("is_won", "is_lost", "is_closed", "is_deleted")
USED_UP = (*FLAGS, *CLOSED_AT)
"""Columns that become the status and the close date, and go."""
OWN = (*COLUMNS, "owner_name", "owner_id", "account_name", "currency", "pipeline", "category", *USED_UP)
"""Names of ours that a label may have."""
How = Literal["mapped", "guessed", "kept", "dropped", "unknown"]
_ORDER = ("mapped", "guessed", "unknown", "kept", "dropped")


@dataclass(frozen=True)
class Mapped:
    """One line of the mapping: a label or a value of the file."""

    theirs: str
    """A label or a value of the file."""
    ours: str
    """Our name; empty when it was dropped."""
    how: How
    note: str = ""
    """Why, and how many rows."""


def tabulate(lines: Iterable[Mapped]) -> pd.DataFrame:
    """Tabulate the lines: ``theirs``, ``ours`` (missing where nothing), ``how``, ``note``; mapped first, dropped last.

    >>> tabulate([Mapped("Age", "", "dropped", "empty"), Mapped("Amount", "value", "mapped")])["theirs"].tolist()
    ['Amount', 'Age']
    """
    ordered = sorted(lines, key=lambda line: _ORDER.index(line.how))
    rows = [vars(line) | {"ours": line.ours or None} for line in ordered]
    return pd.DataFrame(rows, columns=["theirs", "ours", "how", "note"], dtype=TEXT)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A file that was read, with the fate of its columns and rows."""

    mapping: pd.DataFrame
    """``theirs``, ``ours``, ``how`` (mapped, guessed, unknown, kept, dropped), ``note``."""
    read_as: str
    """Kind of the file, such as ``CSV, UTF-8``."""
    left_out: tuple[str, ...] = ()
    """Rows that were not read, and facts that the file lacks, in words."""
    notes: tuple[str, ...] = ()
    """What was matched or assumed, in words."""

    def describe(self) -> str:
        """Describe what was mapped, guessed and dropped, as a short table of text."""
        lines = self.mapping.fillna("").to_numpy().tolist()
        widths = [max((len(line[place]) for line in lines), default=0) for place in range(3)]
        rows = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(line[:3], widths, strict=True)), line[3]])
            for line in lines
        ]
        left_out = [f"Left out: {what}." for what in self.left_out]
        said = [f"Read as {self.read_as}.", *map(str.rstrip, rows), *left_out]
        return "\n".join([*said, *(f"{note}." for note in self.notes)])


_PREFIXES = ("deal_", "opportunity_")
"""Pipedrive, and Salesforce's custom report types, put these before a label: ``Deal - Title``."""


def make_key(label: str) -> str:
    """Reduce a label to letters and digits; ``Probability (%)`` is read like ``probability``."""
    return re.sub(r"[^0-9a-z]+", "_", label.casefold()).strip("_")


class Names:
    """The names that labels may have here.

    >>> names = Names({"Amount": "value"}, ["stage"])
    >>> [names.find(label) for label in ("Amount", "Deal - amount", "stage", "Age")]
    [('value', False), ('value', True), ('stage', False), None]
    """

    def __init__(self, columns: Mapping[str, str], own: Iterable[str]) -> None:
        self._exact = {**{name: name for name in own}, **columns}
        self._alike = {make_key(label): ours for label, ours in self._exact.items()}

    def find(self, label: str) -> tuple[str, bool] | None:
        """Find our name of a label, and whether it was guessed; None for an unknown label."""
        if label in self._exact:
            return self._exact[label], False
        key = make_key(label)
        for tried in (key, *(key.removeprefix(prefix) for prefix in _PREFIXES)):
            if tried in self._alike:
                return self._alike[tried], True
        return None

    def know(self, label: str) -> bool:
        """True for a label that names a column of ours."""
        return bool(label) and self.find(label) is not None


def match_labels(labels: Sequence[str], names: Names) -> list[Mapped]:
    """Match each label to our name; an unknown label keeps its own.

    A guess gives way to a label that needs none. A column without a label is dropped.
    """
    found = [names.find(label) if label else None for label in labels]
    sure = {name for name, guessed in filter(None, found) if not guessed}
    lines = []
    for place, (label, named) in enumerate(zip(labels, found, strict=True)):
        if not label:
            lines.append(Mapped(f"(column {place + 1})", "", "dropped", "it has no label"))
        elif named is None or (named[1] and named[0] in sure):
            lines.append(Mapped(label, label, "kept"))
        else:
            lines.append(Mapped(label, named[0], "guessed" if named[1] else "mapped"))
    return lines


def find_column(name: str, matched: list[Mapped], table: FileTable) -> int:
    """Find the place of the column that became `name`."""
    places = [place for place, line in enumerate(matched) if line.ours == name and line.how != "dropped"]
    if not places:
        raise MissingColumnError(
            f"{table.file} has no column for {name}; add {_IN_A_CRM.get(name, 'it')} to the report. If another column is it, "
            f'put "Its label" = "{name}" under [columns] of the org file. The file has {quote_labels(table)}'
        )
    return places[0]


_IN_A_CRM = {
    "unique_id": "the deal's ID (Salesforce: Opportunity ID, HubSpot: Record ID, Pipedrive: ID)",
}


def quote_labels(table: FileTable) -> str:
    """List the labels of a file in quotes, since a label may hold a comma."""
    return ", ".join(f'"{label}"' for label in table.labels if label)
