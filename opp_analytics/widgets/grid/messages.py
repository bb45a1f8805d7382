"""Messages between the grid and its front end: cells with the same result share one entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from opp_analytics.widgets.grid.edits import Key
from opp_analytics.widgets.grid.sheet import Answer, Mark

__all__ = ["answer_entries", "cells_of", "keys_of"]


def answer_entries(answer: Answer) -> dict[str, Any]:
    """An answer as entries of a message: ``cells`` as (field, value, was, why, typed, rows), ``rows``, ``said``."""
    alike: dict[tuple[str, Any, Mark], list[int]] = {}
    for row, name, value, mark in answer.cells:
        alike.setdefault((name, value, mark), []).append(row)
    cells = [
        (name, value, mark.was, mark.why, mark.typed, rows) for (name, value, mark), rows in alike.items()
    ]
    return {"cells": cells, "rows": answer.rows, "said": answer.said, "refused": answer.refused}


def cells_of(
    areas: Iterable[dict[str, Any]], text_of: Callable[[int, str], str | None]
) -> Iterator[tuple[int, str, str | None]]:
    """The cells of an edit: in each area a block of texts, repeated over its rows and fields.

    A place ``[row, field]`` in a block is the text of that cell as it is now: the browser may not know it yet.

    Examples
    --------
    >>> area = {"rows": [4, 7, 9], "fields": ["value"], "block": [["10"], [[2, "value"]]]}
    >>> list(cells_of([area], lambda row, name: f"{name} of {row}"))
    [(4, 'value', '10'), (7, 'value', 'value of 2'), (9, 'value', '10')]
    """
    for area in areas:
        block = area["block"]
        for down, row in enumerate(area["rows"]):
            line = block[down % len(block)]
            for across, name in enumerate(area["fields"]):
                cell = line[across % len(line)]
                yield row, name, text_of(*cell) if isinstance(cell, list) else cell


def keys_of(areas: Iterable[dict[str, Any]]) -> Iterator[Key]:
    """The cells of areas."""
    for area in areas:
        for row in area["rows"]:
            for name in area["fields"]:
                yield row, name
