"""`category_moves`: the outcome of each forecast category."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema
from opp_analytics.analysis.forecasting.forecast_categories import CATEGORIES, DECIDING, categorize
from opp_analytics.analysis.shared.groups import By, check_by, read
from opp_analytics.analysis.shared.history_query import Span, find_span, keep_until, name_groups
from opp_analytics.analysis.shared.tables import annotate, fill_counts
from opp_analytics.history import TRANSFERRED, History, latest
from opp_analytics.org import LOST, OPEN, WON, outcome_codes
from opp_analytics.periods import When, as_date, check_freq

_ARROW = " > "
OUTCOMES = ("won", *CATEGORIES, "lost", "slipped", "removed")
"""Outcome of a deal, exactly one each. After ``history.where``, a further one is transferred."""


def category_moves(
    history: History,
    *,
    start: When,
    end: When,
    freq: str = "M",
    by: By = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Count the deals of each forecast category that were due in a period, by outcome.

    Parameters
    ----------
    history : History
        Reads ``stage``, ``status``, ``value``, ``close_date``, `by`, and where present
        ``category``, ``pipeline``, ``probability``.
    start, end : date or str
        The two records to compare. A naive date means the start of its day for `start`, the end of
        its day for `end`.
    freq : str
        The deals are those due in the period of this alias that holds `start`.
    by : str or list of str, optional
        Columns to group by, with their values at `start`.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``from_category``, ``to_category`` (str; below the columns of `by`), every pair:
        commit, best_case, pipeline, omitted to won, each category, lost, slipped, removed (and
        transferred, where deals left a history made by ``history.where``). ``count`` (int64),
        ``value`` (float64, money, at `start`; a missing value counts 0). Note: ``n``, ``period``,
        ``freq``, ``day``. With `by`, no deal gives no rows.

    Raises
    ------
    NotEnoughHistory
        When `start` is before the first record or no record lies between `start` and `end`.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind or out of range, or the history has no column of `by`.

    See Also
    --------
    forecast_categories : The categories, and the rule for each deal.

    Notes
    -----
    Cohort: open at `start`, due in the period. At `end`: won (with a date by the period's end),
    lost, removed (deleted, disqualified, or won and lost at once); slipped: won or due after the
    period, without a date, or open when the period is over; else its category then. A commit is as
    good as the share of it that was won.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a"],
    ...         "seen_at": ["2026-03-01", "2026-03-01", "2026-03-20"],
    ...         "stage": ["proposal", "proposal", "closed_won"],
    ...         "value": [100.0, 50.0, 100.0],
    ...         "close_date": "2026-03-18",
    ...         "probability": 80,
    ...     }
    ... )
    >>> moves = category_moves(History.from_changes(log), start="2026-03-01", end="2026-03-20")
    >>> moves.loc["commit", "value"][["won", "commit", "slipped"]].to_dict()
    {'won': 100.0, 'commit': 50.0, 'slipped': 0.0}
    """
    groups = check_by(by)
    for level in ("from_category", "to_category"):
        check_by(groups, level=level)
    asked = find_span(
        history,
        start,
        end,
        asked_by="category_moves",
        by=groups,
        tz=tz,
        needs=("stage", "close_date"),
    )
    period = pd.Period(asked.first, asked.org.freq(check_freq(freq)))
    first, last = period.start_time.normalize(), period.end_time.normalize()
    history = history.at_rates_of(asked.closing)
    before = _read_record(history, asked.opening, groups)
    due = before[(before["outcome"] == OPEN) & before["close_date"].between(first, last)]
    after = _read_record(history, asked.closing, groups).reindex(due.index)
    came = _find_outcomes(after, last, over=asked.last > last)
    if history.is_part:
        came = np.where(due.index.isin(_list_transferred(asked)), TRANSFERRED, came)
    pairs = due[[f"group {k}" for k in range(len(groups))]].set_axis(name_groups(groups), axis=1)
    pairs["pair"] = (due["category"] + _ARROW + pd.Series(came, due.index)).astype(schema.TEXT)
    pairs["count"], pairs["cents"] = 1, (due["value"].fillna(0.0) * 100).round().astype("int64")
    keys = [*name_groups(groups), "pair"]
    ends = [*OUTCOMES, *([TRANSFERRED] if (came == TRANSFERRED).any() else [])]
    labels = [f"{one}{_ARROW}{other}" for one in CATEGORIES for other in ends]
    counted = pairs.groupby(keys, as_index=False)[["count", "cents"]].sum()
    table = fill_counts(counted, groups, "pair", labels)
    return annotate(
        pd.DataFrame(
            {"count": table["count"].to_numpy(), "value": table["cents"].to_numpy() / 100},
            index=_index(table, groups),
        ),
        "category_moves",
        made_from=history,
        n=len(due),
        as_of=as_date(asked.closing, tz=asked.tz),
        period=str(period),
        freq=period.freqstr,
        **asked.notes(),
    )


def _read_record(history: History, moment: pd.Timestamp, by: list[str]) -> pd.DataFrame:
    """Read outcome, value, date, category and groups of each deal in a record.

    Index ``unique_id``.
    """
    known = history.as_of(moment)
    there = [name for name in DECIDING if name in known.columns]
    frame = read(known, "stage", "value", "close_date", *there, by=by, unique=True)
    labels = {f"group {k}": schema.label_groups(frame[name]) for k, name in enumerate(by)}
    seen = frame[["unique_id", "value", "close_date"]].assign(
        outcome=outcome_codes(frame), category=np.array(CATEGORIES)[categorize(frame)[0]], **labels
    )
    return seen.set_index("unique_id")


def _find_outcomes(after: pd.DataFrame, last: pd.Timestamp, *, over: bool) -> NDArray[np.str_]:
    """Find the outcome of each deal by the end; rows without one were deleted."""
    late = (after["close_date"] > last) | after["close_date"].isna()
    outcome = after["outcome"]
    cases = [
        (outcome == LOST, "lost"),
        ((outcome == WON) & ~late, "won"),
        (outcome == WON, "slipped"),
        (outcome != OPEN, "removed"),
        (late | over, "slipped"),
    ]
    masks, labels = zip(*cases, strict=True)
    otherwise = after["category"].fillna("").to_numpy(dtype=str)
    found: NDArray[np.str_] = np.select(
        [mask.to_numpy(dtype=bool) for mask in masks], labels, otherwise
    )
    return found


def _list_transferred(asked: Span) -> set[str]:
    """List the deals that had left the part of a history by the end."""
    last = latest(keep_until(asked.history.table, asked.closing))
    left = last.filter(last["operation"] == TRANSFERRED).select("unique_id")
    return set(asked.history.collect(left)["unique_id"])


def _index(table: pd.DataFrame, by: list[str]) -> pd.MultiIndex:
    """The index with each pair as two levels."""
    pairs = [str(pair).partition(_ARROW) for pair in table.index.get_level_values("pair")]
    groups = [table.index.get_level_values(name) for name in by]
    return pd.MultiIndex.from_arrays(
        [*groups, *(pd.Index([pair[k] for pair in pairs], dtype=schema.TEXT) for k in (0, 2))],
        names=[*by, "from_category", "to_category"],
    )
