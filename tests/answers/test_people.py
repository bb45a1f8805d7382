"""Who is short, and who carries: teams and people, who stays in view, and the deals behind."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers import Answer, forecasts, people, read_context, why_it_moved
from opp_analytics.answers.context import Part
from opp_analytics.report.compose import compose
from opp_analytics.report.digest import make_digest
from tests.pipelines import (
    AS_OF,
    LAST_WEEK,
    MOVED,
    TEAMS,
    THIS_WEEK,
    context_of,
    pipeline,
    recorded,
)
from tests.scratch import scratch_history

TARGETS = pd.DataFrame(
    {
        "period": "2026-03",
        "owner_name": ["Ann", "Bo & Co", "Di"],
        "target": [150_000.0, 5.0, 7_000.0],
    }
)


def _cells(answer: Answer) -> dict[str, list[Any]]:
    (table,) = answer.tables
    return {
        row.name.value: [row.values.get(name, row.words.get(name)) for name in table.columns]
        for row in table.rows
    }


def test_people__have_closed_forecast_due_and_change(opportunities, history):
    answer = people(context_of(opportunities, history))
    (table,) = answer.tables
    assert answer.say(answer.finding) == "Closed and forecast by rep"
    assert [*answer.title_columns(table).values()] == [
        "Closed",
        "Commit",
        "Best case",
        "Forecast",
        "Range from",
        "Range to",
        "Due",
        "Since Mar 9",
    ]
    shown = {name: (*row[:4], *row[6:]) for name, row in _cells(answer).items()}
    assert shown == {
        "Ann": (70_000.0, 190_000.0, 190_000.0, 166_000.0, 120_000.0, 16_000.0),
        "Bo & Co": (0.0, 0.0, 0.0, 0.0, 0.0, -20_000.0),
        "(none)": (0.0, 0.0, 0.0, 0.0, 0.0, -10_000.0),
        "All": (70_000.0, 190_000.0, 190_000.0, 166_000.0, 120_000.0, -14_000.0),
    }
    assert [row.name.value for row in table.rows if row.marked] == ["Bo & Co"]
    behind = answer.opens(table.rows[0])
    assert behind is not None
    assert [(row.name.value, row.values["expected"]) for row in behind.tables[0].rows] == [
        ("Alder", 96_000.0),
        ("Elder", 70_000.0),
    ]


def test_people__without_a_deal_in_commit_or_best_case_have_no_such_columns(opportunities):
    plain = opportunities.assign(probability=10.0)
    (table,) = people(context_of(plain)).tables
    assert {"commit_total", "best_case_total"}.isdisjoint(table.columns)
    assert "booked" in table.columns


def test_people__with_targets_have_what_is_to_go_and_why_there_is_no_chance(opportunities):
    answer = people(context_of(opportunities, target=TARGETS))
    assert answer.say(answer.finding) == "No rep at target; Di’s forecast is 7K below"
    assert [answer.say(note) for note in answer.notes] == [
        "Di has a target and owns no deal; is the name spelled as in the CRM?"
    ]
    rows = {row.name.value: row for row in answer.tables[0].rows}
    # The largest target first; somebody with a target and no deal has a row too.
    assert {name: row.values.get("gap") for name, row in rows.items()} == {
        "Ann": 80_000.0,
        "Di": 7_000.0,
        "Bo & Co": 5.0,
        "(none)": None,
        "All": 87_005.0,
    }
    assert {
        name: row.words["p_target"].write() for name, row in rows.items() if row.words
    } == dict.fromkeys(("Di", "Bo & Co", "(none)"), "none due")


def test_people__of_many_fold_to_those_furthest_from_their_target():
    rows = [
        (f"{k}", f"Deal {k}", 100.0 + k, "proposal", "active", "2026-03-20", 50, f"Rep {k}")
        for k in range(60)
    ]
    targets = pd.DataFrame(
        {
            "period": "2026-03",
            "owner_name": [f"Rep {k}" for k in range(60)],
            "target": [1_000.0 - k for k in range(60)],
        }
    )
    # Without targets the largest stay.
    for target, first in ((None, range(59, 51, -1)), (targets, range(8))):
        (table,) = people(context_of(pipeline(rows), target=target)).tables
        in_view = [row.name.value for row in table.rows if not row.folded]
        assert in_view == [*(f"Rep {k}" for k in first), "All"]


def test_people__with_deals_of_two_teams_have_a_row_in_each_and_lists_that_are_told_apart(
    opportunities,
):
    teams = opportunities.assign(team=["East", "East", "West", "West", "West", "East"])
    answer = people(context_of(teams, by=["team", "owner_name"]))
    (table,) = answer.tables
    assert [(row.name.value, row.kind, row.depth) for row in table.rows][:2] == [
        ("East", "team", 0),
        ("Ann", "person", 1),
    ]
    titles = [behind.title for row in table.rows if (behind := answer.opens(row))]
    assert len(set(titles)) == len(titles)
    assert "Ann (East): forecast for March" in titles


@pytest.mark.slow
def test_people__who_changed_teams_are_counted_once_in_the_team_of_the_day(history):
    context = read_context(
        MOVED.apply(pipeline(THIS_WEEK)), history.read_by(MOVED), as_of=AS_OF, org=MOVED
    )
    table = people(context).tables[0]
    rows = {row.name.value: row for row in table.rows}
    assert [row.name.value for row in table.rows].count("Ann") == 1
    assert rows["West"].values["target"] == 130_000
    # What she brings is in no change: its own words say it.
    assert (
        rows["West"].values["change"]
        == rows["Ann"].values["change"] + rows["Bo & Co"].values["change"]
    )
    assert rows["West"].words["change"].write() == "150K moved in"
    moved = why_it_moved(context.narrow_to("West")).tables[0].rows
    assert {row.id: row.values.get("change") for row in moved}["transferred"] == 150_000
    assert "East" not in rows
    assert people(context).sentence.startswith("No rep at target")


def test_people__what_is_nobodys_comes_after_people_and_stands_out_nowhere(history):
    won = ("z", "Zelkova", 500_000.0, "closed_won", "won", "2026-03-03", 100, None)
    frame = pipeline([*THIS_WEEK, won])
    for one, records in ((frame, history), (oa.Org(people=TEAMS).apply(frame), None)):
        context = context_of(one, records)
        *_, nobody, total = people(context).tables[0].rows
        assert (nobody.name.value, total.name.value, nobody.marked) == ("(none)", "All", "")
        sections = make_digest(compose(context, workbook="x.xlsx"), context).sections
        section = next(one for one in sections if one.key == "people")
        assert [one.name for one in section.says].index("(none)") == len(section.says) - 1


def test_people__without_a_column_of_people_say_so(opportunities):
    answer = people(context_of(opportunities.drop(columns="owner_name")))
    assert answer.sentence == "No column says whose a deal is. Name one with by=."
    assert not answer.tables


def test_people__of_teams_with_a_target_alone_show_it(opportunities):
    org = oa.Org(people=[{"owner_name": "Ann", "team": "East"}])
    targets = pd.DataFrame({"period": "2026-03", "team": ["East"], "target": [200_000.0]})
    answer = people(context_of(org.apply(opportunities), org=org, target=targets))
    aimed = {row.name.value: row.values.get("target") for row in answer.tables[0].rows}
    assert "target" in answer.tables[0].columns
    assert aimed["East"] == 200_000
    assert aimed["Ann"] is None


def test_forecast__of_a_person_who_changed_teams_adds_up_both_parts_of_a_target():
    moved = [
        {"owner_name": "Ann", "team": "East"},
        {"owner_name": "Ann", "team": "West", "from_date": "2026-02-11"},
    ]
    target = {"period": "2026-02", "owner_name": "Ann", "target": 28_000.0}
    org = oa.Org(people=moved, targets=[target])
    won = ("w", "Willow", 7_000.0, "closed_won", "won", "2026-02-20", 100, "Ann")
    frame = org.apply(pipeline([*THIS_WEEK, won]))
    whole = oa.ask("people", frame, as_of=AS_OF, org=org).context
    table = forecasts.forecast(whole.narrow(Part("owner_name", "Ann")))
    assert table.index.is_unique
    row = table.loc["2026-02"]
    assert (row["target"], row["gap"], row["attainment"]) == (28_000.0, 21_000.0, 0.25)
    assert row["p_target"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(("value", "said"), [(400.0, "200 won, dated later"), (20.0, "")])
def test_people__say_what_was_won_and_dated_later_where_it_is_news(value, said):
    was = ("z", "Fir", value, "proposal", "active", "2026-03-20", 50, "Ann")
    won = ("z", "Fir", value, "closed_won", "won", "2026-04-30", 100, "Ann")
    history = recorded(
        scratch_history(), {"2026-03-09": [*LAST_WEEK, was], "2026-03-17": [*THIS_WEEK, won]}
    )
    frame = pipeline([*THIS_WEEK, won])
    frame.attrs["load"]["fetched_at"] = "2026-03-17T06:00:00+00:00"
    context = context_of(frame, history, as_of="2026-03-17", target=150_000)
    (ann,) = [row for row in people(context).tables[0].rows if row.name.value == "Ann"]
    words = ann.words.get("change")
    assert (words.write(None) if words else "") == said
