import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_win_rate_curve__steps_up_from_day_zero():
    ax = plots.win_rate_curve(TABLES["win_rate_curve"])
    assert ax.lines[0].get_xydata().tolist() == [[0, 0], [30, 0.2], [90, 0.4]]
    assert set(reading.texts(ax)[:2]) == {"won", "lost"}
    assert reading.slots(ax) == ["30\n9 at risk", "90\n4 at risk"]


def test_win_rate_curve__draws_the_disqualified_where_history_dates_them():
    ax = plots.win_rate_curve(TABLES["win_rate_curve"].assign(disqualified_share=0.1))
    assert set(reading.texts(ax)[:3]) == {"won", "lost", "disqualified"}


def test_win_rate_curve__has_a_line_for_each_of_the_first_six_groups():
    table = TABLES["win_rate_curve"]
    ax = plots.win_rate_curve(pd.concat({f"rep {k}": table for k in range(10)}, names=["owner_name"]))
    assert reading.texts(ax)[:6] == [f"rep {k} (9)" for k in range(6)]
    assert reading.caption(ax).endswith("first 6 of 10 groups")


def test_win_rate_curve__of_nothing():
    ax = plots.win_rate_curve(TABLES["win_rate_curve"].head(0))
    assert "no closed deals to follow" in reading.texts(ax)
