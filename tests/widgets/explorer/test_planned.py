"""From the explorer to a grid and back: which deals it opens, and what its planned changes do to
each view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.widgets import Explorer
from tests.widgets.asking import ask, choose, put, read, read_panel, run_code
from tests.widgets.explorer.pipelines import DAYS, record, states
from tests.widgets.teams import TODAY, recorded_team
from tests.writer.frames import opportunities


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def _panel(explorer: Explorer, **state: Any) -> dict[str, Any]:
    return choose(explorer, **explorer.state | state)


def _kpis(panel: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {kpi["name"]: (kpi["figure"], kpi["note"]) for kpi in panel["kpis"]}


def test_edit__opens_the_deals_under_a_mark_in_one_grid_over_all():
    explorer = oa.explore(states()[-1], as_of=DAYS[-1])
    grid = explorer.edit("proposal")
    deals = explorer._view.find_deals("proposal")
    shown = grid.edited["unique_id"].iloc[grid._only["rows"]]
    assert sorted(shown) == sorted(deals["unique_id"])
    assert (len(grid.edited), grid._only["label"]) == (len(states()[-1]), "proposal")
    # Another mark, and no mark: the same grid, with its edits.
    put(grid, (0, "name", "Other"))
    assert explorer.edit("discovery") is grid is explorer.edit() is explorer.grid
    assert len(grid._only["rows"]) == len(explorer._view.behind)
    assert grid.edited["name"].iloc[0] == "Other"
    with pytest.raises(
        ArgumentValueError,
        match="key='nowhere' is not a mark of this chart; its marks: 'discovery'",
    ):
        explorer.edit("nowhere")


def test_edit__says_that_there_is_nothing_to_edit():
    with pytest.raises(ArgumentValueError, match="No deals are behind this chart"):
        oa.explore(states()[-1], as_of=DAYS[-1], state={"text": "nobody"}).edit()


def test_deal__that_is_new_says_that_no_record_has_it(tmp_path: Path) -> None:
    deals = states()[-1]
    recorded = record(states(), tmp_path / "history")
    added = pd.concat(
        [deals, deals.head(1).assign(unique_id="d99", name="Loaded since")], ignore_index=True
    )
    explorer = oa.explore(added, recorded)
    grid = explorer.edit()
    ask(grid, do="add")
    put(
        grid,
        *((grid._sheet.end - 1, *cell) for cell in (("name", "Planned"), ("stage", "proposal"))),
    )
    _panel(explorer, planned=True)
    for unique_id in ("d99", "new 1"):
        sections = dict(ask(explorer, do="deal", id=unique_id)["sections"])
        assert sections["Timeline"] == ["No record has this deal yet."]


def test_planned__moves_chart_figures_and_code():
    deals = opportunities()
    explorer = oa.explore(deals, as_of="2026-06-01", state={"stages": ["proposal"]})
    grid = explorer.edit("proposal")
    told: list[bytes] = []
    explorer.send = lambda _, buffers: told.extend(buffers)
    put(grid, (0, "value", "5000"), (1, "stage", "closed_won"))
    ask(grid, do="add")
    put(
        grid,
        (len(deals), "name", "Brand new"),
        (len(deals), "stage", "proposal"),
        (len(deals), "value", "700"),
    )
    said = read(told[-1])["planned"]
    assert said["said"] == "3 planned changes in 3 deals"
    assert said["grid"] == grid.model_id
    # Without the toggle nothing changes.
    plain = _panel(explorer)
    assert plain["heads"] == ["", "Open", "Deals"]
    assert explorer.table["open_value"].sum() == deals["value"].sum()
    panel = _panel(explorer, planned=True)
    assert panel["heads"] == ["", "Open", "Deals", "Planned\nchange"]
    [row] = [row for row in panel["rows"] if row["key"] == "proposal"]
    assert row["figures"] == ["11K", "6", "+3.6K"]
    assert _kpis(panel)["Open value"] == ("11K", "without the changes 7.5K")
    assert explorer.table["open_value"].sum() == deals["value"].sum() + 4000 - 1100 + 700
    assert explorer.state["planned"]
    pd.testing.assert_frame_equal(run_code(explorer, deals)["table"], explorer.table)
    # The new deal is listed, can be opened and edited again.
    listed = explorer._respond({"do": "deals", "key": "proposal", "label": "Proposal"})["deals"]
    assert "new 1" in listed["ids"]
    assert explorer.edit("proposal")._only["rows"][-1] == len(deals)
    answer = explorer._respond({"do": "deal", "id": "new 1"})
    assert answer == {"sections": [("Flags", ["No close date."])]}
    # A changed filter keeps the edits.
    _panel(explorer, stages=[], text="Deal 0")
    assert grid.name_changes() == "3 planned changes in 3 deals"


def test_planned__moves_what_is_at_risk_as_the_function_does(tmp_path):
    frames = states()
    explorer = oa.explore(frames[-1], record(frames, tmp_path / "h"), state={"view": "at_risk"})
    flagged = explorer.table.index[explorer.table["risk"] > 0][0]
    grid = explorer.edit()
    row = grid.edited["unique_id"].tolist().index(flagged)
    put(grid, (row, "stage", "closed_won"), (row, "close_date", DAYS[-1]))
    _panel(explorer, planned=True)
    assert flagged not in explorer.table.index
    made = run_code(explorer, frames[-1], explorer._selector.history)
    pd.testing.assert_frame_equal(made["table"], explorer.table)


@pytest.mark.parametrize(
    "view", [{"view": "forecast"}, {"view": "forecast", "by": "owner_name"}, {"by": "close_month"}]
)
def test_planned__moves_every_forecast_as_the_function_does(view, tmp_path):
    frames = states()
    explorer = oa.explore(frames[-1], record(frames, tmp_path / "h"), state=view)
    grid = explorer.edit()
    opened = oa.outcomes(grid.edited).eq("open") & grid.edited["value"].notna()
    row = opened.tolist().index(True)
    put(
        grid,
        (row, "value", "900000"),
        (row, "probability", "90"),
        (row, "close_date", "2026-03-31"),
    )
    before = explorer.table
    panel = _panel(explorer, planned=True)
    assert panel["heads"][-1] == "Planned\nchange"
    assert any(each["figures"][-1].startswith("+") for each in panel["rows"])
    assert not explorer.table.equals(before)
    made = run_code(explorer, frames[-1], explorer._selector.history)
    pd.testing.assert_frame_equal(made["table"], explorer.table)
    assert made["opportunities"] is frames[-1]


@pytest.mark.parametrize("view", ["win_rates", "changes", "slippage"])
def test_planned__leaves_records_as_they_were(view, tmp_path):
    frames = states()
    explorer = oa.explore(frames[-1], record(frames, tmp_path / "h"), state={"view": view})
    put(explorer.edit(), (0, "name", "Other"))
    panel = _panel(explorer, planned=True)
    assert "Planned\nchange" not in panel["heads"]
    assert panel["empty"] == ""


def test_planned__without_a_grid_does_nothing_and_is_no_text():
    explorer = oa.explore(opportunities(), as_of="2026-06-01", state={"planned": True})
    assert explorer.grid is None
    assert explorer.table["open_value"].sum() == opportunities()["value"].sum()
    with pytest.raises(ArgumentTypeError, match="Expected `bool`, got `str`"):
        oa.explore(opportunities(), as_of="2026-06-01", state={"planned": "yes"})


def test_explorer__shows_what_was_applied(tenant):
    client = tenant(3)
    explorer = oa.explore(oa.load(client, progress=False), client=client, as_of="2026-06-01")
    before = explorer.table["open_value"].sum()
    grid = explorer.edit()
    put(grid, (0, "value", "5000"))
    grid._respond({"do": "check"})
    grid._respond({"do": "apply"})
    _panel(explorer)
    value = grid.opportunities["value"]
    assert value.iloc[0] == 5000
    assert explorer.table["open_value"].sum() == value.sum() != before
    assert explorer.code.startswith("applied = explorer.grid.opportunities\ndeals = applied\n")


def test_edit__opens_a_grid_whose_forecast_is_of_the_explorers_day_and_says_where_its_deals_are_of_another():  # noqa: E501
    team, state = recorded_team(), {"view": "forecast"}
    explorer = oa.explore(team.as_of(TODAY), team, state=state)
    strip = explorer.edit("2026-11")._show_strip()
    assert strip["about"]["how"] == "by chances from history, as of Nov 10, 2026"
    assert strip["period"]["before"].startswith(read_panel(explorer)["rows"][0]["figures"][0])
    assert read_panel(explorer)["planned"] is None
    assert _panel(explorer)["planned"]["note"] == ""
    assert _panel(explorer, end="2026-10-20")["planned"]["note"] == (
        "The grid has the deals as of Nov 10, not Oct 20."
    )


def test_messages__open_the_grid_and_are_checked():
    explorer = oa.explore(opportunities(), as_of="2026-06-01")
    assert "is not a mark of this chart" in ask(explorer, do="edit", key="nowhere")["error"]
    planned = ask(explorer, do="edit", key="proposal")["planned"]
    assert planned == {
        "note": "",
        "said": "No planned changes yet",
        "grid": explorer.grid.model_id,
        "written": False,
    }


def test_planned__names_what_it_moves_out_of_the_chart():
    deals = opportunities()
    deals.loc[0, "close_date"] = pd.Timestamp("2026-08-31")
    explorer = oa.explore(deals, as_of="2026-06-01", state={"by": "close_month"})
    put(explorer.edit("2026-08"), (0, "close_date", "2026-06-30"))
    assert (
        _panel(explorer, planned=True)["notes"][-1]
        == "Planned changes also move what is not drawn: Aug 2026 −1K."
    )
