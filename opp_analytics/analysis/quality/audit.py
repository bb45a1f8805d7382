"""`audit`: data problems in the pipeline, deal by deal; `fix` applies its suggestions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from opp_analytics import arguments, org, periods, schema
from opp_analytics.analysis.shared.groups import read
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arrays import Codes, Flags, Series
from opp_analytics.certificate import Certificate
from opp_analytics.errors import DataError
from opp_analytics.inputs import match_name
from opp_analytics.note import note_of
from opp_analytics.org import (
    CONFLICT,
    LOST,
    NOT_RECORDED,
    OPEN,
    WON,
    Org,
    Stages,
    check_frame,
    find_known_day,
    outcome_codes,
)
from opp_analytics.periods import When
from opp_analytics.schema import Json

_RANK = {"error": 0, "warning": 1, "info": 2}
_TEXTS = ["unique_id", "check", "severity", "field", "cell", "suggestion"]
_COLUMNS = [*_TEXTS[:5], "value", "suggestion"]

_OPTIONAL = ("name", "account_id", "probability", "status", "created_at", "updated_at")
_OWNER = ("owner_name", "owner_unique_id", "owner_email")


def audit(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    own_writes: pd.DataFrame | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """List data problems in the frame, one row per deal and finding.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id``, ``stage``, ``value`` (money), ``close_date`` (date); where present ``name``,
        ``account_id``, ``probability`` (percent), ``status``, ``created_at``, ``updated_at``
        (instants), ``owner_name``, ``owner_unique_id``, ``owner_email``. What a frame lacks is not
        checked.
    as_of : date or str
        Date of the audit.
    own_writes : DataFrame, optional
        Batch writes of this package, from `own_writes`: ``unique_id``, ``written_at`` (instant)
        and, where known, ``updated_before``, ``updated_after`` (the server's instants around the
        write) and ``tenant``. Such a write does not count as an update of the deal; the update
        before it does, where known.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        RangeIndex, most severe first. Columns (str unless noted): ``unique_id``, ``check``,
        ``severity`` (error, warning, info), ``field``, ``cell``: the current value as text, missing
        when blank; ``value`` (float64, money) of the deal; ``suggestion``: the suggested fix,
        missing where none is obvious. Note: ``n`` deals checked, ``day``, ``not_checked``:
        columns that the frame lacks, if any. Without findings, or for empty input, no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentTypeError, ArgumentValueError
        When a column is missing, ids are missing or repeated, or an argument cannot be used.

    See Also
    --------
    audit_summary : Sum deals and money by check.
    fix : Apply the suggestions.

    Notes
    -----
    error: stage and status contradict each other; closed in the future; closed before created;
    probability outside 0–100. warning: stage and status disagree; open and overdue; won with a
    probability other than 100, lost with one other than 0; won without a close date; value missing,
    zero or negative; open without an owner, if another deal has one; same name and account as
    another open deal; unknown stage or status. info: same name and account as a closed deal
    (perhaps its renewal); probability more than 40 points from the median of its pipeline's stage
    (20 open deals or more); stale.

    Examples
    --------
    >>> from opp_analytics import org
    >>> frame = (
    ...     org.empty()
    ...     .reindex([0])
    ...     .assign(unique_id="a", stage="proposal", close_date="2026-03-01", value=5.0)
    ... )
    >>> audit(frame, as_of="2026-03-10")[["check", "field", "cell"]].values.tolist()
    [['overdue', 'close_date', '2026-03-01']]
    """
    check_frame(opportunities)
    absent = [name for name in _OPTIONAL if name not in opportunities]
    filled = opportunities.assign(**dict.fromkeys(absent))
    placed = org.split_by(opportunities)
    owner = [name for name in _OWNER if name in opportunities]
    frame = read(filled, *schema.COLUMNS, *placed, *owner, unique=True, any_stage=True)
    tz = Org.of(opportunities).zone(tz)
    today = find_known_day(opportunities, periods.as_date(as_of, tz=tz), tz)
    deals = AuditInput(
        frame,
        outcome_codes(frame),
        today,
        periods.to_dates(frame["created_at"], tz=tz),
        select_writes(own_writes, opportunities),
        Org.of(opportunities).stages,
    )
    found = [
        hit
        for check in CHECKS
        for hit in check(deals)
        if hit.rows.any() and hit.field not in absent
    ]
    nothing = Finding("", "", "name", np.zeros(len(frame), dtype=bool))
    table = pd.concat([_list_rows(frame, hit) for hit in found or [nothing]], ignore_index=True)
    rank = table["severity"].map(_RANK)
    table = table.iloc[np.lexsort((table["unique_id"], table["check"], rank))].reset_index(
        drop=True
    )
    lacks: Json = {"not_checked": absent} if absent else {}
    return annotate(table, "audit", made_from=opportunities, n=len(frame), as_of=today, **lacks)


def _list_rows(frame: pd.DataFrame, hit: Finding) -> pd.DataFrame:
    found = frame[hit.rows]
    cells = found[hit.field]
    write = {"close_date": "%Y-%m-%d", "updated_at": "%Y-%m-%dT%H:%M:%SZ"}.get(hit.field)
    hint = hit.suggestion if isinstance(hit.suggestion, str | None) else hit.suggestion[hit.rows]
    table = pd.DataFrame(
        {
            "unique_id": found["unique_id"],
            "check": hit.check,
            "severity": hit.severity,
            "field": hit.field,
            "cell": cells.dt.strftime(write) if write else cells.astype(schema.TEXT),
            "value": found["value"],
            "suggestion": hint,
        },
        columns=_COLUMNS,
    )
    return table.astype(dict.fromkeys(_TEXTS, schema.TEXT))


def audit_summary(findings: pd.DataFrame) -> pd.DataFrame:
    """Sum deals and money by check.

    Parameters
    ----------
    findings : DataFrame
        Result of `audit`, or some of its rows: ``unique_id``, ``check``, ``severity``, ``value``
        (money).

    Returns
    -------
    DataFrame
        Index ``check`` (str), most severe first, then by money. Columns: ``severity`` (str),
        ``deals`` (int64), ``value`` (float64, money of those deals; a missing value counts 0).
        Without findings, no rows.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `findings` is not a result of `audit`.

    Examples
    --------
    >>> findings = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b"],
    ...         "check": "overdue",
    ...         "severity": "warning",
    ...         "value": [5.0, 7.0],
    ...     }
    ... )
    >>> audit_summary(findings)
            severity  deals  value
    check
    overdue  warning      2   12.0
    """
    arguments.frame(
        findings, "findings", "unique_id", "check", "severity", "value", made_by="audit"
    )
    deals = findings.drop_duplicates(["check", "unique_id"])
    table = (
        deals.groupby(["check", "severity"], as_index=False, observed=True)
        .agg(deals=("unique_id", "size"), value=("value", "sum"))
        .astype(
            {"check": schema.TEXT, "severity": schema.TEXT, "deals": "int64", "value": "float64"}
        )
    )
    rank = table["severity"].map(_RANK)
    order = np.lexsort((table["check"], -table["value"], rank))
    summary = table.iloc[order].set_index("check")
    return note_of(findings).change(kind="audit_summary").write(summary)


def fix(opportunities: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Apply every suggestion of the findings to the frame, ready for a plan.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id`` and the fields to fix.
    findings : DataFrame
        Result of `audit`, or some of its rows: ``unique_id``, ``field``, ``suggestion``. Rows
        without a suggestion change nothing.

    Returns
    -------
    DataFrame
        An edited copy with the same rows, order, index and attrs.

    Raises
    ------
    MissingColumnError
        When a column is missing.
    DataError
        When an id is unknown, two suggestions for one cell differ, or a suggestion does not fit its
        field.

    Examples
    --------
    >>> frame = (
    ...     org.empty()
    ...     .reindex([0])
    ...     .assign(
    ...         unique_id="a",
    ...         stage="closed_won",
    ...         status="won",
    ...         close_date="2026-03-01",
    ...         value=5.0,
    ...         probability=60,
    ...     )
    ... )
    >>> finding = pd.DataFrame(
    ...     {"unique_id": ["a"], "field": ["probability"], "suggestion": ["100"]}
    ... )
    >>> fix(frame, finding)["probability"].tolist()
    [100]
    """
    arguments.frame(findings, "findings", "unique_id", "field", "suggestion", made_by="audit")
    wanted = findings[findings["suggestion"].notna()]
    wanted = wanted[["unique_id", "field", "suggestion"]].drop_duplicates()
    frame = org.require(opportunities, *wanted["field"].unique(), unique=True)
    _check_wanted(wanted, frame)
    place = pd.Series(frame.index, index=frame["unique_id"])
    for field, cells in wanted.groupby("field", sort=False):
        texts = frame[field].astype(object).copy()
        texts.loc[place[cells["unique_id"]]] = (
            cells["suggestion"].map(_parse(str(field), cells)).array
        )
        frame[str(field)] = texts
    frame = org.conform(frame)
    frame.index = opportunities.index
    return frame


