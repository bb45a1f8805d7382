"""How good forecasts have been: each past record's own forecast against what was booked in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opp_analytics import periods
from opp_analytics.analysis._notes import annotate
from opp_analytics.analysis.forecasts import forecast
from opp_analytics.analysis.observed import change_rows, last_record
from opp_analytics.analysis.outcomes import WON, outcome_codes
from opp_analytics.analysis.probabilities import Probability
from opp_analytics.analysis.stages import as_mapping, learnt
from opp_analytics.errors import MissingColumnError, NotEnoughHistory

if TYPE_CHECKING:
    from opp_analytics.history import History

_COLUMNS = ["weeks_before", "expected", "low", "high", "actual", "error", "booked"]
_RUN_RATE_PERIODS = 4
"""How many complete periods the naive run rate looks back."""


def backtest(
    history: History,
    *,
    freq: str = "Q",
    probability: Probability = "stated",
    correlation: float = 0.0,
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
    tz : str
        Business time zone, in which a record's instant becomes a day.

    Returns
    -------
    DataFrame
        Index ``made_at`` (instant of the record), ``period`` (str): the period then running, and the next one. Columns:
        ``weeks_before`` (int64): full weeks from the record's day to the period's last; ``expected``, ``low``, ``high``
        (float64, money): the forecast; ``actual``: won in the period as the last record knows it; ``error`` =
        expected − actual; ``booked``: won in it by then.
        Attrs: ``wape``, ``bias``, ``coverage`` of the 10–90 % band (None where not defined), ``n`` forecasts.

    Raises
    ------
    NotEnoughHistory
        When no period was over by the last record.
    ArgumentError, DataError
        When an argument makes no sense.

    Notes
    -----
    WAPE = Σ abs(F − A) / Σ A, bias = Σ(F − A) / Σ A. A forecast sees the records up to its own, nothing later.
    `backtest_horizons` shows the errors by weeks before the end, `backtest_methods` which probability to trust.

    References
    ----------
    DEFINITIONS, "Forecast", Backtest.
    """
    periods.check_freq(freq)
    rows = change_rows(history, "backtest")
    last = last_record(history)
    actual = _booked(history.as_of(last), freq)
    over = periods.as_date(last, tz=tz)
    found: list[dict[str, Any]] = []
    for moment in history.records["recorded_at"]:
        today = periods.as_date(moment, tz=tz)
        running = pd.Period(today, freq)
        judged = [p for p in (running, running + 1) if p.end_time.normalize() < over]
        if judged:
            table = _made(history, rows, moment, today, freq, probability, correlation)
            found += [_row(table, moment, today, period, actual) for period in judged]
    if not found:
        raise NotEnoughHistory(
            f"backtest needs a {freq} period that was over by the last record ({over.date()}); record on"
        )
    frame = pd.DataFrame(found).set_index(["made_at", "period"])[_COLUMNS]
    return annotate(
        frame,
        made_from=None,
        n=len(frame),
        as_of=over,
        freq=freq,
        probability=_said(probability),
        **scores(frame),
    )


def _said(probability: Probability) -> str:
    return probability if isinstance(probability, str) else "mapping"


def _booked(frame: pd.DataFrame, freq: str) -> dict[str, float]:
    won = frame[(outcome_codes(frame) == WON) & frame["close_date"].notna().to_numpy()]
    labels = periods.labels(won["close_date"], freq) if len(won) else won["close_date"].astype(str)
    return {
        str(label): float(total) for label, total in won["value"].groupby(labels.to_numpy()).sum().items()
    }


def _made(
    history: History,
    rows: pd.DataFrame,
    moment: pd.Timestamp,
    today: pd.Timestamp,
    freq: str,
    probability: Probability,
    correlation: float,
) -> pd.DataFrame:
    """The forecast made at a record, from that record and those before it."""
    frame = history.as_of(moment)
    if isinstance(probability, str) and probability == "run_rate":
        return _run_rate(frame, today, freq)
    rates = None
    if isinstance(probability, str) and probability == "stage":
        rates = as_mapping(learnt(rows[rows["seen_at"] <= moment], moment))
        rates = {stage: rate for stage, rate in rates.items() if np.isfinite(rate)}
    return forecast(
        frame, as_of=today, freq=freq, probability=probability, correlation=correlation, stage_rates=rates
    )


