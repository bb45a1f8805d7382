"""What Salesforce, HubSpot and Pipedrive call their columns and stages when nobody changed them."""

from __future__ import annotations

from typing import Any

__all__ = ["PRESETS"]


def _stages(*open_: tuple[str, int], aliases: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Open stages with their chances, then Closed Won and Closed Lost."""
    also = aliases or {}
    stages: list[dict[str, Any]] = [
        *({"name": name, "kind": "open", "probability": chance} for name, chance in open_),
        {"name": "Closed Won", "kind": "won"},
        {"name": "Closed Lost", "kind": "lost"},
    ]
    return [s | ({"aliases": [also[s["name"]]]} if s["name"] in also else {}) for s in stages]


PRESETS: dict[str, dict[str, Any]] = {
    "salesforce": {
        "stages": _stages(
            ("Prospecting", 10),
            ("Qualification", 10),
            ("Needs Analysis", 20),
            ("Value Proposition", 50),
            ("Id. Decision Makers", 60),
            ("Perception Analysis", 70),
            ("Proposal/Price Quote", 75),
            ("Negotiation/Review", 90),
        ),
        "columns": {
            "Id": "unique_id",
            "Opportunity ID": "unique_id",
            "Name": "name",
            "Opportunity Name": "name",
            "AccountId": "account_id",
            "Account ID": "account_id",
            "Account Name": "account_name",
            "Amount": "value",
            "StageName": "stage",
            "Stage": "stage",
            "CloseDate": "close_date",
            "Close Date": "close_date",
            "Probability": "probability",
            "Probability (%)": "probability",
            "CreatedDate": "created_at",
            "Created Date": "created_at",
            "LastModifiedDate": "updated_at",
            "Last Modified Date": "updated_at",
            "Opportunity Owner": "owner_name",
            "Owner": "owner_name",
            "CurrencyIsoCode": "currency",
            "Amount Currency": "currency",
            "ForecastCategoryName": "category",
            "Forecast Category": "category",
        },
    },
    "hubspot": {
        "stages": _stages(
            ("Appointment Scheduled", 20),
            ("Qualified To Buy", 40),
            ("Presentation Scheduled", 60),
            ("Decision Maker Bought-In", 80),
            ("Contract Sent", 90),
            aliases={
                "Appointment Scheduled": "appointmentscheduled",
                "Qualified To Buy": "qualifiedtobuy",
                "Presentation Scheduled": "presentationscheduled",
                "Decision Maker Bought-In": "decisionmakerboughtin",
                "Contract Sent": "contractsent",
                "Closed Won": "closedwon",
                "Closed Lost": "closedlost",
            },
        ),
        "columns": {
            "Record ID": "unique_id",
            "Deal Name": "name",
            "Amount": "value",
            "Deal Stage": "stage",
            "Close Date": "close_date",
            "Deal probability": "probability",
            "Create Date": "created_at",
            "Last Modified Date": "updated_at",
            "Deal owner": "owner_name",
            "Currency": "currency",
            "Pipeline": "pipeline",
        },
    },
    "pipedrive": {
        "stages": [
            {"name": "Qualified", "kind": "open"},
            {"name": "Contact Made", "kind": "open"},
            {"name": "Demo Scheduled", "kind": "open"},
            {"name": "Proposal Made", "kind": "open"},
            {"name": "Negotiations Started", "kind": "open"},
        ],
        "columns": {
            "ID": "unique_id",
            "Deal - ID": "unique_id",
            "Title": "name",
            "Deal - Title": "name",
            "Organization": "account_name",
            "Deal - Organization": "account_name",
            "Value": "value",
            "Deal - Value": "value",
            "Currency": "currency",
            "Deal - Currency of Value": "currency",
            "Stage": "stage",
            "Deal - Stage": "stage",
            "Pipeline": "pipeline",
            "Deal - Pipeline": "pipeline",
            "Status": "status",
            "Deal - Status": "status",
            "Probability": "probability",
            "Deal - Probability": "probability",
            "Expected close date": "close_date",
            "Deal - Expected close date": "close_date",
            "Owner": "owner_name",
            "Deal - Owner": "owner_name",
            "Deal created": "created_at",
            "Deal - Deal created": "created_at",
            "Update time": "updated_at",
            "Deal - Update time": "updated_at",
        },
    },
}
"""Settings by preset, in the form of an org file."""
