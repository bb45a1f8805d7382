"""`audit`: data problems in the pipeline, deal by deal, with suggested fixes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, periods, schema
from opp_analytics.analysis.quality.audit_checks import CHECKS, Deals, Hit, tenant_writes
from opp_analytics.analysis.shared.groups import read
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.certificate import Certificate
from opp_analytics.errors import ArgumentTypeError, MissingColumnError
from opp_analytics.org import Org, check_frame, outcome_codes
from opp_analytics.periods import When

_RANK = {"error": 0, "warning": 1, "info": 2}
_TEXTS = ["unique_id", "check", "severity", "field", "cell", "suggestion"]
_COLUMNS = [*_TEXTS[:5], "value", "suggestion"]

_OPTIONAL = ("name", "account_id", "probability", "status", "created_at", "updated_at")


def audit(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    stale_days: int = 30,
    own_writes: pd.DataFrame | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Data problems in the frame, one row per deal and finding.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id``, ``stage``, ``value`` (money), ``close_date`` (date); where present ``name``, ``account_id``,
        ``probability`` (percent), ``status``, ``created_at``, ``updated_at`` (instants). What a frame lacks is not checked.
    as_of : date-like
        Date of the audit.
    stale_days : int
        Days without an update after which an open deal is stale.
    own_writes : DataFrame, optional
        Batch writes of this package, from `own_writes`: ``unique_id``, ``written_at`` (instant) and, where known,
        ``updated_before``, ``updated_after`` (the server's instants around the write) and ``tenant``. Such a write does
        not count as an update of the deal; the update before it does, where known.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        RangeIndex, most severe first. Columns (str unless noted): ``unique_id``, ``check``, ``severity`` (error,
        warning, info), ``field``, ``cell``: the current value as text, missing when blank; ``value`` (float64, money)
        of the deal; ``suggestion``: the suggested fix, missing where none is obvious.
        Attrs: ``n`` deals checked, ``as_of``, ``not_checked``: columns that the frame lacks, if any. Without findings, or for empty input, no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentTypeError, ArgumentValueError
        When a column is missing, ids are missing or repeated, or an argument cannot be used.

    See Also
    --------
    audit_summary : Deals and money by check.
    fix : Apply the suggestions.

    Notes
    -----
    error: stage and status contradict each other; closed in the future; closed before created; probability outside
    0–100. warning: stage and status disagree; open and overdue; won with a probability other than 100, lost with one
    other than 0; value missing, zero or negative; same name and account as another open deal; unknown stage or status.
    info: same name and account as a closed deal (perhaps its renewal); probability more than 40 points from the median
    of its stage (20 open deals or more); stale; close date on a weekend or December 31, if such dates are more frequent
    than chance explains (binomial test, 1%).

    Examples
    --------
    >>> from opp_analytics import org
    >>> frame = org.empty().reindex([0]).assign(unique_id="a", stage="proposal", close_date="2026-03-01", value=5.0)
    >>> audit(frame, as_of="2026-03-10")[["check", "field", "cell"]].values.tolist()
    [['overdue', 'close_date', '2026-03-01']]
    """
    days = arguments.whole(stale_days, "stale_days", example=30)
    check_frame(opportunities)
    absent = [name for name in _OPTIONAL if name not in opportunities]
    filled = opportunities.assign(**dict.fromkeys(absent))
    frame = read(filled, *schema.COLUMNS, unique=True, any_stage=True)
    tz = Org.of(opportunities).zone(tz)
    today = periods.as_date(as_of, tz=tz)
    deals = Deals(
        frame,
        outcome_codes(frame),
        today,
        periods.to_dates(frame["created_at"], tz=tz),
        days,
        tenant_writes(own_writes, load.tenant if (load := Certificate.of(opportunities)) else None),
        Org.of(opportunities).stages,
    )
    hits = [hit for check in CHECKS for hit in check(deals) if hit.rows.any() and hit.field not in absent]
    nothing = Hit("", "", "name", np.zeros(len(frame), dtype=bool))
    table = pd.concat([_rows(frame, hit) for hit in hits or [nothing]], ignore_index=True)
    rank = table["severity"].map(_RANK)
    table = table.iloc[np.lexsort((table["unique_id"], table["check"], rank))].reset_index(drop=True)
    lacks: dict[str, Any] = {"not_checked": absent} if absent else {}
    return annotate(table, made_from=opportunities, n=len(frame), as_of=today, **lacks)


def _rows(frame: pd.DataFrame, hit: Hit) -> pd.DataFrame:
    found = frame[hit.rows]
    cells = found[hit.field]
    if hit.field == "close_date":
        text = cells.dt.strftime("%Y-%m-%d")
    elif hit.field == "updated_at":
        text = cells.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        text = cells.astype(schema.TEXT)
    table = pd.DataFrame(
        {
            "unique_id": found["unique_id"],
            "check": hit.check,
            "severity": hit.severity,
            "field": hit.field,
            "cell": text,
            "value": found["value"],
            "suggestion": hit.suggestion(found) if callable(hit.suggestion) else hit.suggestion,
        },
        columns=_COLUMNS,
    )
    return table.astype(dict.fromkeys(_TEXTS, schema.TEXT))


def audit_summary(findings: pd.DataFrame) -> pd.DataFrame:
    """Deals and money by check.

    Parameters
    ----------
    findings : DataFrame
        Result of `audit`, or some of its rows: ``unique_id``, ``check``, ``severity``, ``value`` (money).

    Returns
    -------
    DataFrame
        Index ``check`` (str), most severe first, then by money. Columns: ``severity`` (str), ``deals`` (int64),
        ``value`` (float64, money of those deals; a missing value counts 0). Without findings, no rows.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `findings` is not a result of `audit`.

    Examples
    --------
    >>> findings = pd.DataFrame({"unique_id": ["a", "b"], "check": "overdue", "severity": "warning", "value": [5.0, 7.0]})
    >>> audit_summary(findings)
            severity  deals  value
    check
    overdue  warning      2   12.0
    """
    if not isinstance(findings, pd.DataFrame):
        raise ArgumentTypeError(f"findings is a {type(findings).__name__}; pass the table that audit returns")
    missing = [c for c in ("unique_id", "check", "severity", "value") if c not in findings]
    if missing:
        raise MissingColumnError(
            f"findings has no column {', '.join(missing)}; pass the table that audit returns"
        )
    deals = findings.drop_duplicates(["check", "unique_id"])
    table = (
        deals.groupby(["check", "severity"], as_index=False, observed=True)
        .agg(deals=("unique_id", "size"), value=("value", "sum"))
        .astype({"check": schema.TEXT, "severity": schema.TEXT, "deals": "int64", "value": "float64"})
    )
    rank = table["severity"].map(_RANK)
    order = np.lexsort((table["check"], -table["value"], rank))
    summary: pd.DataFrame = table.iloc[order].set_index("check")
    summary.attrs = dict(findings.attrs)
    return summary
