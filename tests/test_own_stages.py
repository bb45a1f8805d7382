"""The whole package on an org of its own: loaded from the sandbox that serves it, analyzed, edited,
written back."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.note import note_of
from tests.own_stages import ORG, rows, weeks_before

AS_OF = "2026-11-25"


@pytest.fixture(scope="module")
def server() -> Iterator[oa.sandbox.Sandbox]:
    with oa.sandbox.start(opportunities=rows(), org=ORG) as running:
        yield running


@pytest.fixture
def client(server: oa.sandbox.Sandbox, tmp_path: Path) -> oa.Client:
    return oa.Client(
        server.url, server.token, server.api_key, cache_dir=tmp_path / "cache", org=ORG
    )


@pytest.fixture
def deals(client: oa.Client) -> pd.DataFrame:
    return oa.load(client, refresh="full", progress=False)


@pytest.fixture(scope="module")
def history() -> oa.History:
    return oa.History.from_changes(weeks_before(), org=ORG)


def on_the_wire(server: oa.sandbox.Sandbox, key: str) -> dict[str, Any]:
    """The attributes that the server sends of a deal, by whatever names."""
    ask = urllib.request.Request(
        f"{server.url}/opportunities/{key}",
        headers={"Authorization": f"Bearer {server.token}", "AppId": server.api_key},
    )
    with urllib.request.urlopen(ask) as answer:
        return dict(json.loads(answer.read())["data"]["attributes"])


def test_load__reads_names_aliases_teams_and_currency(
    server: oa.sandbox.Sandbox, deals: pd.DataFrame
) -> None:
    sent = on_the_wire(server, "a")
    assert (sent["total"], sent["phase"]) == (100, "Kontakt")
    assert not {"value", "stage"} & set(sent)
    assert deals["stage"].tolist() == [
        "Erstkontakt",
        "Demo, vor Ort",
        "Angebot",
        "Mündlich",
        "Unterschrieben",
        "Unterschrieben",
        "Verloren",
        "Dublette",
    ]
    assert deals["value"].sum() == 6050
    assert oa.outcomes(deals).tolist() == ["open"] * 4 + ["won", "won", "lost", "disqualified"]
    # Bo went to Nord on November 15: his deals of November 5 and 12 are Süd's, his open ones
    # Nord's.
    assert deals["team"].tolist() == ["Nord", "Nord", "Nord", "Nord", "Süd", "Nord", "Süd", "Nord"]


def test_rates__are_those_worked_by_hand(deals: pd.DataFrame) -> None:
    whole = oa.win_rate(deals).iloc[0]
    assert (whole["won"], whole["lost"], whole["open"]) == (2, 1, 4)
    assert whole["rate"] == pytest.approx(2 / 3)
    assert whole["value_rate"] == pytest.approx(4000 / 4500)
    quarter = oa.win_rate(deals, freq="Q", as_of=AS_OF)
    # A fiscal year from February: November to January is the fourth quarter of 2027.
    assert quarter.index.tolist() == ["2027Q4"]
    assert (quarter["won"].iloc[0], quarter["to_date"].iloc[0]) == (2, True)
    assert oa.win_rate(deals, freq="Q-DEC").index.tolist() == ["2026Q4", "2027Q1"]
    assert oa.win_rate(deals, by="team")["won"].to_dict() == {"Nord": 1, "Süd": 1}
    funnel = oa.stage_funnel(deals)
    assert funnel["open_count"].to_dict() == {
        "Erstkontakt": 1,
        "Demo, vor Ort": 1,
        "Angebot": 1,
        "Mündlich": 1,
    }
    assert funnel["reached_low"].tolist() == [6, 5, 4, 3]
    assert "€" in oa.sentence(funnel)


def test_forecast__counts_in_the_fiscal_quarter(deals: pd.DataFrame) -> None:
    table = oa.forecast(deals, as_of=AS_OF, freq="Q", method="stated", target=6000.0)
    assert table.index.tolist() == ["overdue", "unscheduled", "2027Q4"]
    row = table.loc["2027Q4"]
    assert (row["booked"], row["open_value"]) == (4000, 1500)
    # 10% of 100, 30% of 200, 60% of 400, 90% of 800
    assert row["weighted_open"] == pytest.approx(10 + 60 + 240 + 720)
    assert note_of(table).freq == "Q-JAN"
    assert note_of(table).org == ORG.facts
    said = oa.sentence(table)
    assert "FY27 Q4" in said
    assert "€4K" in said


def test_history__is_read_by_the_org(history: oa.History) -> None:
    flow = oa.stage_flow(history, start="2026-11-02T09:00Z", end="2026-11-23")
    # Entries: b into Demo; c into Angebot; d into Mündlich; h into Erstkontakt, removed as a
    # duplicate.
    assert flow["entries"].to_dict() == {
        "Erstkontakt": 1,
        "Demo, vor Ort": 1,
        "Angebot": 1,
        "Mündlich": 1,
    }
    assert flow["removed"].to_dict() == {
        "Erstkontakt": 1,
        "Demo, vor Ort": 0,
        "Angebot": 0,
        "Mündlich": 0,
    }
    steps = oa.transition_matrix(oa.transitions(history))
    assert steps.loc["Mündlich", "Unterschrieben"] == 2
    assert steps.loc["Angebot", "Verloren"] == 1
    assert list(history.as_of("2026-11-23T09:00Z")["stage"].cat.categories) == list(
        ORG.stages.names
    )
    slipped = oa.slippage(history, start="2026-11-02T09:00Z", end="2026-11-30")
    # Due in November on the 2nd: c (moved to January), d (still due), e and f won, g lost.
    assert slipped["count"][["won", "lost", "slipped"]].tolist() == [2, 1, 1]
    moves = oa.waterfall(history, start="2026-11-02T09:00Z", end="2026-11-23T09:00Z")
    assert moves["value"]["opening"] == 100 + 250 + 400 + 800 + 1000 + 3000 + 500
    assert moves["value"]["closing"] == 100 + 200 + 400 + 800
    assert moves["value"][["won", "lost"]].tolist() == [-4000, -500]
    assert oa.slippage(
        history, start="2026-11-02T09:00Z", end="2026-11-30", by="team"
    ).index.names == [
        "team",
        "outcome",
    ]


def test_history__knows_the_stages_only_by_an_org(tmp_path: Path) -> None:
    oa.History.from_changes(weeks_before(), path=tmp_path / "kept", org=ORG)
    bare = oa.History(tmp_path / "kept")
    assert "Kontakt" in bare.changes()["stage"].tolist()
    with pytest.raises(
        oa.errors.DataError, match=r"no stage of this history is known.*History\(path, org=org\)"
    ):
        oa.waterfall(bare, start="2026-11-02T09:00Z", end="2026-11-23T09:00Z")
    assert oa.History(tmp_path / "kept", org=ORG).changes()["stage"].isin(ORG.stages.names).all()


def test_write__sends_their_names_their_stages_and_only_what_changed(
    server: oa.sandbox.Sandbox, client: oa.Client, deals: pd.DataFrame
) -> None:
    after = deals.astype({"stage": "str"}).copy()
    after.loc[after["unique_id"] == "a", "value"] = (
        150.0  # its stage, an alias on the server, is untouched
    )
    after.loc[after["unique_id"] == "g", "stage"] = "Angebot"
    after.loc[after["unique_id"] == "b", "team"] = "Ost"  # derived from the people, never written
    plan = oa.plan(deals, after, client=client)
    assert plan.problems.empty
    assert plan.conflicts.empty
    assert sorted(zip(plan.changes["unique_id"], plan.changes["field"], strict=True)) == [
        ("a", "value"),
        ("g", "stage"),
    ]
    assert "€" in plan.summary()
    receipt = oa.apply(plan, client, progress=False)
    assert set(receipt.table["outcome"]) == {"applied"}
    assert (on_the_wire(server, "a")["total"], on_the_wire(server, "a")["phase"]) == (
        150,
        "Kontakt",
    )
    assert on_the_wire(server, "g")["phase"] == "Angebot"
    back = oa.undo(client)
    oa.apply(back, client, progress=False)
    # The spelling that was read before comes back.
    assert (on_the_wire(server, "a")["total"], on_the_wire(server, "g")["phase"]) == (100, "Dead")


def test_plan__refuses_a_stage_of_nobodys_and_reads_an_alias(
    deals: pd.DataFrame, tmp_path: Path
) -> None:
    after = deals.astype({"stage": "str"}).copy()
    after.loc[after["unique_id"] == "b", "stage"] = "closed_won"
    after.loc[after["unique_id"] == "c", "stage"] = "Dead"
    plan = oa.plan(deals, after)
    assert plan.problems["problem"].tolist() == ["is not a stage of your org"]
    assert plan.changes[["unique_id", "after"]].values.tolist() == [["c", "Verloren"]]
    after.loc[after["unique_id"] == "b", "stage"] = "Demo, vor Ort"
    good = oa.plan(deals, after)
    assert oa.Plan.read(good.save(tmp_path / "plan.json")).summary() == good.summary()


def test_simulated_team__works_by_the_stages_of_the_org(tmp_path: Path) -> None:
    with oa.sandbox.start(weeks=20, org=ORG) as team:
        frame = oa.load(
            oa.Client(team.url, team.token, team.api_key, cache_dir=tmp_path, org=ORG),
            progress=False,
        )
    outcomes = oa.outcomes(frame).value_counts()
    assert set(frame["stage"].astype("str")) == set(ORG.stages.names) - {"Dublette"}
    assert outcomes["won"] > 5
    assert outcomes["open"] > 20
    assert outcomes["unknown"] == 0


def quarters(table: pd.DataFrame) -> set[str]:
    """The labels of quarters in a table."""
    cells = [
        *map(str, table.index.to_frame().to_numpy().ravel()),
        *map(str, table.to_numpy().ravel()),
    ]
    return {cell for cell in cells if re.fullmatch(r"\d{4}Q\d", cell)}


SPAN: dict[str, Any] = {"start": "2026-11-02T09:00Z", "end": "2026-11-23T09:00Z"}
OF_QUARTERS: dict[str, Callable[[pd.DataFrame, oa.History], pd.DataFrame]] = {
    "win_rate": lambda deals, _: oa.win_rate(deals, freq="Q"),
    "win_rate_cohorts": lambda deals, _: oa.win_rate_cohorts(
        deals, as_of=AS_OF, freq="Q", age_days=10
    ),
    "forecast": lambda deals, _: oa.forecast(deals, as_of=AS_OF, freq="Q", method="stated"),
    "forecast_deals": lambda deals, _: oa.forecast_deals(
        deals, as_of=AS_OF, freq="Q", method="stated"
    ),
    "forecast_fan": lambda _, history: oa.forecast_fan(
        history, period="2027Q4", freq="Q", method="stated"
    ),
    "forecast_categories": lambda deals, _: oa.forecast_categories(deals, as_of=AS_OF, freq="Q"),
    "pipeline_created": lambda _, history: oa.pipeline_created(history, freq="Q"),
    "impact": lambda deals, _: oa.plan(deals, deals.assign(value=1.0)).impact(
        as_of=AS_OF, freq="Q"
    ),
    "coverage": lambda _, history: history.coverage(freq="Q"),
}


@pytest.mark.parametrize("name", OF_QUARTERS)
def test_quarters__are_those_of_the_fiscal_year(
    name: str, deals: pd.DataFrame, history: oa.History
) -> None:
    # October is in the third fiscal quarter, November to January are the fourth.
    found = quarters(OF_QUARTERS[name](deals, history))
    assert found
    assert found <= {"2027Q3", "2027Q4"}
