import numpy as np

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_forecast_deals__bars_go_from_lost_to_won():
    ax = plots.forecast_deals(TABLES["forecast_deals"])
    assert reading.starts(ax) == [0.3, 0.8, 0.5, 0.6]
    assert reading.rows(ax) == ["Acme", "Bolt"]
    assert reading.texts(ax)[:6] == ["value", "if lost", "if won", "50K", "30%", "80%"]
    assert (
        reading.title(ax).replace("\n", " ") == "Acme decides April: 80% likely if won, 30% if lost"
    )
    assert ax.get_xlabel() == "chance that Apr 2026 reaches its target"


def test_forecast_deals__calls_no_chance_certain():
    ax = plots.forecast_deals(
        TABLES["forecast_deals"].assign(p_if_won=1.0, p_if_lost=0.0, swing=1.0)
    )
    assert {"<1%", ">99%"} <= set(reading.texts(ax))
    assert ">99% likely if won, <1% if lost" in reading.title(ax).replace("\n", " ")


def test_forecast_deals__without_a_target_shares_the_variance():
    table = TABLES["forecast_deals"].assign(p_if_won=np.nan, p_if_lost=np.nan, swing=np.nan)
    ax = plots.forecast_deals(table)
    assert reading.title(ax) == "Acme makes 90% of the uncertainty of Apr 2026"
    assert reading.widths(ax) == [0.9, 0.1]


def test_forecast_deals__of_several_periods_draws_the_first():
    table = TABLES["forecast_deals"]
    ax = plots.forecast_deals(table.assign(period=["2026-05", "2026-04"], name=None))
    assert reading.rows(ax) == ["b"]
    assert reading.title(ax).replace("\n", " ") == "b decides April: 60% likely if won, 50% if lost"


def test_forecast_deals__shows_the_largest_twelve():
    table = TABLES["forecast_deals"]
    ax = plots.forecast_deals(table.loc[[1] * 12 + [0]].reset_index(drop=True))
    assert len(ax.lines) == 24
    assert reading.rows(ax)[0].startswith("Acme")
    assert reading.caption(ax) == "13 open deals · as of Mar 31, 2026 · largest 12 shown"
