import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_win_rate_curve__steps_up_from_day_zero():
    ax = plots.win_rate_curve(TABLES["win_rate_curve"])
    assert ax.lines[0].get_xydata().tolist() == [[0, 0], [30, 0.2], [90, 0.4]]
    assert set(reading.texts(ax)[:2]) == {"won", "lost"}
    assert reading.slots(ax) == [
        "0\n9 open",
        "20\n9 open",
        "40\n4 open",
        "60\n4 open",
        "80\n4 open",
    ]


def test_win_rate_curve__draws_the_disqualified_where_history_dates_them():
    ax = plots.win_rate_curve(TABLES["win_rate_curve"].assign(disqualified_share=0.1))
    assert set(reading.texts(ax)[:3]) == {"won", "lost", "disqualified"}


def test_win_rate_curve__has_a_line_for_each_of_the_six_groups_with_the_most_deals():
    table = TABLES["win_rate_curve"]
    grown = {
        f"rep {k}": table.assign(at_risk=table["at_risk"] + k, won_share=k / 10) for k in range(10)
    }
    ax = plots.win_rate_curve(pd.concat(grown, names=["owner_name"]))
    assert reading.texts(ax)[:6] == [f"rep {k} ({9 + k})" for k in range(4, 10)]
    assert reading.title(ax) == "By the last age, 40% to 90% were won, by owner"
    assert reading.caption(ax).endswith("the 6 of 10 groups with the most deals")
