"""The calls in force beside the forecasts, on the page, in the mail and in the workbook."""

from __future__ import annotations

import pandas as pd
import pytest

from opp_analytics import Org
from opp_analytics.analysis import name_source
from opp_analytics.answers import act_today, forecasts, people
from opp_analytics.answers import tables as answer_tables
from opp_analytics.note import TableNote, note_of
from opp_analytics.report.blocks import calls as calls_block
from opp_analytics.report.compose import compose
from opp_analytics.report.digest import make_digest
from opp_analytics.report.sheets import sheets
from opp_analytics.text import capital
from tests.pipelines import context_of, key_of, pipeline, plant
from tests.report.reading import list_lines

ROWS = [
    ("a", "Alder", 120_000.0, "negotiation", "active", "2026-03-27", 80, "Ann"),
    ("b", "Birch", 50_000.0, "proposal", "active", "2026-03-20", 40, "Bo"),
    ("c", "Cedar", 30_000.0, "closed_won", "won", "2026-03-03", 100, "Cy"),
    ("d", "Damson", 20_000.0, "proposal", "active", "2026-03-24", 50, None),
]
TEAMS = [
    {"owner_name": "Ann", "team": "East"},
    {"owner_name": "Bo", "team": "East"},
    {"owner_name": "Cy", "team": "West"},
]
EVERYBODY = [("2", "Ann", "Ann", 450), ("2", "Bo", "Bo", 20), ("2", "Cy", "Cy", 30)]


def calls(*rows, period="2026-03"):
    """Calls for March: day, caller, whose (a name, "@" and a team, or nothing for the whole) and
    thousands."""
    return [
        {
            "made_on": f"2026-03-{int(day):02}",
            "period": period,
            "caller": caller,
            **(
                {"team": whose[1:]}
                if whose.startswith("@")
                else {"owner_name": whose}
                if whose
                else {}
            ),
            "commit": None if commit is None else 1000.0 * commit,
        }
        for day, caller, whose, commit in rows
    ]


def context(*rows, period="2026-03", **asked):
    org = Org(people=TEAMS, calls=calls(*rows, period=period))
    return context_of(pipeline(ROWS), org=org, **asked)


def in_force(found):
    """Each row's call in thousands, its caller, the override and who overrides."""
    shown = found.astype(object).where(found.notna(), None)
    return {
        key[-2] if key[-1] == "(all)" else key[-1]: tuple(row)
        for key, row in zip(found.index, shown.to_numpy(), strict=True)
    }


def test_calls__are_one_s_own_beside_the_last_override():
    made = context(
        ("2", "Ann", "Ann", 450),
        ("3", "Eve", "Ann", 390),
        ("9", "Dana", "Ann", 400),
        ("4", "Dana", "Bo", 10),
    )
    found = in_force(forecasts.calls(made))
    assert found["Ann"] == (450_000.0, "Ann", 400_000.0, "Dana")
    # Nobody's own, so that there is nothing to override.
    assert found["Bo"] == (10_000.0, "Dana", None, None)
    assert found["Cy"] == (None, None, None, None)


def test_calls__superseded_withdrawn_for_another_period_or_made_later_are_not_in_force():
    made = (
        ("2", "Ann", "Ann", 450),
        ("5", "Ann", "Ann", 430),
        ("2", "Bo", "Bo", 20),
        ("6", "Bo", "Bo", None),
        ("17", "Cy", "Cy", 30),
    )
    found = in_force(forecasts.calls(context(*made)))
    assert [found[name][0] for name in ("Ann", "Bo", "Cy")] == [430_000.0, None, None]
    assert forecasts.calls(context(*EVERYBODY, period="2026-04")).empty
    assert forecasts.calls(context(*EVERYBODY, period="2026Q1")).empty


@pytest.mark.parametrize(
    ("freq", "period", "shown"),
    [("Q", "2027Q1", 3), ("Q-DEC", "2027Q1", 0), ("Q-DEC", "2026Q1", 0)],
)
def test_calls__for_fiscal_quarters_are_no_calendar_quarters(freq, period, shown):
    # The fiscal 2027Q1 ends in April 2026, the calendar 2026Q1 in March.
    made = [one | {"made_on": "2025-03-02"} for one in calls(*EVERYBODY, period=period)]
    found = context_of(pipeline(ROWS), org=Org(fiscal_year_start=2, calls=made), freq=freq)
    assert forecasts.calls(found)["caller"].notna().sum() == shown


