"""What a history tells of each open deal, and of how deals that were won went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from opp_analytics.analysis.shared.history_query import (
    count_days,
    count_unknown_deals,
    find_first_record,
    instant,
    missing,
    read_log,
)
from opp_analytics.arguments import frame
from opp_analytics.org import Org

if TYPE_CHECKING:
    import ibis

    from opp_analytics.history import History

__all__ = ["Past", "Quantile", "past"]

_INSTANT = pd.DatetimeTZDtype("us", "UTC")
LEAST = 10
"""Won deals that a learned threshold needs."""


@dataclass(frozen=True)
class Quantile:
    """A learned number of days."""

    days: int
    share: float
    """Share of the deals that needed no more."""
    n: int


@dataclass(frozen=True)
class Past:
    """The records up to a day, for flags."""

    deals: pd.DataFrame
    """Index ``unique_id`` of the deals open in the last record: ``pushes days_pushed entered_at last_stage best_rank peak
    changed_at owner_at owner_before``."""
    stays: dict[str, Quantile]
    """Days in each stage of deals that were won."""
    pauses: Quantile | None
    """Longest time without a change of deals that were won."""


def past(
    history: History,
    *,
    until: pd.Timestamp,
    share: float,
    own_writes: pd.DataFrame | None,
) -> Past | None:
    """The history up to a moment; None where it has fewer than two records by then."""
    moments = history.records["recorded_at"]
    if (moments <= until).sum() < 2:
        return None
    count_unknown_deals(history)
    dated = find_first_record(history, moments, ["stage", "close_date"])
    log = _log(history, until)
    found = history.collect(_deals(log, Org.of(history), dated)).set_index("unique_id")
    won, pause = found["is_won"], found["pause"]
    deals = found[~won].drop(columns=["is_won", "pause"])
    if moments.between(dated, until).sum() < 2:
        deals = deals.drop(columns=["pushes", "days_pushed"])
    deals["changed_at"] = _changed_at(history, deals, until, own_writes)
    if "owner_name" in log.columns:
        owners = (
            history.collect(_owners(log)).sort_values("seen_at").drop_duplicates("unique_id", keep="last")
        )
        deals = deals.join(owners.set_index("unique_id").rename(columns={"seen_at": "owner_at"}))
    stays = history.collect(_won_stays(log))
    pauses = pause[won].value_counts().rename_axis("days").reset_index(name="times")
    return Past(deals, _quantiles(stays, share), _quantile(pauses, share))


def _log(history: History, until: pd.Timestamp) -> ibis.Table:
    """The change rows by `until`; their place is the stage of an open deal, else its outcome."""
    import ibis

    owner = [name for name in ("owner_name",) if name in history.log.columns]
    log = read_log(history, "seen_after", "updated_at", *owner)
    log = log.filter(log["seen_at"] <= instant(until))
    is_open = log["outcome"] == "open"
    return log.select(
        *("unique_id", "seen_after", "seen_at", "updated_at", "within", "cents", "close_date", *owner),
        is_open=is_open,
        is_won=log["outcome"] == "won",
        place=ibis.ifelse(is_open, log["stage"].fill_null(""), log["outcome"]),
    )


def _own(**rows: Any) -> Any:
    """The window of a deal's rows, in order of time."""
    import ibis

    return ibis.window(group_by="unique_id", order_by="seen_at", **rows)


def _deals(log: ibis.Table, org: Org, dated: pd.Timestamp) -> ibis.Table:
    """One row per deal that is open or won in its last row; dates moved after `dated`."""
    import ibis

    whole = _own(preceding=None, following=None)
    rows = log.mutate(
        place_before=log["place"].lag().over(_own()),
        was_open=log["is_open"].lag().over(_own()),
        date_before=log["close_date"].lag().over(_own()),
        until=log["seen_at"].lead().over(_own()),
        ends_open=log["is_open"].last().over(whole),
        ends_won=log["is_won"].last().over(whole),
    )
    rows = rows.filter(rows["ends_open"] | rows["ends_won"])
    ranks = [(stage, rank) for rank, stage in enumerate(org.stages.open)]
    later = rows["close_date"] > rows["date_before"]
    pushed = later & rows["is_open"] & rows["was_open"] & rows["within"] & (rows["seen_at"] > instant(dated))
    days = rows["close_date"].delta(rows["date_before"], unit="day").cast("int64")
    paused = ibis.ifelse(
        rows["ends_won"] & rows["is_open"], _days_between(rows["seen_at"], rows["until"]), None
    )
    return rows.group_by("unique_id", is_won="ends_won").agg(
        pushes=pushed.cast("int64").sum().cast("int64"),
        days_pushed=ibis.ifelse(pushed, days, 0).sum().cast("int64"),
        best_rank=rows["place"].cases(*ranks, else_=-1).max(where=rows["is_open"]).cast("int64"),
        peak=rows["cents"].max(where=rows["is_open"]),
        entered_at=rows["seen_at"].max(where=_is_entry(rows)),
        first_at=rows["seen_at"].min(),
        last_at=rows["seen_at"].max(),
        last_stage=rows["place"].max(where=missing(rows["until"])),
        seen_after=rows["seen_after"].min(),
        updated_at=rows["updated_at"].max(),
        pause=paused.max(),
    )


