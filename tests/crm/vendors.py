"""Exports of deals with the columns that each vendor documents: an open, a won and a lost one,
named alike everywhere."""

from __future__ import annotations

import pandas as pd

_DEALS = {
    "id": ["7001", "7002", "7003"],
    "name": ["Acme", "Beta", "Gamma"],
    "account": ["Acme Corp", "Beta GmbH", "Gamma Ltd"],
    "value": ["12000", "5000.5", "700"],
    "estimate": ["12000", "9999", "700"],
    "actual": ["", "5000.5", ""],
    "due": ["2026-12-31", "2026-12-15", "2026-12-10"],
    "closed": ["", "2026-11-25", "2026-11-20"],
    "due or closed": ["2026-12-31", "2026-11-25", "2026-11-20"],
    "created": ["2026-09-01 08:00", "2026-09-02 08:00", "2026-09-03 08:00"],
    "owner": ["Ann Lee", "Bob Roe", "Bob Roe"],
    "status": ["Open", "Won", "Lost"],
    "status_type": ["active", "won", "lost"],
    "statecode": ["0", "1", "2"],
    "won": ["", "2026-11-25", ""],
    "lost": ["", "", "2026-11-20"],
    "percent": ["50", "100", "0"],
    "formatted": ["$12,000", "$5,000.50", "$700"],
    "cents": ["1200000", "500050", "70000"],
    "USD": ["USD"] * 3,
}
_STAGES = {
    "salesforce": ["Qualification", "Closed Won", "Closed Lost"],
    "hubspot": ["Contract Sent", "Closed Won", "Closed Lost"],
    "pipedrive": ["Demo Scheduled", "Negotiations Started", "Qualified"],
    "zoho": ["Needs Analysis", "Closed Won", "Closed-Lost to Competition"],
    "dynamics": ["2-Develop", "4-Close", "1-Qualify"],
    "close": ["Proposal Sent", "Won", "Lost"],
    "attio": ["In Progress", "Won 🎉", "Lost"],
}
LABELS = {
    "salesforce report": "Opportunity ID=id|Opportunity Name=name|Account "
    "Name=account|Stage=stage|Amount=value|Close Date=due or closed|Created "
    "Date=created|Opportunity Owner=owner|Probability (%)=percent",
    "salesforce report without an id": (
        "Opportunity Name=name|Stage=stage|Amount=value|Close Date=due or closed"
    ),
    "salesforce objects": (
        "Id=id|Name=name|StageName=stage|Amount=value|CloseDate=due or closed|CreatedDate=created"
    ),
    "hubspot export": "Record ID=id|Deal Name=name|Deal Stage=stage|Amount=value|Close Date=due or "
    "closed|Create Date=created|Deal owner=owner",
    "hubspot properties": "hs_object_id=id|dealname=name|dealstage=stage|amount=value|closedate=due "  # noqa: E501
    "or closed|createdate=created",
    "pipedrive export": "Deal - ID=id|Deal - Title=name|Deal - Organization=account|Deal - "
    "Stage=stage|Deal - Status=status|Deal - Value=value|Deal - Expected close date=due|Deal - Won "
    "time=won|Deal - Lost time=lost|Deal - Owner=owner|Deal - Deal created=created",
    "pipedrive list": "ID=id|Title=name|Organization=account|Stage=stage|Status=status|Value=value|"
    "Expected close date=due|Won time=won|Lost time=lost|Owner=owner|Deal created=created",
    "zoho export": "Record Id=id|Deal Name=name|Account Name=account|Amount=value|Stage=stage|"
    "Closing Date=due or closed|Deal Owner=owner|Created Time=created|Probability (%)=percent",
    "zoho fields": "Deal Id=id|Deal_Name=name|Account_Name=account|Amount=value|Stage=stage|"
    "Closing_Date=due or closed|Created_Time=created|Probability=percent",
    "dynamics view": "(Do Not Modify) Opportunity=id|Topic=name|Potential Customer=account|Est. "
    "Revenue=estimate|Actual Revenue=actual|Pipeline Phase=stage|Status=status|Est. Close "
    "Date=due|Actual Close Date=closed|Owner=owner|Created On=created",
    "dynamics new labels": "Opportunity=id|Topic=name|Account=account|Est. revenue=value|Sales "
    "Stage=stage|Status=status|Est. close date=due|Actual Close Date=closed|Owner=owner|Created "
    "On=created",
    "dynamics table": "opportunityid=id|name=name|estimatedvalue=value|stepname=stage|statecode=statecode|"  # noqa: E501
    "estimatedclosedate=due|actualclosedate=closed|createdon=created|closeprobability=percent",
    "close export": "id=id|lead_name=name|value=cents|value_formatted=formatted|value_currency=USD|status_label=stage|"  # noqa: E501
    "status_type=status_type|date_won=due or "
    "closed|date_lost=lost|confidence=percent|user_name=owner|date_created=created",
    "attio export": "Record ID=id|Deal name=name|Deal stage=stage|Deal value=value|Deal "
    "owner=owner|Associated company=account|Created at=created",
    "attio attributes": "record_id=id|name=name|stage=stage|value=value|owner=owner|associated_company=account|"  # noqa: E501
    "created_at=created",
}
"""The labels of each file, and what its columns hold; the first word is the preset."""


def make_export(kind: str) -> pd.DataFrame:
    """A file of one kind, every cell as text."""
    deals = {**_DEALS, "stage": _STAGES[kind.split()[0]]}
    pairs = (pair.split("=") for pair in LABELS[kind].split("|"))
    return pd.DataFrame({label: deals[cells] for label, cells in pairs})
