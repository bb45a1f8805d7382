"""Which stages a frame shows, and what is guessed of them."""

from __future__ import annotations

from typing import Any

import pandas as pd

import opp_analytics as oa
from opp_analytics.org.file.guess import guess_stages


def told(frame: pd.DataFrame, org: oa.Org = oa.Org()) -> list[tuple[Any, ...]]:  # noqa: B008
    return [(one.stage.name, one.stage.kind, one.deals, one.guess) for one in guess_stages(frame, org.stages)]


def test_guess_stages__orders_open_ones_by_stated_probability_and_closed_ones_last() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["Lost to rival", "Verbal", "Demo", "Demo", "Signed", "Duplicate", None, " "],
            "probability": [0, 90, 10, 20, 100, 0, 50, 50],
        }
    )
    assert told(frame) == [
        ("Demo", "open", 2, "open, and its place in the order"),
        ("Verbal", "open", 1, "open, and its place in the order"),
        ("Signed", "won", 1, "won by its name"),
        ("Lost to rival", "lost", 1, "lost by its name"),
        ("Duplicate", "disqualified", 1, "disqualified by its name"),
    ]
    # Two deals of Demo state different chances: none is that of the stage.
    assert [one.stage.probability for one in guess_stages(frame, oa.Org().stages)] == [
        None,
        90,
        None,
        None,
        None,
    ]


def test_guess_stages__a_status_tells_the_kind_when_all_deals_have_it() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["Fin"] * 3 + ["Raus"] * 3 + ["Hm"] * 2,
            "status": ["won"] * 3 + ["lost", "lost", "active"] + ["won"] * 2,
        }
    )
    assert {name: kind for name, kind, *_ in told(frame)} == {"Fin": "won", "Raus": "open", "Hm": "open"}
    assert told(frame)[-1][-1] == "won, as the status of its 3 deals"


def test_guess_stages__keeps_known_stages_in_their_order_and_places_a_new_one_among_them() -> None:
    frame = pd.DataFrame(
        {"stage": ["discovery", "negotiation", "pilot", "Closed Won"], "probability": [10, 80, 50, 100]}
    )
    assert told(frame) == [
        ("discovery", "open", 1, ""),
        ("pilot", "open", 1, "open, and its place in the order"),
        ("qualification", "open", 0, ""),
        ("proposal", "open", 0, ""),
        ("negotiation", "open", 1, ""),
        ("closed_won", "won", 1, ""),
        ("closed_lost", "lost", 0, ""),
    ]
    [won] = [one.stage for one in guess_stages(frame, oa.Org().stages) if one.stage.kind == "won"]
    assert won.aliases == ("Closed Won",)


def test_guess_stages__a_rarer_spelling_is_an_alias_of_the_more_frequent() -> None:
    [found] = guess_stages(pd.DataFrame({"stage": ["In-Trial", "In Trial", "In Trial"]}), oa.Org().stages)
    assert (found.stage.name, found.stage.aliases, found.deals) == ("In Trial", ("In-Trial",), 3)


def test_guess_stages__lists_each_pipeline_with_its_own_stages() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["Demo", "Signed", "Quote", "Signed", "Signed"],
            "pipeline": ["New", "New", "Renewal", "Renewal", "New"],
        }
    )
    assert [(one.stage.pipeline, one.stage.name, one.deals) for one in guess_stages(frame, oa.Org().stages)] == [
        ("New", "Demo", 1), ("New", "Signed", 2), ("Renewal", "Quote", 1), ("Renewal", "Signed", 1),
    ]  # fmt: skip


def test_guess_stages__of_no_deal_are_none() -> None:
    assert told(pd.DataFrame({"stage": []})) == []
