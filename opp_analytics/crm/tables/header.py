"""The header of a table: the row with the labels, below titles and filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["HEADER_WITHIN", "Known", "header_place", "labels_of", "score"]

Known = Callable[[str], bool]
"""True for a label that names a column."""

HEADER_WITHIN = 50
"""Rows at the top of a report among which its header is."""


def header_place(rows: Sequence[Sequence[Any]], known: Known) -> int:
    """Place of the first row with the most known labels; of the first row with text where no label is known.

    Examples
    --------
    >>> header_place([["Pipeline"], [], ["Stage", "Amount"], ["Demo", "5"]], {"Stage", "Amount"}.__contains__)
    2
    """
    scores = [score(row, known)[0] for row in rows[:HEADER_WITHIN]]
    if any(scores):
        return scores.index(max(scores))
    return next((place for place, row in enumerate(rows[:HEADER_WITHIN]) if any(labels_of(row))), 0)


def score(row: Sequence[Any], known: Known) -> tuple[int, int]:
    """Number of known labels in a row, and of its cells."""
    return sum(known(label) for label in labels_of(row)), len(row)


def labels_of(row: Sequence[Any]) -> tuple[str, ...]:
    """The labels of a header, trimmed; without the empty ones at its end.

    Examples
    --------
    >>> labels_of(["Stage ", None, "Amount", ""])
    ('Stage', '', 'Amount')
    """
    labels = ["" if cell is None else str(cell).strip() for cell in row]
    while labels and not labels[-1]:
        labels.pop()
    return tuple(labels)
