"""The page of one person or team: its deals, its history, and the targets."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers import forecasts
from opp_analytics.errors import ArgumentValueError
from tests.pipelines import context_of

TARGETS = pd.DataFrame(
    {
        "period": "2026-03",
        "owner_name": ["Ann", "Di", None],
        "team": [None, None, "East"],
        "target": [1.0, 2.0, 3.0],
    }
)


def _context(frame, only, history=None, **asked):
    return context_of(frame, history, only=only, **asked)


def test_read_context__keeps_deals_and_history_of_one_person(opportunities, history):
    context = _context(opportunities, "Ann", history, target=TARGETS)
    assert context.only == "Ann"
    assert context.opportunities["unique_id"].tolist() == ["a", "c", "e", "f"]
    assert context.opportunities.attrs == context.whole.attrs
    assert set(context.history.as_of("2026-03-16T12:00Z")["owner_name"]) == {"Ann"}


def test_read_context__takes_a_team_and_whoever_has_a_target_but_no_deal(opportunities):
    teams = opportunities.assign(team=["East", "West"] * 3)
    assert _context(teams, "East", target=TARGETS).opportunities["unique_id"].tolist() == [
        "a",
        "c",
        "e",
    ]
    assert _context(teams, "Di", target=TARGETS).opportunities.empty


def test_read_context__takes_the_targets_of_a_teams_people(opportunities):
    org = oa.Org(
        people=[
            {"owner_name": "Ann", "team": "East"},
            {"owner_name": "Ann", "team": "West", "from_date": "2026-03-17"},
            {"owner_name": "Di", "team": "West"},
        ],
        targets=[
            {"period": "2026-03", "owner_name": "Ann", "target": 62},
            {"period": "2026-03", "owner_name": "Di", "target": 5},
        ],
    )
    context = context_of(opportunities, org=org, only="East")
    # She moves tomorrow.
    assert forecasts.current(context)["target"] == 62.0


def test_read_context__names_who_there_is(opportunities):
    with pytest.raises(
        ArgumentValueError, match="only='Zoe' is nobody's name; use one of Ann or Bo & Co"
    ):
        _context(opportunities, "Zoe", target=5.0)


def test_read_context__takes_other_capitals_and_a_first_name_that_is_one_person_s(opportunities):
    names = opportunities.assign(
        owner_name=["Zoe Quinn", "Zoe Quinn", "Ann Lee", "Ann Oz", "Ann Oz", None]
    )
    found = [_context(names, only).only for only in ("zoe quinn", "Zoe", "ann oz")]
    assert found == ["Zoe Quinn", "Zoe Quinn", "Ann Oz"]
    with pytest.raises(
        ArgumentValueError, match="only='Ann' fits 'Ann Lee' and 'Ann Oz'; use the whole name"
    ):
        _context(names, "Ann")


@pytest.mark.slow
def test_read_context__of_an_earlier_day_is_made_from_the_record_of_that_day(
    opportunities, history
):
    made_then = history.as_of("2026-03-09")
    for key in ("will_we_make_it", "at_risk", "win_rates"):
        late, then = (
            oa.ask(key, deals, history, as_of="2026-03-09").to_dict()
            for deals in (opportunities, made_then)
        )
        assert late == then
    assert made_then["value"].tolist() != opportunities["value"].tolist()


def test_read_context__of_a_day_before_all_records_says_what_it_cannot_know(opportunities, history):
    for records in (None, history):
        context = _context(opportunities, None, records, as_of="2026-02-16")
        assert context.unseen == (
            "As of Feb 16, 2026, but no record is of that day and the pipeline was read on "
            "Mar 16, 2026: these numbers hold later changes."
        )
        assert context.opportunities["unique_id"].tolist() == list("abcdef")
