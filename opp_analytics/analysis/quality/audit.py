"""What is wrong or doubtful in the pipeline's data, deal by deal, and what would mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtrc

from opp_analytics import org, periods, schema
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.groups import read
from opp_analytics.errors import ArgumentTypeError, MissingColumnError
from opp_analytics.org import CONFLICT, LOST, OPEN, WON, outcome_codes
from opp_analytics.periods import When

_COLUMNS = ["unique_id", "check", "severity", "field", "value", "suggestion", "amount"]
_BY_CHANCE = 0.01
_FAR = 40.0
"""Percentage points between a probability and its stage's median that are worth a look."""
_INSTANT = pd.DatetimeTZDtype("us", "UTC")
_STAMPED = pd.Timedelta(minutes=1)
"""The time within which a server stamps a write that was sent to it."""
_SAID = {"closed_won": "won", "closed_lost": "lost"}
"""The status that a closed stage goes with."""
_PEERS = 20
"""Open deals that a stage needs before its median says anything."""


@dataclass(frozen=True)
class Deals:
    """What every check sees."""

    frame: pd.DataFrame
    outcome: NDArray[np.int8]
    today: pd.Timestamp
    created: pd.Series[Any]
    stale_days: int
    own_writes: pd.DataFrame

    @property
    def open(self) -> NDArray[np.bool_]:
        """Which deals are open."""
        return np.equal(self.outcome, OPEN)


@dataclass(frozen=True)
class Hit:
    """The deals that one check found, and what would mend them."""

    check: str
    severity: str
    field: str
    rows: NDArray[np.bool_]
    suggestion: str | Callable[[pd.DataFrame], pd.Series[Any]] | None = None
    """One text for all, or one for each of the rows found; None where there is no obvious mend."""