def _parse(field: str, cells: pd.DataFrame) -> Json:
    """Parse each distinct suggestion for a field at the column's type."""
    try:
        return {text: schema.parse_cell(field, text) for text in cells["suggestion"].unique()}
    except schema.BadCell as error:
        raise DataError(f"a suggestion for {field} {error}") from error


def _check_wanted(wanted: pd.DataFrame, frame: pd.DataFrame) -> None:
    unknown = wanted.loc[~wanted["unique_id"].isin(frame["unique_id"]), "unique_id"]
    if len(unknown):
        raise DataError(
            f"the frame has no opportunity {unknown.iloc[0]!r} of the findings ({len(unknown)} "
            "such rows)"
        )
    twice = wanted[wanted.duplicated(["unique_id", "field"])]
    if len(twice):
        first = twice.iloc[0]
        raise DataError(
            f"opportunity {first['unique_id']!r}: the findings have two suggestions for "
            f"{first['field']}"
        )


# Percentage points between a probability and its stage's median that make a finding: two steps of a
# usual ladder (10, 20, 40, 60, 80), so that it belongs to another stage.
_FAR = 40.0
_INSTANT = pd.DatetimeTZDtype("us", "UTC")
# The server stamps a write within this time; clocks of two computers may differ by as much.
_STAMPED = pd.Timedelta(minutes=1)
_CLOSED = ("won", "lost")
"""The statuses of a closed deal, which are also the kinds of its stages."""
_STALE_DAYS = 30
"""Days without an update after which an open deal is stale."""
# Open deals that a stage needs before its median is used: that of 20 errs by about a quarter of
# their spread (1.25 σ/√n).
_PEERS = 20


