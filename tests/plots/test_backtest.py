import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_backtest__is_a_line_of_errors_per_period():
    ax = plots.backtest(TABLES["backtest"])
    assert ax.lines[0].get_ydata().tolist() == [-1, 1]
    assert ax.get_xlim()[0] > ax.get_xlim()[1]
    assert "Jan 2026" in reading.texts(ax)
    assert reading.title(ax) == "2 past forecasts missed by 17%; ranges held in 50%"
    assert reading.caption(ax) == "2 forecasts · as of Mar 31, 2026"


def test_backtest__of_two_periods_has_two_lines():
    table = TABLES["backtest"]
    both = pd.concat([table, table.rename({"2026-01": "2026-02"}, level="period")])
    ax = plots.backtest(both)
    assert {"Jan 2026", "Feb 2026"} <= set(reading.texts(ax))
    assert reading.caption(ax).startswith("4 forecasts")


def test_backtest__of_nothing():
    assert "no period had ended by the last record" in reading.texts(
        plots.backtest(TABLES["backtest"].head(0))
    )
