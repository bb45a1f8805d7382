"""Why a forecast moved: exact between the forecasts of both ends, in the whole and in every
group."""

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import errors
from opp_analytics.analysis import forecast, forecast_change, forecast_change_deals, heading
from opp_analytics.analysis.movement.forecast_change import DEAL_STEPS, FORECAST_STEPS
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests import worlds
from tests.analysis.forecasting.histories import even_months
from tests.history.logs import recorded, row

MARCH: dict[str, Any] = {
    "start": "2026-03-03",
    "end": "2026-03-10",
    "period": "2026-03",
    "method": "stated",
}

CASES = tomllib.loads(Path(__file__).with_name("forecast_change.toml").read_text())


def at(day: str, deal: str, stage: str = "proposal", **facts: Any) -> dict[str, Any]:
    return row(deal, day, stage, **{"close_date": "2026-03-20", "probability": 40, **facts})


def steps(table: pd.DataFrame) -> dict[str, float]:
    return {str(name): round(amount, 6) for name, amount in table["expected"].items() if amount}


@pytest.mark.parametrize("case", CASES["step"])
def test_forecast_change__names_the_step_of_one_deal(case: dict[str, dict[str, Any]]) -> None:
    history = recorded(
        [
            at("2026-03-02", "still", value=10.0),
            at("2026-03-02", "deal", **case["before"]),
            at("2026-03-09", "deal", **case["after"]),
            at("2026-03-09", "still", value=10.0),
        ]
    )
    table = forecast_change(history, **MARCH)
    assert tuple(table.index) == FORECAST_STEPS
    found = steps(table.iloc[1:-1])
    assert found == case["moved"]
    assert table["expected"].iloc[:-1].sum() == pytest.approx(table["expected"]["now"])
    for name in case["moved"]:
        assert table.loc[name, ["deals", "largest"]].tolist() == [1, "deal"]


def ends(history: History, at: Any, **asked: Any) -> Any:
    period = asked.pop("period")
    made = forecast(history.as_of(at), as_of=at, history=history, periods=[period], **asked)
    return (
        made.xs(period, level="period")["expected"]
        if "by" in asked
        else made.loc[period, "expected"]
    )


@pytest.mark.parametrize(
    ("method", "period"),
    [
        ("auto", "2026-09"),
        pytest.param("learned", "2026-08", marks=pytest.mark.slow),
        pytest.param("learned", "2026-10", marks=pytest.mark.slow),
        pytest.param("run_rate", "2026-09", marks=pytest.mark.slow),
        pytest.param("run_rate", "2026-10", marks=pytest.mark.slow),
        pytest.param("stated", "2026-08", marks=pytest.mark.slow),
    ],
)
def test_forecast_change__ends_at_the_forecasts_of_both_moments(method: str, period: str) -> None:
    # Ann and Cy change teams between the moments.
    teams = [{"owner_name": name, "team": "East"} for name in ("Ann", "Bo", "Cy")]
    moves = [{**one, "team": "West", "from_date": "2026-09-15"} for one in teams[::2]]
    history = even_months(9, owners=True).read_by(oa.Org(people=[*teams, *moves]))
    moments = pd.Timestamp("2026-09-10T18:00Z"), pd.Timestamp("2026-09-20T18:00Z")
    asked: dict[str, Any] = {
        "start": moments[0],
        "end": moments[1],
        "period": period,
        "method": method,
    }
    table = forecast_change(history, **asked)
    for end, moment in zip(("then", "now"), moments, strict=True):
        assert table["expected"][end] == pytest.approx(
            ends(history, moment, period=period, method=method)
        )
    assert table["expected"].iloc[:-1].sum() == pytest.approx(table["expected"]["now"], abs=1e-6)
    for by in ("owner_name", "team"):
        parts = forecast_change(history, by=by, **asked)["expected"]
        whole = parts.groupby(level="movement", sort=False).sum()
        pd.testing.assert_series_equal(whole, table["expected"])
        for end, moment in zip(("then", "now"), moments, strict=True):
            theirs = ends(history, moment, period=period, method=method, by=by)
            found = parts.xs(end, level="movement").reindex(theirs.index, fill_value=0.0)
            assert found.tolist() == pytest.approx(theirs.tolist(), abs=1e-6)
        summed = parts.drop("now", level="movement").groupby(level=by).sum()
        now = parts.xs("now", level="movement").reindex(summed.index)
        assert summed.tolist() == pytest.approx(now.tolist(), abs=1e-6)
        moved = parts.xs("transferred", level="movement").abs().sum()
        if by == "owner_name" or period == "2026-09":
            assert (moved > 0) == (by == "team")


