"""The forecast's further pictures: the analyses' own tables, code that makes them, deals under
marks, and what is missing."""

from __future__ import annotations

from html import unescape
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.history import History
from opp_analytics.widgets import Explorer
from tests.widgets.asking import read_panel, run_code
from tests.widgets.teams import TODAY, make_org, recorded_team, with_wins

DAY = "2026-11-10"
PICTURES = ("over_time", "pacing", "coverage", "created")


@pytest.fixture(scope="module")
def team() -> History:
    return recorded_team(make_org())


def open_picture(
    by: str, frame: pd.DataFrame, history: History | None, **state: Any
) -> tuple[Explorer, dict[str, Any]]:
    explorer = oa.explore(
        frame, history, as_of=TODAY, state={"view": "forecast", "by": by, **state}
    )
    return explorer, read_panel(explorer)


def money(value: Any) -> str:
    return text.money(float(value), "USD")


@pytest.mark.parametrize("by", PICTURES)
@pytest.mark.parametrize(
    "state",
    [
        {},
        {"due": "2026Q4"},
        {"due": "2026-09"},
        {"where": {"owner_name": ["Ann"]}},
        {"target": 9000.0},
    ],
)
def test_code__makes_the_table_of_each_picture(team: History, by, state) -> None:
    explorer, said = open_picture(by, team.as_of(TODAY), team, **state)
    assert not said["empty"]
    assert said["title"]
    assert said["drawing"] or said["rows"]
    pd.testing.assert_frame_equal(
        run_code(explorer, team.as_of(TODAY), team)["table"], explorer.table
    )
    assert explorer._respond({"do": "table"})["csv"].count("\n") == 1 + len(explorer.table)


def test_over_time__is_the_fan_with_the_target_of_the_whole(team: History) -> None:
    deals = team.as_of(TODAY)
    explorer, said = open_picture("over_time", deals, team)
    whole = oa.forecast(
        deals, as_of=DAY, history=team, target=team.org.targets, periods=["2026-11"], only=True
    )
    row, last = whole.iloc[-1], explorer.table.iloc[-1]
    for name in ("booked", "expected", "low", "high", "target"):
        assert last[name] == pytest.approx(row[name])
    fan = oa.forecast_fan(team, period="2026-11", method="learned", at=[DAY])
    assert fan["expected"].iloc[-1] == pytest.approx(last["expected"])
    assert said["title"] == oa.sentence(explorer.table).removesuffix(".")
    figures = {kpi["name"]: kpi["figure"] for kpi in said["kpis"]}
    assert figures["Forecast"] == money(row["expected"])
    assert figures["Chance of target"] == text.percent(row["p_target"])
    assert 'aria-label="Forecast of Nov 2026' in said["drawing"]
    # Filters do not act on it, and say so.
    again, filtered = open_picture("over_time", deals, team, where={"owner_name": ["Ann"]})
    assert filtered["filters"] == []
    assert filtered["unused"] == ["names"]
    assert filtered["title"] == said["title"]
    pd.testing.assert_frame_equal(again.table, explorer.table)


def test_pacing__shows_what_was_closed_and_open_at_the_same_point(team: History) -> None:
    deals = team.as_of(TODAY)
    explorer, said = open_picture("pacing", deals, team)
    pd.testing.assert_frame_equal(explorer.table, oa.pacing(deals, team, as_of=DAY))
    # On the 10th of each month, 20 days before the end of one of 30 days, four deals of 1,000 to
    # 1,300 were open and due.
    assert explorer.table["open_value"].iloc[:-1].tolist() == [4600.0] * 4
    for row in said["rows"]:
        found = explorer._view.find_deals(row["key"])
        assert found["value"].sum() == pytest.approx(explorer.table["booked"][row["key"]])
        assert row["figures"][0] == money(explorer.table["booked"][row["key"]])
    assert not any("later date" in note for note in said["notes"])
    early = deals.assign(stage=deals["stage"].mask(deals["unique_id"] == "open-1", "closed_won"))
    _, said = open_picture("pacing", early, team)
    assert "Of what is closed, $2.5K in 1 deal has a later date than Nov 10." in said["notes"]
    now = oa.forecast(deals, as_of=DAY, history=team)["open_value"]["2026-11"]
    assert explorer.table["open_value"].iloc[-1] == now
    # Of one person by what they have now and had then.
    _, ann = open_picture("pacing", deals, team, where={"owner_name": ["Ann"]})
    mine = oa.pacing(deals[deals["owner_name"] == "Ann"], as_of=DAY)
    assert [row["figures"][0] for row in ann["rows"]] == [money(value) for value in mine["booked"]]


