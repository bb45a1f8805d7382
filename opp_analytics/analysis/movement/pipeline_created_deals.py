"""`pipeline_created_deals`: the deals created in each period, at the value first seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import periods, schema
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import (
    check_history,
    instant,
    missing,
    name_groups,
    read_log,
)
from opp_analytics.analysis.shared.tables import annotate, index_by_groups, sort_groups
from opp_analytics.org import Org

if TYPE_CHECKING:
    import ibis

    from opp_analytics.history import History

_EARLIER, _UNKNOWN, _LATER = "created_before_the_periods", "first_record_without_created_at", "created_later"
OUTSIDE = (_EARLIER, _UNKNOWN, _LATER)
"""Labels of deals outside the periods."""


def pipeline_created_deals(
    history: History, *, freq: str = "M", by: By = None, tz: str | None = None
) -> pd.DataFrame:
    """The deals behind `pipeline_created`: each deal with the period in which it was created.

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
    found = history.collect(created(history, spans_of(moments, freq, tz), moments.iloc[0], groups, tz))
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


def spans_of(moments: pd.Series[Any], freq: str, tz: str) -> pd.PeriodIndex:
    """The periods from the first record to the last."""
    first, last = (periods.as_date(moment, tz=tz) for moment in (moments.iloc[0], moments.iloc[-1]))
    return pd.period_range(first, last, freq=periods.check_freq(freq))


def period_of(moment: Any, spans: pd.PeriodIndex, tz: str) -> Any:
    """The label of the period in which a time lies; earlier and later ones have labels of their own."""
    import ibis

    bounds = [periods.as_instant(period.start_time, tz=tz) for period in [*spans, spans[-1] + 1]]
    labels = [_EARLIER, *map(str, spans)]
    cases = [(moment < instant(bound), label) for bound, label in zip(bounds, labels, strict=True)]
    return ibis.cases(*cases, else_=_LATER)


def created(
    history: History, spans: pd.PeriodIndex, first: pd.Timestamp, groups: Sequence[str], tz: str
) -> ibis.Table:
    """Each deal with its group and ``period``, its name and ``cents`` when it was first seen."""
    import ibis

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
        period=ibis.ifelse(unknown, _UNKNOWN, period_of(at, spans, tz)),
    )
