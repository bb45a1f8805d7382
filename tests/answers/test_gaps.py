"""Which deals would close a gap, and how likely that is."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from opp_analytics import text
from opp_analytics.answers.gaps import cover_gaps, list_deals_to_win, shorten_name
from tests.pipelines import context_of, pipeline


def _to_win(*rows):
    context = context_of(pipeline(list(rows)), as_of="2026-03-10")
    return list_deals_to_win(context, context.period)


@pytest.mark.parametrize(
    ("date", "chance", "action"),
    [
        ("2026-03-09", 20, "overdue"),
        ("2026-03-10", 20, "due"),
        ("2026-03-31", 20, "due"),
        ("2026-04-14", 50, "pull_in"),
        ("2026-04-14", 49, None),
        ("2026-04-15", 90, None),
        (None, 90, None),
    ],
)
def test_list_deals_to_win__are_due_overdue_or_near_and_likely(date, chance, action):
    deals = _to_win(("a", "Alder", 10.0, "proposal", "active", date, chance, "Zoe"))
    assert deals["action"].tolist() == ([action] if action else [])


def test_list_deals_to_win__are_open_and_worth_something():
    states = [("closed_won", 5.0), ("proposal", 0.0), ("proposal", None)]
    rows = [
        (f"o{k}", "x", value, stage, None, "2026-03-20", 50, "Zoe")
        for k, (stage, value) in enumerate(states)
    ]
    assert _to_win(*rows).empty
    assert _to_win(("a", "x", 5.0, "proposal", None, "2026-03-20", 50, None))[
        "owner_name"
    ].tolist() == ["(none)"]


def _gaps(values, gap, chances=0.5):
    deals = pd.DataFrame(
        {
            "owner_name": "Zoe",
            "name": [f"Deal {k}" for k in range(len(values))],
            "value": values,
            "stated": chances,
        }
    )
    people = pd.DataFrame(
        {"booked": 5.0, "target": gap + 5.0, "gap": gap, "p_target": math.nan},
        index=pd.Index(["Zoe"], name="owner_name"),
    )
    return cover_gaps(deals, people, text.money)


def test_cover_gaps__say_how_likely_it_is_that_enough_close():
    # Any two of three even chances: half.
    row = _gaps([60.0, 50.0, 40.0], 90.0).loc["Zoe"]
    assert (row["deals"], row["value"], row["advice"]) == (3, 150.0, "win the first two")
    assert row["p_enough"] == pytest.approx(0.5)


def test_cover_gaps__take_more_deals_while_three_do_not_cover_the_gap():
    row = _gaps([10.0] * 9, 45.0).loc["Zoe"]
    assert (row["deals"], row["advice"]) == (5, "win all five")
    assert _gaps([10.0] * 9, 100.0).loc["Zoe", "deals"] == 8


def test_cover_gaps__cover_a_gap_to_the_cent():
    # As floats, 0.7 + 0.1 is below 0.8.
    assert _gaps([0.7, 0.1], 0.8).loc["Zoe", "advice"] == "win both"
    assert _gaps([0.7, 0.1], 0.81).loc["Zoe", "advice"] == "all below bring only 0.8"


def test_cover_gaps__are_for_those_with_a_gap_the_largest_first():
    people = pd.DataFrame(
        {"booked": 0.0, "target": [10.0, 30.0, 5.0, math.nan], "gap": [10.0, 30.0, -2.0, math.nan]}
        | {"p_target": math.nan},
        index=pd.Index(["Ann", "Bo", "Cy", "Di"], name="owner_name"),
    )
    deals = pd.DataFrame({"owner_name": ["Bo"], "name": ["x"], "value": [40.0], "stated": [0.3]})
    gaps = cover_gaps(deals, people, text.money)
    assert gaps.index.tolist() == ["Bo", "Ann"]
    assert gaps["advice"].tolist() == [
        "this one deal covers it",
        "no open deal of yours could close in time",
    ]
    assert gaps["p_enough"].tolist()[0] == pytest.approx(0.3)
    assert math.isnan(gaps["p_enough"].iloc[1])


def test_shorten_name__keeps_what_tells_deals_apart():
    assert shorten_name(["Oak: data", "Elm: data"]) == "Oak"
    assert shorten_name(["Oak: data", "Oak: support"]) == "Oak: data"
