import numpy as np

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_backtest_horizons__draws_error_bias_and_how_often_the_range_held():
    ax = plots.backtest_horizons(TABLES["backtest_horizons"])
    assert [line.get_ydata()[0] for line in ax.lines[:3]] == [0.5, -0.5, 0.5]  # type: ignore[index]
    assert ax.get_xlim()[0] > ax.get_xlim()[1]
    assert reading.caption(ax).startswith("4 forecasts")


def test_backtest_horizons__shows_how_often_the_range_should_hold():
    ax = plots.backtest_horizons(TABLES["backtest_horizons"])
    assert ax.lines[-1].get_ydata()[0] == 0.8  # type: ignore[index]


def test_backtest_horizons__says_when_nothing_was_booked():
    table = TABLES["backtest_horizons"].assign(wape=np.nan)
    assert "nothing was booked in the periods that have ended" in reading.texts(
        plots.backtest_horizons(table)
    )