def test_calls__of_a_group_are_its_own_else_the_sum_where_everyone_has_one():
    found = in_force(forecasts.calls(context(*EVERYBODY)))
    # Whoever owns a deal without an owner calls nothing.
    assert found["East"] == (470_000.0, None, None, None)
    assert found["(all)"] == (500_000.0, None, None, None)
    # Whoever neither has a target nor a deal due or won needs no call, but one that is shown
    # counts.
    extra = ("z", "Zinnia", 5_000.0, "proposal", "active", "2026-08-24", 50, "Zoe")
    org = Org(
        people=[*TEAMS, {"owner_name": "Zoe", "team": "West"}],
        calls=calls(*EVERYBODY, ("5", "Zoe", "Zoe", 64)),
    )
    found = in_force(forecasts.calls(context_of(pipeline([*ROWS, extra]), org=org)))
    assert [found[name][0] for name in ("West", "(all)")] == [94_000.0, 564_000.0]
    found = in_force(forecasts.calls(context(*EVERYBODY[1:])))
    assert [found[name][0] for name in ("East", "West", "(all)")] == [None, 30_000.0, None]
    # A team's own call counts instead of its people's, also where one of those has none.
    found = in_force(forecasts.calls(context(*EVERYBODY[1:], ("3", "Dana", "@East", 400))))
    assert [found[name][:2] for name in ("East", "(all)")] == [
        (400_000.0, "Dana"),
        (430_000.0, None),
    ]
    found = in_force(
        forecasts.calls(context(*EVERYBODY, ("3", "Dana", "@East", 400), ("4", "Vera", "", 410)))
    )
    assert [found[name][:2] for name in ("East", "(all)")] == [
        (400_000.0, "Dana"),
        (410_000.0, "Vera"),
    ]


def column(made):
    """The call of each row, and the words beside it."""
    rows = people(made).tables[0].rows
    return {
        row.name.value: (
            row.values.get("call"),
            row.words["call"].write() if "call" in row.words else "",
        )
        for row in rows
    }


def test_people__mark_a_call_below_closed_money_and_say_how_far_calls_are_from_the_forecast():
    def notes(made):
        return [people(made).say(note) for note in people(made).notes]

    made = context(*EVERYBODY[:2], ("2", "Cy", "Cy", 25), ("3", "Dana", "Cy", 20))
    shown = column(made)
    assert shown["Cy"] == (25_000.0, "below closed · override 20K by Dana")
    assert (shown["West"], shown["Bo"][1]) == ((25_000.0, "below closed"), "")
    assert column(context(("4", "Dana", "Cy", 20)))["Cy"][1] == "below closed, by Dana"
    assert "Calls sum to 495K, 339K above the forecast" in notes(made)
    one = context(("4", "Vera", "", 30))
    assert "Vera calls 30K, 126K below the forecast" in notes(one)
    assert not any("forecast" in note for note in notes(context(*EVERYBODY[1:])))


@pytest.mark.slow
def test_sheets__have_calls_of_people_and_the_log_of_all():
    made = (
        *EVERYBODY,
        ("9", "Ann", "Ann", 430),
        ("10", "Dana", "Ann", 400),
        ("11", "Bo", "Bo", None),
    )
    found = {one.name: one.table for one in sheets(context(*made))}
    ann = found["People"].set_index("owner_name").loc["Ann"]
    assert (ann["call"], ann["override"], ann["overrider"]) == (430_000.0, 400_000.0, "Dana")
    log = found["Calls"]
    assert log["caller"].tolist() == ["Bo", "Dana", "Ann", "Ann", "Bo", "Cy"]
    assert log["days_before"].tolist() == [20, 21, 22, 29, 29, 29]
    assert log["in_force"].tolist() == ["withdrawn", True, True, False, False, True]
    assert [*log["commit"].isna()] == [True, False, False, False, False, False]
    assert "call" not in {one.name: one.table for one in sheets(context())}["People"]


