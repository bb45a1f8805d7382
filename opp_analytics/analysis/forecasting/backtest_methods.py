"""`backtest_methods`: forecast methods and the formulas of others, judged on the same past forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from opp_analytics.analysis.forecasting import past_forecasts
from opp_analytics.analysis.forecasting.method import METHODS, Method, choose, read_method
from opp_analytics.analysis.forecasting.moment import last_day
from opp_analytics.analysis.forecasting.question import Question
from opp_analytics.analysis.forecasting.rivals import RIVALS, Rival
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.intervals import adjust_p_values, compare_pairs
from opp_analytics.arguments import MethodName, RivalName
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.periods import Freq, When

_LEVEL = 0.05
"""Chance of a difference where methods are equal."""
_EVERY = tuple(k / 100 for k in range(1, 100))
"""Levels of the quantiles that a whole distribution is judged by."""
_TAILS = (0.025, 0.975)
LEVELS = (*_EVERY, *_TAILS)
"""Levels of the column ``quantiles``."""
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
"""Share of the main method's forecasts, below which another is left out, so that it does not shrink
the table."""
_SCORES = (
    "wape",
    "bias",
    "interval_coverage",
    "coverage_50",
    "coverage_95",
    "winkler",
    "crps",
    "period_error",
    "period_error_se",
)
_FIRST = (
    "n",
    "wape",
    "bias",
    "interval_coverage",
    "behind",
    "behind_low",
    "behind_high",
    "differs",
)
"""The columns before the further scores."""


def backtest_methods(
    history: History,
    *,
    freq: Freq = "Q",
    methods: Sequence[MethodName | RivalName] = ("learned", "run_rate", "stated"),
    by_lead: bool = False,
    as_of: When | None = None,
    confidence: float = 0.8,
    stage_rates: Mapping[str, float] | pd.DataFrame | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Score several forecast methods on the same past forecasts, to choose the best one.

    Parameters
    ----------
    history : History
        Past records.
    methods : sequence of str
        Methods as for `forecast`, and formulas of others to compare them with, which give no range:
        "weighted" (booked, and the deals due at their stated chances), "three_periods" (mean of the
        last three ended periods), "stage_projection" (the deals due at what their stages won from
        the same point of the last ended period, and what that period won from other deals),
        "stage_projection_4" (the mean of that over the last four), "last_period", "year_ago".
    by_lead : bool
        If True, one row for each method and band of days before the period's end.
    stage_rates : mapping or DataFrame, optional
        Rates for "stage", as for `forecast`.
    freq, as_of, confidence, tz
        As for `backtest`.

    Returns
    -------
    DataFrame
        Index ``method`` (str); with `by_lead` also ``days_left`` (ordered category: "0–1", "2–3",
        "4–7", "8–14", "15–31", "32–60", "61–91", "92+", those that occur). Columns: ``n`` (int64),
        ``wape``, ``bias``, ``interval_coverage`` (float64, fractions), as in `backtest`;
        ``periods`` (int64): number judged; ``coverage_50``, ``coverage_95`` (float64, fractions):
        share of 50% and 95% ranges that held; ``winkler`` (float64, money): mean Winkler score of
        the range at `confidence`; ``crps`` (float64, money): mean CRPS, the absolute error where
        there is no range; ``period_error``, ``period_error_se`` (float64, fractions): mean over
        periods of the period's mean absolute error, over mean actual, and its standard error;
        ``behind``: its WAPE minus the lowest one; ``behind_low``, ``behind_high``: the 95% interval
        of that difference (NaN for one period alone); ``differs`` (bool): its errors differ from
        the best method's beyond chance. Scores of ranges are NaN for a method without any.

        All rows judge the same forecasts: those that every method could make. A method that could
        make fewer than half of those of the method that "auto" takes today (if not asked for: that
        made most) has n = 0 and NaN. Attrs: ``best``: the method with the lowest WAPE, None where
        its lead over the second may be chance or there is no second, with `by_lead` by band;
        ``left_out``: number of forecasts by method with too few.

    Raises
    ------
    NotEnoughHistory, ArgumentTypeError, ArgumentValueError, DataError
        As for `backtest`; also when two methods have the same name.

    Notes
    -----
    Forecasts of one period err together, so periods are what is compared: with d_p = Σ abs(error) −
    Σ abs(error of the best) over the forecasts of period p, the interval is that of Student's t for
    the mean of d_p, over mean actual; ``differs`` is the two-sided test that changes the signs of
    d_p (exact to 12 periods), with Holm's adjustment for the methods compared, within the band with
    `by_lead`. If ``interval_coverage`` is far below `confidence`, the ranges are too narrow.
    Winkler score: width + 2/(1 − confidence) · distance of the actual outside; CRPS: twice the mean
    pinball loss at the quantiles 0.01 to 0.99; the smaller, the better. `sentence` says which
    method to use.

    References
    ----------
    T. Gneiting, A. E. Raftery (2007), Strictly proper scoring rules, prediction, and estimation,
    JASA 102, 359–378.

    Examples
    --------
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
    >>> asked = {
    ...     "freq": "M",
    ...     "methods": ["stated", "stage"],
    ...     "stage_rates": {"proposal": 0.1, "negotiation": 0.3},
    ... }
    >>> columns = ["n", "wape", "bias", "interval_coverage"]
    >>> backtest_methods(History.from_changes(log), **asked)[columns]
            n  wape  bias  interval_coverage
    method
    stated  2  0.45 -0.45                1.0
    stage   2  0.80 -0.80                0.5
    """
    ways = read_methods(methods, stage_rates)
    stated = any(name in ways for name in ("stated", "weighted"))
    asked: dict[str, Any] = {"freq": freq, "as_of": as_of, "confidence": confidence, "tz": tz}
    asked["method"] = Method("stated" if stated else "auto")
    question = Question.of_past(history, "backtest_methods", **asked)
    past = past_forecasts.PastForecasts(question, LEVELS)
    made = judge_methods(past, ways, past_forecasts.list_ended(past.records))
    now = past.learned.versions.at(len(past.records.days) - 1)
    tables = keep_common(made, choose(Method("auto"), now, question.freq, past.records).name)
    judged = max(tables.values(), key=len)
    if judged.empty:
        raise NotEnoughHistory(
            f"no method could forecast any {freq} period that has ended; keep recording"
        )
    best: Any
    if by_lead:
        left = name_bands(judged["days_left"])
        bands = pd.CategoricalIndex(left.categories, left.categories, ordered=True)
        parts = {
            one: compare_methods(
                {name: table[left[: len(table)] == one] for name, table in tables.items()}
            )
            for one in bands
        }
        order = [(name, one) for name in tables for one in parts]
        summary: pd.DataFrame = pd.concat(parts).swaplevel().loc[order]
        summary.index = pd.MultiIndex.from_product(
            [list(tables), bands], names=["method", "days_left"]
        )
        best = {one: _pick_best(part) for one, part in parts.items()}
    else:
        summary = compare_methods(tables)
        best = _pick_best(summary)
    notes = {name: note for name, note in past.notes.items() if name != "method"}
    annotate(summary, made_from=history, n=len(judged), best=best, **notes)
    # Also a method without any forecast is named.
    summary.attrs["left_out"] = {
        name: len(table) for name, table in made.items() if not len(tables[name])
    }
    return summary


