"""`backtest_methods`: forecast methods compared on the same past records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from opp_analytics.analysis.forecasting.backtest import judge, judged_periods
from opp_analytics.analysis.forecasting.method import METHODS, Method, read_method
from opp_analytics.analysis.forecasting.past_forecasts import PastForecasts, score_groups
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, NotEnoughHistory
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History


def backtest_methods(
    history: History,
    *,
    freq: str = "Q",
    methods: Sequence[str | Method] = ("learned", "run_rate", "stated"),
    as_of: When | None = None,
    confidence: float = 0.8,
    tz: str | None = None,
) -> pd.DataFrame:
    """Errors of several forecast methods on the same past records, to choose the best one.

    Parameters
    ----------
    history : History
        Past records.
    methods : sequence of str or Method
        Methods as for `forecast`.
    freq, as_of, confidence, tz
        As for `backtest`.

    Returns
    -------
    DataFrame
        Index ``method`` (str). Columns: ``n`` (int64), ``wape``, ``bias``, ``interval_coverage`` (float64, fractions), as
        in `backtest`; ``behind``: its WAPE minus the lowest one; ``behind_low``, ``behind_high``: the 95% interval of that
        difference, which is noise where the interval holds 0 (NaN for one period alone). All rows judge the same forecasts:
        those that every method could make. A method that could make none has n = 0 and NaN.
        Attrs: ``best``: the method with the lowest WAPE, None where its lead over the second is noise or there is no second.

    Raises
    ------
    NotEnoughHistory, ArgumentTypeError, ArgumentValueError, DataError
        As for `backtest`; also when two methods have the same name.

    Notes
    -----
    Forecasts of one period err together, so periods are what is compared: with d_p = Σ abs(error) − Σ abs(error of the
    best) over the forecasts of period p, the interval is that of Student's t for the mean of d_p, over mean actual. If
    ``interval_coverage`` is far below `confidence`, the ranges are too narrow. `sentence` says which method to use.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({
    ...     "unique_id": "a", "seen_at": ["2026-01-12", "2026-01-26", "2026-02-02"], "value": 100.0,
    ...     "probability": [40, 70, 100], "stage": ["proposal", "negotiation", "closed_won"], "close_date": "2026-01-30"})
    >>> by_stage = Method("stage", stage_rates={"proposal": 0.1, "negotiation": 0.3})
    >>> columns = ["n", "wape", "bias", "interval_coverage"]
    >>> backtest_methods(History.from_changes(log), freq="M", methods=("stated", by_stage))[columns]
            n  wape  bias  interval_coverage
    method
    stated  2  0.45 -0.45                1.0
    stage   2  0.80 -0.80                0.5
    """
    ways = _ways(methods)
    past = PastForecasts.of(
        history,
        "backtest_methods",
        freq=freq,
        as_of=as_of,
        confidence=confidence,
        tz=tz,
    )
    wanted = judged_periods(past)
    tables = {name: judge(past, way, wanted) for name, way in ways.items()}
    able = [table for table in tables.values() if len(table)]
    if not able:
        raise NotEnoughHistory(f"no method could forecast any {freq} period that has ended; keep recording")
    common = reduce(pd.Index.intersection, (table.index for table in able))
    tables = {name: table.loc[common] if len(table) else table for name, table in tables.items()}
    summary = _against_the_best(score_groups(tables, "method"), tables)
    return annotate(
        summary,
        made_from=history,
        n=len(common),
        as_of=past.last_day,
        freq=past.freq,
        confidence=past.confidence,
        best=_best(summary),
    )


def _against_the_best(summary: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The summary with how far each method is behind the best one, and the interval of that."""
    if not summary["wape"].notna().any():
        return summary.assign(behind=np.nan, behind_low=np.nan, behind_high=np.nan)
    best = tables[str(summary["wape"].idxmin())]
    ends = np.array([_difference(table, best) for table in tables.values()])
    return summary.assign(
        behind=summary["wape"] - summary["wape"].min(), behind_low=ends[:, 0], behind_high=ends[:, 1]
    )


def _difference(table: pd.DataFrame, best: pd.DataFrame) -> tuple[float, float]:
    """The interval of the difference of two methods' WAPE on the same forecasts."""
    off = (table["error"].abs() - best["error"].abs()).groupby(level="period").sum()
    if table.empty or len(off) < 2:
        return np.nan, np.nan
    mean, spread = float(off.mean()), float(off.std()) / len(off) ** 0.5
    reach = float(stdtrit(len(off) - 1, 0.975)) * spread
    whole = float(best["actual"].sum()) / len(off)
    return (mean - reach) / whole, (mean + reach) / whole


def _best(summary: pd.DataFrame) -> str | None:
    """The method with the lowest error, where that is no noise."""
    known = summary[summary["wape"].notna()].sort_values("wape", kind="stable")
    return str(known.index[0]) if len(known) > 1 and known["behind_low"].iloc[1] > 0 else None


def _ways(methods: Sequence[str | Method]) -> dict[str, Method]:
    """The methods by name."""
    if not isinstance(methods, (list, tuple)) or not methods:
        raise ArgumentTypeError(
            f"methods={methods!r} is not a list of methods; use for example {METHODS[1:]!r}"
        )
    ways: dict[str, Method] = {}
    for method in methods:
        way = read_method(method, "methods")
        if way.name in ways:
            raise ArgumentValueError(
                f"methods: {way.name!r} occurs twice; each method needs a different name"
            )
        ways[way.name] = way
    return ways
