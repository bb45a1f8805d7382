"""What seven CRMs call their columns and stages when nobody changed them, and what people call theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from opp_analytics.inputs import make_key
from opp_analytics.periods import read_period

Columns = Mapping[str, str | Sequence[str]]
"""Labels of a CRM to our names; one column may serve several, as a unique name is also the id."""


def list_names(ours: str | Sequence[str]) -> list[str]:
    """List our names of one label, the id first."""
    return [ours] if isinstance(ours, str) else sorted(ours, key=lambda name: name != "unique_id")


def _stages(
    open_: str, *, won: str = "Closed Won", lost: str = "Closed Lost", squeezed: bool = False
) -> list[dict[str, Any]]:
    """List open stages, separated by bars and with a chance where one is known, then won and lost; their aliases are the names `squeezed`."""
    stages: list[dict[str, Any]] = []
    for name, _, chance in (one.partition("=") for one in open_.split("|")):
        stages.append({"name": name, "kind": "open", **({"probability": int(chance)} if chance else {})})
    stages += [{"name": won, "kind": "won"}, {"name": lost, "kind": "lost"}]
    return [s | ({"aliases": [re.sub(r"\W", "", s["name"]).lower()]} if squeezed else {}) for s in stages]


def map_labels(**labels: str) -> dict[str, str]:
    """Map the labels of each column of ours, separated by bars, to it; the first is written in an import."""
    return {label: ours for ours, every in labels.items() for label in every.split("|")}


# Labels and stages as documented by:
# - Zoho, Standard Fields in Deals and Creating Deals: https://help.zoho.com/portal/en/kb/crm/sales-force-automation/deal-management
# - Microsoft, Opportunity table reference: https://learn.microsoft.com/dynamics365/sales/developer/entities/opportunity
# - Close, Opportunities: https://developer.close.com/resources/opportunities, and https://help.close.com/docs/opportunity-statuses
# - Attio, Deals: https://docs.attio.com/docs/standard-objects/standard-objects-deals
PRESETS: dict[str, dict[str, Any]] = {
    "salesforce": {
        "stages": _stages(
            "Prospecting=10|Qualification=10|Needs Analysis=20|Value Proposition=50|Id. Decision Makers=60"
            "|Perception Analysis=70|Proposal/Price Quote=75|Negotiation/Review=90"
        ),
        "columns": map_labels(
            unique_id="Id|Opportunity ID",
            name="Name|Opportunity Name",
            account_id="AccountId|Account ID",
            account_name="Account Name",
            value="Amount",
            stage="StageName|Stage",
            close_date="CloseDate|Close Date",
            probability="Probability|Probability (%)",
            created_at="CreatedDate|Created Date",
            updated_at="LastModifiedDate|Last Modified Date",
            owner_name="Opportunity Owner|Owner",
            owner_id="OwnerId|Owner ID",
            currency="CurrencyIsoCode|Amount Currency",
            category="ForecastCategoryName|Forecast Category|ForecastCategory",
            is_deleted="IsDeleted",
            is_closed="IsClosed|Closed",
            is_won="IsWon|Won",
        ),
    },
    "hubspot": {
        "stages": _stages(
            "Appointment Scheduled=20|Qualified To Buy=40|Presentation Scheduled=60|Decision Maker Bought-In=80"
            "|Contract Sent=90",
            squeezed=True,
        ),
        "columns": map_labels(
            unique_id="Record ID|hs_object_id",
            name="Deal Name|dealname",
            value="Amount|amount",
            stage="Deal Stage|dealstage",
            close_date="Close Date|closedate",
            probability="Deal probability|hs_deal_stage_probability",
            created_at="Create Date|createdate",
            updated_at="Last Modified Date|hs_lastmodifieddate",
            owner_name="Deal owner",
            owner_id="hubspot_owner_id",
            currency="Currency|deal_currency_code",
            pipeline="Pipeline|pipeline",
            category="Forecast category|hs_manual_forecast_category",
            account_name="Associated Company",
            is_won="Is Closed Won|hs_is_closed_won",
            is_lost="Is closed lost|hs_is_closed_lost",
            is_closed="Is Deal Closed?|hs_is_closed",
        ),
    },
    "pipedrive": {
        "stages": _stages("Qualified|Contact Made|Demo Scheduled|Proposal Made|Negotiations Started")[:-2],
        "columns": map_labels(
            unique_id="ID|Deal - ID|Deal - Pipedrive System ID",
            name="Title|Deal - Title|title",
            account_name="Organization|Deal - Organization",
            account_id="org_id",
            value="Value|Deal - Value|value",
            currency="Currency|Deal - Currency of Value|currency",
            stage="Stage|Deal - Stage|Deal - Stage (pipeline)|stage_id",
            pipeline="Pipeline|Deal - Pipeline|pipeline",
            status="Status|Deal - Status|status",
            probability="Probability|Deal - Probability|probability",
            close_date="Expected close date|Deal - Expected close date|expected_close_date",
            owner_name="Owner|Deal - Owner",
            owner_id="user_id",
            created_at="Deal created|Deal - Deal created|Deal - Creation date|add_time",
            updated_at="Update time|Deal - Update time|update_time",
            won_at="Won time|Deal - Won time|won_time",
            lost_at="Lost time|Deal - Lost time|lost_time",
            closed_at="Deal closed on|Deal - Deal closed on|Deal - Closed on|close_time",
        ),
    },
    "zoho": {
        "stages": [
            *_stages(
                "Qualification|Needs Analysis|Value Proposition|Identify Decision Makers|Proposal/Price Quote"
                "|Negotiation/Review"
            ),
            {"name": "Closed-Lost to Competition", "kind": "lost"},
        ],
        "columns": map_labels(
            unique_id="Record Id|Deal Id",
            name="Deal Name|Deal_Name",
            account_name="Account Name|Account_Name",
            value="Amount",
            stage="Stage",
            close_date="Closing Date|Closing_Date",
            probability="Probability|Probability (%)",
            owner_name="Deal Owner",
            created_at="Created Time|Created_Time",
            updated_at="Modified Time|Modified_Time",
            currency="Currency",
            pipeline="Pipeline",
        ),
    },
    "dynamics": {
        "stages": [
            {"name": name, "kind": "open", "aliases": [f"{place}-{name}"]}
            for place, name in enumerate(("Qualify", "Develop", "Propose", "Close"), start=1)
        ],
        "columns": map_labels(
            unique_id="opportunityid|Opportunity|(Do Not Modify) Opportunity",
            name="Topic|name",
            account_name="Potential Customer|Account",
            value="Est. Revenue|Est. revenue|estimatedvalue",
            won_value="Actual Revenue|actualvalue",
            stage="Pipeline Phase|Sales Stage|stepname",
            status="Status|statecode",
            close_date="Est. Close Date|Est. close date|estimatedclosedate",
            closed_at="Actual Close Date|actualclosedate",
            probability="Probability|closeprobability",
            owner_name="Owner",
            created_at="Created On|createdon",
            updated_at="Modified On|modifiedon",
            currency="Currency",
        ),
    },
    "close": {
        "stages": _stages(
            "Active|Demo Completed|Proposal Sent|Contract Sent|Negotiation", won="Won", lost="Lost"
        ),
        # A deal has no name but that of its lead. `value` counts cents; open deals have the expected day as `date_won`.
        "columns": {
            "lead_name": ("name", "account_name"),
            **map_labels(
                unique_id="id",
                account_id="lead_id",
                value="value_formatted",
                value_in_cents="value",
                currency="value_currency",
                stage="status_label",
                status="status_type",
                close_date="date_won",
                lost_at="date_lost",
                probability="confidence",
                owner_name="user_name",
                owner_id="user_id",
                created_at="date_created",
                updated_at="date_updated",
                pipeline="pipeline_name",
            ),
        },
    },
    "attio": {
        "stages": _stages("Lead|In Progress", won="Won 🎉", lost="Lost"),
        "columns": map_labels(
            unique_id="Record ID|record_id",
            name="Deal name|Name|name",
            stage="Deal stage|stage",
            value="Deal value|value",
            owner_name="Deal owner|owner",
            account_name="Associated company|associated_company",
            created_at="Created at|created_at",
        ),
    },
}
"""Settings by preset, in the form of an org file; Attio's deals have no date of closing of their own."""
_LIKELY = {
    "name": "deal opportunity subject topic project bezeichnung vorgang projekt titel",
    "stage": "stage_name deal_stage pipeline_stage sales_stage opportunity_stage phase sales_phase step vertriebsphase "
    "verkaufsphase stufe status deal_status",
    "value": "total budget amount deal_value deal_size deal_amount opportunity_value contract_value total_contract_value tcv "
    "annual_contract_value acv arr revenue est_revenue estimated_value close_value price size betrag wert "
    "auftragswert umsatz volumen",
    "close_date": "expected_close_date closing_date due_date expected_close exp_close exp_close_date close est_close est_close_date estimated_close "
    "estimated_close_date target_close target_close_date projected_close_date forecast_date close_on closes closed_on "
    "abschlussdatum abschluss abschluss_am voraussichtlicher_abschluss erwarteter_abschluss geplanter_abschluss",
    "probability": "win_probability win confidence chance likelihood wahrscheinlichkeit",
    "owner_name": "owner deal_owner opportunity_owner rep sales_rep sales_representative salesperson sales_person seller sales_agent agent ae account_executive "
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


COLUMN_WORDS = {
    "owner_name": f"owner_name owner {' '.join(LIKELY['owner_name'])} name full_name opportunity_owner deal_owner",
    "team": "team sales_team manager group department",
    "region": "region territory regional_office",
    "from_date": "from_date since start_date",
    "period": "period month quarter year fiscal_period fiscal_quarter fiscal_year forecast_period",
    "target": "target quota goal target_amount sales_target sales_quota amount",
    "made_on": "made_on call_date called_on submitted_on submitted_at submission_date submission_date_time create_date created_at created_on date day",
    "caller": "caller called_by submitted_by created_by forecaster",
    "commit": "commit call forecast_submission forecast forecast_amount submission amount",
    "best_case": "best_case best upside",
    "reason": "reason note notes comment comments",
    "date": "date day valid_from",
    "currency": "currency currency_code currency_iso_code iso_code",
    "rate": "rate exchange_rate conversion_rate",
    "account_id": "account_id account company_id organization_id account_name company_name company customer customer_name kunde firma",
    "key": "account_id deal_id opportunity_id unique_id",
    "done_on": "date due_date due_to activity_date completed_at timestamp",
    "what": "activity_id type subject activity_type activity task",
}  # fmt: skip
"""What people call the columns of the tables beside the deals, the likeliest first, as `make_key` writes it."""
TABLE_LABELS: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "calls": (("made_on",), ("period",), ("caller",), ("commit",)),
        "targets": (("period",), ("target",)),
        "currency_rates": (("date",), ("currency",), ("rate",)),
        "activities": (("key",), ("done_on",), ("what",)),
        "accounts": (("account_id",),),
        "people": (("owner_name",), ("team", "region")),
    }
)
"""By kind of table, what its labels must name: one of each."""
_FURTHER = {
    "targets": ("owner_name", "team"),
    "calls": ("owner_name", "team", "best_case", "reason"),
    "people": ("from_date",),
}
"""Columns that a table may have."""
_PERIOD = re.compile(r"(19|20)\d\d(Q[1-4]|-(0[1-9]|1[0-2]))?")
_FIRST_DAY = re.compile(r"(\d{4}-\d\d)-01( 00:00:00)?")


