"""The probability that a forecast gives each open deal: stated, by stage, by age, or from a column of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.age_curve import AgeCurve
from opp_analytics.errors import ArgumentTypeError, DataError, MissingColumnError

Probability = str | Mapping[str, float]
"""What a caller may ask for: "stated", "stage", "curve", a column's name, or a mapping from stage to rate."""


def columns_read(probability: Probability, opportunities: pd.DataFrame) -> list[str]:
    """The columns that `probability` makes a forecast read.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When it is neither a known word, nor a column, nor a mapping.
    """
    if isinstance(probability, (Mapping, pd.Series)):
        return []
    if not isinstance(probability, str):
        raise ArgumentTypeError(
            f"probability={probability!r} is neither 'stated', 'stage', 'curve', a column's name, nor a mapping from stage to rate"
        )
    if probability in ("stage", "curve"):
        return []
    column = "probability" if probability == "stated" else probability
    if isinstance(opportunities, pd.DataFrame) and column not in opportunities.columns:
        raise MissingColumnError(
            f"probability={probability!r}: the frame has no column {column!r}; use 'stated', 'stage', 'curve', a mapping from "
            f"stage to rate, or one of {', '.join(map(str, opportunities.columns))}"
        )
    return [column]


def chances(
    frame: pd.DataFrame,
    probability: Probability,
    open_: NDArray[np.bool_],
    stage_rates: Mapping[str, float] | None,
    curve: AgeCurve | None = None,
) -> NDArray[np.float64]:
    """The chance (0–1) of each open deal, NaN where none is known or the deal is not open.

    Parameters
    ----------
    frame : DataFrame
        Conformed; ``stage`` and the column that `probability` names.
    probability : str or mapping
        See `forecast`.
    open_ : ndarray of bool
        Which rows count.
    stage_rates : mapping, optional
        Rates by stage (0–1) for deals without a probability, and for "stage".
    curve : AgeCurve, optional
        Where "curve" reads.

    Raises
    ------
    DataError
        When a probability lies outside its range; the message names the opportunities.
    """
    rates = _by_stage(frame["stage"], stage_rates) if stage_rates is not None else np.full(len(frame), np.nan)
    if isinstance(probability, (Mapping, pd.Series)):
        found = _by_stage(frame["stage"], probability)
    elif probability == "stage":
        found = rates
    elif probability == "curve":
        assert curve is not None
        found = curve.chance()
    elif probability in ("stated", "probability"):
        found = frame["probability"].to_numpy(dtype=float, na_value=np.nan) / 100
        _check(frame, found, open_, "probability", 100)
    else:
        found = _from_column(frame, probability, open_)
    found = np.where(np.isnan(found), rates, found)
    return np.where(open_, found, np.nan)


def _by_stage(stage: pd.Series[Any], rates: Mapping[str, float] | pd.Series[Any]) -> NDArray[np.float64]:
    given = {str(name): rate for name, rate in rates.items()}
    try:
        numbers = {name: float(rate) for name, rate in given.items() if not pd.isna(rate)}
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"the rates by stage hold something that is no number: {given!r}") from error
    bad = {name: rate for name, rate in numbers.items() if not 0 <= rate <= 1}
    if bad:
        raise DataError(f"rates by stage are fractions 0–1, not {bad!r}; divide percents by 100")
    lookup = np.array([*(numbers.get(str(name), np.nan) for name in stage.cat.categories), np.nan])
    return lookup[stage.cat.codes.to_numpy()]


def _from_column(frame: pd.DataFrame, column: str, open_: NDArray[np.bool_]) -> NDArray[np.float64]:
    try:
        numbers = frame[column].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"probability={column!r}: the column does not hold numbers") from error
    used = numbers[open_ & ~np.isnan(numbers)]
    # Whole numbers of which some exceed 1 can only be percents; a stray 1.2 among fractions is an error.
    if len(used) and used.max() > 1 and bool((used == np.rint(used)).all()):
        numbers = numbers / 100
        _check(frame, numbers, open_, column, 100)
    _check(frame, numbers, open_, column, 1)
    return numbers


def _check(
    frame: pd.DataFrame, found: NDArray[np.float64], open_: NDArray[np.bool_], column: str, scale: int
) -> None:
    bad = np.flatnonzero(open_ & ((found < 0) | (found > 1)))
    if not len(bad):
        return
    named = frame["unique_id"] if "unique_id" in frame else pd.Series(frame.index)
    shown = ", ".join(f"{named.iloc[k]} ({found[k] * scale:g})" for k in bad[:5])
    more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
    unit = "percents 0–100" if scale == 100 else "fractions 0–1, or whole percents"
    raise DataError(
        f"{column} holds {unit}; {len(bad)} open opportunities are outside: {shown}{more}. Fix or drop them"
    )