def _is_entry(rows: ibis.Table) -> Any:
    return missing(rows["place_before"]) | (rows["place_before"] != rows["place"])


def _owners(log: ibis.Table) -> ibis.Table:
    """Every change of owner, with the one before."""
    owner = log["owner_name"]
    ends = log.group_by("unique_id").agg(low=owner.min(), high=owner.max())
    rows = log.select("unique_id", "seen_at", "owner_name")
    rows = rows.semi_join(ends.filter(ends["low"] != ends["high"]), "unique_id")
    rows = rows.mutate(owner_before=rows["owner_name"].lag().over(_own()))
    return rows.filter(rows["owner_before"] != rows["owner_name"]).drop("owner_name")


def _won_stays(log: ibis.Table) -> ibis.Table:
    """Number of stays in each stage of deals that were won, by days; those that began before the records are left out."""
    rows = log.select("unique_id", "seen_after", "seen_at", "place", "is_open", "is_won")
    rows = rows.semi_join(rows.filter("is_won"), "unique_id")
    rows = rows.mutate(
        place_before=rows["place"].lag().over(_own()),
        ends_won=rows["is_won"].last().over(_own(preceding=None, following=None)),
    )
    rows = rows.filter(rows["ends_won"] & _is_entry(rows))
    rows = rows.mutate(left_at=rows["seen_at"].lead().over(_own()))
    stays = rows.filter(rows["is_open"], ~missing(rows["left_at"]), ~missing(rows["seen_after"]))
    counted = stays.select("place", days=_days_between(stays["seen_at"], stays["left_at"]))
    return counted.group_by(["place", "days"]).agg(times=counted.count().cast("int64"))


def _days_between(start: Any, end: Any) -> Any:
    return count_days(start, end).round().cast("int64")


def _quantiles(stays: pd.DataFrame, share: float) -> dict[str, Quantile]:
    found = {str(stage): _quantile(rows, share) for stage, rows in stays.groupby("place")}
    return {stage: quantile for stage, quantile in found.items() if quantile is not None}


def _quantile(counted: pd.DataFrame, share: float) -> Quantile | None:
    """The fewest days that this share of the deals did not exceed; None for fewer deals than `LEAST`."""
    ordered = counted.sort_values("days")
    times, days = ordered["times"].to_numpy(dtype="int64"), ordered["days"].to_numpy(dtype="int64")
    n = int(times.sum())
    if n < LEAST:
        return None
    place = int(np.searchsorted(np.cumsum(times), share * n - 1e-9))
    return Quantile(int(days[place]), share, n)


def _changed_at(
    history: History, deals: pd.DataFrame, until: pd.Timestamp, own_writes: pd.DataFrame | None
) -> pd.Series[Any]:
    """When each deal last changed, other than by our own writes."""
    # What was never seen to change changed before the first record, when the server says.
    never = (deals["last_at"] == deals["first_at"]) & deals["seen_after"].isna()
    changed = deals["last_at"].where(~never | deals["updated_at"].isna(), deals["updated_at"])
    if own_writes is None or own_writes.empty:
        return changed
    ours = frame(own_writes, "own_writes", "unique_id", "written_at", made_by="own_writes")
    ids = sorted(set(ours["unique_id"]) & set(deals.index))
    if not ids:
        return changed
    log = history.log
    rows = log.filter(log["unique_id"].isin(ids), log["seen_at"] <= instant(until))
    rows = history.collect(rows.select("unique_id", "seen_after", "seen_at"))
    written = ours.assign(written_at=pd.to_datetime(ours["written_at"], utc=True).astype(_INSTANT))
    both = rows.reset_index().merge(written[["unique_id", "written_at"]], on="unique_id")
    mine = both[(both["written_at"] > both["seen_after"]) & (both["written_at"] <= both["seen_at"])]
    others = rows.drop(index=mine["index"].unique()).groupby("unique_id")["seen_at"].max()
    replaced = others.reindex(pd.Index(ids)).fillna(deals["first_at"].reindex(pd.Index(ids)))
    return changed.where(~changed.index.isin(ids), replaced.reindex(changed.index))
