"""Deals with something wrong, for the audit."""

import pandas as pd

from opp_analytics.analysis.quality.audit import audit

AS_OF = "2026-03-10"


def deal(unique_id, **fields):
    good = {
        "unique_id": unique_id,
        "name": f"deal {unique_id}",
        "account_id": f"account {unique_id}",
        "value": 100.0,
        "stage": "proposal",
        "close_date": "2026-03-20",
        "probability": 40,
        "status": "active",
        "created_at": "2026-01-01T09:00:00Z",
        "updated_at": "2026-03-01T09:00:00Z",
    }
    return {**good, **fields}


def checks(*deals, **options):
    return audit(pd.DataFrame(list(deals)), as_of=AS_OF, **options)["check"].tolist()
