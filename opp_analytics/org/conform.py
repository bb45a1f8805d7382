"""Frames of opportunities with known columns at their dtypes, and given stages in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, schema
from opp_analytics.errors import ArgumentTypeError, DataError
from opp_analytics.org.people import DERIVED
from opp_analytics.org.stages import Stages


def stage_dtype(stages: Stages, values: Iterable[Any] = ()) -> pd.CategoricalDtype:
    """Make the ordered category of the stages, extended by the unknown ones among `values`."""
    read = (
        stages.aliases.get(value, value) if isinstance(value, str) else value for value in values
    )
    return pd.CategoricalDtype(
        pd.Index(_extend(stages.names, read), dtype=schema.TEXT), ordered=True
    )


def status_dtype(values: Iterable[Any] = ()) -> pd.CategoricalDtype:
    """Make the status category, extended by the unknown ones among `values`."""
    return pd.CategoricalDtype(pd.Index(_extend(schema.STATUSES, values), dtype=schema.TEXT))


def _extend(known: Sequence[str], values: Iterable[Any]) -> list[str]:
    return [*known, *sorted({str(v) for v in values if not pd.isna(v)} - set(known))]


def conform_to(opportunities: pd.DataFrame, stages: Stages) -> pd.DataFrame:
    """Copy a frame with every known column at its dtype; see `conform`."""
    check_frame(opportunities)
    twice = opportunities.columns[opportunities.columns.duplicated()]
    if len(twice):
        raise DataError(f"duplicate column {twice[0]!r}: drop one of them")
    # Without attrs on the way, which pandas would copy deeply at each step.
    frame = schema.as_plain(pd.DataFrame(opportunities).reset_index(drop=True))
    ids = frame.get("unique_id")
    schema.refuse_halves(frame.drop(columns=list(schema.COLUMNS), errors="ignore"), ids)
    frame = frame.assign(
        **{
            name: _conform_column(frame[name], ids, stages)
            for name in schema.COLUMNS
            if name in frame
        },
        **{name: _drop_no_names(frame[name]) for name in ("owner_name", *DERIVED) if name in frame},
    )
    frame.attrs = opportunities.attrs
    return frame


def _conform_column(
    column: pd.Series[Any], ids: pd.Series[Any] | None, stages: Stages
) -> pd.Series[Any]:
    if column.name == "stage":
        return _recode(column, partial(stage_dtype, stages), ids, stages.aliases)
    return (
        _recode(column, status_dtype, ids, {})
        if column.name == "status"
        else schema.as_column(column, ids)
    )


def _drop_no_names(column: pd.Series[Any]) -> pd.Series[Any]:
    """Make the texts of a missing person or team missing."""
    nobody = column.isin(schema.NO_NAMES)
    return column.mask(nobody) if nobody.any() else column


def _recode(
    column: pd.Series[Any],
    dtype_for: Callable[[Iterable[Any]], pd.CategoricalDtype],
    ids: pd.Series[Any] | None,
    aliases: Mapping[str, str],
) -> pd.Series[Any]:
    """Recode a column as a category of the known names and its own."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, names = column.cat.codes.to_numpy(), column.cat.categories.astype(schema.TEXT)
    else:
        codes, names = pd.factorize(schema.as_text(column, ids))
    dtype = dtype_for(names[np.bincount(codes + 1, minlength=len(names) + 1)[1:] > 0])
    if column.dtype == dtype and column.cat.categories.identical(dtype.categories):
        return column
    read = (
        pd.Index([aliases.get(name, name) for name in names], dtype=schema.TEXT)
        if aliases
        else names
    )
    places = np.append(dtype.categories.get_indexer(read), -1)
    coded = pd.Categorical.from_codes(places[codes], dtype=dtype)
    return pd.Series(coded, index=column.index, name=column.name)


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
