from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_category_moves__is_a_bar_of_shares_per_category():
    ax = plots.category_moves(TABLES["category_moves"])
    assert reading.rows(ax) == ["commit (100K)", "pipeline (40K)"]
    assert reading.widths(ax) == [0.75, 0.25, 1]
    assert {"won 75%", "slipped 25%", "lost 100%"} <= set(reading.texts(ax))
    assert reading.title(ax) == "Of 100K in Commit (3 deals): 2 won and 1 slipped: too few to say"