def judge_methods(
    past: past_forecasts.PastForecasts,
    ways: Mapping[Any, Method | None],
    wanted: past_forecasts.Wanted,
) -> dict[str, pd.DataFrame]:
    """Judge the wanted forecasts by each method, with their scores and ``days_left``.

    `past` asks for `LEVELS`.
    """
    ours = {name: way for name, way in ways.items() if way is not None}
    tables = dict(zip(ours, past.judge(wanted, *ours.values()), strict=True))
    for name in ways.keys() - ours:
        (tables[name],) = Rival(past.question, LEVELS, name).judge(wanted, None)
    return {name: _judge_each(tables[name], past) for name in ways}


def keep_common(made: Mapping[str, pd.DataFrame], main: str = "") -> dict[str, pd.DataFrame]:
    """Keep the forecasts that every method made.

    One that made fewer than half of the main method's keeps none.

    The main method is `main`, or where that made none, the one that made most.
    """
    whole = made[main] if len(made.get(main, ())) else max(made.values(), key=len)
    shared = {name: whole.index.intersection(table.index) for name, table in made.items()}
    kept = {name: part for name, part in shared.items() if len(part) >= _FEWEST_SHARE * len(whole)}
    common = reduce(pd.Index.intersection, kept.values())
    return {name: table.loc[common if name in kept else common[:0]] for name, table in made.items()}


