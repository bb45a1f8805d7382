"""Rows of a frame with single cells replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import org

__all__ = ["overlay"]


def overlay(
    frame: pd.DataFrame,
    cells: Mapping[tuple[int, str], Any],
    rows: list[int],
    fields: list[str] | None = None,
) -> pd.DataFrame:
    """The wanted rows of a frame with cells replaced, dtypes unchanged, attrs kept.

    Parameters
    ----------
    frame : DataFrame
        A conformed frame, rows numbered from 0.
    cells : mapping
        Value by row and field; None empties a cell. Cells of other rows are ignored.
    rows : list of int
        The wanted rows, in their order; one beyond the frame's end is blank but for its cells.
    fields : list of str, optional
        The wanted columns; all by default.
    """
    made = frame if fields is None else frame[fields]
    if any(row >= len(frame) for row in rows):
        made = made.assign(**{str(name): _nullable(column) for name, column in made.items()})
    made = made.reindex(rows)
    place = {row: position for position, row in enumerate(rows)}
    by_field: dict[str, dict[int, Any]] = {}
    for (row, name), value in cells.items():
        if row in place and name in made:
            by_field.setdefault(name, {})[place[row]] = value
    for name, replaced in by_field.items():
        made[name] = _replaced(made[name], replaced)
    made.attrs = dict(frame.attrs)  # the org's stages
    edited = org.conform(made)
    edited.attrs = dict(frame.attrs)
    return edited


def _replaced(column: pd.Series[Any], cells: dict[int, Any]) -> pd.Series[Any]:
    values = list(cells.values())
    if isinstance(column.dtype, pd.CategoricalDtype):
        # A category refuses a name that it does not know yet.
        column = column.astype("object")
        column.iloc[list(cells)] = values
        return column
    column = _nullable(column) if None in values else column.copy()
    column.iloc[list(cells)] = pd.Series(values, dtype=column.dtype).array
    return column


def _nullable(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column at a dtype that can hold blanks, unlike numpy's integers and booleans."""
    fixed = isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub"
    return column.convert_dtypes() if fixed else column.copy()
