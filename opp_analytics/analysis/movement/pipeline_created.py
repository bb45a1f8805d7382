"""`pipeline_created`: new pipeline by period, and the open pipeline at its end; `pipeline_created_deals`: each new deal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from opp_analytics import periods, schema
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import check_history, instant, name_groups, read_log
from opp_analytics.analysis.shared.tables import annotate, fill_counts, index_by_groups, sort_groups
from opp_analytics.history import History, ibis, missing
from opp_analytics.org import Org
from opp_analytics.periods import Freq


def pipeline_created(
    history: History, *, freq: Freq = "M", by: By = None, tz: str | None = None
) -> pd.DataFrame:
    """Sum the pipeline created in each period, and the open pipeline at its end.

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
    spans = list_periods(moments, freq, tz)
    keys = [*name_groups(groups), "period"]
    first_seen = select_created(history, spans, moments.iloc[0], groups, tz)
    summed = first_seen.group_by(keys).agg(
        deals=first_seen.count().cast("int64"), cents=first_seen["cents"].sum().cast("int64")
    )
    came = history.collect(summed)
    outside = came["period"].isin(OUTSIDE)
    left_out = came[outside].groupby("period")["deals"].sum()
    moved = history.collect(_count_open_changes(history, spans, groups, tz))
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


def _count_open_changes(
    history: History, spans: pd.PeriodIndex, groups: Sequence[str], tz: str
) -> ibis.Table:
    """Count the change of open deals and cents, by group and period of the record."""
    log = read_log(history, by=groups)
    own = ibis.window(group_by="unique_id", order_by="seen_at")
    keys = name_groups(groups)
    log = log.mutate(is_open=(log["outcome"] == "open") & log["within"])
    log = log.mutate(period=label_period(log["seen_at"], spans, tz))
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


_EARLIER, _UNKNOWN, _LATER = "created_before_the_periods", "first_record_without_created_at", "created_later"
OUTSIDE = (_EARLIER, _UNKNOWN, _LATER)
"""Labels of deals outside the periods."""


def pipeline_created_deals(
    history: History, *, freq: Freq = "M", by: By = None, tz: str | None = None
) -> pd.DataFrame:
    """List the deals behind `pipeline_created`, each with the period in which it was created.

    Parameters
    ----------
    history, freq, by, tz
        As for `pipeline_created`.

    Returns
    -------
    DataFrame
        One row per deal created in one of the periods, by period, the largest first (with `by`, within each group, which is
        the index): ``period`` (str), ``unique_id``, ``name`` (str), ``value`` (float64, money, as first seen; a missing value
        counts 0). If nothing was created, no rows.

    Raises
    ------
    NotEnoughHistory, ArgumentError, MissingColumnError
        As for `pipeline_created`, which sums these rows.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a"], "seen_at": ["2026-01-05", "2026-02-02", "2026-02-09"],
    ...                     "created_at": ["2026-01-02", "2026-01-30", "2026-01-02"], "value": [100.0, 50.0, 120.0],
    ...                     "stage": ["discovery", "discovery", "closed_won"]})
    >>> pipeline_created_deals(History.from_changes(log))[["period", "unique_id", "value"]].to_numpy().tolist()
    [['2026-01', 'a', 100.0], ['2026-01', 'b', 50.0]]
    """
    groups = check_by(by, level="period")
    moments = check_history(history, "pipeline_created_deals", *groups).records["recorded_at"]
    tz, freq = Org.of(history).zone(tz), Org.of(history).freq(freq)
    found = history.collect(
        select_created(history, list_periods(moments, freq, tz), moments.iloc[0], groups, tz)
    )
    found = found[~found["period"].isin(OUTSIDE)].assign(smallest=lambda rows: -rows["cents"])
    found = sort_groups(found, name_groups(groups), "period", "smallest", "unique_id")
    table = pd.DataFrame(
        {
            **{name: found[name].astype(schema.TEXT) for name in ("period", "unique_id", "name")},
            "value": found["cents"] / 100,
        }
    )
    return annotate(
        index_by_groups(table, found, groups),
        made_from=history,
        n=len(table),
        as_of=periods.as_date(moments.iloc[-1], tz=tz),
        freq=freq,
        tz=tz,
    )


def list_periods(moments: pd.Series[Any], freq: Freq, tz: str) -> pd.PeriodIndex:
    """List the periods from the first record to the last."""
    first, last = (periods.as_date(moment, tz=tz) for moment in (moments.iloc[0], moments.iloc[-1]))
    return pd.period_range(first, last, freq=periods.check_freq(freq))


def label_period(moment: Any, spans: pd.PeriodIndex, tz: str) -> Any:
    """Label a time by its period; earlier and later times have labels of their own."""
    bounds = [periods.as_instant(period.start_time, tz=tz) for period in [*spans, spans[-1] + 1]]
    labels = [_EARLIER, *map(str, spans)]
    cases = [(moment < instant(bound), label) for bound, label in zip(bounds, labels, strict=True)]
    return ibis.cases(*cases, else_=_LATER)


def select_created(
    history: History, spans: pd.PeriodIndex, first: pd.Timestamp, groups: Sequence[str], tz: str
) -> ibis.Table:
    """Select the first record of each deal: group, ``period`` of creation, ``seen_at``, name and ``cents``."""
    log = read_log(history, "created_at", "name", by=groups)
    own = ibis.window(group_by="unique_id", order_by="seen_at")
    log = log.mutate(place=ibis.row_number().over(own)).filter(lambda rows: rows["place"] == 0, "within")
    unknown = missing(log["created_at"]) & (log["seen_at"] == instant(first))
    at = log["created_at"].fill_null(log["seen_at"])
    return log.select(
        *name_groups(groups),
        "unique_id",
        "name",
        "cents",
        "seen_at",
        period=ibis.ifelse(unknown, _UNKNOWN, label_period(at, spans, tz)),
    )
