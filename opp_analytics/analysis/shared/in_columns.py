"""A level of an index as columns."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["in_columns"]


def in_columns(values: pd.Series[Any], level: str) -> pd.DataFrame:
    """The values with the labels of a level as columns, rows and columns in the order in which they first come.

    Notes
    -----
    ``unstack(level, sort=False)`` of pandas 2.3 puts values under the wrong labels.
    """
    rows = values.index.droplevel(level).unique()  # type: ignore[arg-type]
    columns = values.index.get_level_values(level).unique()
    return values.unstack(level).reindex(index=rows, columns=columns)  # noqa: PD010  pivot_table drops what is empty
