"""The chance of each open deal under a method: stated, by stage, by age, or from a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import text
from opp_analytics.analysis.forecasting.age_curve import AgeCurve, days_left, open_ages
from opp_analytics.analysis.forecasting.method import METHODS, Method
from opp_analytics.analysis.forecasting.stage_rates import stage_rates
from opp_analytics.analysis.shared.replay import observed_ends
from opp_analytics.errors import ArgumentTypeError, DataError, MissingColumnError

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay
    from opp_analytics.history import History

Floats = NDArray[np.float64]


def check_columns(method: Method, opportunities: pd.DataFrame) -> None:
    """Check that the frame has the column that the method reads.

    Raises
    ------
    MissingColumnError
        When the column is missing; the message lists those that are there.
    """
    missing = [name for name in method.columns if name not in opportunities.columns]
    if missing:
        whose = "history" if "recorded_at" in opportunities.attrs else "frame"
        raise MissingColumnError(
            f"probability={method.probability!r}: the {whose} has no column {missing[0]!r}; use "
            f"{', '.join(map(repr, METHODS))}, or one of {', '.join(map(str, opportunities.columns))}"
        )


def stated_chances(frame: pd.DataFrame, open_: NDArray[np.bool_], method: Method) -> Floats:
    """The stated probability of each open deal, or its stage's given rate where it has none; NaN where unknown.

    Raises
    ------
    DataError
        When the method uses stated probabilities and one is out of range; for others it counts as missing.
    """
    rates = _by_stage(frame["stage"], method.rates or {})
    if "probability" not in frame:
        return np.where(open_, rates, np.nan)
    found = frame["probability"].to_numpy(dtype=float, na_value=np.nan) / 100
    if method.probability == "stated":
        _check(frame, found, open_, "probability", percent=True)
    found = np.where((found >= 0) & (found <= 1), found, rates)
    return np.where(open_, found, np.nan)


@dataclass(frozen=True)
class Chances:
    """A method's chances, fitted to the pipeline of one day."""

    method: Method
    rates: Mapping[str, float]
    """By stage."""
    curve: AgeCurve | None
    today: pd.Timestamp
    freq: str
    tz: str

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        method: Method,
        *,
        today: pd.Timestamp,
        freq: str,
        history: History | Replay | None,
        tz: str,
    ) -> Chances:
        """Learn from a frame and the records what the method needs.

        Raises
        ------
        ArgumentTypeError, NotEnoughHistory
            When the method needs a history, or more of it.
        """
        curve = None
        if method.aged:
            ends = None if history is None else observed_ends(history, frame, today, tz)
            curve = AgeCurve.fit(frame, today, tz, ends)
        return cls(method, _rates(method, history, today, tz), curve, today, freq, tz)

    def of(self, frame: pd.DataFrame, open_: NDArray[np.bool_]) -> Floats:
        """The chance (0–1) that each open deal is won in its period; NaN where unknown, or for other deals.

        Raises
        ------
        DataError
            When a probability is out of range; the message names the opportunities.
        """
        rates = _by_stage(frame["stage"], self.rates)
        age = None if self.curve is None else open_ages(frame, open_, self.today, self.tz)
        if self.method.probability == "stage":
            found = rates
        elif self.method.probability == "curve":
            assert self.curve is not None
            assert age is not None
            found = self.curve.chance(age)
        elif self.method.probability == "stated":
            found = stated_chances(frame, open_, self.method)
        else:
            found = _from_column(frame, self.method, open_)
        found = np.where(np.isnan(found), rates, found)
        if self.method.timing == "curve" and self.curve is not None and age is not None:
            found = found * self.curve.in_time(age, days_left(frame["close_date"], self.today, self.freq))
        return np.where(open_, found, np.nan)


def _rates(
    method: Method, history: History | Replay | None, today: pd.Timestamp, tz: str
) -> Mapping[str, float]:
    """The rates by stage: the given ones, or learned ones for "stage"."""
    if method.rates is not None or method.probability != "stage":
        return method.rates or {}
    if history is None:
        raise ArgumentTypeError(
            "method='stage' learns its rates from history=; pass a history, or give rates: "
            "method=oa.Method('stage', stage_rates={'proposal': 0.4, …})"
        )
    learned = stage_rates(history, as_of=today, tz=tz)["rate"]
    return {str(stage): float(rate) for stage, rate in learned.dropna().items()}


def _by_stage(stage: pd.Series[Any], rates: Mapping[str, float]) -> Floats:
    lookup = np.array([*(rates.get(str(name), np.nan) for name in stage.cat.categories), np.nan])
    return lookup[stage.cat.codes.to_numpy()]


def _from_column(frame: pd.DataFrame, method: Method, open_: NDArray[np.bool_]) -> Floats:
    column = method.probability
    try:
        numbers = frame[column].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"probability={column!r}: the column does not contain numbers; use a column of fractions 0–1 or whole percents"
        ) from error
    percent = (method.unit or _unit(frame[column], numbers)) == "percent"
    numbers = numbers / 100 if percent else numbers
    _check(frame, numbers, open_, column, percent=percent)
    return numbers


def _unit(column: pd.Series[Any], numbers: Floats) -> str:
    """The unit of a whole column, deals that are not open included."""
    known = numbers[~np.isnan(numbers)]
    if not len(known) or pd.api.types.is_bool_dtype(column.dtype) or not (known == np.rint(known)).all():
        return "fraction"
    # Whole numbers with some above 1 are percents; a single 1.2 among fractions is an error.
    if known.max() > 1:
        return "percent"
    if known.max() <= 0:
        return "fraction"
    raise DataError(
        f"probability={column.name!r}: the column holds only 0 and 1, which may be fractions or percents; say "
        f"oa.Method({column.name!r}, unit='fraction') or unit='percent'"
    )


def _check(
    frame: pd.DataFrame, found: Floats, open_: NDArray[np.bool_], column: str, *, percent: bool
) -> None:
    bad = np.flatnonzero(open_ & ((found < 0) | (found > 1)))
    if not len(bad):
        return
    named = frame["unique_id"] if "unique_id" in frame else pd.Series(frame.index)
    shown = text.joined([f"{named.iloc[k]} ({found[k] * (100 if percent else 1):g})" for k in bad], most=5)
    unit = "percents 0–100" if percent else "fractions 0–1, or whole percents"
    raise DataError(
        f"{column} holds {unit}; out of range in {text.count(len(bad), 'open opportunity')}: {shown}. Correct or drop them"
    )
