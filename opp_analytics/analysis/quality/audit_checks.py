"""The checks of the audit: each returns the deals with a problem, and their suggested fixes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtrc

from opp_analytics import schema
from opp_analytics.errors import MissingColumnError
from opp_analytics.org import CONFLICT, LOST, OPEN, WON, Stages

__all__ = ["CHECKS", "Deals", "Hit", "last_touched", "more_than_chance", "tenant_writes"]

_BY_CHANCE = 0.01
_FAR = 40.0
"""Percentage points between a probability and its stage's median that make a finding."""
_INSTANT = pd.DatetimeTZDtype("us", "UTC")
_STAMPED = pd.Timedelta(minutes=1)
"""Largest time between a write and the server's timestamp of it."""
_CLOSED = ("won", "lost")
"""The statuses of a closed deal, which are also the kinds of its stages."""
_PEERS = 20
"""Open deals that a stage needs before its median is used."""


@dataclass(frozen=True)
class Deals:
    """The input of every check."""

    frame: pd.DataFrame
    outcome: NDArray[np.int8]
    today: pd.Timestamp
    created: pd.Series[Any]
    stale_days: int
    own_writes: pd.DataFrame
    stages: Stages

    @property
    def open(self) -> NDArray[np.bool_]:
        """Mask of open deals."""
        return np.equal(self.outcome, OPEN)


@dataclass(frozen=True)
class Hit:
    """The deals found by one check, and the suggested fix of each."""

    check: str
    severity: str
    field: str
    rows: NDArray[np.bool_]
    suggestion: str | Callable[[pd.DataFrame], pd.Series[Any]] | None = None
    """One text for all rows, or one text per row; None where no fix is obvious."""


def tenant_writes(own_writes: pd.DataFrame | None, tenant: str | None) -> pd.DataFrame:
    """Writes of this package to the tenant, conformed, oldest first."""
    if own_writes is None:
        own_writes = pd.DataFrame({"unique_id": [], "written_at": []})
    missing = [c for c in ("unique_id", "written_at") if c not in own_writes]
    if missing:
        raise MissingColumnError(f"own_writes has no column {', '.join(missing)}")
    if tenant is not None and "tenant" in own_writes:
        own_writes = own_writes[own_writes["tenant"] == tenant]
    written, before, after = (
        pd.to_datetime(own_writes.get(name, pd.Series(pd.NaT, own_writes.index)), utc=True).astype(_INSTANT)
        for name in ("written_at", "updated_before", "updated_after")
    )
    return pd.DataFrame(
        {
            "unique_id": own_writes["unique_id"].astype(schema.TEXT),
            "written_at": written,
            "before": before,
            "after": after,
        }
    ).sort_values("written_at")


def _labels(deals: Deals) -> list[Hit]:
    stage, status = deals.frame["stage"], deals.frame["status"]
    contradiction = deals.outcome == CONFLICT
    by_kind = {"won": deals.stages.won, "lost": deals.stages.lost}
    status_of = {name: kind for kind, names in by_kind.items() for name in names}
    stage_of = {kind: names[0] for kind, names in by_kind.items() if len(names) == 1}
    closed_stage, closed_status = stage.isin(list(status_of)), status.isin(list(_CLOSED))
    # A tenant without statuses has none that lags behind.
    told = bool(status.notna().any())
    behind = (
        closed_stage & told & (stage.astype(schema.TEXT).map(status_of) != status.astype(schema.TEXT))
    ).to_numpy()
    ahead = (closed_status & ~closed_stage).to_numpy()
    return [
        Hit("stage_status_contradict", "error", "status", contradiction),
        Hit(
            "status_behind_stage",
            "warning",
            "status",
            behind & ~contradiction,
            lambda found: found["stage"].astype(schema.TEXT).map(status_of),
        ),
        Hit(
            "stage_behind_status",
            "warning",
            "stage",
            ahead & ~contradiction,
            lambda found: found["status"].astype(schema.TEXT).map(stage_of),
        ),
        _unknown(stage, deals.stages.names),
        _unknown(status, schema.STATUSES),
    ]


def _unknown(column: pd.Series[Any], known: tuple[str, ...]) -> Hit:
    unknown = ~column.isin(known)
    if column.name == "status":
        # Without a status, the stage decides the outcome; without a stage, nothing does.
        unknown &= column.notna()
    return Hit(
        f"unknown_{column.name}",
        "warning",
        str(column.name),
        unknown.to_numpy(),
        lambda found: _spelled(found[column.name].astype(schema.TEXT), known),
    )


def _spelled(names: pd.Series[Any], known: tuple[str, ...]) -> pd.Series[Any]:
    """The known name behind a different spelling ("Closed Won" for "closed_won")."""
    bare = {_bare(pd.Series([name])).iloc[0]: name for name in known}
    return _bare(names).map(bare)


def _bare(names: pd.Series[Any]) -> pd.Series[Any]:
    return names.str.strip().str.lower().str.replace(r"[\s\-]+", "_", regex=True)


