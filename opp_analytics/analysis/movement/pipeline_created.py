"""`pipeline_created`: new pipeline by period, and the open pipeline at its end.

`pipeline_created_deals`: each new deal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import periods, schema
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import (
    check_history,
    count_before,
    keep_group,
    lag,
    name_groups,
    of_deal,
    read_log,
)
from opp_analytics.analysis.shared.tables import annotate, fill_counts, index_by_groups, sort_groups
from opp_analytics.arrays import Series
from opp_analytics.history import History, ibis
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
        Columns to group by: a created deal by its value when first seen, an open one by that at the
        end of the period.
    tz : str, optional
        Business time zone, in which ``created_at`` becomes a date; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``period`` (str; below the columns of `by`), from the period of the first record to
        that of the last. ``deals`` (int64), ``value`` (float64, money): deals created in the
        period, at the value first seen; ``open_count`` (int64), ``open_value`` (float64, money):
        open deals in the last record of the period; ``to_date`` (bool): True for the period of the
        last record. A missing value counts 0. Note: ``n`` deals created, ``day``, ``freq``,
        ``tz``, ``left_out``.

    Raises
    ------
    NotEnoughHistory
        When there are no records.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind, or the history has no column of `by`.

    Notes
    -----
    A deal counts in the period of its ``created_at``, or else of the record that first shows it. In
    the period of the first record, deals that were created and deleted before that record are
    unknown, so its numbers are lower bounds. New pipeline says whether enough is coming in. It
    predicts little by itself: what it is worth depends on the win rate and on the time until deals
    close, which `forecast` takes into account.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a"],
    ...         "seen_at": ["2026-01-05", "2026-02-02", "2026-02-09"],
    ...         "created_at": ["2026-01-02", "2026-01-30", "2026-01-02"],
    ...         "value": [100.0, 50.0, 100.0],
    ...         "stage": ["discovery", "discovery", "closed_won"],
    ...     }
    ... )
    >>> pipeline_created(History.from_changes(log))[["deals", "value", "open_count", "open_value"]]
             deals  value  open_count  open_value
    period
    2026-01      2  150.0           1       100.0
    2026-02      0    0.0           1        50.0
    """
    return CreatedPipeline.read(history, by=by, tz=tz, asked_by="pipeline_created").sum_up(freq)


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
        One row per deal created in one of the periods, by period, the largest first (with `by`,
        within each group, which is the index): ``period`` (str), ``unique_id``, ``name`` (str),
        ``value`` (float64, money, as first seen; a missing value counts 0). If nothing was created,
        no rows.

    Raises
    ------
    NotEnoughHistory, ArgumentError, MissingColumnError
        As for `pipeline_created`, which sums these rows.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a"],
    ...         "seen_at": ["2026-01-05", "2026-02-02", "2026-02-09"],
    ...         "created_at": ["2026-01-02", "2026-01-30", "2026-01-02"],
    ...         "value": [100.0, 50.0, 120.0],
    ...         "stage": ["discovery", "discovery", "closed_won"],
    ...     }
    ... )
    >>> pipeline_created_deals(History.from_changes(log))[
    ...     ["period", "unique_id", "value"]
    ... ].to_numpy().tolist()
    [['2026-01', 'a', 100.0], ['2026-01', 'b', 50.0]]
    """
    return CreatedPipeline.read(
        history, by=by, tz=tz, asked_by="pipeline_created_deals"
    ).list_deals(freq)


@dataclass(frozen=True)
class CreatedPipeline:
    """Deals created and deals open, by group; it gives the tables of any period length."""

    history: History
    groups: list[str]
    tz: str
    moments: Series
    """Times of the records."""
    created: pd.DataFrame
    """The first record of each deal, from `select_created`."""
    kept: tuple[CreatedPipeline, str] | None = None
    """What has all groups, and the one of its first column that this is."""

    @classmethod
    def read(
        cls, history: History, *, by: By = None, tz: str | None = None, asked_by: str
    ) -> CreatedPipeline:
        """Read a history, after checks."""
        groups = check_by(by, level="period")
        moments = check_history(history, asked_by, *groups).records["recorded_at"]
        created = history.collect(select_created(history, groups))
        return cls(history, groups, Org.of(history).zone(tz), moments, created)

    @cached_property
    def _days(self) -> list[pd.Timestamp]:
        """The days of the first record and of the last."""
        return [periods.as_date(moment, tz=self.tz) for moment in self.moments.iloc[[0, -1]]]

    @cached_property
    def _moved(self) -> pd.DataFrame:
        """The change of ``open`` deals and ``open_cents`` on each day, by group.

        ``seen_at`` is when the day begins.
        """
        if self.kept:
            whole, name = self.kept
            return keep_group(whole._moved, name, whole.groups, self.groups)
        first, last = self._days
        begins = periods.list_midnights(first, last + pd.Timedelta(days=1), tz=self.tz)
        changes = _list_open_changes(self.history, self.groups)
        # A change at midnight is one of the day that begins then.
        changes = count_before(changes, begins - pd.Timedelta(microseconds=1), "day")
        summed = changes.group_by([*name_groups(self.groups), "day"]).agg(
            open=changes["sign"].sum().cast("int64"),
            open_cents=(changes["sign"] * changes["cents"]).sum().cast("int64"),
        )
        moved: pd.DataFrame = self.history.collect(summed)
        return moved.assign(seen_at=begins[moved["day"] - 1])

    def keep_group(self, name: str, groups: list[str]) -> CreatedPipeline:
        """Keep one group of the first column, by `groups`: the last ones of these."""
        created = keep_group(self.created, name, self.groups, groups)
        return replace(self, groups=groups, created=created, kept=(self, name))

    def sum_up(self, freq: Freq, *, grouped: bool = True) -> pd.DataFrame:
        """Make the table of `pipeline_created`; without groups if not `grouped`."""
        groups, spans = self.groups if grouped else [], self._list_periods(freq)
        keys = [*name_groups(groups), "period"]
        came = (
            self._label(spans)
            .groupby(keys, as_index=False)
            .agg(deals=("cents", "size"), cents=("cents", "sum"))
        )
        outside = came["period"].isin(OUTSIDE)
        left_out = came[outside].groupby("period")["deals"].sum()
        moved = self._moved.assign(period=_label_periods(self._moved["seen_at"], spans, self.tz))
        numbers = ["deals", "cents", "open", "open_cents"]
        found = pd.concat([came[~outside], moved]).fillna(dict.fromkeys(numbers, 0))
        summed = found.groupby(keys, as_index=False)[numbers].sum()
        table = fill_counts(summed, groups, "period", [str(period) for period in spans])
        stock = table[["open", "open_cents"]]
        # Changes add up to what is open, group by group.
        stock = stock.groupby(level=groups, sort=False).cumsum() if groups else stock.cumsum()
        made = table[["deals"]].assign(
            value=table["cents"] / 100,
            open_count=stock["open"],
            open_value=stock["open_cents"] / 100,
            to_date=table.index.get_level_values("period") == str(spans[-1]),
        )
        without = {str(why): int(deals) for why, deals in left_out.items()}
        return self._annotate(
            made, "pipeline_created", freq, n=int(table["deals"].sum()), left_out=without
        )

    def list_deals(self, freq: Freq, *, grouped: bool = True) -> pd.DataFrame:
        """Make the table of `pipeline_created_deals`; without groups if not `grouped`."""
        groups, spans = self.groups if grouped else [], self._list_periods(freq)
        found = self._label(spans).assign(smallest=-self.created["cents"])
        found = found[~found["period"].isin(OUTSIDE)]
        found = sort_groups(found, name_groups(groups), "period", "smallest", "unique_id")
        table = (
            found[["period", "unique_id", "name"]]
            .astype(schema.TEXT)
            .assign(value=found["cents"] / 100)
        )
        return self._annotate(
            index_by_groups(table, found, groups), "pipeline_created_deals", freq, n=len(table)
        )

    def _label(self, spans: pd.PeriodIndex) -> pd.DataFrame:
        labels = label_created(self.created, self.moments.iloc[0], spans, self.tz)
        return self.created.assign(period=labels)

    def _list_periods(self, freq: Freq) -> pd.PeriodIndex:
        """List the periods from the first record to the last."""
        alias = periods.check_freq(Org.of(self.history).freq(freq))
        first, last = self._days
        return pd.period_range(first, last, freq=alias)

    def _annotate(self, table: pd.DataFrame, kind: str, freq: Freq, **notes: Any) -> pd.DataFrame:
        alias, day = Org.of(self.history).freq(freq), self._days[1]
        return annotate(
            table, kind, made_from=self.history, as_of=day, freq=alias, tz=self.tz, **notes
        )


def _list_open_changes(history: History, groups: Sequence[str]) -> ibis.Table:
    """List the deals open after each change, and with ``sign`` −1 those open before it."""
    log = read_log(history, by=groups)
    keys = name_groups(groups)
    log = log.mutate(is_open=(log["outcome"] == "open") & log["within"])
    came = log.filter("is_open").select(
        *keys, "seen_at", "cents", sign=ibis.literal(1, type="int64")
    )
    before = {f"{name}_before": lag(log[name]) for name in (*keys, "cents", "is_open")}
    went = log.mutate(**before).filter("is_open_before")
    went = went.select(
        **{key: went[f"{key}_before"] for key in keys},
        seen_at=went["seen_at"],
        cents=went["cents_before"],
        sign=ibis.literal(-1, type="int64"),
    )
    return came.union(went)


_EARLIER = "created_before_the_periods"
_UNKNOWN = "first_record_without_created_at"
_LATER = "created_later"
OUTSIDE = (_EARLIER, _UNKNOWN, _LATER)
"""Labels of deals outside the periods."""


def select_created(history: History, groups: Sequence[str]) -> ibis.Table:
    """Select the first record of each deal.

    Columns: group, id, name, ``cents``, ``created_at`` and ``seen_at``.
    """
    log = read_log(history, "created_at", "name", by=groups)
    log = log.mutate(place=ibis.row_number().over(of_deal())).filter(
        lambda rows: rows["place"] == 0, "within"
    )
    return log.select(*name_groups(groups), "unique_id", "name", "cents", "created_at", "seen_at")


def label_created(
    created: pd.DataFrame, first: pd.Timestamp, spans: pd.PeriodIndex, tz: str
) -> Series:
    """Label each deal of `select_created` by the period in which it was created.

    `first` is the first record.
    """
    labels = _label_periods(created["created_at"].fillna(created["seen_at"]), spans, tz)
    return labels.mask(created["created_at"].isna() & (created["seen_at"] == first), _UNKNOWN)


def _label_periods(moments: Series, spans: pd.PeriodIndex, tz: str) -> Series:
    """Label times by their period; earlier and later times have labels of their own."""
    bounds = pd.DatetimeIndex(
        [periods.as_instant(period.start_time, tz=tz) for period in [*spans, spans[-1] + 1]]
    )
    labels = np.array([_EARLIER, *map(str, spans), _LATER])
    return pd.Series(
        labels[bounds.searchsorted(moments, side="right")], moments.index, dtype=schema.TEXT
    )
