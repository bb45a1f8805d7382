"""The rows of a file for another CRM's import: under its labels, and only what was changed where that is asked for."""

from __future__ import annotations

import warnings

import pandas as pd

from opp_analytics import crm, org
from opp_analytics.errors import ArgumentValueError, DataError, DataWarning
from opp_analytics.text import count
from opp_analytics.writer.plan.plan import plan

__all__ = ["import_rows", "refuse_before"]


def import_rows(
    opportunities: pd.DataFrame, known: org.Org, before: pd.DataFrame | None
) -> tuple[pd.DataFrame, list[str]]:
    """The rows under our names and in the CRM's words, and the CRM's label of each column.

    Parameters
    ----------
    opportunities : DataFrame
        Opportunities, perhaps edited.
    known : Org
        Names the CRM's columns.
    before : DataFrame, optional
        The same before the edits: only changed rows are kept, with the id and the columns that changed.

    Raises
    ------
    DataError
        When a change cannot be imported; the message names it.
    """
    org.checked_org(known)
    frame = org.conform(opportunities)
    if before is None:
        return crm.import_table(frame, known)
    made = plan(before, frame)
    if len(made.problems):
        first = made.problems.iloc[0]
        of = "" if pd.isna(first["unique_id"]) else f" of {first['unique_id']!r}"
        raise DataError(
            f"{count(len(made.problems), 'edit')} can't be imported, such as {first['field']}{of}: {first['problem']}; "
            "fix it first"
        )
    changes = made.changes[made.changes["operation"] != "delete"]
    _warn(made.changes)
    touched = frame["unique_id"].isin(changes["unique_id"].dropna()) | frame["unique_id"].isna()
    fields = [name for name in map(str, frame.columns) if name in set(changes["field"])]
    return crm.import_table(frame[touched], known, fields)


def _warn(changes: pd.DataFrame) -> None:
    """Warn of what an import does not do."""
    deleted = int((changes["operation"] == "delete").sum())
    if deleted:
        warnings.warn(
            f"{count(deleted)} of `before` are missing; an import deletes nothing, so delete them in the CRM",
            DataWarning,
            stacklevel=4,
        )
    cleared = int(((changes["operation"] == "update") & changes["after"].isna()).sum())
    if cleared:
        warnings.warn(
            f"{count(cleared, 'cell')} became empty; most imports leave a field alone where the cell is empty, so clear them "
            "in the CRM",
            DataWarning,
            stacklevel=4,
        )


def refuse_before(before: pd.DataFrame | None) -> None:
    """Refuse `before` without an org: a file for editing holds every row."""
    if before is not None:
        raise ArgumentValueError(
            "before= belongs to a file for a CRM's import; give its org= too, such as org=oa.Org.salesforce()"
        )
