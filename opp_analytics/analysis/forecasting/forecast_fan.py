"""One period's forecast as it was made record by record, narrowing towards what was booked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import periods
from opp_analytics.analysis.forecasting.backtest import booked_by_period, made, method_name
from opp_analytics.analysis.forecasting.chances import Probability
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.replay import Replay, last_record
from opp_analytics.errors import DataError, NotEnoughHistory

if TYPE_CHECKING:
    from opp_analytics.history import History


_COLUMNS = ["weeks_before", "booked", "expected", "low", "median", "high"]


def forecast_fan(
    history: History,
    *,
    period: str,
    freq: str = "M",
    probability: Probability = "stated",
    correlation: float = 0.0,
    new_business: bool = False,
    timing: str = "due",
    tz: str = "UTC",
) -> pd.DataFrame:
    """The forecast of one period at every record until its end.

    Parameters
    ----------
    history : History
        Records of the past; each forecast sees those up to its own.
    period : str
        Label of the period, such as "2026-03", "2026Q1" or, fiscal, "2027Q1".
    freq : str
        Period alias that the label is of.
    probability, correlation, new_business, timing, tz
        As for `backtest`.

    Returns
    -------
    DataFrame
        Index ``made_at`` (instant of the record). Columns: ``weeks_before`` (int64): full weeks to the period's last day;
        ``booked``, ``expected``, ``low``, ``median``, ``high`` (float64, money).
        Attrs: ``period``, ``actual``: booked in it as the last record knows it, None while it is not over; ``n`` records.

    Raises
    ------
    NotEnoughHistory
        When no record until the period's end can forecast it.
    DataError, ArgumentTypeError
        When `period` is none of `freq`, or another argument makes no sense.

    Notes
    -----
    Each row is what `forecast` makes of the state at its record, with nothing later: ``expected`` = booked + Σ v·p of the
    open deals due in the period, and the 10, 50 and 90 % of booked + Σ v·Bernoulli(p). A range that narrows around what
    is booked in the end was right; one that keeps leaving itself behind was too narrow, which `backtest` counts.

    References
    ----------
    E. Britton, P. Fisher, J. Whitley (1998), The Inflation Report projections: understanding the fan chart, Bank of
    England Quarterly Bulletin 38, 30–37, for the picture.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({
    ...     "unique_id": "a", "seen_at": ["2026-01-12", "2026-01-26", "2026-02-02"], "value": 100.0,
    ...     "probability": [40, 70, 100], "stage": ["proposal", "negotiation", "closed_won"], "close_date": "2026-01-30"})
    >>> fan = forecast_fan(History.from_changes(log), period="2026-01")
    >>> fan.reset_index(drop=True)[["weeks_before", "booked", "expected", "low", "high"]]
       weeks_before  booked  expected  low   high
    0             2     0.0      40.0  0.0  100.0
    1             0     0.0      70.0  0.0  100.0
    >>> fan.attrs["actual"]
    100.0
    """
    wanted = _period(period, freq)
    replay = Replay.of(history, "forecast_fan", *([probability] if isinstance(probability, str) else []))
    rows: list[dict[str, Any]] = []
    for moment in replay.records["recorded_at"]:
        today = periods.as_date(moment, tz=tz)
        if today > wanted.end_time:
            break
        table = made(
            replay.until(moment),
            moment,
            today,
            freq,
            [wanted],
            probability=probability,
            correlation=correlation,
            new_business=new_business,
            timing=timing,
        )
        if str(wanted) in table.index:
            weeks = int((wanted.end_time.normalize() - today).days // 7)
            rows.append({"made_at": moment, "weeks_before": weeks, **table.loc[str(wanted), _COLUMNS[1:]]})
    if not rows:
        raise NotEnoughHistory(f"forecast_fan needs a record from before the end of {wanted} to learn from")
    last = last_record(replay)
    over = periods.as_date(last, tz=tz) > wanted.end_time.normalize()
    actual = booked_by_period(replay.as_of(last), freq).get(str(wanted), 0.0) if over else None
    frame = pd.DataFrame(rows).set_index("made_at")[_COLUMNS].astype(dict.fromkeys(_COLUMNS[1:], "float64"))
    return annotate(
        frame,
        made_from=None,
        n=len(frame),
        as_of=periods.as_date(last, tz=tz),
        period=str(wanted),
        actual=actual,
        method=method_name(probability, new_business, timing),
    )


def _period(label: str, freq: str) -> pd.Period:
    """The period of a label, after a check that it is written as `freq` writes it."""
    example = pd.Period("2026-03", periods.check_freq(freq))
    try:
        period = pd.Period(str(label), freq)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"period={label!r} is no period of freq={freq!r}, such as {str(example)!r}"
        ) from error
    if str(period) != str(label):
        raise DataError(f"period={label!r} is no period of freq={freq!r}, such as {str(example)!r}")
    return period