def _dates(deals: Deals) -> list[Hit]:
    date, closed = deals.frame["close_date"], deals.outcome <= LOST
    return [
        Hit("overdue", "warning", "close_date", deals.open & (date < deals.today).to_numpy()),
        Hit("closed_in_future", "error", "close_date", closed & (date > deals.today).to_numpy()),
        Hit("closed_before_created", "error", "close_date", closed & (date < deals.created).to_numpy()),
    ]


def _probabilities(deals: Deals) -> list[Hit]:
    stated = deals.frame["probability"].to_numpy(dtype=float, na_value=np.nan)
    told = ~np.isnan(stated)
    outside = told & ((stated < 0) | (stated > 100))
    peers = pd.Series(np.where(deals.open & told & ~outside, stated, np.nan))
    by_stage = peers.groupby(deals.frame["stage"], observed=True)
    median, count = (
        by_stage.transform("median").to_numpy(dtype=float),
        by_stage.transform("count").to_numpy(dtype=float),
    )
    with np.errstate(invalid="ignore"):
        far = deals.open & ~outside & (np.abs(stated - median) > _FAR) & (count >= _PEERS)
    return [
        Hit("probability_outside", "error", "probability", outside & (deals.outcome > LOST)),
        Hit(
            "won_probability",
            "warning",
            "probability",
            (deals.outcome == WON) & told & (stated != 100),
            "100",
        ),
        Hit(
            "lost_probability", "warning", "probability", (deals.outcome == LOST) & told & (stated != 0), "0"
        ),
        Hit("probability_far_from_stage", "info", "probability", far),
    ]


def _values(deals: Deals) -> list[Hit]:
    value = deals.frame["value"]
    counted = deals.outcome != CONFLICT
    return [
        Hit("value_missing", "warning", "value", counted & value.isna().to_numpy()),
        Hit("value_not_positive", "warning", "value", counted & (value <= 0).to_numpy()),
    ]


def _duplicates(deals: Deals) -> list[Hit]:
    both = pd.DataFrame(
        {
            "name": deals.frame["name"].str.replace(r"\s+", " ", regex=True).str.strip().str.casefold(),
            "account": deals.frame["account_id"],
        }
    )
    named = both.notna().all(axis=1)
    twice = (both.duplicated(keep=False) & named).to_numpy(dtype=bool)
    twice_open = np.zeros(len(both), dtype=bool)
    twice_open[deals.open] = both[deals.open].duplicated(keep=False)
    counted_twice = twice & twice_open
    return [
        Hit("duplicate", "warning", "name", counted_twice),
        Hit("duplicate_of_closed", "info", "name", twice & ~counted_twice),
    ]


def _stale(deals: Deals) -> list[Hit]:
    limit = deals.today.tz_localize("UTC") - pd.Timedelta(days=deals.stale_days)
    touched = last_touched(deals.frame, deals.own_writes)
    return [Hit("stale", "info", "updated_at", deals.open & (touched < limit).to_numpy())]


def last_touched(frame: pd.DataFrame, writes: pd.DataFrame) -> pd.Series[Any]:
    """The last update of each deal that is not one of our own `writes`; missing where unknown."""
    if "updated_at" not in frame:
        return pd.Series(pd.NaT, index=frame.index, dtype=_INSTANT)
    alive = frame["updated_at"]
    newest_first = writes.groupby("unique_id").cumcount(ascending=False)
    # Go back write by write, because the update before one of ours may be ours too.
    for _, writes_of_rank in writes.groupby(newest_first):
        write = writes_of_rank.set_index("unique_id").reindex(frame["unique_id"]).set_axis(frame.index)
        # If the server's timestamp is unknown, assume that it is shortly after the write.
        near = (alive <= write["written_at"] + _STAMPED) & ~(alive <= write["before"])
        ours = (alive == write["after"]) | (write["after"].isna() & near)
        alive = alive.where(~ours, write["before"])
    return alive


def _defaults(deals: Deals) -> list[Hit]:
    date = deals.frame["close_date"]
    mine = deals.open & date.notna().to_numpy()
    weekend = mine & (date.dt.day_of_week >= 5).to_numpy()
    year_end = mine & ((date.dt.month == 12) & (date.dt.day == 31)).to_numpy()
    return [
        Hit(check, "info", "close_date", rows & more_than_chance(int(rows.sum()), int(mine.sum()), chance))
        for check, rows, chance in (
            ("close_date_weekend", weekend, 2 / 7),
            ("close_date_year_end", year_end, 1 / 365),
        )
    ]


def more_than_chance(hits: int, trials: int, chance: float) -> bool:
    """True when so many hits have a probability below 1% by chance (one-sided binomial test)."""
    return hits > 0 and float(bdtrc(hits - 1, trials, chance)) < _BY_CHANCE


CHECKS: tuple[Callable[[Deals], list[Hit]], ...] = (
    _labels,
    _dates,
    _probabilities,
    _values,
    _duplicates,
    _stale,
    _defaults,
)
