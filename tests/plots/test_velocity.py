from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_velocity__bars_are_money_per_day_with_their_factors():
    ax = plots.velocity(TABLES["velocity"])
    assert reading.widths(ax) == [1000, 0]
    assert reading.rows(ax) == ["Ann", "Bo"]
    assert reading.texts(ax)[:2] == ["3 × 67% × 15K ÷ 30 d", "2 open, none won"]


def test_velocity__of_a_whole_is_one_row():
    table = TABLES["velocity"].head(1).reset_index(drop=True)
    assert reading.rows(plots.velocity(table)) == ["all"]
