"""Every figure on the page is that of the function that gives it: the page is read back, and the functions are asked."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import text
from tests.report import reading, states

DAY = pd.Timestamp("2026-11-25")
NOW, TARGET = "2026-11", 400_000.0
FIRST_OF_YEAR = "2026-01-01"


@pytest.fixture(scope="module")
def team():
    return states.team()


@pytest.fixture(scope="module")
def deals(team):
    frame = oa.Org(currency="USD").apply(team.opportunities)
    frame["owner_name"] = frame["owner_name"].astype("object")
    return frame


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return reading.read(states.render("team", tmp_path_factory.mktemp("figures")).html)


@pytest.fixture(scope="module")
def forecast(team, deals):
    return oa.forecast(deals, as_of=DAY, history=team.history, target=TARGET, periods=4)


@pytest.fixture(scope="module")
def week_ago(team):
    """The record that the page compares with, and the forecast of then by the method of now."""
    moments = team.history.records["recorded_at"]
    return moments[moments <= (DAY - pd.Timedelta(days=7)).tz_localize("UTC") + pd.Timedelta(days=1)].iloc[-1]


def money(value):
    return text.money(value, "USD")


def test_tiles__are_the_row_of_the_forecast(page, forecast):
    row = forecast.loc[NOW]
    figures = {name: figure for name, (figure, _, _) in page.tiles.items()}
    assert figures == {
        "Closed won": money(row["booked"]),
        "Forecast": money(row["expected"]),
        "Chance of target": text.chance(row["p_target"]),
        "Coverage": text.times(row["pipeline_coverage"]),
    }
    assert page.tiles["Coverage"][2] == f"{money(row['open_value'])} due, {money(row['gap'])} to go"
    assert page.sentence == oa.sentence(forecast)


def test_changes__are_the_forecast_less_that_of_a_week_ago(page, forecast, team, week_ago):
    method = forecast.attrs["method"].partition(":")[0]
    before = oa.Org(currency="USD").apply(team.history.as_of(week_ago))
    then = oa.forecast(
        before, as_of=week_ago.date(), history=team.history, target=TARGET, periods=[NOW], method=method
    ).loc[NOW]
    for tile, column in (("Closed won", "booked"), ("Forecast", "expected")):
        change = forecast.loc[NOW, column] - then[column]
        assert page.tiles[tile][1].split(" since")[0] == f"{'▲' if change > 0 else '▼'} {money(abs(change))}"


def test_people__are_the_forecast_by_owner_and_add_up(page, team, deals):
    table = oa.forecast(
        deals, as_of=DAY, history=team.history, target=TARGET, by="owner_name", periods=[NOW], totals=True
    ).xs(NOW, level="period")
    shown = {row[0]: row[1:] for row in page.table("people")[1:]}
    assert set(shown) == {"All" if name == "(all)" else name for name in table.index}
    for name, row in table.iterrows():
        closed, expected, _, due, _ = shown["All" if name == "(all)" else name]
        assert (closed, due) == (text.number(row["booked"]), text.number(row["open_value"]))
        # Rounded so that the rows add up: at most a dollar from its own rounding.
        assert abs(int(expected.replace(",", "")) - row["expected"]) <= 1
    for place in (1, 2, 4):
        *rows, total = (int(row[place].replace(",", "")) for row in page.table("people")[1:])
        assert sum(rows) == total


def test_months__are_the_rows_of_the_forecast(page, forecast):
    rows = forecast.loc["2026-12":"2027-02"]
    assert [[row[0], *row[2:]] for row in page.table("months")[1:]] == [
        [
            text.period(period, "M"),
            money(row["expected"]),
            f"{money(row['low'])}–{money(row['high'])}",
            text.chance(row["p_target"]),
            text.times(row["pipeline_coverage"]),
            money(row["needed_pipeline"]),
        ]
        for period, row in rows.iterrows()
    ]


def test_decide__is_the_deals_due(page, team, deals):
    table = oa.forecast_deals(deals, as_of=DAY, history=team.history, target=TARGET)
    due = table[table["period"] == NOW].sort_values("value", ascending=False)
    shown = page.table("decide")[1:]
    assert [weighted for _, weighted in shown] == [money(value) for value in due["weighted"]]
    assert all(row[0].startswith(name) for row, name in zip(shown, due["name"], strict=True))


def test_risk__is_the_flags(page, team, deals):
    flags = oa.deal_flags(deals, team.history, as_of=DAY).head(9)
    shown = page.table("risk")[1:]
    assert [row[0] for row in shown] == flags["name"].tolist()
    assert [row[1] for row in shown] == flags["owner_name"].tolist()
    assert [row[3] for row in shown] == [text.number(value) for value in flags["value"]]
    for row, reasons in zip(shown, flags["reasons"], strict=True):
        assert row[6].rstrip(".").lower() == reasons.replace(" · ", "; ").lower()


def test_funnel__is_the_flow_of_thirteen_weeks(page, team):
    first = max(
        (DAY - pd.Timedelta(weeks=13)).tz_localize("UTC"), team.history.records["recorded_at"].iloc[0]
    )
    flow = oa.stage_flow(team.history, start=first, end=DAY)
    assert page.rows("funnel")[1:] == [
        [text.capital(str(stage)), text.percent(row["conversion"]), text.number(row["median_days"])]
        for stage, row in flow.iterrows()
    ]


def test_win_rates__are_those_of_the_year(page, deals):
    asked: dict[str, Any] = {"start": FIRST_OF_YEAR, "end": DAY, "as_of": DAY}
    table = oa.win_rate(deals, by="owner_name", **asked)
    shown = dict(page.rows("win_rates")[1:])
    closed = table["won"] + table["lost"]
    assert shown == dict(
        zip(table.index, table["won"].astype(str) + " of " + closed.astype(str), strict=True)
    )
    whole = oa.win_rate(deals, **asked)
    rate, count = text.percent(whole["rate"].iloc[0]), whole["won"].iloc[0] + whole["lost"].iloc[0]
    assert page.title("win_rates").startswith(f"{rate} of the {count} deals closed")


def test_created__is_the_pipeline_of_the_month_by_owner(page, team):
    table = oa.pipeline_created(team.history, freq="M", by="owner_name")
    now = (
        table[table.index.get_level_values("period") == NOW]
        .droplevel("period")
        .sort_values("value", ascending=False)
    )
    assert page.rows("created_by") == [[name, money(value)] for name, value in now["value"].items()]


def test_slippage__is_what_was_due(page, team):
    month = oa.slippage(team.history, start="2026-10-01", end="2026-10-31")
    assert page.rows("slippage")[1] == ["Oct", money(month["value"].sum())]


def test_categories__are_those_of_the_forecast(page, deals):
    row = oa.forecast_categories(deals, as_of=DAY, freq="M").loc[NOW]
    shown = dict(page.rows("categories"))
    assert [shown[name] for name in ("Closed", "Commit", "Best case", "Pipeline")] == [
        money(row[name]) for name in ("closed", "commit", "best_case", "pipeline")
    ]


def test_why__goes_from_the_forecast_of_then_to_that_of_now(page, forecast, team, week_ago):
    method = forecast.attrs["method"].partition(":")[0]
    steps = oa.forecast_change(team.history, start=week_ago, end=DAY, period=NOW, method=method)["expected"]
    rows = page.rows("why")[1:]
    assert (rows[0][1], rows[-1][1]) == (money(steps["then"]), money(steps["now"]))
    shown = dict(rows[1:-1])
    for label, movement in (("Won", "won"), ("Value", "value"), ("New business", "new_business")):
        assert shown[label] == text.money(steps[movement], "USD", signed=True)


def test_fixes__are_the_audit(page, deals):
    summary = oa.audit_summary(oa.audit(deals, as_of=DAY))
    shown = dict(page.rows("fix"))
    assert shown == {
        text.capital(text.label(str(check))): money(row["value"])
        if row["value"]
        else text.count(row["deals"])
        for check, row in summary[summary["severity"] != "info"].iterrows()
    }
