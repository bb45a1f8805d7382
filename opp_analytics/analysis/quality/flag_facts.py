"""What a history tells of each open deal, and of how deals that were won went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from opp_analytics.analysis.movement.close_date_moves import close_date_moves
from opp_analytics.analysis.shared.history_query import days_between, instant, log_of, missing
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
    owned = "owner_name" in history.log.columns
    steps = _steps(history, until, owned)
    deals = history.collect(_deals(steps)).set_index("unique_id")
    moves = close_date_moves(history, end=until)[["pushes", "days_pushed"]]
    deals = deals.join(moves)
    deals["changed_at"] = _changed_at(history, deals, until, own_writes)
    if owned:
        owners = history.collect(_owners(steps))
        last = owners.sort_values("seen_at").drop_duplicates("unique_id", keep="last").set_index("unique_id")
        deals = deals.join(last.rename(columns={"seen_at": "owner_at"}))
    stays = _quantiles(history.collect(_won_stays(steps)), share)
    return Past(deals, stays, _quantile(history.collect(_won_pauses(steps)), share))


def _steps(history: History, until: pd.Timestamp, owned: bool) -> ibis.Table:
    """The change rows by `until`, with place (stage of an open deal, else its outcome), rank, and neighbors."""
    import ibis

    log = log_of(history, "seen_after", "updated_at", *(["owner_name"] if owned else []))
    log = log.filter(log["seen_at"] <= instant(until))
    own = ibis.window(group_by="unique_id", order_by="seen_at")
    is_open = log["outcome"] == "open"
    ranks = [(stage, rank) for rank, stage in enumerate(Org.of(history).stages.open)]
    log = log.mutate(
        is_open=is_open,
        place=ibis.ifelse(is_open, log["stage"].fill_null(""), log["outcome"]),
        rank=ibis.ifelse(is_open, log["stage"].fill_null("").cases(*ranks, else_=-1), -1),
    )
    before = {"place_before": "place", **({"owner_before": "owner_name"} if owned else {})}
    log = log.mutate(
        **{name: log[column].lag().over(own) for name, column in before.items()},
        until=log["seen_at"].lead().over(own),
    )
    return log.mutate(entered=missing(log["place_before"]) | (log["place_before"] != log["place"]))


def _deals(steps: ibis.Table) -> ibis.Table:
    """One row per deal that is open in its last row."""
    first, last = missing(steps["place_before"]), missing(steps["until"])
    found = steps.group_by("unique_id").agg(
        is_open=(last & steps["is_open"]).cast("int8").max(),
        best_rank=steps["rank"].max().cast("int64"),
        peak=steps["cents"].max(where=steps["is_open"]),
        entered_at=steps["seen_at"].max(where=steps["entered"]),
        last_at=steps["seen_at"].max(),
        first_at=steps["seen_at"].max(where=first),
        first_after=steps["seen_after"].max(where=first),
        first_updated=steps["updated_at"].max(where=first),
        last_stage=steps["stage"].max(where=last),
    )
    return found.filter(found["is_open"] == 1).drop("is_open")


def _owners(steps: ibis.Table) -> ibis.Table:
    """Every change of owner, with the one before."""
    changed = steps.filter(steps["owner_before"] != steps["owner_name"])
    return changed.select("unique_id", "seen_at", "owner_before")


def _won(steps: ibis.Table) -> ibis.Table:
    won = steps.filter(missing(steps["until"]) & (steps["outcome"] == "won"))
    return steps.semi_join(won.select("unique_id"), "unique_id")


def _won_stays(steps: ibis.Table) -> ibis.Table:
    """Number of stays in each stage of deals that were won, by days; those that began before the records are left out."""
    import ibis

    own = ibis.window(group_by="unique_id", order_by="seen_at")
    entered = _won(steps).filter("entered")
    entered = entered.mutate(left_at=entered["seen_at"].lead().over(own))
    stays = entered.filter(entered["is_open"], ~missing(entered["left_at"]), ~missing(entered["seen_after"]))
    counted = stays.select("place", days=_days_between(stays["seen_at"], stays["left_at"]))
    return counted.group_by(["place", "days"]).agg(times=counted.count().cast("int64"))


def _won_pauses(steps: ibis.Table) -> ibis.Table:
    """Number of deals that were won, by the days of the longest time without a change while open."""
    rows = _won(steps)
    rows = rows.filter(rows["is_open"], ~missing(rows["until"]))
    longest = rows.select("unique_id", days=_days_between(rows["seen_at"], rows["until"]))
    longest = longest.group_by("unique_id").agg(days=longest["days"].max())
    return longest.group_by("days").agg(times=longest.count().cast("int64"))


def _days_between(start: Any, end: Any) -> Any:
    return days_between(start, end).round().cast("int64")


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
    never = (deals["last_at"] == deals["first_at"]) & deals["first_after"].isna()
    changed = deals["last_at"].where(~never | deals["first_updated"].isna(), deals["first_updated"])
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