def said(context):
    """The call of each person beside the range."""
    (table,) = [table for table in act_today(context).tables if table.name == "to_win"]
    return {
        row.name.value: row.words["call"].write() if "call" in row.words else ""
        for row in table.rows
        if row.depth == 0
    }


def test_to_win__compares_the_call_with_the_range():
    org = Org(calls=calls(("2", "Ann", "Ann", 450), ("2", "Dana", "Bo", 45), ("2", "Bo", "Bo", 40)))
    target = pd.DataFrame(
        {"period": "2026-03", "owner_name": ["Ann", "Bo", "Cy"], "target": 500_000.0}
    )
    made = context_of(pipeline(ROWS), org=org, target=target)
    assert set(said(made).values()) == {""}, "the range of stated chances knows the deals due alone"
    learned = forecasts.people(made).assign(low=35_000.0, high=52_000.0, expected=41_250.0)
    plant(made, forecasts.people, learned)
    note_of(forecasts.forecast(made)).change(method="learned").write(forecasts.forecast(made))
    del made.kept[key_of(made, act_today)]
    assert said(made) == {
        "Ann": "Ann calls 450K; history and deals say 41.3K (range 35K–52K)",
        "Bo": "Bo calls 40K, within the range of history and deals (35K–52K)",
        "Cy": "",
    }


def added(n=7, **wape):
    """A literal `forecast_value_added`: the share by which each source missed, and whether it
    differs."""
    table = pd.DataFrame(
        {
            "n": n,
            "wape": {name: share for name, (share, _) in wape.items()},
            "bias": 0.1,
            "error_ratio": {name: share / wape["model"][0] for name, (share, _) in wape.items()},
            "ratio_low": 0.4,
            "ratio_high": 1.25,
            "differs": {name: differs for name, (_, differs) in wape.items()},
            "better": 5 / 7,
        }
    ).rename_axis("source")
    figures = {"override": {"": 0.2}}
    note = TableNote("forecast_value_added", freq="M", confidence=0.95, figures=figures)
    return note.write(table)


BETTER = added(
    model=(0.2, False),
    weighted=(0.4, True),
    reps=(0.1, True),
    manager=(float("nan"), False),
    blend=(0.12, True),
)
WORSE = added(
    model=(0.2, False),
    weighted=(0.4, True),
    reps=(0.3, False),
    manager=(0.25, False),
    blend=(0.22, False),
)


@pytest.mark.parametrize(
    ("table", "title", "first"),
    [
        (
            BETTER,
            "The reps’ calls beat the model in 5 of 7 months, by 10 pts",
            ["The reps’ calls", "10%", "10%", "71%", "yes"],
        ),
        (
            WORSE,
            ("Reps’ calls missed by 30%, the model by 20%: could be luck"),
            ["The model", "20%", "10%", "–", "–"],
        ),
    ],
)
def test_calls_block__says_who_makes_the_number_better(table, title, first):
    made = context(*EVERYBODY)
    plant(made, answer_tables.value_added, table)
    nobody = TableNote("call_accuracy", freq="M").write(table.assign(wape=float("nan")))
    plant(made, answer_tables.call_accuracy, nobody)
    block = calls_block(made)
    assert block.title == title
    assert "7 ended months" in block.sub
    shown = list(list_lines(block.parts[0]).items())
    assert [shown[0][0], *shown[0][1]] == first
    # The best first; who called nothing is left out.
    assert [name for name, _ in shown] == [
        capital(name_source(source, "M"))
        for source in table.dropna()["wape"].sort_values(kind="stable").index
    ]


def test_digest__says_the_override_in_the_cell():
    made = context(("2", "Ann", "Ann", 450), ("9", "Dana", "Ann", 400), ("9", "Dana", "@West", 35))
    page = compose(made, workbook="x.xlsx")
    (section,) = [one for one in make_digest(page, made).sections if one.key == "people"]
    said = [one.words for one in section.says if ", call " in one.words]
    assert "call 450K (override 400K by Dana)" in said[1]
    assert "call 35K (by Dana)" in said[0]
