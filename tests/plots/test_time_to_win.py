import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_time_to_win__points_are_the_days_of_the_wins():
    ax = plots.time_to_win(TABLES["time_to_win"])
    assert [line.get_xdata().tolist() for line in ax.lines] == [[30], [60]]
    assert reading.caption(ax).endswith("dots: 50% (blue) and 90% of the wins so far")
    assert reading.rows(ax) == ["all"]


def test_time_to_win__has_a_row_per_group():
    table = TABLES["time_to_win"]
    both = pd.concat({"Ann": table, "Bo": table * 2}, names=["owner_name"])
    ax = plots.time_to_win(both)
    assert reading.rows(ax) == ["Ann", "Bo"]
    assert reading.starts(ax) == [30, 60, 60, 120]


def test_time_to_win__says_who_has_no_win():
    table = TABLES["time_to_win"]
    both = pd.concat(
        {"Ann": table.assign(days_of_won=float("nan")), "Bo": table}, names=["owner_name"]
    )
    ax = plots.time_to_win(both)
    assert reading.rows(ax) == ["Bo", "Ann"]
    assert "no wins" in reading.texts(ax)
