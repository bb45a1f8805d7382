"""Which deals decide the period, and what each person short of the target must win."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.answers import Answer, Row, Table, act_today, forecasts
from opp_analytics.answers.context import Context
from opp_analytics.note import note_of
from tests.pipelines import THIS_WEEK, context_of, pipeline, plant

ALDER = THIS_WEEK[0]
PERSONAL = pd.DataFrame(
    {"period": "2026-03", "owner_name": ["Ann", "Bo & Co"], "target": [150_000.0, 0.0]}
)


def _table(answer: Answer, name: str) -> Table:
    return next(table for table in answer.tables if table.name == name)


def _learned(frame: pd.DataFrame, target: float) -> Table:
    """What decides, as if its chances were learned."""
    context = context_of(frame, target=target)
    table = forecasts.swings(context)
    planted = note_of(table).change(method="learned").write(table)
    plant(context, forecasts.swings, planted)
    return _table(act_today(context), "decide")


def _say(words: Any) -> str:
    return words.write() if words else ""


def test_decide__is_the_chance_if_lost_and_if_won(opportunities):
    table = _learned(opportunities, 150_000)
    assert _say(table.finding) == "Alder decides March: 100% likely if won, 0% if lost"
    (row,) = table.rows
    assert (row.name.value, _say(row.says)) == ("Alder", "Ann · 120K · stated 80% · due Mar 27")
    assert (row.values["p_if_lost"], row.values["p_if_won"]) == (0.0, 1.0)


def test_decide__where_no_deal_decides_lists_what_the_forecast_rests_on(opportunities):
    far = _learned(opportunities, 900_000)
    assert _say(far.finding) == "No single deal saves March: forecast 734K below target"
    assert _say(far.note) == "At chances from history"
    assert [row.values["weighted"] for row in far.rows] == [96_000.0]
    assert "p_if_won" not in far.columns


def test_decide__of_a_period_that_is_decided_is_of_the_next(opportunities):
    assert [row.name.value for row in _learned(opportunities, 60_000).rows] == ["Cedar"]


def test_decide__puts_the_deal_of_its_title_first():
    deals = [ALDER, ("b", "Bay", 60_000.0, "proposal", "active", "2026-03-26", 50, "Ann")]
    context = context_of(pipeline(deals), target=60_000)
    swings = forecasts.swings(context)
    # The largest effect on the chance is not the largest share of the uncertainty.
    planted = swings.assign(swing=[0.2, 0.7]).sort_values("swing", ascending=False)
    note_of(swings).change(method="learned").write(planted)
    plant(context, forecasts.swings, planted)
    table = _table(act_today(context), "decide")
    first = forecasts.swings(context)["name"].iloc[0]
    assert _say(table.finding).startswith(f"{first} decides March: ")
    assert table.rows[0].name.value == first


def test_decide__at_stated_chances_says_no_chance_of_the_target(opportunities):
    table = _table(act_today(context_of(opportunities, target=150_000)), "decide")
    assert _say(table.finding) == "Alder, 120K, is the only deal due in March"
    assert "weighted" in table.columns


def test_decide__needs_a_target_and_a_deal(opportunities):
    assert [table.name for table in act_today(context_of(opportunities)).tables] == []
    table = _table(act_today(context_of(pipeline(THIS_WEEK[4:5]), target=100_000)), "decide")
    assert not table.rows
    assert _say(table.note) == "No open deal with a value and a chance is due in April"


def _cards(context: Context) -> list[tuple[Row, list[Row]]]:
    """Each row of a person, or of several, and the rows below it."""
    cards: list[tuple[Row, list[Row]]] = []
    for row in _table(act_today(context), "to_win").rows:
        if row.depth:
            cards[-1][1].append(row)
        else:
            cards.append((row, []))
    return cards


def _shown(row: Row) -> tuple[str, str, str]:
    return str(row.name.value), _say(row.says), _say(row.words["action"])


def test_to_win__says_what_covers_the_gap(opportunities):
    (ann, deals), *_ = _cards(context_of(opportunities, target=PERSONAL))
    assert _shown(ann) == (
        "Ann",
        "70K of 150K · 80% as stated",
        "you have 80K to go; this one deal covers it",
    )
    assert [_shown(deal) for deal in deals] == [
        (
            "Alder",
            ", 120K, stated 80%. Negotiation, due Mar 27",
            "Negotiation, due Mar 27",
        )
    ]


def test_to_win__without_targets_of_people_says_how_to_get_them(opportunities):
    (lack,) = act_today(context_of(opportunities, target=150_000)).lacks
    assert "[targets] in the org file" in lack.what


def test_to_win__of_many_people_begins_with_those_who_have_deals():
    people = [f"Rep {place:02d}" for place in range(14)]
    rows = [("a", "Alder", 9.0, "proposal", "active", "2026-03-20", 50, "Rep 13")]
    targets = pd.DataFrame({"period": "2026-03", "owner_name": people, "target": 100.0})
    (first, _), (stuck, named) = _cards(context_of(pipeline(rows), target=targets))
    # What it cannot cover has no chance of 0%.
    assert _shown(first)[:2] == ("Rep 13", "0 of 100")
    assert _shown(stuck) == (
        "No deal to close",
        "1.3K to go",
        "no open deal of theirs could close in time; 5 more are without one",
    )
    assert [(row.name.value, row.values["value"]) for row in named] == [
        (name, 100.0) for name in people[:8]
    ]
