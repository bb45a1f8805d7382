"""What past records knew of past periods, counted by the engine: deals open then, wins, money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.past_points import Point, Records, points_table
from opp_analytics.analysis.shared.history_query import (
    check_history,
    group_names,
    instant,
    missing,
    up_to,
    with_outcome,
)
from opp_analytics.org import Org
from opp_analytics.schema import NO_LABEL, TEXT

if TYPE_CHECKING:
    import ibis

    from opp_analytics.history import History

OWNER = "owner_name"
"""The column that tells whose deal it is."""
BUCKET_NAMES = ("overdue", "undated", "due before", "due", "due soon after", "due later")
OVERDUE, UNDATED, BEFORE, DUE, SOON_AFTER, LATER = range(6)
SOON_DAYS = 31
_WON, _NEITHER = 6, 7
_EXACT_UP_TO = 20_000
"""Opportunities up to which every amount is kept; above, amounts within a factor of √2 are counted together."""
_FOREVER = pd.Timestamp("2262-01-01", tz="UTC")


@dataclass(frozen=True)
class PastDeals:
    """Deals open at each point, in order of the points; a row stands for `count` deals of one kind and amount."""

    starts: NDArray[np.intp]
    """First row of each point, and the end."""
    bucket: NDArray[np.intp]
    stage: NDArray[np.intp]
    owner: NDArray[np.intp]
    group: NDArray[np.intp]
    value: NDArray[np.float64]
    count: NDArray[np.float64]
    won_starts: NDArray[np.intp]
    """First row of each point among the deals that were open and won in the period, and the end."""
    won_bucket: NDArray[np.intp]
    won_stage: NDArray[np.intp]
    won_owner: NDArray[np.intp]
    won_count: NDArray[np.float64]
    booked: NDArray[np.float64]
    """Money won in the period by the point, by group."""
    won_value: NDArray[np.float64]
    """Money that the period won in the end, by point, group, and bucket at the point; then by deals already won, and by
    others."""
    stages: list[str]
    owners: list[str]
    groups: list[tuple[str, ...]]

    def actual(self, point: int) -> NDArray[np.float64]:
        """Money that the period won in the end, by group."""
        total: NDArray[np.float64] = self.won_value[point].sum(axis=1)
        return total

    def further(self, point: int, *, due: bool = False) -> NDArray[np.float64]:
        """Money that the period won from deals neither won nor open (with `due`: nor due in it) at the point, by group."""
        kinds = [_NEITHER, *(kind for kind in range(_WON) if due and kind != DUE)]
        total: NDArray[np.float64] = self.won_value[point][:, kinds].sum(axis=1)
        return total


def past_deals(
    history: History,
    points: Sequence[Point],
    records: Records,
    *,
    by: Sequence[str] = (),
    meaning: Org | None = None,
) -> PastDeals:
    """Count the deals of every point, by due bucket, stage, owner and the groups of `by`.

    Parameters
    ----------
    history : History
        Past records; those after the latest moment of the points are not read.
    points : list of Point
        Records and periods, at least one.
    by : list of str
        Further columns, with their values in the record; a deal not open then has those at its win.
    meaning : Org, optional
        What the stages mean; default: the history's org.
    """
    check_history(history, "the learned forecast", *by)
    table = history.table
    further = [*([OWNER] if OWNER in table.columns else []), *by]
    asked = points_table(points, records)
    newest = records.moments[max(max(point.record, point.known) for point in points)]
    exact = history.records["rows"].max() <= _EXACT_UP_TO
    versions = _versions(up_to(table, newest), meaning or Org.of(history), further)
    names = group_names(further)
    open_ = history.collect(_open_deals(versions, asked, names, exact=bool(exact)))
    won = history.collect(_won_deals(versions, asked.filter(asked["settled"]), names))
    return _arrays(open_, won, len(points), names, owned=OWNER in table.columns)


def actual_money(
    history: History, points: Sequence[Point], records: Records, *, by: Sequence[str] = ()
) -> tuple[NDArray[np.float64], list[tuple[str, ...]]]:
    """Money that the period of each point won as shown by its `known` record, by group; and the groups.

    A deal's group is that at the point, or at its win if it was not open then.
    """
    asked = points_table(points, records)
    names = group_names(by)
    rows = history.collect(
        _won_deals(
            _versions(
                up_to(history.table, records.moments[max(point.known for point in points)]),
                Org.of(history),
                by,
            ),
            asked,
            names,
        )
    )
    group, groups = numbers(rows, names)
    return _sums(rows.assign(group=group), ["point", "group"], (len(points), len(groups))), groups


def _versions(log: ibis.Table, meaning: Org, further: Sequence[str]) -> ibis.Table:
    """Every version of every deal, with the time until which it was valid."""
    import ibis

    rows = with_outcome(log, meaning, by=further)
    later = rows["seen_at"].lead().over(ibis.window(group_by="unique_id", order_by="seen_at"))
    kept = ["unique_id", "seen_at", "outcome", "stage", "close_date", "cents", *group_names(further)]
    return rows.select(*kept, until=later.fill_null(instant(_FOREVER)))


def _open_deals(versions: ibis.Table, asked: pa.Table, names: Sequence[str], *, exact: bool) -> ibis.Table:
    """Deals open at each point by bucket, stage, groups and amount; and money won in the period by then."""
    import ibis

    points = ibis.memtable(asked.select(["point", "moment", "day", "first", "last"]))
    living = versions.filter(versions["outcome"].isin(["open", "won"]))
    then = points.join(living, [living["seen_at"] <= points["moment"], living["until"] > points["moment"]])
    won = then["outcome"] == "won"
    then = then.filter(~won | then["close_date"].between(then["first"], then["last"]).fill_null(False))
    won = then["outcome"] == "won"
    size = then["cents"] if exact else (then["cents"].abs().clip(lower=1).log2() * 2).floor().cast("int64")
    keys = {
        "bucket": ibis.ifelse(won, _WON, _bucket(then)).cast("int64"),
        "stage": ibis.ifelse(won, NO_LABEL, then["stage"].fill_null(NO_LABEL)),
        "size": ibis.ifelse(won, 0, ibis.ifelse(then["cents"] < 0, -size.abs() - 1, size)).cast("int64"),
    }
    cells = then.select("point", *names, "cents", **keys)
    return cells.group_by(["point", "bucket", "stage", *names, "size"]).agg(
        count=cells.count().cast("int64"), cents=cells["cents"].sum().cast("int64")
    )


def _won_deals(versions: ibis.Table, asked: pa.Table, names: Sequence[str]) -> ibis.Table:
    """Deals won in the period of each point by what they were at the point."""
    import ibis

    points = ibis.memtable(asked.drop_columns("settled"))
    ends = ibis.memtable(
        asked.select(["known", "first", "last"]).group_by(["known", "first", "last"]).aggregate([])
    )
    wins = versions.filter(versions["outcome"] == "won")
    final = ends.join(
        wins,
        [
            wins["seen_at"] <= ends["known"],
            wins["until"] > ends["known"],
            wins["close_date"].between(ends["first"], ends["last"]),
        ],
    ).select("known", "first", "unique_id", "cents", **{f"{name}_end": wins[name] for name in names})
    due = points.join(final, ["known", "first"])
    before = versions.view()
    both = due.left_join(
        before,
        [
            due["unique_id"] == before["unique_id"],
            before["seen_at"] <= due["moment"],
            before["until"] > due["moment"],
        ],
        rname="{name}_then",
    )
    alive = both["outcome"].isin(["open", "won"]).fill_null(False)
    cells = both.select(
        "point",
        "cents",
        bucket=ibis.cases((~alive, _NEITHER), (both["outcome"] == "won", _WON), else_=_bucket(both)).cast(
            "int64"
        ),
        stage=ibis.ifelse(alive, both["stage"], NO_LABEL).fill_null(NO_LABEL),
        **{name: ibis.ifelse(alive, both[name], both[f"{name}_end"]) for name in names},
    )
    return cells.group_by(["point", "bucket", "stage", *names]).agg(
        count=cells.count().cast("int64"), cents=cells["cents"].sum().cast("int64")
    )


def _bucket(rows: ibis.Table) -> Any:
    """When a deal is due, seen from the record's day and the period."""
    import ibis

    due = rows["close_date"]
    return ibis.cases(
        (missing(due), UNDATED),
        (due < rows["day"], OVERDUE),
        (due < rows["first"], BEFORE),
        (due <= rows["last"], DUE),
        (due <= rows["last"] + ibis.interval(days=SOON_DAYS), SOON_AFTER),
        else_=LATER,
    )


