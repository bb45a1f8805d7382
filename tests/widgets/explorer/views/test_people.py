"""The forecast of one period by person and team: the analyses' own numbers, which add up, and code
that makes all of them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.history import History
from opp_analytics.widgets import Explorer
from tests.widgets.asking import ask, choose, read_panel, run_code
from tests.widgets.teams import TARGETS, TODAY, make_org, recorded_team

DAY = "2026-11-10"


@pytest.fixture(scope="module")
def team() -> History:
    return recorded_team(make_org())


def open_explorer(team: History, **state: Any) -> tuple[Explorer, dict[str, Any]]:
    explorer = oa.explore(team.as_of(TODAY), team, state={"view": "forecast", **state})
    return explorer, read_panel(explorer)


@pytest.mark.parametrize("by", ["owner_name", "team"])
@pytest.mark.parametrize("period", ["2026-11", "2026Q4"])
def test_rows__are_the_forecasts_with_targets_and_add_up_to_the_total(
    team: History, by, period
) -> None:
    freq = "Q" if "Q" in period else "M"
    explorer, said = open_explorer(team, by=by, due=period)
    deals = team.as_of(TODAY)
    asked: dict[str, Any] = {
        "as_of": DAY,
        "freq": freq,
        "history": team,
        "target": team.org.targets,
    }
    table = oa.forecast(deals, **asked, by=by, totals=True).xs(period, level="period")
    heads = [head.split("\n")[0] for head in said["heads"][1:]]
    money = lambda value: text.money(float(value), "USD")  # noqa: E731
    assert {row["key"] for row in said["rows"]} == set(table.index)
    for row in said["rows"]:
        given, found = table.loc[row["key"]], dict(zip(heads, row["figures"], strict=True))
        assert found["Target"] == f"{money(given['target'])}\n{money(given['gap'])} to go"
        assert found["Chance"] in (text.percent(given["p_target"]), "none due")
    rows = explorer._view.rows  # type: ignore[attr-defined]
    for column in ("booked", "expected", "open_value", "target", "commit_total", "best_case_total"):
        assert rows[column].iloc[:-1].sum() == pytest.approx(rows[column].iloc[-1])
    whole = oa.forecast(deals, **asked)["expected"][period]
    assert rows["expected"].iloc[-1] == pytest.approx(whole)
    assert said["title"] == oa.sentence(explorer.table).removesuffix(".")
    assert said["rows"][-1]["label"] == "All"


def test_calls__are_those_in_force_with_who_made_them_and_what_others_say(team: History) -> None:
    _, said = open_explorer(team, by="owner_name")
    calls = {row["label"]: row["figures"][-2] for row in said["rows"]}
    assert calls == {"Ann": "$5.5K\n$4K by Dee", "Bo": "$3K\nby Dee", "Cy": "–", "All": "–"}
    _, said = open_explorer(team, by="team")
    calls = {row["label"]: row["figures"][-2] for row in said["rows"]}
    assert calls == {"East": "$8K\nby Dee", "West": "–", "All": "–"}
    # Nobody called December, and nobody called a part of the deals.
    for state in ({"due": "2026-12"}, {"low": 100.0}):
        _, said = open_explorer(team, by="owner_name", **state)
        assert "Call" not in said["heads"]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"due": "2026Q4"},
        {"by": "team"},
        {"owners": ["Ann", "Bo"]},
        {"by": "team", "owners": ["Ann"]},
        {"where": {"team": ["East"]}},
        {"where": {"team": ["East", "West"]}, "owners": ["Bo", "Cy"]},
        {"owners": ["Ann"], "target": 4000.0},
        {"target": 9000.0},
        {"low": 2600.0},
    ],
)
def test_code__makes_all_tables_of_the_view(team: History, state) -> None:
    explorer, _ = open_explorer(team, **{"by": "owner_name", **state})
    made = run_code(explorer, team.as_of(TODAY), team)
    view: Any = explorer._view
    calls = {"calls": view._called} if len(view._called) else {}
    for name, table in ({"table": view.table, "categories": view._categories} | calls).items():
        pd.testing.assert_frame_equal(made[name], table)


def test_deals__under_a_person_are_none_in_a_period_without_deals(team: History) -> None:
    explorer, said = open_explorer(team, by="owner_name", due="2027-02")
    for row in said["rows"]:
        assert ask(explorer, do="deals", key=row["key"], label="")["deals"]["rows"] == []


def test_owners__are_a_filter_of_the_whole_forecast(team: History) -> None:
    whole, everybody = open_explorer(team, by="owner_name")
    some, said = open_explorer(team, by="owner_name", owners=["Ann", "Cy"])
    # pandas 2 gives the names picked by `loc` another dtype.
    pd.testing.assert_frame_equal(
        some.table, whole.table.loc[["Ann", "Cy"]], check_index_type=False
    )
    rows = {row["label"]: row["figures"] for row in everybody["rows"]}
    assert [row["figures"] for row in said["rows"][:-1]] == [rows["Ann"], rows["Cy"]]
    assert said["rows"][-1]["label"] == "Together"
    assert "no range" in said["about"]
    # Of one team, whose name is not said with each row.
    east, said = open_explorer(team, by="owner_name", where={"team": ["East"]})
    assert [row["label"] for row in said["rows"]] == ["Ann", "Bo", "Together"]
    rows = east._view.rows  # type: ignore[attr-defined]
    assert rows["expected"].iloc[-1] == pytest.approx(
        whole.table["expected"].loc[["Ann", "Bo"]].sum()
    )


def test_rows__open_to_the_deals_behind_them_with_both_chances(team: History) -> None:
    explorer, said = open_explorer(team, by="owner_name")
    for row in said["rows"]:
        deals, given = explorer._view.find_deals(row["key"]), explorer._view._find_row(row["key"])  # type: ignore[attr-defined]
        assert deals["value"].sum() == pytest.approx(given["booked"] + given["open_value"])
        if row["label"] in TARGETS:
            assert set(deals["owner_name"]) <= {row["label"]}
        if given["open_count"]:
            assert {"probability", "chance"} <= set(deals)
            assert explorer._view.explain(row["key"]).startswith(
                f"Forecast ${round(given['expected']):,} = "
            )


def test_table__is_exported_as_shown(team: History) -> None:
    explorer, said = open_explorer(team, by="owner_name")
    lines = ask(explorer, do="table")["csv"].splitlines()
    assert lines[0].startswith("owner_name,booked,")
    assert [line.split(",")[0] for line in lines[1:]] == [row["key"] for row in said["rows"]]


def test_targets__that_are_missing_are_asked_for() -> None:
    team = recorded_team()
    _, said = open_explorer(team, by="owner_name")
    assert said["heads"][1:4] == ["Closed", "Forecast\n80% range", "Due"]
    assert [note for note in said["notes"] if "[targets]" in note]


def test_targets__of_the_whole_are_not_said_to_be_missing_beside_a_part(team: History) -> None:
    explorer, said = open_explorer(team, by="owner_name", low=1500)
    words = str(said["notes"])
    assert "No target for these deals." in words
    assert "[targets]" not in words
    after = choose(explorer, view="forecast", by="owner_name", low=1500, target=9000)
    assert "No target for" not in str(after)


def test_periods__are_the_months_and_quarters_around_the_day(team: History) -> None:
    _, said = open_explorer(team, by="owner_name")
    periods = dict(said["periods"])
    assert periods[""] == "for Nov 2026"
    assert periods["2026-12"] == "for Dec 2026"
    assert periods["2026Q4"] == "for Q4 2026"
    assert open_explorer(team)[1]["periods"] == []


@pytest.mark.parametrize("state", [{"by": "team"}, {"by": "owner_name", "due": "2026-11"}])
def test_changes__show_the_steps_of_each_group_and_what_is_to_go(team: History, state) -> None:
    moments = [moment.isoformat() for moment in team.records["recorded_at"]]
    explorer, said = open_explorer(team, **{"view": "changes", "start": moments[-4], **state})
    due = {"due": state["due"]} if "due" in state else {}
    table = oa.waterfall(team, start=moments[-4], end=moments[-1], by=state["by"], **due)
    pd.testing.assert_frame_equal(explorer.table, table)
    asked: dict[str, Any] = {"as_of": DAY, "history": team, "target": team.org.targets}
    goals = oa.forecast(team.as_of(TODAY), **asked, by=state["by"], totals=True)
    gaps = goals["gap"].xs("2026-11", level="period")
    whole = table.groupby(level=-1).sum(numeric_only=True)
    for row in said["rows"]:
        mine = whole if row["key"] == "(all)" else table.loc[row["key"]]
        values, deals = mine["value"], mine["deals"]
        named = ["opening", "new", "won", "lost", "closing"]
        moved = values.drop(named)
        wanted = [(values[name], deals[name]) for name in named]
        wanted.insert(4, (moved.sum(), deals[moved.index].sum()))
        for place, (figure, (value, count)) in enumerate(zip(row["figures"], wanted, strict=False)):
            first = text.money(float(value), "USD", signed=0 < place < 5 and bool(value))
            assert figure.partition("\n")[0] == (first if count else "–")
        if row["key"] in gaps.index:
            assert row["figures"][-1] == text.money(float(gaps[row["key"]]), "USD")
        found = explorer._view.find_deals(row["key"])
        assert found["change"].sum() == pytest.approx(values["closing"] - values["opening"])
    made = run_code(explorer, team.as_of(TODAY), team)
    view: Any = explorer._view
    for name, each in {"table": view.table, "goals": view._goals}.items():
        pd.testing.assert_frame_equal(made[name], each)
    assert "movement" in explorer._view.find_deals("(all)")


def test_changes__of_picked_people_have_their_own_total(team: History) -> None:
    _, said = open_explorer(team, view="changes", by="owner_name", owners=["Ann", "Bo"])
    gaps = [float(row["figures"][-1].strip("$K")) for row in said["rows"]]
    assert gaps[-1] == pytest.approx(sum(gaps[:-1]), abs=0.2)
    # Of deals picked by their stage nobody has a target.
    _, said = open_explorer(team, view="changes", by="owner_name", stages=["proposal"])
    assert not said["heads"][-1].startswith("To go")