def audit(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    stale_days: int = 30,
    own_writes: pd.DataFrame | None = None,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Everything wrong or doubtful in the frame, one row per deal and finding.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id``, ``name``, ``account_id``, ``value`` (money), ``stage``, ``close_date`` (date), ``probability``
        (percent), ``status``, ``created_at``, ``updated_at`` (instants).
    as_of : date-like
        The day of the audit.
    stale_days : int
        An open deal without an update for more than so many days is stale.
    own_writes : DataFrame, optional
        Our own batch writes, as `own_writes` of the writer returns them: ``unique_id``, ``written_at`` (instant) and,
        where known, ``updated_before`` and ``updated_after`` (the server's instants around the write) and ``tenant``: of
        opportunities whose load says their tenant, only writes to that one count. A write that left the deal's
        ``updated_at`` is no sign of life: the deal is judged by the update before, or, where that is not known, not at
        all.
    tz : str
        Business time zone.

    Returns
    -------
    DataFrame
        RangeIndex, the gravest first. Columns (str unless said otherwise): ``unique_id``, ``check``, ``severity`` (error,
        warning, info), ``field``, ``value``: the cell as text, missing when blank; ``suggestion``: the cell that would mend
        it, missing where none is obvious; ``amount`` (float64, money): the deal's value.
        Attrs: ``summary``, a list of check, severity, count and money; ``n`` deals looked at; ``as_of``.
        Nothing found, or empty input: no rows.

    Raises
    ------
    MissingColumnError, DataError
        When a column is missing, or ids are missing or repeated.

    Notes
    -----
    Checks. error: stage and status contradict each other; closed in the future; closed before created; probability
    outside 0–100. warning: stage and status disagree; open and overdue; won with a probability other than 100, lost with
    one other than 0; value missing, zero or negative; same name and account as another open deal; unknown stage or
    status. info: same name and account as a closed one, which may be its renewal; probability
    more than 40 points from the median of its stage (20 open deals or more); stale; close date on a weekend, or on
    31 December, where more deals have one than chance explains (binomial test, 1 %).

    Examples
    --------
    >>> frame = org.empty().reindex([0]).assign(unique_id="a", stage="proposal", close_date="2026-03-01", value=5.0)
    >>> audit(frame, as_of="2026-03-10")[["check", "field", "value"]].values.tolist()
    [['overdue', 'close_date', '2026-03-01']]
    """
    if isinstance(stale_days, bool) or not isinstance(stale_days, (int, np.integer)) or stale_days < 1:
        raise ArgumentTypeError(f"stale_days={stale_days!r} is not a number of days; use 30")
    frame = read(opportunities, *schema.COLUMNS, unique=True)
    today = periods.as_date(as_of, tz=tz)
    deals = Deals(
        frame,
        outcome_codes(frame),
        today,
        periods.to_dates(frame["created_at"], tz=tz),
        int(stale_days),
        _writes(own_writes, (opportunities.attrs.get("load") or {}).get("tenant")),
    )
    hits = [hit for check in _CHECKS for hit in check(deals) if hit.rows.any()]
    nothing = Hit("", "", "name", np.zeros(len(frame), dtype=bool))
    table = pd.concat([_rows(frame, hit) for hit in hits or [nothing]], ignore_index=True)
    rank = table["severity"].map({"error": 0, "warning": 1, "info": 2})
    table = table.iloc[np.lexsort((table["unique_id"], table["check"], rank))].reset_index(drop=True)
    return annotate(table, made_from=opportunities, n=len(frame), as_of=today, summary=_summary(table))


def _rows(frame: pd.DataFrame, hit: Hit) -> pd.DataFrame:
    found = frame[hit.rows]
    cells = found[hit.field]
    if hit.field == "close_date":
        text = cells.dt.strftime("%Y-%m-%d")
    elif hit.field == "updated_at":
        text = cells.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        text = cells.astype(schema.TEXT)
    suggestion = hit.suggestion(found) if callable(hit.suggestion) else hit.suggestion
    table = pd.DataFrame(
        {
            "unique_id": found["unique_id"],
            "check": hit.check,
            "severity": hit.severity,
            "field": hit.field,
            "value": text,
            "suggestion": suggestion,
            "amount": found["value"],
        },
        columns=_COLUMNS,
    )
    return table.astype(dict.fromkeys(_COLUMNS[:-1], schema.TEXT))


def _summary(table: pd.DataFrame) -> list[dict[str, Any]]:
    groups = table.groupby(["check", "severity"], sort=False)["amount"]
    return [
        {"check": check, "severity": severity, "count": len(money), "value": float(np.nansum(money))}
        for (check, severity), money in groups
    ]


def _writes(own_writes: pd.DataFrame | None, tenant: str | None) -> pd.DataFrame:
    """Our own writes to the tenant, conformed, oldest first."""
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
    behind, ahead = np.zeros(len(stage), dtype=bool), np.zeros(len(stage), dtype=bool)
    for closed, said in _SAID.items():
        behind |= (stage == closed).to_numpy() & (status != said).to_numpy()
        ahead |= (status == said).to_numpy() & ~stage.isin(list(_SAID)).to_numpy()
    return [
        Hit("stage_status_contradict", "error", "status", contradiction),
        Hit(
            "status_behind_stage",
            "warning",
            "status",
            behind & ~contradiction,
            lambda found: found["stage"].astype(schema.TEXT).map(_SAID),
        ),
        Hit(
            "stage_behind_status",
            "warning",
            "stage",
            ahead & ~contradiction,
            lambda found: (
                found["status"].astype(schema.TEXT).map({said: stage for stage, said in _SAID.items()})
            ),
        ),
        _unknown(stage, org.STAGES.names),
        _unknown(status, schema.STATUSES),
    ]


def _unknown(column: pd.Series[Any], known: tuple[str, ...]) -> Hit:
    unknown = ~column.isin(known)
    if column.name == "status":
        # Without a status the outcome rests on the stage; without a stage it rests on nothing.
        unknown &= column.notna()
    return Hit(
        f"unknown_{column.name}",
        "warning",
        str(column.name),
        unknown.to_numpy(),
        lambda found: _spelled(found[column.name].astype(schema.TEXT), known),
    )


def _spelled(names: pd.Series[Any], known: tuple[str, ...]) -> pd.Series[Any]:
    """The known name that each one is a spelling of, as "Closed Won" is of closed_won; anything further is a guess."""
    spelled = names.str.strip().str.lower().str.replace(r"[\s\-]+", "_", regex=True)
    return spelled.where(spelled.isin(known))


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
    return [Hit("stale", "info", "updated_at", deals.open & (_last_touched(deals) < limit).to_numpy())]


def _last_touched(deals: Deals) -> pd.Series[Any]:
    """The last update of each deal that was not a write of ours; missing where that is not known."""
    alive = deals.frame["updated_at"]
    writes = deals.own_writes
    newest_first = writes.groupby("unique_id").cumcount(ascending=False)
    # From write to write backwards, for the update before one of ours may be ours again.
    for _, writes_of_rank in writes.groupby(newest_first):
        write = writes_of_rank.set_index("unique_id").reindex(deals.frame["unique_id"]).reset_index(drop=True)
        # Where the server did not tell, it stamped the write a moment after we sent it.
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
        Hit(check, "info", "close_date", rows & _more_than_chance(int(rows.sum()), int(mine.sum()), chance))
        for check, rows, chance in (
            ("close_date_weekend", weekend, 2 / 7),
            ("close_date_year_end", year_end, 1 / 365),
        )
    ]


def _more_than_chance(hits: int, trials: int, chance: float) -> bool:
    return hits > 0 and float(bdtrc(hits - 1, trials, chance)) < _BY_CHANCE


_CHECKS: tuple[Callable[[Deals], list[Hit]], ...] = (
    _labels,
    _dates,
    _probabilities,
    _values,
    _duplicates,
    _stale,
    _defaults,
)
