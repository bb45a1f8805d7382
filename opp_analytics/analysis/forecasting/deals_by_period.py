"""The deals of a forecast, each with its chance and its period."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema
from opp_analytics.analysis.forecasting.chances import chances, check_columns
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.shared.groups import Groups, Key, column_key, combine, period_key, read
from opp_analytics.org import CONFLICT, DISQUALIFIED, OPEN, WON, outcome_codes
from opp_analytics.schema import BUCKETS

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay
    from opp_analytics.history import History


@dataclass(frozen=True)
class Deals:
    """The deals of a forecast, row by row, and the rows of its table."""

    groups: Groups
    """Table row of each deal."""
    in_period: NDArray[np.bool_]
    """For each table row: True for a period, False for a bucket."""
    open: NDArray[np.bool_]
    booked: NDArray[np.bool_]
    later: NDArray[np.bool_]
    """Deals won with a date after the as-of day."""
    value: NDArray[np.float64]
    chance: NDArray[np.float64]
    left_out: dict[str, int]
    """Deals left out of the forecast, by reason."""

    @property
    def index(self) -> pd.Index[Any]:
        """The rows of the table."""
        assert self.groups.index is not None
        return self.groups.index

    @property
    def priced(self) -> NDArray[np.bool_]:
        """Open deals with a value and a chance."""
        return self.open & ~np.isnan(self.value) & ~np.isnan(self.chance)


def deals_by_period(
    opportunities: pd.DataFrame,
    method: Method,
    *,
    today: pd.Timestamp,
    freq: str,
    by: list[str],
    wanted: Collection[str],
    history: History | Replay | None,
    tz: str,
) -> tuple[pd.DataFrame, Deals]:
    """The conformed frame and its deals by period; each `wanted` period has a row."""
    if isinstance(opportunities, pd.DataFrame):
        check_columns(method, opportunities)
    columns = ["stage", "value", "close_date", *method.columns, *(["created_at"] if method.aged else [])]
    identified = method.new_business or (method.aged and history is not None)
    frame = read(opportunities, *columns, by=by, unique=identified)
    outcome = outcome_codes(frame)
    chance = chances(frame, outcome == OPEN, method, today=today, freq=freq, history=history, tz=tz)
    date = frame["close_date"]
    dated = date.notna().to_numpy()
    early, late = (date < today).to_numpy(), (date > today).to_numpy()
    open_, won = outcome == OPEN, outcome == WON
    bucket = _bucket_key(date.where((open_ & ~early) | won), open_, early, freq, wanted)
    keys = [*(column_key(frame[name]) for name in by), bucket]
    groups = combine(keys, len(frame), everything=True)
    if by:
        always = np.isin(bucket.labels, [*BUCKETS, *wanted])
        groups = _with_deals(groups, always)
    assert groups.index is not None
    deals = Deals(
        groups,
        ~np.asarray(groups.index.get_level_values("period").isin(BUCKETS)),
        open=open_,
        booked=won & ~late & dated,
        later=won & late,
        value=frame["value"].to_numpy(dtype=float),
        chance=chance,
        left_out={
            "conflict": int((outcome == CONFLICT).sum()),
            "disqualified": int((outcome == DISQUALIFIED).sum()),
            "won_without_date": int((won & ~dated).sum()),
        },
    )
    return frame, deals


def _with_deals(groups: Groups, always: NDArray[np.bool_]) -> Groups:
    """The rows with deals, and the rows that every group with deals has."""
    assert groups.index is not None
    count = groups.count(np.ones(len(groups.codes), dtype=bool)).reshape(-1, len(always))
    keep = ((count > 0) | (always & count.any(axis=1, keepdims=True))).ravel()
    codes = np.append(np.cumsum(keep) - 1, -1)[groups.codes]
    return Groups(codes, groups.index[keep])


def _bucket_key(
    date: pd.Series[Any],
    open_: NDArray[np.bool_],
    early: NDArray[np.bool_],
    freq: str,
    wanted: Collection[str],
) -> Key:
    """The buckets, then all periods in order of time, including wanted ones."""
    key = period_key(date, freq)
    codes = np.where(key.codes >= 0, key.codes + len(BUCKETS), -1)
    np.putmask(codes, open_ & (key.codes < 0), 1)
    np.putmask(codes, open_ & early, 0)
    ordered = list(key.labels)
    if set(wanted) - set(ordered):
        ordered = sorted({*ordered, *wanted}, key=lambda label: pd.Period(label, freq).ordinal)
        rank = np.array([0, 1, *(ordered.index(label) + len(BUCKETS) for label in key.labels), -1])
        codes = rank[codes]
    return Key("period", codes.astype(np.intp), pd.Index([*BUCKETS, *ordered], dtype=schema.TEXT))
