"""What became of the deals that were due, and which keep moving."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from tests.pipelines import AS_OF


def test_slippage__opens_each_period_to_what_became_of_its_deals(opportunities, history):
    answer = oa.ask("slippage", opportunities, history, as_of=AS_OF)
    periods, pushed = answer.tables
    assert answer.sentence == "Three deals were due in March so far: too few to say."
    assert [(row.id, dict(row.values)) for row in periods.rows] == [
        (
            "Mar to date",
            {
                "period": "2026-03",
                "deals": 3,
                "value": 170_000.0,
                "slipped_value": 120_000.0,
                "won_value": 0.0,
                "lost_value": 50_000.0,
                "pulled_out_value": 0.0,
                "removed_value": 0.0,
                "still_due_value": 0.0,
                "slip_rate": 2 / 3,
            },
        )
    ]
    assert [
        (row.id, row.values["outcome"], row.values["value"])
        for row in answer.opens(periods.rows[0]).tables[0].rows
    ] == [("a", "slipped", 100_000.0), ("b", "lost", 50_000.0), ("d", "slipped", 20_000.0)]
    assert [(row.id, row.values["pushes"], row.values["days_pushed"]) for row in pushed.rows] == [
        ("a", 2, 17)
    ]
    assert answer.opens(pushed.rows[0]) is None


@pytest.mark.filterwarnings("ignore:The log was imported with problems")
def test_slippage__says_what_a_log_without_a_closing_cannot_tell():
    org = oa.Org.salesforce()
    deals = pd.DataFrame(
        {
            "Opportunity ID": ["006A", "006B", "006C"],
            "Amount": [100.0, 200.0, 300.0],
            "Stage": ["Closed Won", "Prospecting", "Closed Won"],
            "Close Date": ["2026-03-16", "2026-03-20", "2026-02-10"],
            "Created Date": ["2026-01-05"] * 3,
        }
    )
    log = pd.DataFrame(
        {
            "OpportunityId": ["006A", "006B", "006C", "006C", "006C", "006B"],
            "CreatedDate": [
                *["2026-01-05T10:00Z"] * 3,
                *["2026-02-10T10:00Z"] * 2,
                "2026-03-10T10:00Z",
            ],
            "Field": [*["created"] * 3, "StageName", "CloseDate", "CloseDate"],
            "OldValue": [None, None, None, "Prospecting", "2026-02-12", "2026-03-12"],
            "NewValue": [None, None, None, "Closed Won", "2026-02-10", "2026-03-20"],
        }
    )
    opportunities = oa.read_export(deals, org, progress=False)
    history = oa.History.from_changes(log, org=org, opportunities=opportunities, progress=False)
    answer = oa.ask("slippage", opportunities, history, as_of="2026-03-16")
    assert [table.name for table in answer.tables] == ["periods"]
    (note,) = answer.notes
    said = note.pieces[0].value
    assert said.startswith("Which deals keep moving is not known: the imported history lacks")