def _judge_each(table: pd.DataFrame, past: past_forecasts.PastForecasts) -> pd.DataFrame:
    """Add days left, and how each range and distribution turned out.

    NaN, or the absolute error, without one.
    """
    quantiles = np.array(table["quantiles"].to_list(), dtype=np.float64).reshape(-1, len(LEVELS))
    at = dict(zip(LEVELS, quantiles.T, strict=True))
    day = dict(zip(past.records.moments, past.records.days.tolist(), strict=True))
    left = [
        last_day(pd.Period(period, past.records.freq)) - day[made_at]
        for made_at, *_, period in table.index
    ]
    crps = score_quantiles(table["actual"], quantiles[:, : len(_EVERY)], _EVERY)
    confidence = past.question.confidence
    return table.assign(
        days_left=np.array(left, dtype=np.int64),
        held_50=past_forecasts.judge_ranges(table.assign(low=at[0.25], high=at[0.75])),
        held_95=past_forecasts.judge_ranges(table.assign(low=at[_TAILS[0]], high=at[_TAILS[1]])),
        winkler=score_ranges(table["actual"], table["low"], table["high"], confidence=confidence),
        crps=np.where(np.isnan(crps), table["error"].abs(), crps),
    )


def score_ranges(actual: Any, low: Any, high: Any, *, confidence: float) -> NDArray[np.float64]:
    """Compute the Winkler score of each range: its width, and 2/(1 − confidence) times the distance of an actual outside it.

    References
    ----------
    R. L. Winkler (1972), A decision-theoretic approach to interval estimation, JASA 67, 187–191.
    """
    came, lower, upper = (np.asarray(part, dtype=np.float64) for part in (actual, low, high))
    outside = np.maximum(lower - came, 0) + np.maximum(came - upper, 0)
    return np.asarray(upper - lower + 2 / (1 - confidence) * outside)


def score_quantiles(actual: Any, quantiles: Any, levels: Any) -> NDArray[np.float64]:
    """Compute the CRPS of each forecast (row) from its quantiles at evenly spaced levels: twice their mean pinball loss.

    References
    ----------
    T. Gneiting, A. E. Raftery (2007), Strictly proper scoring rules, prediction, and estimation,
    JASA 102, 359–378.
    """
    off = np.asarray(actual, dtype=np.float64)[:, None] - np.asarray(quantiles, dtype=np.float64)
    share = np.asarray(levels, dtype=np.float64)
    return np.asarray(2 * np.maximum(share * off, (share - 1) * off).mean(axis=1))


