"""People on the page, and figures that add up."""

from __future__ import annotations

import pandas as pd
import pytest

from opp_analytics.report.blocks.people import choose_scale, people, to_win
from opp_analytics.report.compose import compose
from opp_analytics.report.html import render_page
from opp_analytics.report.model import Goals, Note, Saying, Table
from tests.pipelines import THIS_WEEK, context_of, pipeline
from tests.report.reading import list_lines, read


def _table(block) -> Table:
    (table,) = block.parts
    assert isinstance(table, Table)
    return table


def test_people__closed_forecast_due_and_change(opportunities, history):
    block = people(context_of(opportunities, history))
    assert block.title == "All of the 70K closed is Ann’s"
    assert [column.title for column in _table(block).columns] == [
        "Rep",
        "Closed",
        "Forecast",
        "",
        "Due",
        "Since Mar 9",
    ]
    assert list_lines(_table(block)) == {
        "Ann": ["70,000", "166,000", "120,000", "16,000"],
        "Bo & Co": ["0", "0", "0", "20,000"],
        "(none)": ["0", "0", "0", "10,000"],
        "All": ["70,000", "166,000", "120,000", "14,000"],
    }
    ann = _table(block).groups[0].lines[0]
    assert ann.cells[-1].sign == 1
    assert ann.opens is not None
    assert [(deal.name, deal.stated, deal.amounts) for deal in ann.opens.deals] == [
        ("Alder", "80%", ("120,000", "96,000")),
        ("Elder", "won", ("70,000", "70,000")),
    ]
    # What the stated method expects of deals that are not due is nothing.
    assert ann.opens.sums == (("Forecast", "166,000"),)


@pytest.mark.slow
def test_people__of_sixty_fold_to_those_furthest_from_their_target():
    rows = [
        (f"{k}", f"Deal {k}", 100.0 + k, "proposal", "active", "2026-03-20", 50, f"Rep {k}")
        for k in range(60)
    ]
    shown, rest, total = _table(people(context_of(pipeline(rows)))).groups
    # Without targets the largest stay.
    assert [line.cells[0].text for line in shown.lines] == [f"Rep {k}" for k in range(59, 51, -1)]
    assert not shown.folded
    assert rest.folded
    assert rest.lines[0].level == "group"
    assert rest.lines[0].cells[0].text == "52 more reps"
    assert {line.level for line in rest.lines[1:]} == {"member"}
    assert len(rest.lines) == 53
    assert total.lines[0].level == "total"
    targets = pd.DataFrame(
        {
            "period": "2026-03",
            "owner_name": [f"Rep {k}" for k in range(60)],
            "target": [1_000.0 - k for k in range(60)],
        }
    )
    shown, *_ = _table(people(context_of(pipeline(rows), target=targets))).groups
    assert {line.cells[0].text for line in shown.lines} == {f"Rep {k}" for k in range(8)}
    opened = read(render_page(compose(context_of(pipeline(rows)), workbook="week.xlsx"))).table(
        "people"
    )
    assert [row[0] for row in opened if row[0].endswith("more reps")] == ["52 more reps"]


def test_people__of_many_in_teams_say_how_many_a_team_holds_back():
    rows = [
        (f"{k}", f"Deal {k}", 100.0 + k, "proposal", "active", "2026-03-20", 50, f"Rep {k:02d}")
        for k in range(20)
    ]
    teams = pipeline(rows).assign(team=["East" if k % 2 else "West" for k in range(20)])
    east, west, _ = _table(people(context_of(teams, by=["team", "owner_name"]))).groups
    assert [group.lines[0].cells[0].small for group in (east, west)] == [
        "6 more reps",
        "6 more reps",
    ]
    assert [line.cells[0].text for line in east.lines if line.kept] == [
        "Rep 19",
        "Rep 17",
        "Rep 15",
        "Rep 13",
    ]


def test_people__without_a_column_of_people_say_so(opportunities):
    (note,) = people(context_of(opportunities.drop(columns="owner_name"))).parts
    assert isinstance(note, Note)


@pytest.mark.parametrize(
    ("amounts", "shown"),
    [
        ([9_999_999.0], "9,999,999"),
        ([10_000_000.0], "10,000"),
        ([999_999_999.0], "1,000,000"),
        ([1e9], "1,000.0"),
        ([-2e9], "−2,000.0"),
        ([], "0"),
    ],
)
def test_choose_scale__moves_the_whole_table_where_figures_get_long(amounts, shown):
    assert choose_scale([float("nan"), *amounts]).show(amounts[0] if amounts else 0.0) == shown


def test_people__of_two_teams_open_to_two_lists_that_are_told_apart(opportunities):
    teams = opportunities.assign(team=["East", "East", "West", "West", "East", "East"])
    table = _table(people(context_of(teams, by=["team", "owner_name"])))
    captions = [line.opens.caption for group in table.groups for line in group.lines if line.opens]
    assert len(set(captions)) == len(captions)
    assert "Ann (East): forecast for March" in captions


@pytest.mark.parametrize(
    ("values", "currency", "words"),
    [
        ([9_999_999.0], "USD", "US dollars"),
        ([12_000_000.0, 1.0], "USD", "Thousands of US dollars, rounded, may not add"),
        ([5.0], None, ""),
    ],
)
def test_choose_scale__says_its_unit(values, currency, words):
    assert choose_scale(values, currency).words == words


