"""The labels of a file under our names, and the outcome for each column and value.

Outcomes: mapped, guessed, kept or dropped.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from opp_analytics.org import LIKELY, Columns, list_names, list_spellings, map_labels, spell
from opp_analytics.schema import COLUMNS, TEXT
from opp_analytics.table_files import FileTable

CLOSED_AT = ("closed_at", "won_at", "lost_at")
FLAGS = ("is_won", "is_lost", "is_closed", "is_deleted", "is_active")
USED_UP = (*FLAGS, *CLOSED_AT, "won_value")
"""Columns that become the status, the close date and the value of a closed deal, and go."""
OWN = (
    *COLUMNS,
    "owner_name",
    "owner_id",
    "account_name",
    "currency",
    "pipeline",
    "category",
    "lost_reason",
    "deleted_at",
    *USED_UP,
)
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
    """Tabulate the lines: ``theirs``, ``ours`` (missing where nothing), ``how``, ``note``.

    Mapped first, dropped last.
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
            "  ".join(
                [
                    *(cell.ljust(width) for cell, width in zip(line[:3], widths, strict=True)),
                    line[3],
                ]
            )
            for line in lines
        ]
        left_out = [f"Left out: {what}." for what in self.left_out]
        sentences = [f"Read as {self.read_as}.", *map(str.rstrip, rows), *left_out]
        return "\n".join([*sentences, *(f"{note}." for note in self.notes)])


class Names:
    """The names that labels may have here."""

    def __init__(self, columns: Columns, own: Iterable[str]) -> None:
        self._exact = {
            name: list_names(ours)
            for name, ours in [*((name, name) for name in own), *columns.items()]
        }
        # Case, blanks, signs and accents tell no two labels apart, nor that a column is a deal's.
        self._spelled = {spell(label): ours for label, ours in self._exact.items()}

    def find(self, label: str) -> tuple[list[str], bool] | None:
        """Find our names of a label, and whether they were guessed; None for an unknown label."""
        if label in self._exact:
            return self._exact[label], False
        columns = (self._spelled.get(word) for word in list_spellings(label))
        return next(((named, True) for named in columns if named), None)

    def find_all(self, labels: Iterable[str]) -> set[str]:
        """Find all our names of these labels."""
        return {
            ours for label in labels if label and (named := self.find(label)) for ours in named[0]
        }

    def know(self, label: str) -> bool:
        """True for a label that names a column of ours."""
        return bool(label) and self.find(label) is not None


LABELS = tomllib.loads(Path(__file__).with_name("history_labels.toml").read_text(encoding="utf-8"))
CLOSINGS = {word: ours for ours in CLOSED_AT for word in LIKELY[ours] if word != "closed"}
"""Labels of the day a deal was closed, in files of any CRM; "closed" may also be yes or no."""
DELETIONS = map_labels(**LABELS["deletions"])
"""Labels of marks that a deal, or a line of its history, is deleted."""


def name_opportunities(columns: Columns) -> Names:
    """Name the labels of a file of opportunities; those of the org win."""
    return Names({**CLOSINGS, **DELETIONS, **columns}, OWN)


def match_labels(labels: Sequence[str], names: Names) -> list[Mapped]:
    """Match each label to our name; an unknown label keeps its own.

    A guess gives way to a label that needs none. A column without a label is dropped. Further names
    of a label follow behind the lines of all labels.
    """
    matches = [names.find(label) if label else None for label in labels]
    sure = {name for ours, guessed in filter(None, matches) for name in ours if not guessed}
    lines, further = [], []
    for number, (label, named) in enumerate(zip(labels, matches, strict=True)):
        if not label:
            lines.append(Mapped(f"(column {number + 1})", "", "dropped", "it has no label"))
        elif named is None or (named[1] and named[0][0] in sure):
            lines.append(Mapped(label, label, "kept"))
        else:
            first, *others = (
                Mapped(label, ours, "guessed" if named[1] else "mapped") for ours in named[0]
            )
            lines.append(first)
            further += others
    return [*lines, *further]


def name_columns(
    labels: Sequence[str], columns: Columns, own: Iterable[str] = ()
) -> dict[str, str]:
    """Find the label of each of our names in a table of a warehouse.

    Other columns keep theirs, in their order.

    Of several labels of one name the exact one wins, then the one that `columns` name first.
    """
    order = {label: place for place, label in enumerate(columns)}
    matched = match_labels(labels, Names({**CLOSINGS, **columns}, (*OWN, *own)))
    best = sorted(
        (line for line in matched if line.how != "dropped"),
        key=lambda line: (
            _ORDER.index(line.how),
            line.theirs != line.ours,
            order.get(line.theirs, len(order)),
        ),
    )
    labels_of: dict[str, str] = {}
    for line in best:
        labels_of.setdefault(line.theirs if line.ours in labels_of else line.ours, line.theirs)
    return dict(sorted(labels_of.items(), key=lambda pair: labels.index(pair[1])))


def copy_shared(table: FileTable, matched: Sequence[Mapped]) -> FileTable:
    """Copy the columns of a table that serve further names, as `match_labels` lists them."""
    further = [line.theirs for line in matched[len(table.labels) :]]
    if not further:
        return table
    places = [*range(len(table.labels)), *map(table.labels.index, further)]
    cells = table.cells[places].set_axis(range(len(places)), axis="columns")
    return replace(table, labels=(*table.labels, *further), cells=cells)