def compare_methods(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Score each method, and how far it is behind the best one."""
    rows = {name: _score(table) for name, table in tables.items()}
    summary = pd.DataFrame.from_dict(rows, orient="index", columns=["n", "periods", *_SCORES])
    summary = summary.astype(
        {"n": "int64", "periods": "int64", **dict.fromkeys(_SCORES, "float64")}
    )
    summary = _compare_with_best(summary.rename_axis("method"), tables)
    return summary[[*_FIRST, "periods", *_SCORES[3:]]]


def _score(table: pd.DataFrame) -> dict[str, Any]:
    """Score one method's forecasts.

    A period counts once in ``period_error``, however many forecasts it has.
    """
    whole = (
        table[["error", "actual"]].assign(error=table["error"].abs()).groupby(level="period").mean()
    )
    mean = float(whole["actual"].mean()) if len(whole) and whole["actual"].sum() > 0 else np.nan
    held = {name: table[f"held_{name}"].dropna() for name in ("50", "95")}
    return {
        "n": len(table),
        "periods": len(whole),
        **past_forecasts.score(table),
        **{
            f"coverage_{name}": float(part.mean()) if len(part) else None
            for name, part in held.items()
        },
        "winkler": table["winkler"].mean(),
        "crps": table["crps"].mean(),
        "period_error": float(whole["error"].mean()) / mean,
        "period_error_se": float(np.asarray(whole["error"].sem())) / mean,
    }


def name_bands(days_left: pd.Series[int]) -> pd.Categorical[Any]:
    """Name the band of each forecast by days before the period's end.

    The categories are those that occur, in order.
    """
    return pd.cut(
        days_left.to_numpy(), [-1, *_BANDS], labels=list(_BANDS.values())
    ).remove_unused_categories()


def _compare_with_best(summary: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Add how far each method is behind the best one, and the interval of that."""
    if not summary["wape"].notna().any():
        return summary.assign(behind=np.nan, behind_low=np.nan, behind_high=np.nan, differs=False)
    best = tables[str(summary["wape"].idxmin())]
    # Less those of the best, period by period.
    errors = (table["error"].abs() - best["error"].abs() for table in tables.values())
    pairs = [each.dropna().groupby(level="period").sum() for each in errors]
    whole = float(best["actual"].sum())
    ends = np.array([_measure_difference(off, whole) for off in pairs])
    others = [
        place for place, table in enumerate(tables.values()) if table is not best and len(table)
    ]
    differs = np.zeros(len(tables), dtype=bool)
    p = np.array([compare_pairs(pairs[place]) for place in others], dtype=np.float64)
    differs[others] = adjust_p_values(p) < _LEVEL
    return summary.assign(
        behind=summary["wape"] - summary["wape"].min(),
        behind_low=ends[:, 0],
        behind_high=ends[:, 1],
        differs=differs,
    )


def _measure_difference(off: pd.Series[Any], whole: float) -> tuple[float, float]:
    """Measure the 95% interval of the difference of two methods' WAPE on the same forecasts."""
    if len(off) < 2:
        return np.nan, np.nan
    mean, spread = float(off.mean()), float(off.std()) / len(off) ** 0.5
    reach = float(stdtrit(len(off) - 1, 1 - _LEVEL / 2)) * spread
    return (mean - reach) * len(off) / whole, (mean + reach) * len(off) / whole


def _pick_best(summary: pd.DataFrame) -> str | None:
    """Pick the method with the lowest error, where its lead is beyond chance."""
    known = summary[summary["wape"].notna()].sort_values("wape", kind="stable")
    return str(known.index[0]) if len(known) > 1 and known["differs"].iloc[1] else None


def read_methods(
    methods: Sequence[MethodName | RivalName],
    stage_rates: Mapping[str, float] | pd.DataFrame | None,
) -> dict[Any, Method | None]:
    """Read the methods by name; a formula of others has none."""
    if not isinstance(methods, (list, tuple)) or not methods:
        raise ArgumentTypeError(
            f"methods={methods!r} is not a list of methods; use for example {METHODS[1:]!r}"
        )
    ways: dict[Any, Method | None] = {}
    for name in methods:
        if isinstance(name, str) and name not in (*METHODS, *RIVALS):
            known = ", ".join(map(repr, (*METHODS, *RIVALS)))
            raise ArgumentValueError(f"unknown methods={name!r}; use some of {known}")
        rates = stage_rates if name == "stage" else None
        rival = isinstance(name, str) and name in RIVALS
        way = None if rival else read_method(name, stage_rates=rates, argument="methods")
        if name in ways:
            raise ArgumentValueError(f"methods: {name!r} occurs twice; name each method once")
        ways[name] = way
    return ways
