"""A field history of another CRM, or a change log of ours, from a file or a frame."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from opp_analytics.crm.change_log import ChangeLog, change_log_of
from opp_analytics.crm.field_history import every_name, shape_of
from opp_analytics.crm.opportunities import OWN
from opp_analytics.crm.tables.source import Source, table_at
from opp_analytics.errors import ArgumentTypeError, DataError
from opp_analytics.org import DEFAULT, Org

__all__ = ["read_changes"]


def read_changes(
    source: Source,
    org: Org = DEFAULT,
    *,
    opportunities: pd.DataFrame | None = None,
    ids: Mapping[str, str] | None = None,
    day_first: bool | None = None,
    encoding: str | None = None,
) -> ChangeLog:
    """Read a field history as a change log; see `change_log_of` for the options.

    Raises
    ------
    DataError
        When it is no field history, or something in it cannot be read.
    """
    if ids is not None and not isinstance(ids, Mapping):
        raise ArgumentTypeError(
            f"ids is a {type(ids).__name__}; use a mapping from the file's ids to those of the records that follow"
        )
    table = table_at(source, every_name(org.columns, OWN).know, encoding)
    shape = shape_of(table.labels, org.columns)
    if shape == "opportunities":
        raise DataError(
            f"{table.file} is not a field history: it has {', '.join(filter(None, table.labels))}. A history has the columns "
            "of Salesforce's OpportunityFieldHistory, HubSpot's property history or Pipedrive's change log, or unique_id, "
            "changed_at, field, new_value; name others under [columns] of the org file"
        )
    return change_log_of(table, shape, org, opportunities=opportunities, ids=ids, day_first=day_first)
