"""The page of one person or team."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import ArgumentValueError
from opp_analytics.report.narrow import narrowed

TARGETS = pd.DataFrame(
    {
        "period": "2026-03",
        "owner_name": ["Ann", "Di", None],
        "team": [None, None, "East"],
        "target": [1.0, 2.0, 3.0],
    }
)


def test_narrowed__keeps_deals_history_and_target_of_one_person(opportunities, history):
    part = narrowed(opportunities, history, TARGETS, "Ann", oa.Org())
    name, deals, hers, target = part.name, part.opportunities, part.history, part.target
    assert name == "Ann"
    assert deals["unique_id"].tolist() == ["a", "c", "e", "f"]
    assert deals.attrs == opportunities.attrs
    assert set(hers.as_of("2026-03-16T12:00Z")["owner_name"]) == {"Ann"}
    assert target["target"].tolist() == [1.0]


def test_narrowed__takes_a_team_and_whoever_has_a_target_but_no_deal(opportunities):
    teams = opportunities.assign(team=["East", "West"] * 3)
    part = narrowed(teams, None, TARGETS, "East", oa.Org())
    deals, target = part.opportunities, part.target
    assert deals["unique_id"].tolist() == ["a", "c", "e"]
    assert target["target"].tolist() == [3.0]
    assert narrowed(teams, None, TARGETS, "Di", oa.Org()).opportunities.empty


def test_narrowed__takes_the_targets_of_a_teams_people(opportunities):
    org = oa.Org(
        people=[
            {"owner_name": "Ann", "team": "East"},
            {"owner_name": "Ann", "team": "West", "from_date": "2026-04-16"},
            {"owner_name": "Di", "team": "West"},
        ],
        targets=[
            {"period": "2026-04", "owner_name": "Ann", "target": 60},
            {"period": "2026-04", "owner_name": "Di", "target": 5},
        ],
    )
    teams = opportunities.assign(team="East")
    target = narrowed(teams, None, org.targets, "East", org).target
    assert target[["owner_name", "target"]].values.tolist() == [["Ann", 30.0]]


def test_narrowed__names_who_there_is(opportunities):
    with pytest.raises(ArgumentValueError, match="only='Zoe' is nobody's name; use one of Ann or Bo & Co"):
        narrowed(opportunities, None, 5.0, "Zoe", oa.Org())


def test_narrowed__takes_other_capitals_and_a_first_name_that_is_one_person_s(opportunities):
    def found(only):
        return narrowed(names, None, None, only, oa.Org()).name

    names = opportunities.assign(owner_name=["Zoe Quinn", "Zoe Quinn", "Ann Lee", "Ann Oz", "Ann Oz", None])
    assert [found("zoe quinn"), found("Zoe"), found("ann oz")] == ["Zoe Quinn", "Zoe Quinn", "Ann Oz"]
    with pytest.raises(
        ArgumentValueError, match="only='Ann' fits 'Ann Lee' and 'Ann Oz'; use the whole name"
    ):
        found("Ann")
