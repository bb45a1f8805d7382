"""A Salesforce-shaped export and field history of a team that switched tracking on late, worked by
hand."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

import opp_analytics as oa

ORG = oa.Org.salesforce(currency="USD")
TODAY = pd.Timestamp("2026-11-23")
FIRST, EVERY, LIFE = pd.Timestamp("2024-01-02"), 5, 60
"""A deal begins every five days and closes after sixty: twelve are open on any day."""
TRACKED = pd.Timestamp("2026-10-15")
"""Lines begin on this day."""


class Files(NamedTuple):
    """The export, and the history of tracked fields."""

    deals: pd.DataFrame
    changes: pd.DataFrame


def make_files(tracked: pd.Timestamp = TRACKED) -> Files:
    """Make the two files: every other closed deal is won, for 1,000 dollars and its number."""
    deals, lines = [], []
    for number in range((TODAY - FIRST).days // EVERY + 1):
        created = FIRST + pd.Timedelta(days=EVERY * number)
        closes, moved = created + pd.Timedelta(days=LIFE), created + pd.Timedelta(days=LIFE // 2)
        key, over = f"006Hs0000{number:06d}", closes < TODAY
        stage = ("Closed Won", "Closed Lost")[number % 2] if over else "Negotiation/Review"
        stage = stage if moved < TODAY else "Prospecting"
        deals.append(
            {
                "Id": key,
                "Name": f"Deal {number}",
                "StageName": stage,
                "Amount": 1_000 + number,
                "CloseDate": f"{closes:%Y-%m-%d}",
                "CreatedDate": f"{created:%Y-%m-%d}T09:00:00Z",
                "Owner": ("Ann", "Bob")[number // 2 % 2],
            }
        )
        planned = f"{closes - pd.Timedelta(days=7):%Y-%m-%d}"
        steps = [
            (created, "created", None, None),
            (moved, "StageName", "Prospecting", "Negotiation/Review"),
            (moved, "CloseDate", planned, f"{closes:%Y-%m-%d}"),
            (closes, "StageName", "Negotiation/Review", stage),
        ]
        lines += [
            {
                "OpportunityId": key,
                "CreatedDate": f"{at:%Y-%m-%d}T15:00:00Z",
                "Field": field,
                "OldValue": old,
                "NewValue": new,
            }
            for at, field, old, new in steps
            if tracked <= at < TODAY
        ]
    return Files(pd.DataFrame(deals), pd.DataFrame(lines).sort_values("CreatedDate", kind="stable"))


def make_history(files: Files) -> tuple[pd.DataFrame, oa.History]:
    """Read the two files as a table of deals and a history."""
    deals = oa.read_export(files.deals, ORG, progress=False)
    return deals, oa.History.from_changes(
        files.changes, org=ORG, opportunities=deals, progress=False
    )
