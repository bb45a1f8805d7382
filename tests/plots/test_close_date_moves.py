from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_close_date_moves__bars_are_the_pushed_deals_by_number_of_pushes():
    ax = plots.close_date_moves(TABLES["close_date_moves"])
    assert reading.heights(ax) == [1, 1]
    assert reading.slots(ax) == ["1", "2"]
    assert reading.texts(ax)[:2] == ["1\nmedian 7 days", "1\nmedian 60 days"]
    assert (
        reading.caption(ax)
        == "2 of 4 deals never pushed, not drawn · as of Mar 31, 2026 · counts are lower bounds"
    )
