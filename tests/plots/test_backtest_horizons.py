import numpy as np

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_backtest_horizons__draws_how_far_forecasts_missed_by_weeks():
    ax = plots.backtest_horizons(TABLES["backtest_horizons"])
    assert reading.levels(ax, 0) == [0.5, 0.2]
    assert reading.slots(ax) == ["4", "0"]
    assert "20%" in reading.texts(ax)
    # Two forecasts of each week: one of the four ranges did not hold.
    assert reading.caption(ax) == "4 forecasts · as of Mar 31, 2026 · 80% ranges held in 75%"


def test_backtest_horizons__says_when_nothing_was_booked():
    table = TABLES["backtest_horizons"].assign(wape=np.nan)
    assert "nothing was booked in the periods that have ended" in reading.texts(
        plots.backtest_horizons(table)
    )
