from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_movements__shows_the_largest_first():
    ax = plots.movements(TABLES["movements"])
    assert reading.widths(ax) == [60, -40, 1]
    assert reading.rows(ax) == ["b", "Acme", "Cog"]
    assert reading.texts(ax)[:3] == ["+60 new", "−40 won", "+1 value up"]


def test_movements__says_how_many_are_not_shown():
    table = TABLES["movements"]
    ax = plots.movements(table.loc[[0] * 20 + [2]].reset_index(drop=True))
    assert len(ax.patches) == 20
    assert reading.caption(ax) == "21 movements · as of Mar 31, 2026 · 1 smaller deal not shown"


def test_movements__of_nothing():
    assert "nothing moved in this period" in reading.texts(plots.movements(TABLES["movements"].head(0)))
