import pandas as pd

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


def test_close_date_moves__draws_the_rows_it_is_given():
    table = TABLES["close_date_moves"]
    assert reading.heights(plots.close_date_moves(table[table["pushes"] > 0])) == [1, 1]
    assert "no close date was pushed" in reading.texts(
        plots.close_date_moves(table[table["pushes"] == 0])
    )
    both = plots.close_date_moves(pd.concat([table, table.assign(pushes=12)]))
    assert reading.heights(both) == [1, 1, 0, 0, 0, 0, 0, 4]
    assert reading.slots(both)[-1] == "8 or more"


def test_close_date_moves__of_nothing():
    ax = plots.close_date_moves(TABLES["close_date_moves"].head(0))
    assert "no deals in this period" in reading.texts(ax)
