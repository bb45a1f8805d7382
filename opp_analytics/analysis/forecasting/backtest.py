"""`backtest`: the forecast of each past record against the actual bookings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.choose import noun
from opp_analytics.analysis.forecasting.method import Method, read_method
from opp_analytics.analysis.forecasting.past_forecasts import FORECAST, Actual, PastForecasts, Wanted, scores
from opp_analytics.analysis.forecasting.past_points import last_day
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History

_COLUMNS = ["weeks_before", *FORECAST[1:], "actual", "error", "booked", "method"]


def backtest(
    history: History,
    *,
    freq: str = "Q",
    method: str | Method = "auto",
    by: By = None,
    as_of: When | None = None,
    confidence: float = 0.8,
    tz: str | None = None,
) -> pd.DataFrame:
    """The forecast of each past record against the actual bookings.

    Parameters
    ----------
    history : History
        Past records; periods that had ended by the last record are judged.
    freq, method, confidence, tz
        As for `forecast`. "stage" learns the rates anew at each record, from the records up to it.
    by : str or list of str, optional
        One forecast for each value of these columns, as they were at the record; a deal that was not open then has those
        at its win.
    as_of : date-like, optional
        Only records up to the end of this day are used; None uses all.

    Returns
    -------
    DataFrame
        Index ``made_at`` (instant of the record), the columns of `by`, ``period`` (str): the period then current, and the
        next one. Columns:
        ``weeks_before`` (int64): full weeks from the record's day to the period's last day; ``expected``, ``low``,
        ``median``, ``high`` (float64, money): the forecast; ``actual``: money won in the period, according to the last record;
        ``error`` = expected − actual; ``booked``: money won in it by that record; ``method`` (str): the one used.
        Attrs: ``wape``, ``bias``, ``interval_coverage``, ``skill`` (None where not defined), ``n`` forecasts, ``as_of``,
        ``freq``, ``method``, ``confidence``, ``left_out``: forecasts of records too early to learn what the method needs.

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
    WAPE = Σ abs(F − A) / Σ A, bias = Σ(F − A) / Σ A, skill = 1 − WAPE / WAPE of the run rate. A forecast uses only the records up to its own. Ranges
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
    way, names = read_method(method), check_by(by, level="period")
    past = PastForecasts.of(
        history,
        "backtest",
        freq=freq,
        as_of=as_of,
        by=names,
        confidence=confidence,
        tz=tz,
    )
    wanted = judged_periods(past)
    table = judge(past, way, wanted)
    if table.empty:
        early = f", and records before it that {way.name} can learn from" if wanted else ""
        raise NotEnoughHistory(
            f"backtest needs a {noun(freq)} that had ended by the last record ({past.last_day.date()}){early}; keep recording"
        )
    return annotate(
        table,
        made_from=history,
        n=len(table),
        as_of=past.last_day,
        left_out={"too_early_to_learn": sum(map(len, wanted.values())) - forecasts(table)},
        freq=past.freq,
        method=way.name,
        confidence=past.confidence,
        skill=skill(past, table, wanted),
        **scores(table),
    )


def judged_periods(past: PastForecasts) -> Wanted:
    """The periods judged at each record: the current one and the next, where they had ended by the last record."""
    over = past.records.days[-1]
    found = {}
    for record, day in enumerate(past.records.days):
        current = pd.Period(pd.Timestamp(day, unit="D"), past.records.freq)
        ended = [period for period in (current, current + 1) if last_day(period) < over]
        if ended:
            found[record] = ended
    return found


def judge(past: PastForecasts, method: Method, wanted: Wanted) -> pd.DataFrame:
    """The forecasts of a method beside the actual bookings; a group that nobody foresaw was forecast as 0."""
    made = past.made(method, wanted)
    actual = past.actual({record: wanted[record] for record in dict.fromkeys(made["record"])})
    made = pd.concat([made, _unforeseen(made, actual, past.by)], ignore_index=True) if past.by else made
    made["actual"] = [actual.get(key, 0.0) for key in _keys(made, past.by)]
    made["error"] = made["expected"] - made["actual"]
    return made.set_index(["made_at", *past.by, "period"])[_COLUMNS]


def _unforeseen(made: pd.DataFrame, actual: Actual, by: list[str]) -> pd.DataFrame:
    """Rows for groups that won in a period and had no forecast of it."""
    known = set(_keys(made, by))
    told = {(row["record"], row["period"]): row for row in made.to_dict("records")}
    nothing = {"booked": 0.0, "expected": 0.0, **dict.fromkeys(("low", "median", "high"), np.nan)}
    rows = [
        {**told[record, period], **dict(zip(by, group, strict=True)), **nothing}
        for (record, group, period), money in actual.items()
        if money and (record, period) in told and (record, group, period) not in known
    ]
    return pd.DataFrame(rows, columns=made.columns).astype(made.dtypes)


def _keys(made: pd.DataFrame, by: list[str]) -> Iterator[tuple[int, tuple[str, ...], str]]:
    groups = zip(*(made[column] for column in by), strict=True) if by else repeat((), len(made))
    return zip(made["record"], groups, made["period"], strict=True)


def forecasts(table: pd.DataFrame) -> int:
    """Number of forecasts, whatever the number of groups."""
    return int(table.index.droplevel([*range(1, table.index.nlevels - 1)]).nunique())


def skill(past: PastForecasts, table: pd.DataFrame, wanted: Wanted) -> float | None:
    """1 − WAPE / WAPE of the run rate, over the forecasts that both could make; None without any."""
    plain = judge(past, Method("run_rate"), wanted)
    common = table.index.intersection(plain.index)
    ours, theirs = (scores(part.loc[common])["wape"] for part in (table, plain))
    return None if ours is None or not theirs else 1 - ours / theirs
