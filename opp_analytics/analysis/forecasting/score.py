"""`score`: past forecasts scored by method, period, days left or group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments
from opp_analytics.analysis.forecasting.past_forecasts import judge_ranges
from opp_analytics.analysis.forecasting.range_width import LEVEL
from opp_analytics.analysis.stats.intervals import adjust_p_values, compare_pairs
from opp_analytics.arrays import Series
from opp_analytics.errors import ArgumentValueError
from opp_analytics.note import note_of

_CHANCE = 0.05
"""Chance of a difference where methods are equal."""
_BANDS = {
    1: "0–1",
    3: "2–3",
    7: "4–7",
    14: "8–14",
    31: "15–31",
    60: "32–60",
    91: "61–91",
    np.inf: "92+",
}
"""Days before the period's end, by the last of each band."""
_FEWEST_SHARE = 0.5
"""Share of the first method's forecasts, below which another is left out, so that it does not
shrink the table."""
_RANGES = {50: ("low_50", "high_50"), 80: ("low", "high"), 95: ("low_95", "high_95")}
"""The ends of the ranges by level."""
_SCORES = ["wape", "bias", "coverage_50", "coverage_80", "coverage_95", "winkler", "crps"]


def score(backtest: pd.DataFrame, *, by: str = "method") -> pd.DataFrame:
    """Score past forecasts: how far they missed and how often their ranges held.

    ``differs`` says which method errs differently from the first.

    Parameters
    ----------
    backtest : DataFrame
        Result of `backtest`, or some of its rows.
    by : str
        "method", "period", "lead" (in bands of days before the period's end), or another column of
        the backtest.

    Returns
    -------
    DataFrame
        Index `by`; of several methods also ``method``, below it. ``lead`` is an ordered category:
        "0–1", "2–3", "4–7", "8–14", "15–31", "32–60", "61–91", "92+", those that occur. Columns:
        ``n`` (int64) forecasts; ``wape``, ``bias`` (float64, fractions; NaN where nothing was
        booked); ``coverage_50``, ``coverage_80``, ``coverage_95`` (fractions): share of ranges that
        held; ``winkler`` (money): mean Winkler score of the 80% range; ``crps`` (money): its mean;
        ``differs`` (bool): its errors differ from those of the first method beyond chance. Scores
        of ranges are NaN for a method without any. Note: ``n``, ``periods``.

        All methods are judged on the same forecasts: those that each of them made. One that made
        fewer than half of the first method's has n = 0 and NaN.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError, MissingColumnError
        When `backtest` is not a result of that function, or lacks the column.

    See Also
    --------
    backtest

    Notes
    -----
    WAPE = Σ abs(F − A) / Σ A, bias = Σ(F − A) / Σ A. Winkler score: width + 10 · distance of the
    actual outside. Forecasts of one period err together, so periods are what is compared:
    ``differs`` is the two-sided test that changes the signs of d_p = Σ abs(error) − Σ abs(error of
    the first method) over the forecasts of period p (exact to 12 periods), with Holm's adjustment
    for the methods compared, within each row of `by`. `sentence` says which method to use.

    References
    ----------
    S. Kolassa, W. Schütz (2007), Advantages of the MAD/MEAN ratio over the MAPE, Foresight 6,
    40–43. R. L. Winkler (1972), A decision-theoretic approach to interval estimation, JASA 67,
    187–191.

    Examples
    --------
    >>> import opp_analytics as oa
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": "a",
    ...         "seen_at": ["2026-01-12", "2026-01-26", "2026-02-02"],
    ...         "value": 100.0,
    ...         "probability": [40, 70, 100],
    ...         "stage": ["proposal", "negotiation", "closed_won"],
    ...         "close_date": "2026-01-30",
    ...     }
    ... )
    >>> past = oa.backtest(oa.History.from_changes(log), freq="M")
    >>> score(past, by="lead")[["n", "wape", "bias", "coverage_80"]]
           n  wape  bias  coverage_80
    lead
    4–7    1   0.3  -0.3          1.0
    15–31  1   0.6  -0.6          1.0
    """
    ends = [end for ends in _RANGES.values() for end in ends]
    needed = ("lead", "actual", "error", "crps", *ends)
    arguments.frame(backtest, "backtest", *needed, made_by="backtest")
    names = backtest.index.names
    if by not in names and by not in backtest.columns:
        known = ", ".join(map(repr, [*names, "lead", "used"]))
        raise ArgumentValueError.of("by", by, "is unknown", f"use one of {known}")
    methods = backtest.groupby(level="method", sort=False)
    tables = keep_common({str(name): part.droplevel("method") for name, part in methods})
    whole = max(tables.values(), key=len)
    if by == "method":
        summary = compare_methods(tables)
    else:
        keys, labels = _find_rows(whole, by)
        summary = pd.concat(
            compare_methods(
                {name: table[keys[: len(table)] == label] for name, table in tables.items()}
            )
            for label in labels
        )
        summary.index = pd.MultiIndex.from_product([labels, list(tables)], names=[by, "method"])
        summary = summary if len(tables) > 1 else summary.droplevel("method")
    told = {"n": len(whole), "periods": whole.index.get_level_values("period").nunique()}
    return replace(note_of(backtest), kind="score", tz=None, figures=told).write(summary)


