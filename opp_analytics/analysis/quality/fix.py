"""`fix`: the audit's suggestions as an edited frame."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import arguments, org, schema
from opp_analytics.errors import DataError


def fix(opportunities: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Apply every suggestion of the findings to the frame, ready for a plan.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id`` and the fields to fix.
    findings : DataFrame
        Result of `audit`, or some of its rows: ``unique_id``, ``field``, ``suggestion``. Rows without a suggestion
        change nothing.

    Returns
    -------
    DataFrame
        An edited copy with the same rows, order, index and attrs.

    Raises
    ------
    MissingColumnError
        When a column is missing.
    DataError
        When an id is unknown, two suggestions for one cell differ, or a suggestion does not fit its field.

    Examples
    --------
    >>> frame = org.empty().reindex([0]).assign(
    ...     unique_id="a", stage="closed_won", status="won", close_date="2026-03-01", value=5.0, probability=60)
    >>> finding = pd.DataFrame({"unique_id": ["a"], "field": ["probability"], "suggestion": ["100"]})
    >>> fix(frame, finding)["probability"].tolist()
    [100]
    """
    arguments.frame(findings, "findings", "unique_id", "field", "suggestion", made_by="audit")
    wanted = findings.loc[
        findings["suggestion"].notna(), ["unique_id", "field", "suggestion"]
    ].drop_duplicates()
    frame = org.require(opportunities, *wanted["field"].unique(), unique=True)
    _check_wanted(wanted, frame)
    place = pd.Series(frame.index, index=frame["unique_id"])
    for field, cells in wanted.groupby("field", sort=False):
        texts = frame[field].astype(object).copy()
        texts.loc[place[cells["unique_id"]]] = cells["suggestion"].map(_parsed(str(field), cells)).array
        frame[str(field)] = texts
    frame = org.conform(frame)
    frame.index = opportunities.index
    frame.attrs = dict(opportunities.attrs)
    return frame


def _parsed(field: str, cells: pd.DataFrame) -> dict[str, Any]:
    """Each distinct suggestion for a field, at the column's type."""
    try:
        return {text: schema.parse_cell(field, text) for text in cells["suggestion"].unique()}
    except schema.BadCell as error:
        raise DataError(f"a suggestion for {field} {error}") from error


def _check_wanted(wanted: pd.DataFrame, frame: pd.DataFrame) -> None:
    unknown = wanted.loc[~wanted["unique_id"].isin(frame["unique_id"]), "unique_id"]
    if len(unknown):
        raise DataError(
            f"the frame has no opportunity {unknown.iloc[0]!r} of the findings ({len(unknown)} such rows)"
        )
    twice = wanted[wanted.duplicated(["unique_id", "field"])]
    if len(twice):
        first = twice.iloc[0]
        raise DataError(
            f"opportunity {first['unique_id']!r}: the findings have two suggestions for {first['field']}"
        )
