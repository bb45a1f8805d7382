"""Field histories of other CRMs: which shape a file has, and its labels.

Salesforce: the object OpportunityFieldHistory (a row for each changed field) and its report "Opportunity Field History",
the object OpportunityHistory (a row with the main fields at each change of one) and its report "Opportunity History".
HubSpot: the property history, from its export or its API. Pipedrive: the change log of a deal, from its API.

References
----------
- Salesforce Object Reference, OpportunityFieldHistory and OpportunityHistory:
  https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_opportunityfieldhistory.htm
- HubSpot, Export property history: https://knowledge.hubspot.com/properties/export-property-history, and the fields
  value, timestamp, sourceType of https://developers.hubspot.com/docs/api/crm/deals
- Pipedrive, GET /v1/deals/{id}/changelog: https://developers.pipedrive.com/docs/api/v1/Deals
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from opp_analytics.crm.columns import Names

__all__ = [
    "CREATED",
    "EVENTS",
    "SNAPSHOTS",
    "UTC_LABELS",
    "event_names",
    "every_name",
    "shape_of",
    "snapshot_names",
]

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "OpportunityId": "unique_id",
        "Opportunity ID": "unique_id",
        "CreatedDate": "changed_at",
        "Edit Date": "changed_at",
        "Field": "field",
        "Field / Event": "field",
        "OldValue": "old_value",
        "Old Value": "old_value",
        "NewValue": "new_value",
        "New Value": "new_value",
        "dealId": "unique_id",
        "Record ID": "unique_id",
        "Object ID": "unique_id",
        "property": "field",
        "Property name": "field",
        "value": "new_value",
        "Property value": "new_value",
        "timestamp": "changed_at",
        "Change date": "changed_at",
        "Date": "changed_at",
        "deal_id": "unique_id",
        "item_id": "unique_id",
        "field_key": "field",
        "changed_field_key": "field",
        "new_value_formatted": "formatted",
        "additional_data.new_value_formatted": "formatted",
        "time": "changed_at",
        "log_time": "changed_at",
        "change_time": "changed_at",
    }
)
"""Labels of a file with a row for each changed field."""
SNAPSHOTS: Mapping[str, str] = MappingProxyType(
    {
        "OpportunityId": "unique_id",
        "Opportunity ID": "unique_id",
        "CreatedDate": "seen_at",
        "Last Modified": "seen_at",
        "Last Modified Date": "seen_at",
        "Edit Date": "seen_at",
        "To Stage": "stage",
    }
)
"""Labels of a file with a row for each change, which holds the main fields from then on."""
UTC_LABELS = ("CreatedDate", "timestamp", "time", "log_time", "change_time", "changed_at", "seen_at")
"""Times of an API are in UTC where they name no zone; those of a report are in the zone of who made it."""
CREATED = (
    "created",
    "opportunitycreatedfromlead",
    "created by lead convert",
    "createdate",
    "add_time",
    "created_at",
)
"""Fields whose change is the creation of the deal."""
_OWN = ("unique_id", "changed_at", "field", "old_value", "new_value")


def event_names(columns: Mapping[str, str]) -> dict[str, str]:
    """Theirs to ours in a file of changed fields; what the org says wins."""
    own = {theirs: ours for theirs, ours in columns.items() if ours in _OWN and theirs not in EVENTS}
    return {**EVENTS, **own}


def snapshot_names(columns: Mapping[str, str], labels: Sequence[str]) -> dict[str, str]:
    """Theirs to ours in a file of the main fields at each change; a report's ``Stage`` is today's and is not read."""
    names = {**columns, **SNAPSHOTS}
    if "To Stage" in labels:
        names = {theirs: ours for theirs, ours in names.items() if ours != "stage" or theirs == "To Stage"}
    return names


def shape_of(labels: Sequence[str], columns: Mapping[str, str]) -> str:
    """What a file with these labels holds: ``events``, ``snapshots``, or ``opportunities``.

    Examples
    --------
    >>> shape_of(["OpportunityId", "CreatedDate", "Field", "OldValue", "NewValue"], {})
    'events'
    >>> shape_of(["Opportunity ID", "From Stage", "To Stage", "Last Modified"], {})
    'snapshots'
    >>> shape_of(["Opportunity ID", "Stage", "Created Date"], {})
    'opportunities'
    """
    names = Names(event_names(columns), _OWN)
    found = {named[0] for label in labels if label and (named := names.find(label))}
    if {"unique_id", "changed_at", "field", "new_value"} <= found:
        return "events"
    written = set(labels)
    if (
        "To Stage" in written
        or {"OpportunityId", "StageName", "CreatedDate"} <= written
        or "seen_at" in written
    ):
        return "snapshots"
    return "opportunities"


def every_name(columns: Mapping[str, str], own: Sequence[str]) -> Names:
    """What a label of any export may be called here, whatever the file holds."""
    return Names({**event_names(columns), **SNAPSHOTS, **columns}, (*own, *_OWN, "seen_at"))