def _arrays(
    open_: pd.DataFrame, won: pd.DataFrame, points: int, names: Sequence[str], *, owned: bool
) -> PastDeals:
    """The collected rows as arrays, with numbers in place of names."""
    both = pd.concat([open_, won], ignore_index=True)
    stage, stages = pd.factorize(both["stage"], sort=True)
    owner, owners = numbers(both, names[:1] if owned else [])
    group, groups = numbers(both, names[1:] if owned else names)
    parts = both.assign(stage=stage, owner=owner, group=group)
    parts = parts[["point", "bucket", "stage", "owner", "group", "count", "cents"]].astype(np.int64)
    # In an order of their own: an engine's order changes from run to run.
    then, ends = (
        part.sort_values(list(parts.columns)) for part in (parts[: len(open_)], parts[len(open_) :])
    )
    booked = _sums(then[then["bucket"] == _WON], ["point", "group"], (points, len(groups)))
    won_value = _sums(ends, ["point", "group", "bucket"], (points, len(groups), _NEITHER + 1))
    then, ends = then[then["bucket"] < _WON], ends[ends["bucket"] < _WON]
    places = np.arange(points + 1)
    count = then["count"].to_numpy(dtype=np.float64)
    return PastDeals(
        starts=np.searchsorted(then["point"].to_numpy(), places),
        bucket=then["bucket"].to_numpy(),
        stage=then["stage"].to_numpy(),
        owner=then["owner"].to_numpy(),
        group=then["group"].to_numpy(),
        value=then["cents"].to_numpy() / count / 100,
        count=count,
        won_starts=np.searchsorted(ends["point"].to_numpy(), places),
        won_bucket=ends["bucket"].to_numpy(),
        won_stage=ends["stage"].to_numpy(),
        won_owner=ends["owner"].to_numpy(),
        won_count=ends["count"].to_numpy(dtype=np.float64),
        booked=booked,
        won_value=won_value,
        stages=[str(name) for name in stages],
        owners=["".join(labels) for labels in owners],
        groups=groups,
    )


def _sums(rows: pd.DataFrame, keys: list[str], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The money of the rows, by keys."""
    money = np.zeros(shape, dtype=np.int64)
    np.add.at(
        money,
        tuple(rows[key].to_numpy(dtype=np.int64) for key in keys),
        rows["cents"].to_numpy(dtype=np.int64),
    )
    return money / 100


def numbers(rows: pd.DataFrame, names: Sequence[str]) -> tuple[NDArray[np.intp], list[tuple[str, ...]]]:
    """A number for each combination of the named columns, and the combinations."""
    if not names:
        return np.zeros(len(rows), dtype=np.intp), [()]
    texts = pd.MultiIndex.from_frame(rows[list(names)].astype(TEXT))
    place, labels = pd.factorize(texts, sort=True)
    return place.astype(np.intp), [tuple(map(str, key)) for key in labels]
