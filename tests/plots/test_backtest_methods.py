import numpy as np

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_backtest_methods__bars_are_the_errors():
    ax = plots.backtest_methods(TABLES["backtest_methods"])
    assert reading.widths(ax) == [0.5, 0.2, 0]
    assert reading.rows(ax) == ["stated", "stage", "curve"]
    assert reading.texts(ax)[:3] == [
        "50% · bias −50% · range held 50% · n=2",
        "20% · bias +10% · range held 100% · n=2",
        "too little history",
    ]


def test_backtest_methods__says_when_nothing_was_booked():
    table = TABLES["backtest_methods"].assign(wape=np.nan)
    assert "nothing was booked in the periods that have ended" in reading.texts(plots.backtest_methods(table))
