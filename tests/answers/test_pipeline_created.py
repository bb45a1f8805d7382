"""What was created by week and by person, and the deals that add up to it."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import History
from tests.pipelines import AS_OF


@pytest.fixture
def weeks():
    return _create_weekly(50.0)


def _create_weekly(of_ann: float) -> History:
    """Two deals created on each of three Mondays: Ann's on the first two, then Bo's of 150 each."""
    days = [
        ("2026-03-02", of_ann, "Ann"),
        ("2026-03-09", of_ann, "Ann"),
        ("2026-03-16", 150.0, "Bo"),
    ]
    rows = [
        {
            "unique_id": f"{day} {k}",
            "seen_at": f"{day}T12:00Z",
            "created_at": f"{day}T09:00Z",
            "value": value,
            "stage": "discovery",
            "probability": 20,
            "owner_name": owner,
            "close_date": "2026-06-01",
        }
        for day, value, owner in days
        for k in range(2)
    ]
    return History.from_changes(pd.DataFrame(rows))


def _ask(history, day=AS_OF):
    return oa.ask("pipeline_created", history.as_of(f"{day}T23:00Z"), history, as_of=day)


def test_pipeline_created__compares_this_week_with_those_before(weeks):
    assert _ask(weeks).sentence == ("300 created in the week of Mar 10, 200% above average.")
    # Four deals in two weeks are too few to compare.
    assert _ask(weeks, "2026-03-09").sentence == (
        "100 created in the week of Mar 3; 200 is open now."
    )


@pytest.mark.parametrize(
    ("of_ann", "said"),
    [
        (50.0, "Bo created the most, 60% of March’s 500"),
        (75.0, "Ann and Bo created the most, 50% each of March’s 600"),
    ],
)
def test_pipeline_created__names_all_who_created_the_most(of_ann, said):
    answer = _ask(_create_weekly(of_ann))
    assert [answer.say(note) for note in answer.notes] == [said]


def test_pipeline_created__opens_weeks_and_people_to_their_deals(weeks):
    answer = _ask(weeks)
    of_weeks, of_people = answer.tables
    assert [row.values["value"] for row in of_weeks.rows] == [100.0, 100.0, 300.0]
    assert [(row.id, row.values["value"]) for row in of_people.rows] == [
        ("Bo", 300.0),
        ("Ann", 200.0),
    ]
    for row in (*of_weeks.rows, *of_people.rows):
        listed = answer.opens(row).tables[0].rows
        assert sum(deal.values["value"] for deal in listed) == row.values["value"]
    assert answer.opens(of_weeks.rows[-1]).title == "The two deals of this week"


def test_pipeline_created__without_a_day_of_creation_says_so_of_one_record(tmp_path) -> None:
    deal = {"unique_id": "a", "stage": "proposal", "value": 5.0, "close_date": "2026-06-01"}
    frame = pd.DataFrame([deal])
    history = History(tmp_path / "history")
    history.record(frame, at="2026-03-02")
    answer = oa.ask("pipeline_created", history.as_of("2026-03-02"), history)
    assert "No deal has a day of creation" in answer.finding.pieces[0].value
    assert [lack.what for lack in answer.lacks] == ["what was created"]
    history.record(pd.concat([frame, frame.assign(unique_id="b")]), at="2026-03-03")
    assert not oa.ask("pipeline_created", history.as_of("2026-03-03"), history).lacks