def test_coverage__is_that_of_the_forecast_beside_what_hit_before(team: History) -> None:
    deals = team.as_of(TODAY)
    explorer, said = open_picture("coverage", deals, team)
    table = oa.forecast(deals, as_of=DAY, history=team, target=team.org.targets, periods=4)
    for row in said["rows"]:
        given = table.loc[row["key"]]
        assert row["figures"][:3] == [
            money(given["open_value"]),
            money(given["gap"]),
            text.times(given["pipeline_coverage"]) if given["open_value"] else "–",
        ]
        assert row["figures"][-1] == money(given["needed_pipeline"])
        found = explorer._view.find_deals(row["key"])
        assert found["value"].sum() == pytest.approx(given["open_value"])
        assert len(found) == given["open_count"]


def test_created__is_beside_what_the_target_needs_a_week(team: History) -> None:
    deals = team.as_of(TODAY)
    explorer, said = open_picture("created", deals, team, due="2026-12")
    table = oa.pipeline_created(team, freq="W-TUE").tail(12)
    pd.testing.assert_frame_equal(explorer.table, table)
    ahead = oa.forecast(
        deals, as_of=DAY, history=team, target=team.org.targets, periods=["2026-12"], only=True
    )
    need = (
        float(ahead["needed_pipeline"]["2026-12"]) / 8
    )  # weeks from Nov 10 to Dec 31, begun ones whole
    assert run_code(explorer, team.as_of(TODAY), team)["need"] == pytest.approx(need)
    assert f"Dec 2026 needs {money(need)} a week" in said["title"]
    assert f"{money(need)} needed a week" in said["drawing"]
    keys = list(explorer._marks)
    assert keys == list(table.index)
    for key in keys:
        found = explorer._view.find_deals(key)
        assert found["value"].sum() == pytest.approx(table["value"][key])
        assert len(found) == table["deals"][key]
    assert (
        explorer._respond({"do": "deals", "key": keys[-1], "label": "week"})["deals"]["key"]
        == keys[-1]
    )


def test_pictures__without_history_or_targets_say_what_is_missing(team: History) -> None:
    for by in ("over_time", "created"):
        _, said = open_picture(by, with_wins(), None)
        assert said["empty"]["title"] == "No history yet."
        assert "opp-analytics record" in said["empty"]["code"]
    _, said = open_picture("pacing", with_wins(), None)
    assert any("opp-analytics record" in note for note in said["notes"])
    plain = recorded_team()
    _, said = open_picture("coverage", plain.as_of(TODAY), plain)
    assert said["empty"]["title"] == "No targets yet."
    assert "[targets]" in said["empty"]["code"]
    _, said = open_picture("created", plain.as_of(TODAY), plain)
    assert any("No targets yet." in note for note in said["notes"])
    # A part of the pipeline has no picture of the whole.
    deals = team.as_of(TODAY)
    _, said = open_picture("over_time", deals[deals["value"] > 2600], team)
    assert said["empty"]["title"] == "These are not all deals."


@pytest.mark.slow
@pytest.mark.parametrize("by", [*PICTURES, "owner_name"])
def test_pictures__show_planned_changes_and_are_saved_as_a_page(
    team: History, by, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    explorer, before = open_picture(by, team.as_of(TODAY), team)
    state = explorer.state
    explorer._respond({"do": "choose", "state": {"view": "pipeline"}})
    grid = explorer.edit()
    row = int((grid.edited["unique_id"] == "open-0").to_numpy().argmax())
    areas = [{"rows": [row], "fields": ["value"], "block": [["9000"]]}]
    grid._respond({"do": "edit", "areas": areas})
    explorer._respond({"do": "choose", "state": {**state, "planned": True}})
    said = read_panel(explorer)
    assert said["title"]
    if by in ("coverage", "owner_name"):
        assert any(row["figures"][-1] != "–" for row in said["rows"])
        assert said["kpis"] != before["kpis"]
    explorer.save(tmp_path / "view.html")
    page = (tmp_path / "view.html").read_text("utf-8")
    assert said["title"] in unescape(page)
    assert "<svg" in page
