"""Every figure on the page is that of the function that gives it: the page is read back, and the
functions are asked."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import text
from tests.report import reading, states

pytestmark = pytest.mark.slow

DAY = pd.Timestamp("2026-11-25")
NOW = "2026-11"


@pytest.fixture(scope="module")
def team():
    return states.team()


@pytest.fixture(scope="module")
def deals(team):
    return team.org.apply(team.opportunities)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return reading.read(states.render("team", tmp_path_factory.mktemp("figures")).html)


@pytest.fixture(scope="module")
def history(team):
    return team.history.read_by(team.org)


@pytest.fixture(scope="module")
def forecast(team, history, deals):
    return oa.forecast(deals, as_of=DAY, history=history, target=team.org.targets, periods=4)


def money(value):
    return text.money(value, "USD")


def test_tiles__are_the_row_of_the_forecast(page, forecast):
    row = forecast.loc[NOW]
    figures = {name: figure for name, (figure, _, _) in page.tiles.items()}
    assert figures == {
        "Closed won": money(row["booked"]),
        "Forecast": money(row["expected"]),
        "Chance of target": text.percent(row["p_target"]),
        "Coverage": text.times(row["pipeline_coverage"]),
    }
    assert page.tiles["Coverage"][2] == f"{money(row['open_value'])} due, {money(row['gap'])} to go"
    assert f"{page.sentence} {page.second}".startswith(oa.sentence(forecast))


SHOWN = {
    "months": ("expected", money),
    "at_risk": ("value", text.number),
    "slippage": ("value", money),
    "stages": ("conversion", text.percent),
    "categories": ("value", money),
    "win_rates": ("won", str),
    "data_to_fix": ("value", money),
}
"""What each block shows of its answer's rows beside their names."""


@pytest.mark.parametrize("key", SHOWN)
def test_blocks__show_the_rows_of_their_answer(page, team, history, deals, key):
    answer = oa.ask(key, deals, history, as_of=DAY, org=team.org)
    shown, (column, write) = reading.words(page.block(key)), SHOWN[key]
    for row in answer.tables[0].rows[:6]:
        assert row.name.write(None) in shown
        assert write(row.values[column]) in shown or not row.values[column]