@dataclass(frozen=True)
class AuditInput:
    """The columns and settings that checks read."""

    frame: pd.DataFrame
    outcome: Codes
    today: pd.Timestamp
    created: Series
    own_writes: pd.DataFrame
    stages: Stages

    @property
    def open(self) -> Flags:
        """Mask the open deals."""
        return np.equal(self.outcome, OPEN)


@dataclass(frozen=True)
class Finding:
    """The deals that a check found, and the suggested fix of each."""

    check: str
    severity: str
    field: str
    rows: Flags
    suggestion: str | Series | None = None
    """One text for all rows, or one text per row of the frame; None where no fix is obvious."""


def select_writes(own_writes: pd.DataFrame | None, opportunities: pd.DataFrame) -> pd.DataFrame:
    """Select this package's writes to the tenant of the deals, conformed, oldest first."""
    if own_writes is None:
        own_writes = pd.DataFrame({"unique_id": [], "written_at": []})
    arguments.frame(own_writes, "own_writes", "unique_id", "written_at", made_by="own_writes")
    load = Certificate.of(opportunities)
    if load and load.tenant is not None and "tenant" in own_writes:
        own_writes = own_writes[own_writes["tenant"] == load.tenant]
    names = {"written_at": "written_at", "before": "updated_before", "after": "updated_after"}
    unknown = pd.Series(pd.NaT, own_writes.index)
    found = own_writes[["unique_id"]].astype(schema.TEXT)
    for ours, name in names.items():
        found[ours] = pd.to_datetime(own_writes.get(name, unknown), utc=True).astype(_INSTANT)
    return found.sort_values("written_at")


def _check_labels(deals: AuditInput) -> list[Finding]:
    stage, status = deals.frame["stage"], deals.frame["status"]
    contradiction = deals.outcome == CONFLICT
    by_kind = {"won": deals.stages.won, "lost": deals.stages.lost}
    status_of = {name: kind for kind, names in by_kind.items() for name in names}
    stage_of = {kind: names[0] for kind, names in by_kind.items() if len(names) == 1}
    only_stage = status.astype(schema.TEXT).map(stage_of)
    closed_stage, closed_status = stage.isin(list(status_of)), status.isin(list(_CLOSED))
    # Skip: this tenant has no statuses.
    has_status = bool(status.notna().any())
    meant = stage.astype(schema.TEXT).map(status_of)
    behind = (closed_stage & has_status & (meant != status.astype(schema.TEXT))).to_numpy()
    ahead = (closed_status & ~closed_stage).to_numpy()
    return [
        Finding("stage_status_contradict", "error", "status", contradiction),
        Finding("status_behind_stage", "warning", "status", behind & ~contradiction, meant),
        Finding("stage_behind_status", "warning", "stage", ahead & ~contradiction, only_stage),
        _check_known(stage, deals.stages.names),
        _check_known(status, schema.STATUSES),
    ]


def _check_known(column: Series, known: tuple[str, ...]) -> Finding:
    unknown = ~column.isin([*known, NOT_RECORDED])
    if column.name == "status":
        # Without a status, the stage decides the outcome; without a stage, nothing does.
        unknown &= column.notna()
    # Another spelling, such as "Closed Won" for "closed_won".
    names = column.astype(schema.TEXT)
    meant = names.map({name: match_name(name, known) for name in names.dropna().unique()}).astype(
        schema.TEXT
    )
    return Finding(f"unknown_{column.name}", "warning", str(column.name), unknown.to_numpy(), meant)


