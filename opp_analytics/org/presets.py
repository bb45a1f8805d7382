"""What Salesforce, HubSpot and Pipedrive call their columns and stages when nobody changed them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Columns = Mapping[str, str | Sequence[str]]
"""Labels of a CRM to our names; one column may serve several, as a unique name is also the id."""


def list_names(ours: str | Sequence[str]) -> list[str]:
    """List our names of one label, the id first.

    >>> list_names("value"), list_names(["name", "unique_id"])
    (['value'], ['unique_id', 'name'])
    """
    return [ours] if isinstance(ours, str) else sorted(ours, key=lambda name: name != "unique_id")


def _stages(*open_: tuple[str, int], squeezed: bool = False) -> list[dict[str, Any]]:
    """List open stages with their chances, then Closed Won and Closed Lost; their aliases are the names `squeezed`."""
    stages: list[dict[str, Any]] = [
        *({"name": name, "kind": "open", "probability": chance} for name, chance in open_),
        {"name": "Closed Won", "kind": "won"},
        {"name": "Closed Lost", "kind": "lost"},
    ]
    return [s | ({"aliases": [re.sub(r"\W", "", s["name"]).lower()]} if squeezed else {}) for s in stages]


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
            **dict.fromkeys(("Id", "Opportunity ID"), "unique_id"),
            **dict.fromkeys(("Name", "Opportunity Name"), "name"),
            **dict.fromkeys(("AccountId", "Account ID"), "account_id"),
            "Account Name": "account_name",
            "Amount": "value",
            **dict.fromkeys(("StageName", "Stage"), "stage"),
            **dict.fromkeys(("CloseDate", "Close Date"), "close_date"),
            **dict.fromkeys(("Probability", "Probability (%)"), "probability"),
            **dict.fromkeys(("CreatedDate", "Created Date"), "created_at"),
            **dict.fromkeys(("LastModifiedDate", "Last Modified Date"), "updated_at"),
            **dict.fromkeys(("Opportunity Owner", "Owner"), "owner_name"),
            **dict.fromkeys(("CurrencyIsoCode", "Amount Currency"), "currency"),
            **dict.fromkeys(("ForecastCategoryName", "Forecast Category", "ForecastCategory"), "category"),
            **dict.fromkeys(("OwnerId", "Owner ID"), "owner_id"),
            "IsDeleted": "is_deleted",
            **dict.fromkeys(("IsClosed", "Closed"), "is_closed"),
            **dict.fromkeys(("IsWon", "Won"), "is_won"),
        },
    },
    "hubspot": {
        "stages": _stages(
            ("Appointment Scheduled", 20),
            ("Qualified To Buy", 40),
            ("Presentation Scheduled", 60),
            ("Decision Maker Bought-In", 80),
            ("Contract Sent", 90),
            squeezed=True,
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
            "Forecast category": "category",
            "Associated Company": "account_name",
            "Is Closed Won": "is_won",
            "Is closed lost": "is_lost",
            "Is Deal Closed?": "is_closed",
            "hs_object_id": "unique_id",
            "dealname": "name",
            "amount": "value",
            "dealstage": "stage",
            "closedate": "close_date",
            "hs_deal_stage_probability": "probability",
            "createdate": "created_at",
            "hs_lastmodifieddate": "updated_at",
            "hubspot_owner_id": "owner_id",
            "deal_currency_code": "currency",
            "pipeline": "pipeline",
            "hs_manual_forecast_category": "category",
            "hs_is_closed_won": "is_won",
            "hs_is_closed_lost": "is_lost",
            "hs_is_closed": "is_closed",
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
            **dict.fromkeys(("ID", "Deal - ID"), "unique_id"),
            **dict.fromkeys(("Title", "Deal - Title"), "name"),
            **dict.fromkeys(("Organization", "Deal - Organization"), "account_name"),
            **dict.fromkeys(("Value", "Deal - Value"), "value"),
            **dict.fromkeys(("Currency", "Deal - Currency of Value"), "currency"),
            **dict.fromkeys(("Stage", "Deal - Stage"), "stage"),
            **dict.fromkeys(("Pipeline", "Deal - Pipeline"), "pipeline"),
            **dict.fromkeys(("Status", "Deal - Status"), "status"),
            **dict.fromkeys(("Probability", "Deal - Probability"), "probability"),
            **dict.fromkeys(("Expected close date", "Deal - Expected close date"), "close_date"),
            **dict.fromkeys(("Owner", "Deal - Owner"), "owner_name"),
            **dict.fromkeys(("Deal created", "Deal - Deal created"), "created_at"),
            **dict.fromkeys(("Update time", "Deal - Update time"), "updated_at"),
            **dict.fromkeys(("Won time", "Deal - Won time"), "won_at"),
            **dict.fromkeys(("Lost time", "Deal - Lost time"), "lost_at"),
            **dict.fromkeys(("Deal closed on", "Deal - Deal closed on", "Deal - Closed on"), "closed_at"),
            "Deal - Stage (pipeline)": "stage",
            "Deal - Creation date": "created_at",
            "Deal - Pipedrive System ID": "unique_id",
            "title": "name",
            "value": "value",
            "currency": "currency",
            "stage_id": "stage",
            "pipeline": "pipeline",
            "status": "status",
            "probability": "probability",
            "expected_close_date": "close_date",
            "user_id": "owner_id",
            "org_id": "account_id",
            "add_time": "created_at",
            "update_time": "updated_at",
            "won_time": "won_at",
            "lost_time": "lost_at",
            "close_time": "closed_at",
        },
    },
}
"""Settings by preset, in the form of an org file."""
_LIKELY = {
    "name": "deal opportunity subject topic project bezeichnung vorgang projekt titel",
    "stage": "stage_name deal_stage pipeline_stage sales_stage opportunity_stage phase sales_phase step vertriebsphase "
    "verkaufsphase stufe status deal_status",
    "value": "total budget amount deal_value deal_size deal_amount opportunity_value contract_value total_contract_value tcv "
    "annual_contract_value acv arr revenue expected_revenue est_revenue estimated_value close_value price size betrag wert "
    "auftragswert umsatz volumen",
    "close_date": "expected_close_date closing_date due_date expected_close est_close est_close_date estimated_close "
    "estimated_close_date target_close target_close_date projected_close_date forecast_date close_on closes closed_on "
    "abschlussdatum abschluss abschluss_am voraussichtlicher_abschluss erwarteter_abschluss geplanter_abschluss",
    "probability": "win_probability win confidence chance likelihood wahrscheinlichkeit",
    "owner_name": "rep sales_rep sales_representative salesperson sales_person seller sales_agent agent ae account_executive "
    "account_manager assigned_to responsible verkäufer vertriebsmitarbeiter besitzer zuständig betreuer verantwortlich",
    "account_name": "account customer customer_name client client_name company company_name organisation kunde kundenname "
    "firma unternehmen",
    "created_at": "created date_created create_date created_on opened open_date engage_date erstellt erstellt_am "
    "erstelldatum angelegt_am",
    "category": "forecast forecast_status forecast_type",
    "currency": "deal_currency currency_code währung",
}
LIKELY = {ours: tuple(labels.split()) for ours, labels in _LIKELY.items()}
"""Likely labels of our columns in files of no known CRM, reduced to letters and digits, the likeliest first."""
