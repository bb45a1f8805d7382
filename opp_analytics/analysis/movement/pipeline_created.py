"""`pipeline_created`: new pipeline by period, and the open pipeline at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import periods
from opp_analytics.analysis.movement.pipeline_created_deals import OUTSIDE, created, period_of, spans_of
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import (
    check_history,
    name_groups,
    read_log,
)
from opp_analytics.analysis.shared.tables import annotate, fill_counts
from opp_analytics.org import Org

if TYPE_CHECKING:
    import ibis

    from opp_analytics.history import History


def pipeline_created(
    history: History, *, freq: str = "M", by: By = None, tz: str | None = None
) -> pd.DataFrame:
    """Pipeline created in each period, and the open pipeline at its end.

    Parameters
    ----------
    history : History
        Reads ``created_at``, ``value``, ``stage``, ``status`` and `by` of the change log.
    freq : str
        Period alias: "W", "M", "Q" (of the org's fiscal year), "Q-DEC", …
    by : str or list of str, optional
        Columns to group by: a created deal by its value when first seen, an open one by that at the end of the period.
    tz : str, optional
        Business time zone, in which ``created_at`` becomes a date; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``period`` (str; below the columns of `by`), from the period of the first record to that of the last.
        ``deals`` (int64), ``value`` (float64, money): deals created in the period, at the value first seen; ``open_count``
        (int64), ``open_value`` (float64, money): open deals in the last record of the period; ``to_date`` (bool):
        True for the period of the last record. A missing value counts 0.
        Attrs: ``n`` deals created, ``as_of``, ``freq``, ``tz``, ``left_out``.

    Raises
    ------
    NotEnoughHistory
        When there are no records.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind, or the history has no column of `by`.

    Notes
    -----
    A deal counts in the period of its ``created_at``, or else of the record that first shows it. In the period of the
    first record, deals that were created and deleted before that record are unknown, so its numbers are lower bounds.
    New pipeline says whether enough is coming in. It predicts little by itself: what it is worth
    depends on the win rate and on the time until deals close, which `forecast` takes into account.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a"], "seen_at": ["2026-01-05", "2026-02-02", "2026-02-09"],
    ...                     "created_at": ["2026-01-02", "2026-01-30", "2026-01-02"], "value": [100.0, 50.0, 100.0],
    ...                     "stage": ["discovery", "discovery", "closed_won"]})
    >>> pipeline_created(History.from_changes(log))[["deals", "value", "open_count", "open_value"]]
             deals  value  open_count  open_value
    period
    2026-01      2  150.0           1       100.0
    2026-02      0    0.0           1        50.0
    """
    groups = check_by(by, level="period")
    moments = check_history(history, "pipeline_created", *groups).records["recorded_at"]
    tz, freq = Org.of(history).zone(tz), Org.of(history).freq(freq)
    spans = spans_of(moments, freq, tz)
    keys = [*name_groups(groups), "period"]
    first_seen = created(history, spans, moments.iloc[0], groups, tz)
    summed = first_seen.group_by(keys).agg(
        deals=first_seen.count().cast("int64"), cents=first_seen["cents"].sum().cast("int64")
    )
    came = history.collect(summed)
    outside = came["period"].isin(OUTSIDE)
    left_out = came[outside].groupby("period")["deals"].sum()
    moved = history.collect(_open_changes(history, spans, groups, tz))
    found = pd.concat([came[~outside], moved]).fillna(
        dict.fromkeys(("deals", "cents", "open", "open_cents"), 0)
    )
    numbers = found.groupby(keys, as_index=False)[["deals", "cents", "open", "open_cents"]].sum()
    table = fill_counts(numbers, groups, "period", [str(period) for period in spans])
    stock = table[["open", "open_cents"]]
    # Changes add up to what is open, group by group.
    stock = stock.groupby(level=groups, sort=False).cumsum() if groups else stock.cumsum()
    return annotate(
        pd.DataFrame(
            {
                "deals": table["deals"],
                "value": table["cents"] / 100,
                "open_count": stock["open"],
                "open_value": stock["open_cents"] / 100,
                "to_date": table.index.get_level_values("period") == str(spans[-1]),
            }
        ),
        made_from=history,
        n=int(table["deals"].sum()),
        as_of=periods.as_date(moments.iloc[-1], tz=tz),
        left_out={str(why): int(deals) for why, deals in left_out.items()},
        freq=freq,
        tz=tz,
    )


def _open_changes(history: History, spans: pd.PeriodIndex, groups: Sequence[str], tz: str) -> ibis.Table:
    """Change of open deals and cents, by group and period of the record."""
    import ibis

    log = read_log(history, by=groups)
    own = ibis.window(group_by="unique_id", order_by="seen_at")
    keys = name_groups(groups)
    log = log.mutate(is_open=(log["outcome"] == "open") & log["within"])
    log = log.mutate(period=period_of(log["seen_at"], spans, tz))
    came = log.filter("is_open").select(*keys, "period", "cents", sign=ibis.literal(1, type="int64"))
    went = log.mutate(
        **{f"{name}_before": log[name].lag().over(own) for name in (*keys, "cents", "is_open")}
    ).filter("is_open_before")
    went = went.select(
        **{key: went[f"{key}_before"] for key in keys},
        period=went["period"],
        cents=went["cents_before"],
        sign=ibis.literal(-1, type="int64"),
    )
    both = came.union(went)
    return both.group_by([*keys, "period"]).agg(
        open=both["sign"].sum().cast("int64"), open_cents=(both["sign"] * both["cents"]).sum().cast("int64")
    )
