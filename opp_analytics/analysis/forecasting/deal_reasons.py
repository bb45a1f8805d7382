"""`deal_reasons`: what adds up to the chance of each open deal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.learned import (
    BUCKET_NAMES,
    STEPS,
    Learned,
    put_in_buckets,
    sort_by_size,
)
from opp_analytics.analysis.forecasting.method import FEWEST, read_method
from opp_analytics.analysis.forecasting.moment import Moment, last_day
from opp_analytics.analysis.forecasting.question import ForecastQuestion, answer
from opp_analytics.analysis.shared.groups import read
from opp_analytics.analysis.shared.history_query import check_columns_begin, check_history
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arrays import Flags, Series
from opp_analytics.errors import ArgumentValueError, NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.periods import Freq, When
from opp_analytics.schema import TEXT
from opp_analytics.text import count, noun


def deal_reasons(
    opportunities: pd.DataFrame,
    history: History,
    *,
    as_of: When,
    freq: Freq = "M",
    period: str | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Explain each open deal's chance, step by step, from the history of deals like it.

    Parameters
    ----------
    opportunities : DataFrame
        As for `forecast`, with ``unique_id``.
    history : History
        Past records; those after `as_of` are not read.
    as_of, freq, tz
        As for `forecast`.
    period : str, optional
        Label of the period in which the deals would be won; default: the current one.

    Returns
    -------
    DataFrame
        Index ``unique_id`` (str), ``step`` (str): "overall", "bucket" (how the deal is due),
        "stage" (of any pipeline), "pipeline", "owner", "size" (by its value), "month" (whether it
        ends a quarter), "days" (fewer are left than at the past points). A step without past deals
        has no row, such as an owner or stage never seen, or the pipeline of a stage that only one
        has. Columns:

        - ``chance`` (float64, fraction): the chance after the step; after the last one it is that
          of `forecast_deals`.
        - ``points`` (float64, fraction): what the step adds; those of a deal sum to its chance.
        - ``n``, ``won`` (int64): past deals that the step looks at, as long before the end of their
          period, and those of them that were won in it.
        - ``group`` (str): what these deals share: their stage, their owner, …

        Note: ``n`` deals, ``day``, ``freq``, ``period``, ``method``, ``left_out``. Without open
        deals, no rows.

    Raises
    ------
    NotEnoughHistory
        When fewer than 3 ended periods have a record as long before their end as `as_of` is before
        that of the period.
    MissingColumnError, DataError, ArgumentTypeError, ArgumentValueError
        As for `forecast`; also for a period that has ended.

    See Also
    --------
    forecast_deals, deal_flags

    Notes
    -----
    The chances are those of the learned method (docs/definitions.md, learned). Each share won leans
    on that of the step before it with the weight of 8 deals; owner, size, month and days are
    factors, added as the difference that they make.

    Examples
    --------
    >>> log = pd.concat(
    ...     [
    ...         pd.DataFrame(
    ...             {
    ...                 "unique_id": [f"a{m}", f"b{m}", f"a{m}", f"b{m}"],
    ...                 "value": 100.0,
    ...                 "close_date": f"2026-0{m}-25",
    ...                 "seen_at": [f"2026-0{m}-{day}" for day in (10, 10, 20, 20)],
    ...                 "stage": ["proposal", "discovery", "closed_won", "closed_lost"],
    ...             }
    ...         )
    ...         for m in range(1, 6)
    ...     ]
    ... )
    >>> history = History.from_changes(log)
    >>> table = deal_reasons(history.as_of("2026-05-10T12:00Z"), history, as_of="2026-05-10")
    >>> table.loc["a5", ["chance", "points", "n", "won"]].round(3)
             chance  points  n  won
    step
    overall   0.500   0.500  6    3
    bucket    0.500   0.000  6    3
    stage     0.636   0.136  3    3
    month     0.636   0.000  4    2
    """
    ids = read(opportunities, "unique_id", unique=True)["unique_id"]
    check_columns_begin(check_history(history, "deal_reasons"), ("stage", "close_date"))
    periods = 1 if period is None else [period]
    question = ForecastQuestion.of(
        opportunities,
        method=read_method("learned"),
        periods=periods,
        only=True,
        as_of=as_of,
        freq=freq,
        history=history,
        tz=tz,
    )
    (wanted,) = question.periods
    moment = question.read(opportunities)
    if question.is_over(wanted, moment):
        raise ArgumentValueError(
            f"period={period!r} has ended; use {str(question.current)!r} or a later one"
        )
    deals = answer(question, moment, single_deals=True).moment
    table = list_reasons(question.learn(()), deals, wanted, deals.open, ids)
    return annotate(
        table,
        "deal_reasons",
        made_from=opportunities,
        n=int(deals.open.sum()),
        as_of=question.today,
        freq=question.freq,
        period=str(wanted),
        method="learned",
        left_out=deals.left_out,
    )


def list_reasons(
    learned: Learned, deals: Moment, wanted: pd.Period, asked: Flags, ids: Series
) -> pd.DataFrame:
    """Make the table of `deal_reasons`, without its note, for the open deals in `asked`."""
    lessons = learned.learn(deals.day, wanted)
    if lessons is None:
        raise NotEnoughHistory(
            f"deal_reasons needs {FEWEST} ended {noun(wanted.freqstr)}s with a record "
            f"{last_day(wanted) - deals.day} days before their end; use an earlier period than "
            f"{wanted}, or keep recording"
        )
    found, left = learned.explain(lessons, deals, wanted), last_day(wanted) - deals.day
    chance, (seen, won) = (part[..., asked] for part in found)
    edges = lessons.chances.edges
    sizes = [
        *(f"value up to {edge:,.0f}" for edge in edges),
        f"value above {edges.max(initial=0):,.0f}",
    ]
    labels = [deals.stages[k] for k in deals.stage[asked]]
    owners = [*deals.owners, ""]
    groups = [
        ["all open deals"] * len(labels),
        [BUCKET_NAMES[k] for k in put_in_buckets(deals, wanted)[asked]],
        [label[0] for label in labels],
        [label[-1] for label in labels],
        [owners[k] for k in deals.owner[asked]],
        [sizes[k] for k in sort_by_size(deals.value[asked], edges)],
        ["quarter end" if learned.records.closes_quarter(wanted) else "within the quarter"]
        * len(labels),
        [count(left, "day") + " left"] * len(labels),
    ]
    kept = (seen > 0) | (np.arange(len(STEPS)) == 0)[:, None]
    deal, step = np.nonzero(kept.T)
    names = pd.Index(ids[asked], dtype=TEXT)[deal]
    return pd.DataFrame(
        {
            "chance": chance[step, deal],
            "points": np.diff(chance, axis=0, prepend=0.0)[step, deal],
            "n": seen[step, deal].astype(np.int64),
            "won": won[step, deal].astype(np.int64),
            "group": pd.array(np.array(groups, dtype=object)[step, deal], dtype=TEXT),
        },
        index=pd.MultiIndex.from_arrays(
            [names, pd.Index(STEPS, dtype=TEXT)[step]], names=["unique_id", "step"]
        ),
    )