PERSONAL = pd.DataFrame(
    {"period": "2026-03", "owner_name": ["Ann", "Bo & Co"], "target": [150_000.0, 0.0]}
)


def _goals(block):
    (part,) = block.parts
    assert isinstance(part, Goals)
    return part.goals


def test_to_win__say_what_covers_the_gap(opportunities):
    ann, *_ = _goals(to_win(context_of(opportunities, target=PERSONAL)))
    assert (ann.name, ann.state, ann.advice) == (
        "Ann",
        "70K of 150K · 80% as stated",
        "You have 80K to go; this one deal covers it.",
    )
    assert [(deal.text, *said) for deal, *said, _ in ann.deals] == [
        ("Alder", "120,000", "80%", "", "Negotiation, due Mar 27")
    ]


def test_to_win__of_one_person_are_sentences_for_the_mail(opportunities):
    hers = to_win(context_of(opportunities, target=PERSONAL, only="Ann"))
    assert (hers.title, hers.note) == (
        "What to win in March: 80K to go",
        "This one deal covers it.",
    )
    assert hers.says == (Saying("Alder", ", 120K, stated 80%. Negotiation, due Mar 27"),)
    assert to_win(context_of(opportunities, target=PERSONAL)).note == ""


def test_to_win__without_targets_of_people_say_how_to_get_them(opportunities):
    (note,) = to_win(context_of(opportunities, target=150_000)).parts
    assert isinstance(note, Note)
    assert "[targets] in the org file" in note.text


def test_to_win__once_a_month_is_met_are_of_the_next():
    both = pd.concat([PERSONAL, PERSONAL.assign(period="2026-04", target=300_000.0)])
    ann, bo = _goals(
        to_win(
            context_of(
                pipeline(THIS_WEEK), target=both.assign(target=both["target"].clip(upper=60_000))
            )
        )
    )
    assert (ann.name, ann.state, ann.advice) == (
        "Ann",
        "0 of 60K · 80% as stated",
        "You have 60K to go; win Alder; the rest does not cover it.",
    )
    assert bo.name == "Bo & Co"


def test_to_win__once_a_month_is_met_need_a_target_for_the_next():
    (note,) = to_win(
        context_of(pipeline(THIS_WEEK), target=PERSONAL.head(1).assign(target=60_000.0))
    ).parts
    assert note.text == "Nobody has a target for April."


def test_to_win__of_many_people_begin_with_those_who_have_deals():
    people = [f"Rep {place:02d}" for place in range(14)]
    rows = [("a", "Alder", 9.0, "proposal", "active", "2026-03-20", 50, "Rep 13")]
    targets = pd.DataFrame({"period": "2026-03", "owner_name": people, "target": 100.0})
    first, stuck = _goals(to_win(context_of(pipeline(rows), target=targets)))
    assert (first.name, first.state) == (
        "Rep 13",
        "0 of 100",
    )  # What it cannot cover has no chance of 0%.
    assert (stuck.state, stuck.advice) == (
        "1.3K to go",
        "No open deal of theirs could close in time; 5 more are without one.",
    )
    assert [(deal.text, value) for deal, value, *_ in stuck.deals] == [
        (name, "100") for name in people[:8]
    ]


def test_to_win__at_target_name_those_with_deals_due():
    rows = [*THIS_WEEK, ("g", "Gorse", 10.0, "closed_won", "won", "2026-03-02", 100, "Bo & Co")]
    targets = pd.concat(
        [PERSONAL.assign(target=5.0), PERSONAL.head(1).assign(owner_name="Cy", target=900_000.0)]
    )
    _, met = _goals(to_win(context_of(pipeline(rows), target=targets)))
    assert met.advice == "Upside still due in March; 1 more is at target."
    assert [(deal.text, value, todo) for deal, value, _, _, todo, _ in met.deals] == [
        ("Ann", "120,000", "70K of 5 closed, 1 deal due")
    ]
    _, none = _goals(to_win(context_of(pipeline(rows[-1:]), target=targets.tail(2))))
    assert none.advice == "No more deals due in March."
    assert [(deal.text, value, todo) for deal, value, _, _, todo, _ in none.deals] == [
        ("Bo & Co", "", "10 of 5 closed")
    ]


TARGETS = pd.DataFrame(
    {
        "period": "2026-03",
        "owner_name": ["Ann", "Bo & Co", "Di"],
        "target": [150_000.0, 5.0, 7_000.0],
    }
)


def test_people__with_targets_show_gap_and_chance(opportunities):
    block = people(context_of(opportunities, target=TARGETS))
    assert block.title == "No rep is at target; Di’s forecast is 7K below"
    assert block.sub.endswith(
        "Di has a target and owns no deal; is the name spelled as in the CRM?"
    )
    assert list_lines(_table(block)) == {
        "Ann": ["150,000", "70,000", "166,000", "80,000", "–"],
        # Somebody with a target and no deal has a row too.
        "Di": ["7,000", "0", "0", "7,000", "none due"],
        "Bo & Co": ["5", "0", "0", "5", "none due"],
        "(none)": ["–", "0", "0", "–", "none due"],
        "All": ["157,005", "70,000", "166,000", "87,005", "–"],
    }
