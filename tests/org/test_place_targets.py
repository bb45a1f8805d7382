"""Targets of people under the teams and regions that they are in."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.org import place_targets

PEOPLE = [
    {"owner_name": "Ann", "team": "East", "region": "US"},
    {"owner_name": "Zoe", "team": "East", "region": "US"},
    {"owner_name": "Zoe", "team": "West", "region": "EU", "from_date": "2026-12-15"},
    {"owner_name": "New", "team": "West", "region": "EU", "from_date": "2026-12-22"},
]


def placed(*targets: dict[str, Any], people: Any = PEOPLE, **settings: Any) -> list[list[Any]]:
    org = oa.Org(people=people, targets=list(targets), **settings)
    table = place_targets(org.targets, org)
    return (
        table[["owner_name", "team", "region", "target"]]
        .astype("object")
        .where(table.notna(), None)
        .values.tolist()
    )


def test_place_targets__splits_a_month_by_the_days_in_each_team() -> None:
    # 14 of the 31 days of December before the move, 17 after it.
    assert placed({"period": "2026-12", "owner_name": "Zoe", "target": 310}) == [
        ["Zoe", "East", "US", 140.0],
        ["Zoe", "West", "EU", 170.0],
    ]


def test_place_targets__takes_the_team_of_the_period() -> None:
    assert placed(
        {"period": "2026-11", "owner_name": "Zoe", "target": 5},
        {"period": "2027-01", "owner_name": "Zoe", "target": 6},
    ) == [["Zoe", "East", "US", 5.0], ["Zoe", "West", "EU", 6.0]]


def test_place_targets__gives_days_in_no_team_to_the_person_under_none() -> None:
    assert placed({"period": "2026-12", "owner_name": "New", "target": 31}) == [
        ["New", "(none)", "(none)", 21.0],
        ["New", "West", "EU", 10.0],
    ]
    only_regions = [{"owner_name": "Ann", "region": "US", "from_date": "2026-12-31"}]
    assert placed(
        {"period": "2026-12", "owner_name": "Ann", "target": 31}, people=only_regions
    ) == [
        ["Ann", None, "(none)", 30.0],
        ["Ann", None, "US", 1.0],
    ]


def test_place_targets__follows_the_fiscal_year() -> None:
    # Q4 is November to January: 44 days before the move, 48 after it.
    assert placed({"period": "2027Q4", "owner_name": "Zoe", "target": 92}, fiscal_year_start=2) == [
        ["Zoe", "East", "US", 44.0],
        ["Zoe", "West", "EU", 48.0],
    ]


def test_place_targets__gives_a_team_the_region_of_its_people() -> None:
    assert placed(
        {"period": "2026-12", "team": "West", "target": 7}, {"period": "2026-12", "target": 9}
    ) == [
        [None, "West", "EU", 7.0],
        [None, None, None, 9.0],
    ]
    spread = [*PEOPLE, {"owner_name": "Bo", "team": "West", "region": "US"}]
    assert placed({"period": "2026-12", "team": "West", "target": 7}, people=spread) == [
        [None, "West", None, 7.0]
    ]


def test_place_targets__leaves_what_names_its_team_and_puts_who_is_unknown_under_none() -> None:
    org = oa.Org(people=PEOPLE)
    table = pd.DataFrame(
        {
            "period": "2026-12",
            "owner_name": ["Zoe", "Bob"],
            "team": ["North", None],
            "target": [1.0, 2.0],
        }
    )
    assert place_targets(table, org)["team"].tolist() == ["North", "(none)"]
    assert place_targets(table, oa.Org()) is table


def test_place_targets__knows_the_people_of_the_targets_own_org() -> None:
    org = oa.Org(people=PEOPLE, targets=[{"period": "2026-11", "owner_name": "Ann", "target": 5}])
    assert place_targets(org.targets, oa.Org())["team"].tolist() == ["East"]


@given(
    st.lists(
        st.tuples(
            st.dates(pd.Timestamp("2026-01-01").date(), pd.Timestamp("2027-12-31").date()),
            st.sampled_from("EWN"),
        ),
        max_size=4,
        unique_by=lambda move: move[0],
    ),
    st.sampled_from(["2026-12", "2026Q4", "2027"]),
    st.floats(0, 1e9),
)
def test_place_targets__loses_no_money(
    moves: list[tuple[Any, str]], period: str, target: float
) -> None:
    people = [
        {"owner_name": "Zoe", "team": "E"},
        *({"owner_name": "Zoe", "team": team, "from_date": day} for day, team in moves),
    ]
    org = oa.Org(people=people, targets=[{"period": period, "owner_name": "Zoe", "target": target}])
    parts = place_targets(org.targets, org)["target"]
    assert parts.sum() == pytest.approx(target)
    assert (parts >= -1e-6).all()


def test_targets__are_read_as_they_are_typed() -> None:
    for typed, currency, amount in (
        ("€150,000", "EUR", 150000.0),
        ("250k", None, 250000.0),
        (5, "USD", 5.0),
    ):
        org = oa.Org(targets=[{"period": "2026-12", "target": typed}], currency=currency)
        assert org.targets["target"].tolist() == [amount]


def test_place_targets__keeps_a_target_of_the_whole_where_nobody_moves() -> None:
    people = [{"owner_name": "Ann", "team": "East", "region": "US"}]
    assert placed({"period": "2026Q4", "target": 9}, people=people) == [[None, None, None, 9.0]]