def _check_dates(deals: AuditInput) -> list[Finding]:
    date, closed = deals.frame["close_date"], deals.outcome <= LOST
    undated = (deals.outcome == WON) & date.isna().to_numpy()
    return [
        Finding("won_without_date", "warning", "close_date", undated),
        Finding("overdue", "warning", "close_date", deals.open & (date < deals.today).to_numpy()),
        Finding(
            "closed_in_future", "error", "close_date", closed & (date > deals.today).to_numpy()
        ),
        Finding(
            "closed_before_created",
            "error",
            "close_date",
            closed & (date < deals.created).to_numpy(),
        ),
    ]


def _check_probabilities(deals: AuditInput) -> list[Finding]:
    stated = deals.frame["probability"].to_numpy(dtype=float, na_value=np.nan)
    given, won, lost = ~np.isnan(stated), deals.outcome == WON, deals.outcome == LOST
    outside = given & ((stated < 0) | (stated > 100))
    peers = pd.Series(np.where(deals.open & given & ~outside, stated, np.nan))
    placed = [deals.frame[name] for name in ("stage", org.PIPELINE) if name in deals.frame]
    by_stage = peers.groupby(placed, observed=True, dropna=False)
    median, count = (by_stage.transform(name).to_numpy(dtype=float) for name in ("median", "count"))
    with np.errstate(invalid="ignore"):
        far = deals.open & ~outside & (np.abs(stated - median) > _FAR) & (count >= _PEERS)
    return [
        Finding("probability_outside", "error", "probability", outside & (deals.outcome > LOST)),
        Finding("won_probability", "warning", "probability", won & given & (stated != 100), "100"),
        Finding("lost_probability", "warning", "probability", lost & given & (stated != 0), "0"),
        Finding("probability_far_from_stage", "info", "probability", far),
    ]


def _check_values(deals: AuditInput) -> list[Finding]:
    value = deals.frame["value"]
    counted = deals.outcome != CONFLICT
    return [
        Finding("value_missing", "warning", "value", counted & value.isna().to_numpy()),
        Finding("value_not_positive", "warning", "value", counted & (value <= 0).to_numpy()),
    ]


def _check_owner(deals: AuditInput) -> list[Finding]:
    owner = [name for name in _OWNER if name in deals.frame]
    owned = deals.frame[owner].notna().any(axis=1).to_numpy()
    # Skip: nobody owns a deal in this tenant.
    return (
        [Finding("owner_missing", "warning", owner[0], deals.open & ~owned)] if owned.any() else []
    )


def make_duplicate_keys(frame: pd.DataFrame) -> pd.DataFrame:
    """Make the keys that duplicates of a deal share: the name and the account.

    Names are compared without extra blanks and capitals.
    """
    names = frame["name"].str.replace(r"\s+", " ", regex=True).str.strip().str.casefold()
    return pd.DataFrame({"name": names, "account": frame["account_id"]})


def _check_duplicates(deals: AuditInput) -> list[Finding]:
    both = make_duplicate_keys(deals.frame)
    named = both.notna().all(axis=1)
    twice = (both.duplicated(keep=False) & named).to_numpy(dtype=bool)
    twice_open = np.zeros(len(both), dtype=bool)
    twice_open[deals.open] = both[deals.open].duplicated(keep=False)
    counted_twice = twice & twice_open
    return [
        Finding("duplicate", "warning", "name", counted_twice),
        Finding("duplicate_of_closed", "info", "name", twice & ~counted_twice),
    ]


def _check_stale(deals: AuditInput) -> list[Finding]:
    limit = deals.today.tz_localize("UTC") - pd.Timedelta(days=_STALE_DAYS)
    touched = find_last_updates(deals.frame, deals.own_writes)
    return [Finding("stale", "info", "updated_at", deals.open & (touched < limit).to_numpy())]


def find_last_updates(frame: pd.DataFrame, writes: pd.DataFrame) -> Series:
    """Find each deal's last update that is not one of our own `writes`; missing where unknown."""
    if "updated_at" not in frame:
        return pd.Series(pd.NaT, index=frame.index, dtype=_INSTANT)
    alive = frame["updated_at"]
    newest_first = writes.groupby("unique_id").cumcount(ascending=False)
    # Go back write by write, because the update before one of ours may be ours too.
    for _, writes_of_rank in writes.groupby(newest_first):
        write = (
            writes_of_rank.set_index("unique_id").reindex(frame["unique_id"]).set_axis(frame.index)
        )
        # If the server's timestamp is unknown, assume that it is shortly after the write.
        near = (alive <= write["written_at"] + _STAMPED) & ~(alive <= write["before"])
        ours = (alive == write["after"]) | (write["after"].isna() & near)
        alive = alive.where(~ours, write["before"])
    return alive


CHECKS: tuple[Callable[[AuditInput], list[Finding]], ...] = (
    _check_labels,
    _check_dates,
    _check_probabilities,
    _check_values,
    _check_owner,
    _check_duplicates,
    _check_stale,
)
