"""The pipeline created, by week and by person."""

from __future__ import annotations

import pandas as pd
import pytest

from opp_analytics import History
from opp_analytics.report.blocks.created import created, created_by
from tests.report.pipelines import AS_OF, tables_of


@pytest.fixture
def weeks(tmp_path):
    """Deals created on three Mondays: 100 each, then 300 of Bo's."""
    rows = []
    for day, value, owner in (
        ("2026-03-02", 100.0, "Ann"),
        ("2026-03-09", 100.0, "Ann"),
        ("2026-03-16", 300.0, "Bo"),
    ):
        rows.append(
            {
                "unique_id": day,
                "seen_at": f"{day}T12:00Z",
                "created_at": f"{day}T09:00Z",
                "value": value,
                "stage": "discovery",
                "owner_name": owner,
                "close_date": "2026-06-01",
            }
        )
    return History.from_changes(pd.DataFrame(rows))


def test_created__compares_this_week_with_those_before(weeks):
    tables = tables_of(weeks.as_of(f"{AS_OF}T23:00Z"), weeks)
    assert created(tables).title == "New pipeline this week, 300, was 200% above the 2-week average"
    before = tables_of(weeks.as_of("2026-03-09T23:00Z"), weeks, as_of="2026-03-09")
    assert created(before).title == "New pipeline this week, 100, was in line with the week before"
    assert (
        created(tables_of(weeks.as_of("2026-03-02T23:00Z"), weeks, as_of="2026-03-02")).title
        == "New pipeline this week, 100"
    )


def test_created_by__says_who_brought_most(weeks):
    block = created_by(tables_of(weeks.as_of(f"{AS_OF}T23:00Z"), weeks))
    assert block is not None
    assert block.title == "Bo created the most, 60% of March’s 500"


def test_created__without_history_is_left_to_the_trend(opportunities):
    assert created(tables_of(opportunities)) is None
    assert created_by(tables_of(opportunities)) is None
