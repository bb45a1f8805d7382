"""Two frames, and with a client the server's state as the third, to a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import org, schema
from opp_analytics.certificate import Certificate
from opp_analytics.errors import PlanError
from opp_analytics.writer.plan.difference import (
    UNKNOWN_ID,
    Difference,
    changes_frame,
    conflicts_frame,
    difference,
    problems_frame,
    with_ids,
)
from opp_analytics.writer.plan.plans import Plan
from opp_analytics.writer.plan.remote import ids_in_trash, read_many
from opp_analytics.writer.plan.steps import Step, steps_of
from opp_analytics.writer.plan.three_way import Verdict, compare_three_ways

if TYPE_CHECKING:
    from opp_analytics.api import Client


def plan(before: pd.DataFrame, after: pd.DataFrame, *, client: Client | None = None) -> Plan:
    """The changes that turn `before` into `after`, checked and ready to be looked at.

    Rows are matched by ``unique_id``: their order and the index do not matter. A row of `after` without a
    ``unique_id`` is created, a row that `after` lacks is deleted, a column that `after` lacks is left alone. To
    edit some opportunities only, give the same selection for both. Nothing is sent; with a client the touched
    opportunities are read.

    Parameters
    ----------
    before : DataFrame
        Opportunities as they were loaded.
    after : DataFrame
        The same, edited; dtypes may differ (text dates, ints, Decimals).
    client : Client, optional
        Where given, every change is also held against what the server holds now, and a row that `before` lacks
        and the trash holds is recovered.

    Returns
    -------
    Plan
        ``changes``, ``problems``, ``conflicts``; see there.

    Raises
    ------
    ArgumentTypeError, MissingColumnError, DataError
        When a frame is none, has no ``unique_id``, has a column twice, or when a cell of `before` does not fit.
    PlanError
        When `before` was loaded from another tenant than the client's.
    ApiError
        When the server could not be read.

    Notes
    -----
    The plan belongs to the API and tenant that `before` was loaded from (``before.attrs["load"]``) or that the client
    asks; `apply` refuses it anywhere else. A cell that was empty and is empty is no change. A cell that becomes empty, and a removed row, are changes
    that `apply` refuses without ``clear_nulls`` or ``allow_delete``. A value that does not fit is a problem only
    where it was changed. ``created_at`` and ``updated_at`` of a row to be created are the server's to set.

    Examples
    --------
    >>> before = pd.DataFrame({"unique_id": ["a", "b"], "name": ["Acme", "Bolt"], "value": [100.0, 250.0]})
    >>> after = before.assign(value=[100.0, 300.0])
    >>> plan(before, after).changes[["unique_id", "operation", "field", "before", "after", "status"]]
      unique_id operation  field before  after status
    0         b    update  value  250.0  300.0  clean
    >>> print(plan(before, after).summary())
    1 update (1 cell)
    value of the opportunities touched: 250.00 → 300.00 (+50.00)
    """
    base, edited = with_ids(before, "before"), with_ids(after, "after")
    found = difference(base, edited)
    opportunities = org.conform(base)
    opportunities.attrs = dict(before.attrs)
    certificate = Certificate.of(before) or Certificate()
    url, account = certificate.source, certificate.tenant
    if client is None:
        return Plan(
            changes_frame(found.changes),
            problems_frame(found.problems),
            conflicts_frame([]),
            opportunities,
            url=url,
            account=account,
        )
    if account not in (None, client.settings.tenant):
        raise PlanError(
            f"the opportunities were loaded from another tenant (of {url}) than the one asked now "
            f"({client.settings.url}); plan with the address and key that they were loaded with"
        )
    _find_recoveries(found, client)
    changes = changes_frame(found.changes)
    return compare(
        changes, problems_frame(found.problems), opportunities, client, read_touched(changes, client)
    )


def _find_recoveries(found: Difference, client: Client) -> None:
    """Turn unknown ids that are in the trash from problems into recoveries."""
    unknown = [p for p in found.problems if p["problem"] == UNKNOWN_ID]
    trashed = ids_in_trash(client, {p["unique_id"] for p in unknown}) if unknown else set()
    for problem in unknown:
        if problem["unique_id"] in trashed:
            found.problems.remove(problem)
            found.change("recover", problem["unique_id"], before=None, after=None, row=problem["row"])


def read_touched(changes: pd.DataFrame, client: Client) -> dict[str, dict[str, Any] | None]:
    """What the server holds now of the opportunities that changes touch, by id."""
    return read_many(client, set(changes["unique_id"].dropna()))


def compare(
    changes: pd.DataFrame,
    problems: pd.DataFrame,
    before: pd.DataFrame,
    client: Client,
    rows: dict[str, dict[str, Any] | None],
) -> Plan:
    """A plan whose changes are held against what the server holds now, as `read_touched` gives it."""
    steps = steps_of(changes, before)
    statuses = changes["status"].tolist()
    conflicts: list[dict[str, Any]] = []
    for step in steps:
        verdict = compare_three_ways(step, rows.get(step.unique_id) if step.unique_id is not None else None)
        for cell, status in zip(step.cells, verdict.statuses, strict=True):
            statuses[cell.at] = status
        conflicts.extend(_conflicts(step, verdict))
    marked = changes.assign(status=pd.Series(statuses, index=changes.index, dtype=schema.TEXT))
    settings = client.settings
    return Plan(
        marked, problems, conflicts_frame(conflicts), before, url=settings.url, account=settings.tenant
    )


def _conflicts(step: Step, verdict: Verdict) -> list[dict[str, Any]]:
    known = {"unique_id": step.unique_id, "operation": step.operation}
    return [
        known
        | {"field": d.field, "before": d.before, "after": d.after, "remote": d.remote, "reason": d.reason}
        for d in verdict.drifts
    ]
