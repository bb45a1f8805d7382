"""`call_accuracy`: calls judged like our own forecasts."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.forecasting.call_samples import (
    NUMBER,
    POINT,
    CallSamples,
    Errors,
    tabulate,
)
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import History
from opp_analytics.org import Org
from opp_analytics.periods import Freq

_COLUMNS = (
    "n",
    "wape",
    "bias",
    "bias_low",
    "bias_high",
    "over",
    "under",
    "moved",
    "differs",
    "error_ratio",
    "ratio_low",
    "ratio_high",
    "model_wape",
    "better",
)


def call_accuracy(
    history: History,
    *,
    org: Org | None = None,
    freq: Freq | None = None,
    by: Literal["caller", "owner_name", "team"] = "caller",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare the errors of calls with those of the model's forecasts on the same days.

    The table tells how far each missed, which way, and which did better.

    Parameters
    ----------
    history : History
        Past records; periods that had been over for 15 days by the last one are judged.
    org : Org, optional
        Read the history and the calls by this org; default: the history's own.
    freq : str, optional
        Period alias of the calls to judge; by default that of the org's ``[report]``, else "M".
        Calls for other periods are left out.
    by : {"caller", "owner_name", "team"}
        One row for each caller with all numbers that they call, or for each person's or team's
        number: the last override in force, else the own call.
    confidence : float
        Level of the intervals and of ``differs``.

    Returns
    -------
    DataFrame
        Index: `by` (str), one row for each with a call for such a period. Columns: ``n`` (int64):
        periods judged; ``wape``, ``bias`` with ``bias_low`` and ``bias_high`` (float64, fractions
        of what was won); ``over``, ``under`` (fractions): share of periods that were called too
        high, too low; ``moved`` (fraction of what was won): mean of a caller's last minus first
        call; ``differs`` (bool): the error differs from the model's for the same numbers beyond
        chance; ``error_ratio`` (ratio to the model's error) with ``ratio_low`` and ``ratio_high``;
        ``model_wape`` (fraction); ``better`` (fraction): share of periods in which the calls missed
        by less than the model. NaN below 3 periods: too few to say; the ends of the ratio below 6.
        Note: ``n`` periods, ``day``, ``freq``, ``tz``, ``confidence``, ``left_out``:
        ``other_periods``, ``period_not_over`` and ``other_numbers`` (calls), ``no_record`` (days
        without a record), ``no_forecast`` (calls in force on a day without a forecast of their
        number). A call for a person who is neither under ``[people]`` of the org nor an owner is
        left out with a `DataWarning`.

    Raises
    ------
    NotEnoughHistory
        When there are no records, or no calls for such periods.
    ArgumentError
        When an argument is invalid.

    See Also
    --------
    forecast_value_added, calls, backtest

    Notes
    -----
    Calls count as they were known on a period's first day, a third and two thirds in, and a week
    before its end. Its error is the mean over these days, so n counts periods; that of several
    numbers their sum. Formulas: docs/definitions.md, "Calls".

    Examples
    --------
    >>> import opp_analytics as oa
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "a", "b", "b", "c", "c"],
    ...         "owner_name": "Ann",
    ...         "value": 100.0,
    ...         "probability": 50,
    ...         "seen_at": [
    ...             "2026-01-01",
    ...             "2026-01-25",
    ...             "2026-02-01",
    ...             "2026-02-25",
    ...             "2026-03-01",
    ...             "2026-04-20",
    ...         ],
    ...         "stage": ["proposal", "closed_won"] * 3,
    ...         "close_date": ["2026-01-25"] * 2 + ["2026-02-25"] * 2 + ["2026-03-25"] * 2,
    ...     }
    ... )
    >>> made = [
    ...     {
    ...         "made_on": f"2026-0{m}-01",
    ...         "period": f"2026-0{m}",
    ...         "caller": "Ann",
    ...         "owner_name": "Ann",
    ...         "commit": 120,
    ...     }
    ...     for m in (1, 2, 3)
    ... ]
    >>> history, org = oa.History.from_changes(log), oa.Org(calls=made)
    >>> oa.call_accuracy(history, org=org)[["n", "wape", "bias", "over"]]
            n  wape  bias  over
    caller
    Ann     3   0.2   0.2   1.0
    >>> compared = oa.forecast_value_added(history, org=org)
    >>> compared.loc[["weighted", "reps"], ["n", "wape", "bias"]]
              n  wape  bias
    source
    weighted  3   0.5  -0.5
    reps      3   0.2   0.2
    """
    if by not in ("caller", *NUMBER):
        raise ArgumentValueError.of("by", by, "is unknown", "use 'caller', 'owner_name' or 'team'")
    samples = CallSamples.of(history, "call_accuracy", org=org, freq=freq, confidence=confidence)
    return judge_callers(samples, by)


def judge_callers(samples: CallSamples, by: str = "caller") -> pd.DataFrame:
    """Tabulate `call_accuracy` of samples."""
    calls, known = samples.calls, samples.in_force
    if by != "caller":
        calls, known = (part[part[by] != ""] for part in (calls, known))
        known = known.drop_duplicates([*POINT, *NUMBER], keep="last")
    parts = []
    for named, mine in known.groupby([known[name] != "" for name in NUMBER]):
        names = list(itertools.compress(NUMBER, named))
        level = samples.read_level(*names)[["model", "actual"]].dropna()
        parts.append(mine.merge(level, left_on=[*POINT, *names], right_index=True))
    cells = pd.concat(parts) if parts else known.assign(model=0.0, actual=0.0)
    index = pd.MultiIndex.from_frame(cells[[by, *NUMBER, *POINT]])
    cells = cells.set_index(index)[["commit", "model", "actual"]]
    made = calls.dropna(subset=["commit"]).sort_values("made_on", kind="stable")
    ends = made.groupby([made[name] for name in (by, *NUMBER, "period", "caller")])["commit"].agg(
        ["first", "last"]
    )
    # Of an own call and an override each moves by itself.
    moved = (ends["last"] - ends["first"]).groupby(level=[0, 1, 2, 3]).mean()
    moves = moved[moved.index.isin(cells.droplevel("place").index)].groupby(level=[0, 3]).sum()
    rows: dict[str, dict[str, Any]] = {key: {"n": 0} for key in sorted(calls[by].unique())}
    for key, errors in Errors.split(cells, ["commit", "model"]).items():
        rows[key] = errors.judge("commit", confidence=samples.question.confidence)
        if errors.enough:
            rows[key]["moved"] = (moves.loc[key] / errors.actual)[errors.actual > 0].mean()
    table = tabulate(rows.values(), _COLUMNS, confidence=samples.question.confidence)
    table.index = pd.Index(rows, dtype=schema.TEXT, name=by)
    left_out = {
        "other_numbers": len(samples.calls) - len(calls),
        "no_forecast": len(known) - len(cells),
    }
    n = cells.index.get_level_values("period").nunique()
    return annotate(
        table, "call_accuracy", n=n, left_out={**samples.left_out, **left_out}, **samples.notes
    )
