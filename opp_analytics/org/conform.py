"""Frames of opportunities with known columns at their dtypes, and given stages in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, schema
from opp_analytics.arrays import Series
from opp_analytics.errors import ArgumentTypeError, DataError
from opp_analytics.org.people import DERIVED
from opp_analytics.org.stages import Stages
from opp_analytics.text import compose


def stage_dtype(stages: Stages, values: Iterable[Any] = ()) -> pd.CategoricalDtype:
    """Make the ordered category of the stages, extended by the unknown ones among `values`."""
    read = (
        stages.aliases.get(value, value) if isinstance(value, str) else value for value in values
    )
    return _extend(tuple(stages.names), read, ordered=True)


def status_dtype(values: Iterable[Any] = ()) -> pd.CategoricalDtype:
    """Make the status category, extended by the unknown ones among `values`."""
    return _extend(schema.STATUSES, values, ordered=False)


def _extend(known: tuple[str, ...], values: Iterable[Any], ordered: bool) -> pd.CategoricalDtype:
    others = {str(value) for value in values if not pd.isna(value)}.difference(known)
    return _make_dtype((*known, *sorted(others)), ordered)


@lru_cache(maxsize=64)
def _make_dtype(names: tuple[str, ...], ordered: bool) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(pd.Index(names, dtype=schema.TEXT), ordered)


def conform_to(opportunities: pd.DataFrame, stages: Stages) -> pd.DataFrame:
    """Copy a frame with every known column at its dtype; see `conform`."""
    check_frame(opportunities)
    if opportunities.columns.has_duplicates:
        twice = opportunities.columns[opportunities.columns.duplicated()]
        raise DataError(f"duplicate column {twice[0]!r}: drop one of them")
    # Without attrs on the way, which pandas would copy deeply at each step.
    frame = schema.as_plain(pd.DataFrame(opportunities).reset_index(drop=True))
    ids = frame.get("unique_id")
    # Most frames come with every column as it should be, and pandas would copy each.
    changed = {}
    for name, column in frame.items():
        found = _conform_column(column, ids, stages) if name in schema.COLUMNS else column
        if found.dtype == "object":
            schema.refuse_halves(found.to_frame(), ids)
        if name == "owner_name" or name in DERIVED:
            found = _unify_names(found)
        if found is not column:
            changed[str(name)] = found
    for name, found in changed.items():
        frame[name] = found
    frame.attrs = opportunities.attrs
    return frame


def _conform_column(column: Series, ids: Series | None, stages: Stages) -> Series:
    if column.name == "stage":
        return _recode(column, partial(stage_dtype, stages), ids, stages.aliases)
    return (
        _recode(column, status_dtype, ids, {})
        if column.name == "status"
        else schema.as_column(column, ids)
    )


def _unify_names(column: Series) -> Series:
    """Spell each person or team in one way, and make the texts of a missing one missing."""
    # A cell of a column of objects may be what no set takes.
    cells = column.tolist() if column.dtype == "object" else column.unique()
    names = {cell for cell in cells if isinstance(cell, str)}
    spelled = {name: None if name in schema.NO_NAMES else compose(name) for name in names}
    if all(name == one for name, one in spelled.items()):
        return column
    cells = [spelled[cell] if isinstance(cell, str) else cell for cell in column.tolist()]
    return schema.as_text(pd.Series(cells, column.index, dtype="object", name=column.name))


def _recode(
    column: Series,
    dtype_for: Callable[[Iterable[Any]], pd.CategoricalDtype],
    ids: Series | None,
    aliases: Mapping[str, str],
) -> Series:
    """Recode a column as a category of the known names and its own."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        if _is_same(column.dtype, dtype_for(())):
            return column
        codes, names = column.cat.codes.to_numpy(), column.cat.categories.astype(schema.TEXT)
    else:
        codes, names = pd.factorize(schema.as_text(column, ids))
    dtype = dtype_for(names[np.bincount(codes + 1, minlength=len(names) + 1)[1:] > 0])
    if _is_same(column.dtype, dtype):
        return column
    read = (
        pd.Index([aliases.get(name, name) for name in names], dtype=schema.TEXT)
        if aliases
        else names
    )
    places = np.append(dtype.categories.get_indexer(read), -1)
    coded = pd.Categorical.from_codes(places[codes], dtype=dtype)
    return pd.Series(coded, index=column.index, name=column.name)


def _is_same(found: Any, wanted: pd.CategoricalDtype) -> bool:
    return found is wanted or bool(
        found == wanted and found.categories.identical(wanted.categories)
    )


def check_frame(opportunities: Any) -> None:
    """Refuse a value that is not a frame, or has columns of several levels."""
    arguments.refuse_foreign(opportunities, "opportunities")
    if not isinstance(opportunities, pd.DataFrame):
        raise ArgumentTypeError(
            f"expected a DataFrame of opportunities, not {type(opportunities).__name__}"
        )
    if opportunities.columns.nlevels > 1:
        raise DataError(
            f"the columns have {opportunities.columns.nlevels} levels; keep one of them: "
            "frame.columns = frame.columns.get_level_values(0)"
        )
