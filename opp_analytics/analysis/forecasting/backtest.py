"""How good forecasts have been: each past record's own forecast against what was booked in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opp_analytics import periods
from opp_analytics.analysis.forecasting.chances import Probability
from opp_analytics.analysis.forecasting.forecast import forecast
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.replay import Replay, last_record
from opp_analytics.errors import ArgumentTypeError, NotEnoughHistory
from opp_analytics.org import WON, outcome_codes

if TYPE_CHECKING:
    from opp_analytics.history import History


_MADE = ["booked", "expected", "low", "median", "high"]
_COLUMNS = ["weeks_before", *_MADE[1:], "actual", "error", "booked"]
_RUN_RATE_PERIODS = 4
"""How many complete periods the naive run rate looks back."""


def backtest(
    history: History | Replay,
    *,
    freq: str = "Q",
    probability: Probability = "stated",
    correlation: float = 0.0,
    new_business: bool = False,
    timing: str = "due",
    tz: str = "UTC",
) -> pd.DataFrame:
    """The forecast that each past record would have made, against what was booked.

    Parameters
    ----------
    history : History
        Records of the past; periods that were over by the last one are judged.
    freq : str
        Period alias.
    probability : str or mapping
        As for `forecast`; "stage" learns the rates anew at each record from the records up to it; "run_rate" looks at
        no open deal: what was booked on average in the last four complete periods.
    correlation : float
        As for `forecast`.
    new_business : bool
        As for `forecast`.
    timing : str
        As for `forecast`.
    tz : str
        Business time zone, in which a record's instant becomes a day.

    Returns
    -------
    DataFrame
        Index ``made_at`` (instant of the record), ``period`` (str): the period then running, and the next one. Columns:
        ``weeks_before`` (int64): full weeks from the record's day to the period's last; ``expected``, ``low``,
        ``median``, ``high`` (float64, money): the forecast; ``actual``: won in the period as the last record knows it;
        ``error`` = expected − actual; ``booked``: won in it by then.
        Attrs: ``wape``, ``bias``, ``interval_coverage`` of the 10–90 % band (None where not defined), ``n`` forecasts, ``left_out``
        (those of records too early to learn what the forecast needs, such as three past periods for `new_business`).

    Raises
    ------
    NotEnoughHistory
        When no period was over by the last record.
    ArgumentTypeError, DataError
        When an argument makes no sense.

    Notes
    -----
    WAPE = Σ abs(F − A) / Σ A, bias = Σ(F − A) / Σ A. A forecast sees the records up to its own, nothing later. A band
    that holds the truth less often than in 80 % of the cases is too narrow: try `new_business` or `correlation`.
    `backtest_horizons` shows the errors by weeks before the end, `backtest_methods` which probability to trust.

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
    periods.check_freq(freq)
    replay = Replay.of(history, "backtest", *([probability] if isinstance(probability, str) else []))
    last = last_record(replay)
    over = periods.as_date(last, tz=tz)
    actual = booked_by_period(replay.as_of(last), freq)
    how: dict[str, Any] = {
        "probability": probability,
        "correlation": correlation,
        "new_business": new_business,
        "timing": timing,
    }
    rows: list[dict[str, Any]] = []
    too_early = 0
    for moment in replay.records["recorded_at"]:
        today = periods.as_date(moment, tz=tz)
        running = pd.Period(today, freq)
        judged = [p for p in (running, running + 1) if p.end_time.normalize() < over]
        if judged:
            table = made(replay.until(moment), moment, today, freq, judged, **how)
            told = [period for period in judged if str(period) in table.index]
            rows += [_row(table, moment, today, period, actual) for period in told]
            too_early += len(judged) - len(told)
    if not rows:
        raise NotEnoughHistory(
            f"backtest needs a {freq} period that was over by the last record ({over.date()})"
            f"{', and records before it to learn from' if too_early else ''}; record on"
        )
    frame = pd.DataFrame(rows).set_index(["made_at", "period"])[_COLUMNS]
    return annotate(
        frame,
        made_from=None,
        n=len(frame),
        as_of=over,
        left_out={"too_early_to_learn": too_early},
        freq=freq,
        method=method_name(probability, new_business, timing),
        **scores(frame),
    )


