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
    grouped = pd.concat({"Ann": table, "Bo": table}, names=["owner"]).reorder_levels(
        ["made_at", "owner", "period"]
    )
    assert reading.levels(plots.backtest(grouped), 1) == [-2, 2]


def test_backtest__of_nothing():
    assert "no period had ended by the last record" in reading.texts(
        plots.backtest(TABLES["backtest"].head(0))
    )
