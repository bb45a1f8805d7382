"""`backtest`: the forecast of each past record against the actual bookings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import arguments, periods
from opp_analytics.analysis.forecasting.method import Method, read_method
from opp_analytics.analysis.forecasting.past_forecasts import (
    FORECAST,
    Way,
    booked_by_period,
    past_forecast,
    replayed,
    scores,
    weeks_before,
)
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.replay import Replay, last_record
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History

_COLUMNS = ["weeks_before", *FORECAST[1:], "actual", "error", "booked"]


def backtest(
    history: History | Replay,
    *,
    freq: str = "Q",
    method: str | Method = "stated",
    as_of: When | None = None,
    confidence: float = 0.8,
    tz: str = "UTC",
) -> pd.DataFrame:
    """The forecast of each past record against the actual bookings.

    Parameters
    ----------
    history : History
        Past records; periods that had ended by the last record are judged.
    freq, method, confidence, tz
        As for `forecast`. "stage" learns the rates anew at each record, from the records up to it.
    as_of : date-like, optional
        Only records up to the end of this day are used; None uses all.

    Returns
    -------
    DataFrame
        Index ``made_at`` (instant of the record), ``period`` (str): the period then current, and the next one. Columns:
        ``weeks_before`` (int64): full weeks from the record's day to the period's last day; ``expected``, ``low``,
        ``median``, ``high`` (float64, money): the forecast; ``actual``: money won in the period, according to the last record;
        ``error`` = expected − actual; ``booked``: money won in it by that record.
        Attrs: ``wape``, ``bias``, ``interval_coverage`` (None where not defined), ``n`` forecasts, ``as_of``, ``freq``,
        ``method``, ``confidence``, ``left_out``: forecasts of records too early to learn what the method needs.

    Raises
    ------
    NotEnoughHistory
        When no period had ended by the last record.
    ArgumentTypeError, ArgumentValueError, DataError
        When an argument is invalid, or a record's probability is out of range.

    See Also
    --------
    backtest_horizons, backtest_methods, track_record

    Notes
    -----
    WAPE = Σ abs(F − A) / Σ A, bias = Σ(F − A) / Σ A. A forecast uses only the records up to its own. Ranges
    that hold less often than `confidence` are too narrow; try new business or correlation (`Method`).

    References
    ----------
    S. Kolassa, W. Schütz (2007), Advantages of the MAD/MEAN ratio over the MAPE, Foresight 6, 40–43, for WAPE.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({
    ...     "unique_id": "a", "seen_at": ["2026-01-12", "2026-01-26", "2026-02-02"], "value": 100.0,
    ...     "probability": [40, 70, 100], "stage": ["proposal", "negotiation", "closed_won"], "close_date": "2026-01-30"})
    >>> table = backtest(History.from_changes(log), freq="M")
    >>> table.droplevel("made_at")[["weeks_before", "expected", "actual", "error"]]
             weeks_before  expected  actual  error
    period
    2026-01             2      40.0   100.0  -60.0
    2026-01             0      70.0   100.0  -30.0
    >>> table.attrs["wape"], table.attrs["bias"], table.attrs["interval_coverage"]
    (0.45, -0.45, 1.0)
    """
    way = read_method(method)
    replay = replayed(history, "backtest", [way], as_of, tz)
    return judge(replay, way, freq=freq, confidence=confidence, tz=tz)


def judge(replay: Replay, way: Way, *, freq: str, confidence: float, tz: str) -> pd.DataFrame:
    """`backtest` on a history in memory, also for the run rate."""
    periods.check_freq(freq)
    arguments.between(confidence, "confidence", example=0.8)
    over = periods.as_date(last_record(replay), tz=tz)
    actual = booked_by_period(replay, freq)
    rows: list[dict[str, Any]] = []
    too_early = 0
    for moment in replay.records["recorded_at"]:
        current = pd.Period(periods.as_date(moment, tz=tz), freq)
        judged = [p for p in (current, current + 1) if p.end_time.normalize() < over]
        if judged:
            made = past_forecast(replay, moment, judged, way, freq=freq, confidence=confidence, tz=tz)
            known = [period for period in judged if str(period) in made.index]
            rows += [_row(made, moment, period, actual, tz) for period in known]
            too_early += len(judged) - len(known)
    if not rows:
        raise NotEnoughHistory(
            f"backtest needs a {freq} period that had ended by the last record ({over.date()})"
            f"{', and records before it to learn from' if too_early else ''}; keep recording"
        )
    frame = pd.DataFrame(rows).set_index(["made_at", "period"])[_COLUMNS]
    return annotate(
        frame,
        made_from=replay,
        n=len(frame),
        as_of=over,
        left_out={"too_early_to_learn": too_early},
        freq=freq,
        method=way.name if isinstance(way, Method) else way,
        confidence=float(confidence),
        **scores(frame),
    )


def _row(
    made: pd.DataFrame, moment: pd.Timestamp, period: pd.Period, actual: dict[str, float], tz: str
) -> dict[str, Any]:
    label = str(period)
    forecasted = {column: float(made.loc[label, column]) for column in FORECAST}  # type: ignore[arg-type]
    return {
        "made_at": moment,
        "period": label,
        "weeks_before": weeks_before(period, moment, tz),
        **forecasted,
        "actual": actual.get(label, 0.0),
        "error": forecasted["expected"] - actual.get(label, 0.0),
    }
