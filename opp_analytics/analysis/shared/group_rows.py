"""Tables with groups from queries: every group has the same rows, and missing labels come last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.shared.history_query import group_names
from opp_analytics.schema import NO_LABEL

__all__ = ["column_labels", "every_group", "every_row", "grouped", "named", "sorted_groups"]


def column_labels(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of a frame as group labels, written as the queries write them."""
    labels: pd.Series[Any] = column.astype(schema.TEXT).fillna(NO_LABEL)
    return labels


def every_group(found: pd.DataFrame, by: Sequence[str], level: str, labels: Sequence[str]) -> pd.DataFrame:
    """The whole numbers of a query by group and label, as by `every_row`; absent ones are 0."""
    return every_row(found, by, level, labels).fillna(0).astype("int64")


def every_row(found: pd.DataFrame, by: Sequence[str], level: str, labels: Sequence[str]) -> pd.DataFrame:
    """The results of a query by group and label, with all `labels` in each group; absent ones are missing.

    Parameters
    ----------
    found : DataFrame
        Columns `group_names(by)`, `level`, and results.
    by : sequence of str
        Names of the group levels.
    level : str
        Column of the labels, and the last level of the index.
    labels : sequence of str
        Rows of each group, in order.
    """
    keys = group_names(by)
    order = pd.Index(list(labels), name=level, dtype=schema.TEXT)
    numbers = found.set_index([*keys, level])
    if not by:
        return numbers.reindex(order)
    held = sorted_groups(found[keys].drop_duplicates(), keys)
    full = pd.MultiIndex.from_frame(held.merge(order.to_frame(index=False), how="cross"))
    return named(numbers.reindex(full), [*by, level])


def sorted_groups(rows: pd.DataFrame, keys: Sequence[str], *then: str) -> pd.DataFrame:
    """The rows in order of their groups, "(none)" last, and of further columns."""
    marks = {f"_none_{key}": rows[key] == NO_LABEL for key in keys}
    order = [name for key in keys for name in (f"_none_{key}", key)]
    placed = rows.assign(**marks).sort_values([*order, *then], kind="stable", ignore_index=True)
    return placed.drop(columns=list(marks))


def grouped(table: pd.DataFrame, found: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """A table of rows with the groups of the query's rows as its index; without groups, the table as it is."""
    if not by:
        return table
    labels = [pd.Index(found[key], dtype=schema.TEXT) for key in group_names(by)]
    return named(table.set_index(labels), by)


def named(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The table with these names of its index levels, whatever they are."""
    table.index = table.index.set_names(list(names) if isinstance(table.index, pd.MultiIndex) else names[0])
    return table