def test_forecast_change__moves_a_deal_from_one_group_to_another() -> None:
    rows = [at("2026-03-02", "deal"), at("2026-03-09", "deal", value=200.0)]
    log = pd.DataFrame(rows).drop(columns="deleted").assign(owner_name=["Ann", "Bo"])
    table = forecast_change(History.from_changes(log), by="owner_name", **MARCH)["expected"]
    assert table["Ann"][table["Ann"] != 0].to_dict() == {
        "then": 40.0,
        "value": 40.0,
        "transferred": -80.0,
    }
    assert table["Bo"][table["Bo"] != 0].to_dict() == {"transferred": 80.0, "now": 80.0}
    own = forecast_change(History.from_changes(log).where(owner_name="Bo"), **MARCH)["expected"]
    assert own[own != 0].to_dict() == {"transferred": 80.0, "now": 80.0}


def test_forecast_change__keeps_to_the_method_of_the_end() -> None:
    history = even_months(9)
    with pytest.raises(errors.NotEnoughHistory, match="from Apr 15, 2026 on"):
        forecast_change(history, start="2026-03-11", end="2026-09-11", period="2026-09")


def test_forecast_change__names_a_period_too_far_ahead() -> None:
    history = even_months(9)
    asked: dict[str, Any] = {"start": "2026-09-11", "end": "2026-09-21", "period": "2031-09"}
    with pytest.raises(errors.NotEnoughHistory, match="period='2031-09' had no forecast on Sep"):
        forecast_change(history, **asked)


def test_forecast_change_deals__are_the_largest_first() -> None:
    due: dict[str, Any] = {"close_date": "2026-03-20", "probability": 40}
    history = recorded(
        [
            row("a", "2026-03-02", "proposal", **due),
            row("b", "2026-03-02", "proposal", value=500.0, **due),
            row("a", "2026-03-09", "closed_won", **due),
            row("b", "2026-03-09", "closed_lost", value=500.0, **due),
            row("c", "2026-03-09", "proposal", value=20.0, **due),
        ]
    )
    deals = forecast_change_deals(
        history, start="2026-03-03", end="2026-03-10", period="2026-03", method="stated"
    )
    assert deals[["unique_id", "movement", "expected", "value"]].values.tolist() == [
        ["b", "lost", -200.0, 500.0],
        ["a", "won", 60.0, 100.0],
        ["c", "new", 8.0, 20.0],
    ]
    assert note_of(deals).figures["n"] == 3


@pytest.mark.slow
def test_forecast_change_deals__add_up_to_its_rows() -> None:
    history = worlds.history(worlds.KINDS[0], 2)
    asked: dict[str, Any] = {
        "start": "2024-06-03",
        "end": "2024-06-24",
        "period": "2024Q2",
        "freq": "Q",
    }
    for by in (None, "owner_name"):
        deals = forecast_change_deals(history, by=by, **asked)
        table = forecast_change(history, by=by, **asked)
        keys = [*([by] if by else []), "movement"]
        summed = deals.reset_index().groupby(keys)["expected"].sum()
        steps = table.index.get_level_values("movement").isin(DEAL_STEPS)
        rows = table.loc[steps, "expected"]
        pd.testing.assert_series_equal(
            rows, summed.reindex(rows.index).fillna(0.0), check_exact=False, atol=1e-6
        )


def changed(*deals: tuple[str, dict[str, Any], dict[str, Any]]) -> pd.DataFrame:
    """Why March moved, where each deal was so on Mar 2 and is so on Mar 9; without facts it is not
    there."""
    rows = [
        at(day, f"{place}", **facts) | {"name": name}
        for place, (name, *versions) in enumerate(deals)
        for day, facts in zip(("2026-03-02", "2026-03-09"), versions, strict=True)
        if facts
    ]
    table = forecast_change(
        History.from_changes(pd.DataFrame(rows).drop(columns="deleted")), **MARCH
    )
    assert table["expected"].iloc[:-1].sum() == pytest.approx(table["expected"]["now"])
    moved = table[["up", "down"]].drop(["then", "now", "new_business"]).sum(axis=1)
    pd.testing.assert_series_equal(moved, table["expected"][moved.index], check_names=False)
    return table


@pytest.mark.parametrize("case", CASES["deals"])
def test_sentence__names_the_deals_that_moved_a_forecast(case: dict[str, Any]) -> None:
    table = changed(*case["deals"])
    assert heading(table) == case["title"]
    assert oa.sentence(table) == case["sentence"]
