import pandas as pd

from opp_analytics import plots
from opp_analytics.plots.render import COLORS
from tests.plots import reading
from tests.plots.tables import TABLES


def test_backtest__is_a_line_of_errors_per_period():
    ax = plots.backtest(TABLES["backtest"])
    assert reading.levels(ax, 1) == [-1, 1]
    assert ax.get_xlim()[0] > ax.get_xlim()[1]
    assert "Jan 2026" in reading.texts(ax)
    assert reading.title(ax) == "2 past forecasts missed by 17%"
    assert reading.caption(ax) == "2 forecasts · as of Mar 31, 2026"


def test_backtest__highlights_the_last_period_among_gray_ones():
    table = TABLES["backtest"]
    both = pd.concat([table.rename({"2026-01": "2026-02"}, level="period"), table])
    ax = plots.backtest(both)
    assert [line.get_color() for line in ax.lines[1:3]] == [COLORS["mute"], COLORS["hi"]]
    assert "Feb 2026" in reading.texts(ax)
    assert "Jan 2026" not in reading.texts(ax)
    assert reading.caption(ax) == "4 forecasts · as of Mar 31, 2026 · gray: one earlier period"


def test_backtest__of_groups_adds_their_errors_up():
    table = TABLES["backtest"]
    grouped = pd.concat({"Ann": table, "Bo": table}, names=["owner"])
    assert reading.levels(plots.backtest(grouped), 1) == [-2, 2]


def test_backtest__of_nothing():
    assert "no period had ended by the last record" in reading.texts(
        plots.backtest(TABLES["backtest"].head(0))
    )


def test_backtest__draws_the_first_of_several_methods():
    table = TABLES["backtest"]
    both = pd.concat([table, table.rename({"learned": "stated"}, level="method").assign(error=9.0)])
    assert reading.levels(plots.backtest(both), 1) == [-1, 1]


def test_backtest__at_todays_lead_is_a_range_and_a_dot_for_each_period():
    table = TABLES["backtest"].tail(1)
    table.attrs = {"lead": "now", "as_of": "2026-03-31", "freq": "M"}
    ax = plots.backtest(table)
    assert reading.title(ax) == "Past ranges held in 0 of 1 month"
    assert reading.rows(ax) == ["Jan"]
    assert "no" in reading.texts(ax)