def name_table(kind: str, labels: Sequence[str]) -> dict[str, str]:
    """Name the labels of a table of people or targets: theirs to ours, each of ours once, by its likeliest label."""
    keys = {make_key(label): label for label in reversed(labels) if label}
    found = {
        ours: next((keys[word] for word in COLUMN_WORDS[ours].split() if word in keys), None)
        for ours in list_columns(kind)
    }
    return {theirs: ours for ours, theirs in found.items() if theirs}


def list_columns(kind: str) -> tuple[str, ...]:
    """List the columns of a table."""
    return (*(name for names in TABLE_LABELS[kind] for name in names), *_FURTHER.get(kind, ()))


def find_labels(name: str) -> str:
    """Find labels that are read as a column: a few of the likeliest."""
    return ", ".join(word.replace("_", " ") for word in COLUMN_WORDS[name].split()[1:5])


def find_near(label: str, names: Iterable[str]) -> str | None:
    """Find the column that a misspelled label means."""
    words = {word: name for name in names for word in COLUMN_WORDS[name].split()}
    near = get_close_matches(make_key(label), words, n=1, cutoff=0.7)
    return words[near[0]] if near else None


def find_periods(texts: Iterable[str], *, months: bool = False) -> dict[str, str]:
    """Find the periods among texts, each with its label in data.

    A workbook's ``Dec 2026`` is the first day of its month; where each of these days may begin a quarter, none is read without
    `months`.
    """
    listed = list(texts)
    dated = {text: day[1] for text in listed if (day := _FIRST_DAY.fullmatch(text))}
    if not months and len({int(month[5:]) % 3 for month in dated.values()}) < 2:
        dated = {}
    read = {text: dated.get(text, read_period(text)) for text in listed}
    return {text: label for text, label in read.items() if _PERIOD.fullmatch(label)}