def keep_common(made: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Keep the forecasts that every method made.

    One that made fewer than half of the first method's keeps none.
    """
    whole = next(iter(made.values()))
    shared = {name: whole.index.intersection(table.index) for name, table in made.items()}
    kept = {name: part for name, part in shared.items() if len(part) >= _FEWEST_SHARE * len(whole)}
    common = reduce(pd.Index.intersection, kept.values())
    return {name: table.loc[common if name in kept else common[:0]] for name, table in made.items()}


def _find_rows(table: pd.DataFrame, by: str) -> tuple[Any, pd.Index[Any]]:
    """Find the row of each forecast, and all rows in order."""
    if by == "lead":
        bands = find_bands(table)
        known = bands.cat.categories
        return bands.to_numpy(), pd.CategoricalIndex(known, known, ordered=True)
    keys = pd.Index(table.index.get_level_values(by) if by in table.index.names else table[by])
    return keys.to_numpy(), keys.unique()


def find_bands(table: pd.DataFrame) -> Series:
    """Find the band of days left of each forecast; only bands that occur are categories."""
    bands = pd.cut(table["lead"], [-1, *_BANDS], labels=list(_BANDS.values()))
    return bands.cat.remove_unused_categories()


def compare_methods(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Score each method, and mark those whose errors differ from the first one's."""
    rows = {name: {"n": len(table), **_score(table)} for name, table in tables.items()}
    summary = pd.DataFrame.from_dict(rows, orient="index", columns=["n", *_SCORES])
    summary = summary.astype({"n": "int64", **dict.fromkeys(_SCORES, "float64")})
    first, *others = tables.values()
    # Forecasts of one period err together.
    pairs = [
        (table["error"].abs() - first["error"].abs()).groupby(level="period").sum()
        for table in others
        if len(table)
    ]
    known = np.array([False, *map(len, others)], dtype=bool)
    differs = np.zeros(len(tables), dtype=bool)
    differs[known] = (
        adjust_p_values(np.array([*map(compare_pairs, pairs)], dtype=np.float64)) < _CHANCE
    )
    return summary.assign(differs=differs).rename_axis("method")


def _score(table: pd.DataFrame) -> dict[str, Any]:
    actual, total = table["actual"], table["actual"].sum()
    low, high = table["low"], table["high"]
    outside = (low - actual).clip(lower=0) + (actual - high).clip(lower=0)
    return {
        "wape": table["error"].abs().sum() / total if total > 0 else None,
        "bias": table["error"].sum() / total if total > 0 else None,
        **{f"coverage_{level}": _hold(table, *ends) for level, ends in _RANGES.items()},
        "winkler": (high - low + 2 / (1 - LEVEL) * outside).mean(),
        "crps": table["crps"].mean(),
    }


def _hold(table: pd.DataFrame, low: str, high: str) -> float:
    """Compute the share of ranges that held."""
    held = judge_ranges(table.assign(low=table[low], high=table[high]))
    return held.astype("float64").mean()