def _run_rate(frame: pd.DataFrame, today: pd.Timestamp, freq: str) -> pd.DataFrame:
    """What was booked on average in the last complete periods, with a normal band of their spread."""
    booked = _booked(frame, freq)
    running = pd.Period(today, freq)
    past = np.array([booked.get(str(running - k), 0.0) for k in range(1, _RUN_RATE_PERIODS + 1)])
    mean, reach = float(past.mean()), float(ndtri(0.9) * past.std(ddof=1))
    names = [str(running), str(running + 1)]
    return pd.DataFrame(
        {
            "booked": [booked.get(name, 0.0) for name in names],
            "expected": mean,
            "low": mean - reach,
            "high": mean + reach,
        },
        index=names,
    )


def _row(
    table: pd.DataFrame, moment: pd.Timestamp, today: pd.Timestamp, period: Any, actual: dict[str, float]
) -> dict[str, Any]:
    name, truth = str(period), actual.get(str(period), 0.0)
    made = (
        table.loc[name] if name in table.index else dict.fromkeys(["booked", "expected", "low", "high"], 0.0)
    )
    return {
        "made_at": moment,
        "period": name,
        "weeks_before": int((period.end_time.normalize() - today).days // 7),
        "expected": float(made["expected"]),
        "low": float(made["low"]),
        "high": float(made["high"]),
        "actual": truth,
        "error": float(made["expected"]) - truth,
        "booked": float(made["booked"]),
    }


def scores(table: pd.DataFrame) -> dict[str, float | None]:
    """WAPE, bias and coverage of the band of some forecasts; None where nothing was booked."""
    total = float(table["actual"].sum())
    banded = table[table["low"].notna()]
    inside = (banded["low"] - 0.005 <= banded["actual"]) & (banded["actual"] <= banded["high"] + 0.005)
    return {
        "wape": float(table["error"].abs().sum()) / total if total > 0 else None,
        "bias": float(table["error"].sum()) / total if total > 0 else None,
        "coverage": float(inside.mean()) if len(banded) else None,
    }


def _scored(groups: dict[Any, pd.DataFrame], name: str) -> pd.DataFrame:
    rows = {key: {"n": len(table), **scores(table)} for key, table in groups.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["n", "wape", "bias", "coverage"])
    return table.rename_axis(name).astype(
        {"n": "int64", "wape": "float64", "bias": "float64", "coverage": "float64"}
    )


def backtest_horizons(table: pd.DataFrame) -> pd.DataFrame:
    """The errors of a backtest by weeks before the period's end.

    Parameters
    ----------
    table : DataFrame
        What `backtest` returns.

    Returns
    -------
    DataFrame
        Index ``weeks_before`` (int64). Columns: ``n`` (int64), ``wape``, ``bias``, ``coverage`` (float64, fractions).
    """
    missing = [c for c in ("weeks_before", "error", "actual", "low", "high") if c not in table.columns]
    if missing:
        raise MissingColumnError(
            f"the table has no column {', '.join(missing)}; hand in what backtest returns"
        )
    scored = _scored({int(weeks): part for weeks, part in table.groupby("weeks_before")}, "weeks_before")
    return annotate(
        scored, made_from=None, n=len(table), **{k: table.attrs.get(k) for k in ("freq", "probability")}
    )


def backtest_methods(
    history: History, *, freq: str = "Q", methods: Sequence[Probability] = ("stated", "stage", "run_rate")
) -> pd.DataFrame:
    """Which probability to trust: the errors of a backtest with each.

    Parameters
    ----------
    history : History
        Records of the past.
    freq : str
        Period alias.
    methods : sequence
        As `probability` of `backtest`.

    Returns
    -------
    DataFrame
        Index ``method`` (str). Columns: ``n`` (int64), ``wape``, ``bias``, ``coverage`` (float64, fractions).
    """
    tables = {_said(method): backtest(history, freq=freq, probability=method) for method in methods}
    scored = _scored(tables, "method")
    return annotate(scored, made_from=None, n=int(scored["n"].max()), freq=freq)
