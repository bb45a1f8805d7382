"""Past forecasts: the forecast of a record, from the records up to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opp_analytics import periods
from opp_analytics.analysis.forecasting.forecast import forecast
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.shared.replay import Replay, last_record
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.org import WON, outcome_codes
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History

RUN_RATE: Literal["run_rate"] = "run_rate"
"""The run-rate method, which ignores open deals: mean bookings of the last complete periods."""
Way = Method | Literal["run_rate"]
FORECAST = ["booked", "expected", "low", "median", "high"]
"""The columns of a past forecast."""
_RUN_RATE_PERIODS = 4


def replayed(
    history: History | Replay,
    asked_by: str,
    ways: Sequence[Way],
    as_of: When | None,
    tz: str,
    further: Sequence[str] = (),
) -> Replay:
    """The records up to the end of a day, with the columns that forecasts read, and `further` ones.

    Raises
    ------
    ArgumentTypeError, NotEnoughHistory
        When `history` is not a `History`, or has no record by then.
    """
    columns = [*further, *(name for way in ways if isinstance(way, Method) for name in way.columns)]
    replay = Replay.of(history, asked_by, *columns)
    if as_of is not None:
        replay = replay.until(periods.as_instant(as_of, tz=tz, end=True, name="as_of"))
    if replay.records.empty:
        raise NotEnoughHistory(f"{asked_by} needs records, but there are none up to as_of={as_of!r}")
    return replay


def booked_by_period(replay: Replay, freq: str) -> dict[str, float]:
    """Money won in each period according to the last record, by label."""
    return _booked(replay.as_of(last_record(replay)), freq)


def past_forecast(
    replay: Replay,
    moment: pd.Timestamp,
    wanted: Sequence[pd.Period],
    way: Way,
    *,
    freq: str,
    confidence: float,
    tz: str,
) -> pd.DataFrame:
    """The forecast of the wanted periods at a record, without periods that lack data."""
    known = replay.until(moment)
    frame, today = known.as_of(moment), periods.as_date(moment, tz=tz)
    labels = [str(period) for period in wanted]
    if not isinstance(way, Method):
        return _run_rate(frame, pd.Period(today, freq), labels, freq, confidence)
    try:
        table = forecast(
            frame,
            as_of=today,
            freq=freq,
            method=way,
            history=known,
            periods=labels,
            confidence=confidence,
            tz=tz,
        )
    except NotEnoughHistory:
        return pd.DataFrame(columns=FORECAST)
    return table.loc[labels].dropna(subset="new_business")


def weeks_before(period: pd.Period, moment: pd.Timestamp, tz: str) -> int:
    """Full weeks from a record's day to the last day of a period."""
    return int((period.end_time.normalize() - periods.as_date(moment, tz=tz)).days // 7)


def scores(table: pd.DataFrame) -> dict[str, float | None]:
    """WAPE, bias and interval coverage of forecasts; None where nothing was booked."""
    total = float(table["actual"].sum())
    ranged = table[table["low"].notna()]
    return {
        "wape": float(table["error"].abs().sum()) / total if total > 0 else None,
        "bias": float(table["error"].sum()) / total if total > 0 else None,
        "interval_coverage": float(in_range(ranged).mean()) if len(ranged) else None,
    }


def in_range(table: pd.DataFrame) -> pd.Series[bool]:
    """True where the actual bookings are in the range, to the cent."""
    return (table["low"] - 0.005 <= table["actual"]) & (table["actual"] <= table["high"] + 0.005)


def score_groups(groups: Mapping[Any, pd.DataFrame], name: str) -> pd.DataFrame:
    """The scores of groups of forecasts, one row per group."""
    columns = {"n": "int64", "wape": "float64", "bias": "float64", "interval_coverage": "float64"}
    rows = {key: {"n": len(table), **scores(table)} for key, table in groups.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns))
    return table.rename_axis(name).astype(columns)


def _booked(frame: pd.DataFrame, freq: str) -> dict[str, float]:
    won = frame[(outcome_codes(frame) == WON) & frame["close_date"].notna().to_numpy()]
    labels = periods.labels(won["close_date"], freq)
    return {
        str(label): float(total) for label, total in won["value"].groupby(labels.to_numpy()).sum().items()
    }


def _run_rate(
    frame: pd.DataFrame, current: pd.Period, labels: list[str], freq: str, confidence: float
) -> pd.DataFrame:
    """Mean bookings of the last complete periods, with a normal range from their spread."""
    booked = _booked(frame, freq)
    past = np.array([booked.get(str(current - k), 0.0) for k in range(1, _RUN_RATE_PERIODS + 1)])
    mean, reach = float(past.mean()), float(ndtri((1 + confidence) / 2) * past.std(ddof=1))
    columns = {
        "booked": [booked.get(label, 0.0) for label in labels],
        "expected": mean,
        "low": mean - reach,
        "median": mean,
        "high": mean + reach,
    }
    return pd.DataFrame(columns, index=labels)
