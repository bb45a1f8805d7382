import numpy as np

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_backtest_horizons__draws_miss_and_bias_with_the_ranges_that_held_below():
    ax = plots.backtest_horizons(TABLES["backtest_horizons"])
    assert (reading.levels(ax, 2), reading.levels(ax, 1)) == ([0.5, 0.2], [-0.5, 0.1])
    assert reading.slots(ax) == ["4\n50%", "0\n100%"]
    assert ax.get_xlabel() == "weeks before the period's end, and 80% ranges that held"
    assert {"miss", "bias"} <= set(reading.texts(ax))
    assert reading.caption(ax).startswith("4 forecasts")


def test_backtest_horizons__says_when_nothing_was_booked():
    table = TABLES["backtest_horizons"].assign(wape=np.nan)
    assert "nothing was booked in the periods that have ended" in reading.texts(
        plots.backtest_horizons(table)
    )
