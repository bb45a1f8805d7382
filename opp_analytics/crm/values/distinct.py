"""A column whose distinct cells are read once each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from opp_analytics.crm.problems import BadValue
from opp_analytics.schema import BadCell

__all__ = ["Distinct"]


@dataclass(frozen=True)
class Distinct:
    """A column of a file, as its distinct cells."""

    label: str
    """The file's own label, for messages."""
    rows: pd.Index[Any]
    """Row of the file for each row of the column."""
    codes: NDArray[np.intp]
    """Place in `cells` for each row; −1 where the cell is empty."""
    cells: pd.Series[Any]
    """The distinct cells, at their dtype."""

    @classmethod
    def of(cls, column: pd.Series[Any], label: str) -> Distinct:
        """The distinct cells of a column whose index is the row of the file."""
        codes, cells = pd.factorize(column)
        # An index of objects would have its type inferred.
        return cls(label, column.index, codes, pd.Series(cells, dtype=cells.dtype))

    @property
    def is_text(self) -> bool:
        """True when every cell is text."""
        return isinstance(self.cells.dtype, pd.StringDtype)

    def texts(self) -> pa.Array:
        """The distinct cells as Arrow text; missing where a cell is none."""
        if self.is_text:
            array = pa.array(self.cells, pa.string())
            return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        return pa.array([cell if isinstance(cell, str) else None for cell in self.cells], pa.string())

    def spread(self, values: NDArray[Any], missing: Any) -> NDArray[Any]:
        """One value for each row, from one for each distinct cell."""
        result: NDArray[Any] = np.append(values, np.array([missing], dtype=values.dtype))[self.codes]
        return result

    def each(
        self, read: Callable[[Any], Any], wanted: NDArray[np.bool_] | None = None
    ) -> tuple[dict[int, Any], dict[int, str]]:
        """What `read` makes of the cells in `wanted`, by place, and the reasons of those that it refuses."""
        places = range(len(self.cells)) if wanted is None else np.flatnonzero(wanted).tolist()
        cells = self.cells.tolist()
        values: dict[int, Any] = {}
        reasons: dict[int, str] = {}
        for place in places:
            try:
                values[place] = read(cells[place])
            except BadCell as error:
                reasons[place] = str(error)
        return values, reasons

    def bad(self, reasons: Mapping[int, str]) -> list[BadValue]:
        """The rows whose cell cannot be read, each with its reason."""
        if not reasons:
            return []
        found = np.flatnonzero(np.isin(self.codes, list(reasons)))
        return [
            BadValue(int(self.rows[row]), self.label, self.cells.iloc[code], reasons[code])
            for row, code in ((int(row), int(self.codes[row])) for row in found)
        ]