def is_run_rate(method: Probability) -> bool:
    """Whether a method is the naive one that looks at no open deal."""
    return isinstance(method, str) and method == "run_rate"


def method_name(probability: Probability, new_business: bool, timing: str) -> str:
    """What a way to forecast is called in a table."""
    name = probability if isinstance(probability, str) else "mapping"
    return f"{name}{' in time' if timing == 'curve' else ''}{' + new business' if new_business else ''}"


def booked_by_period(frame: pd.DataFrame, freq: str) -> dict[str, float]:
    """Money won in each period, by label."""
    won = frame[(outcome_codes(frame) == WON) & frame["close_date"].notna().to_numpy()]
    labels = periods.labels(won["close_date"], freq) if len(won) else won["close_date"].astype(str)
    return {
        str(label): float(total) for label, total in won["value"].groupby(labels.to_numpy()).sum().items()
    }


def made(
    known: Replay,
    moment: pd.Timestamp,
    today: pd.Timestamp,
    freq: str,
    wanted: Sequence[pd.Period],
    *,
    probability: Probability,
    correlation: float,
    new_business: bool,
    timing: str,
) -> pd.DataFrame:
    """The forecast made at a record from what was known: every period that is wanted, unless too little was known."""
    frame = known.as_of(moment)
    if is_run_rate(probability):
        if new_business or timing != "due":
            raise ArgumentTypeError(
                "probability='run_rate' looks at no open deal: leave new_business and timing out"
            )
        return _run_rate(frame, today, freq, wanted)
    try:
        table = forecast(
            frame,
            as_of=today,
            freq=freq,
            probability=probability,
            correlation=correlation,
            history=known,
            new_business=new_business,
            timing=timing,
            # A period has a row even when nothing is due in it yet: new business may come.
            target={str(period): 0.0 for period in wanted},
        )
    except NotEnoughHistory:
        return pd.DataFrame(columns=_MADE)
    return table[table["new_business"].notna()] if new_business else table


def _run_rate(
    frame: pd.DataFrame, today: pd.Timestamp, freq: str, wanted: Sequence[pd.Period]
) -> pd.DataFrame:
    """What was booked on average in the last complete periods, with a normal band of their spread."""
    booked = booked_by_period(frame, freq)
    running = pd.Period(today, freq)
    past = np.array([booked.get(str(running - k), 0.0) for k in range(1, _RUN_RATE_PERIODS + 1)])
    mean, reach = float(past.mean()), float(ndtri(0.9) * past.std(ddof=1))
    names = [str(period) for period in wanted]
    columns = {
        "booked": [booked.get(name, 0.0) for name in names],
        "expected": mean,
        "low": mean - reach,
        "median": mean,
        "high": mean + reach,
    }
    return pd.DataFrame(columns, index=names)


def _row(
    table: pd.DataFrame, moment: pd.Timestamp, today: pd.Timestamp, period: Any, actual: dict[str, float]
) -> dict[str, Any]:
    name, truth = str(period), actual.get(str(period), 0.0)
    forecasted = {column: float(table.loc[name, column]) for column in _MADE}  # type: ignore[arg-type]
    return {
        "made_at": moment,
        "period": name,
        "weeks_before": int((period.end_time.normalize() - today).days // 7),
        **forecasted,
        "actual": truth,
        "error": forecasted["expected"] - truth,
    }


def scores(table: pd.DataFrame) -> dict[str, float | None]:
    """WAPE, bias and coverage of the band of some forecasts; None where nothing was booked."""
    total = float(table["actual"].sum())
    banded = table[table["low"].notna()]
    inside = (banded["low"] - 0.005 <= banded["actual"]) & (banded["actual"] <= banded["high"] + 0.005)
    return {
        "wape": float(table["error"].abs().sum()) / total if total > 0 else None,
        "bias": float(table["error"].sum()) / total if total > 0 else None,
        "interval_coverage": float(inside.mean()) if len(banded) else None,
    }


def scored(groups: Mapping[Any, pd.DataFrame], name: str) -> pd.DataFrame:
    """The scores of each group of periods, one row a group."""
    rows = {key: {"n": len(table), **scores(table)} for key, table in groups.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["n", "wape", "bias", "interval_coverage"])
    return table.rename_axis(name).astype(
        {"n": "int64", "wape": "float64", "bias": "float64", "interval_coverage": "float64"}
    )
