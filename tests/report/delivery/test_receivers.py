"""Who gets which page."""

from __future__ import annotations

import pytest

import opp_analytics as oa
from opp_analytics.api import Secret
from opp_analytics.report.delivery.receivers import Receiver, find_receivers

CHAT = Receiver("slack 3f2a9c", "chat", "everybody", Secret("slack://token"))


@pytest.mark.parametrize(
    ("audience", "names"),
    [
        ("everybody", ["vp@example.com", "cfo@example.com", "slack 3f2a9c"]),
        ("team North", ["north@example.com"]),
        ("person Ada Lee", ["ada@example.com"]),
    ],
)
def test_find_receivers__are_those_of_the_audience_alone(
    org: oa.Org, audience: str, names: list[str]
) -> None:
    found = find_receivers(audience, org, [CHAT])
    assert [one.name for one in found] == names
    assert {one.audience for one in found} == {audience}
    assert all(one.address for one in found)


@pytest.mark.parametrize(
    "audience", ["team South", "person Bo", "person North", "team Ada Lee", "region North"]
)
def test_find_receivers__without_an_address_are_named_and_not_guessed(
    org: oa.Org, audience: str
) -> None:
    (found,) = find_receivers(audience, org, [CHAT])
    assert (found.name, found.address) == (audience.partition(" ")[2], None)


def test_find_receivers__show_no_address_of_a_chat() -> None:
    assert "token" not in repr(CHAT)


def test_find_receivers__of_a_person_who_moved_are_one() -> None:
    rows = [
        {"owner_name": "Ada", "email": "ada@x.com"},
        {"owner_name": "Ada", "team": "A", "from_date": "2026-01-01"},
    ]
    moved = oa.Org(people=[*rows, {**rows[1], "from_date": "2026-05-01", "email": "ada@x.com"}])
    assert [one.name for one in find_receivers("person Ada", moved)] == ["ada@x.com"]
