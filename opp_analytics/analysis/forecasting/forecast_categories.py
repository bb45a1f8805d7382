"""`forecast_categories`: closed, commit, best case, pipeline and omitted money by period."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema
from opp_analytics.analysis.forecasting.categories import CATEGORIES, COLUMNS, categories
from opp_analytics.analysis.forecasting.deals_by_period import (
    OVERDUE_SLOT,
    UNSCHEDULED_SLOT,
    Deals,
    read_deals,
    slot,
)
from opp_analytics.analysis.shared.groups import By, check_by, read
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.org import Org
from opp_analytics.periods import When, as_date, check_freq
from opp_analytics.schema import BUCKETS


def forecast_categories(
    opportunities: pd.DataFrame, *, as_of: When, freq: str = "M", by: By = None, tz: str | None = None
) -> pd.DataFrame:
    """Closed, commit, best case, pipeline and omitted money by period, each alone and added up.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``value`` (money), ``close_date`` (date); where present ``status``, ``category``, ``pipeline`` (str),
        ``probability`` (percent); the columns of `by`.
    as_of : date-like
        Day of the question.
    freq : str
        Period alias: "M", "Q" (of the org's fiscal year), …
    by : str or list of str, optional
        Columns to group by; a missing value is shown as "(none)".
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``period`` (str; below the columns of `by`): "overdue", "unscheduled", the current period, and every other
        with a won or open deal; the same for every group. float64 money: ``closed`` (won in the period),
        ``commit``, ``best_case``, ``pipeline``, ``omitted`` (open, each deal in one), ``commit_total`` (closed + commit) and
        ``best_case_total`` (commit_total + best_case); ``open_count`` (int64); ``to_date`` (bool): True for the current
        period. A missing value counts 0. Attrs: ``n``, ``as_of``, ``freq``, ``left_out``. Without deals, zeros; with `by`
        no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentError
        When a column is missing, a value does not fit, or an argument cannot be used.

    See Also
    --------
    category_moves : What became of each category, which is how a commit is judged.

    Notes
    -----
    The column ``category`` decides ("Commit", "best case", …), else the category of the stage in the org, else the stated
    probability, or that of the stage: 75% and more is commit, 50% and more best case, the rest pipeline.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "stage": ["closed_won", "negotiation", "proposal"], "value": [100.0, 50.0, 80.0],
    ...     "close_date": ["2026-03-02", "2026-03-20", "2026-03-25"], "probability": [100, 80, 50]})
    >>> table = forecast_categories(frame, as_of="2026-03-10")
    >>> [int(table.loc["2026-03", name]) for name in ("closed", "commit", "best_case", "commit_total", "best_case_total")]
    [100, 50, 80, 150, 230]
    """
    names, meaning = check_by(by, level="period"), Org.of(opportunities)
    zone = meaning.zone(tz)
    today = as_date(as_of, tz=zone)
    deals = read_deals(
        opportunities, COLUMNS, today=today, freq=meaning.freq(check_freq(freq)), by=names, tz=zone
    )
    category, strange = categories(deals.frame[deals.open])
    kind = np.full(len(deals.frame), -1, dtype=np.intp)
    kind[deals.booked] = 0
    kind[deals.open] = category + 1
    table = _table(deals, kind)
    return annotate(
        table,
        made_from=opportunities,
        n=int(np.count_nonzero(deals.open | deals.booked)),
        as_of=today,
        left_out={
            **deals.left_out,
            "unknown_category": strange,
            "without_value": int((deals.open & np.isnan(deals.value)).sum()),
        },
        freq=deals.freq,
    )


def deal_categories(opportunities: pd.DataFrame) -> pd.Series[Any]:
    """The forecast category of each opportunity, as if it were open, by the rule of `forecast_categories`.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``; where present ``category``, ``pipeline``, ``probability``.

    Returns
    -------
    Series
        ``category`` (str), on the frame's own index.
    """
    there = [name for name in COLUMNS if name in opportunities.columns]
    frame = read(opportunities, "stage", *there, any_stage=True)
    return pd.Series(
        np.array(CATEGORIES)[categories(frame)[0]], opportunities.index, name="category", dtype=schema.TEXT
    )


def _table(deals: Deals, kind: NDArray[np.intp]) -> pd.DataFrame:
    """Money by group, period and kind: closed, then the categories."""
    spans = deals.periods([str(deals.current)])
    slots = np.array([OVERDUE_SLOT, UNSCHEDULED_SLOT, *map(slot, spans)])
    order = np.argsort(slots)
    place = order[np.searchsorted(slots, deals.period, sorter=order).clip(max=len(slots) - 1)]
    used = np.flatnonzero((kind >= 0) & (slots[place] == deals.period) & (deals.group >= 0))
    kinds, rows = len(CATEGORIES) + 1, deals.size * len(slots)
    cell = (deals.group[used] * len(slots) + place[used]) * kinds + kind[used]
    money = np.bincount(cell, weights=np.nan_to_num(deals.value[used]), minlength=rows * kinds)
    count = np.bincount(cell, minlength=rows * kinds).reshape(rows, kinds)
    table = pd.DataFrame(
        money.astype(np.float64).reshape(rows, kinds),
        columns=["closed", *CATEGORIES],
        index=_index(deals, spans),
    )
    table["commit_total"] = table["closed"] + table["commit"]
    table["best_case_total"] = table["commit_total"] + table["best_case"]
    table["open_count"] = count[:, 1:].sum(axis=1).astype(np.int64)
    table["to_date"] = np.asarray(table.index.get_level_values("period") == str(deals.current), dtype=bool)
    return table


def _index(deals: Deals, spans: list[pd.Period]) -> pd.Index[str]:
    labels = pd.Index([*BUCKETS, *map(str, spans)], name="period", dtype=schema.TEXT)
    if deals.groups is None:
        return labels
    repeated = [deals.groups.get_level_values(k).repeat(len(labels)) for k in range(deals.groups.nlevels)]
    return pd.MultiIndex.from_arrays(
        [*repeated, pd.Index(np.tile(labels, len(deals.groups)), dtype=schema.TEXT)],
        names=[*deals.groups.names, "period"],
    )
