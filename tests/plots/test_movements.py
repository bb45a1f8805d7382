import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_movements__is_a_bar_per_deal_the_largest_first():
    ax = plots.movements(TABLES["movements"])
    assert reading.widths(ax) == [60, -40, 1]
    assert reading.rows(ax) == ["b", "Acme", "Cog"]
    assert reading.texts(ax)[:3] == ["+60, new", "−40, won", "+1, amount raised"]
    assert reading.title(ax) == "3 deals moved the pipeline by +21"


def test_movements__adds_up_what_happened_to_a_deal():
    again = TABLES["movements"].iloc[[0]].assign(movement="reopened", value=50.0)
    ax = plots.movements(pd.concat([TABLES["movements"], again]))
    assert reading.texts(ax)[:2] == ["+60, new", "+10, won, reopened"]
    gone = again.assign(value=40.0)
    assert reading.rows(plots.movements(pd.concat([TABLES["movements"], gone]))) == ["b", "Cog"]


def test_movements__says_how_many_are_not_shown():
    table = TABLES["movements"].loc[[0] * 20 + [2]].assign(unique_id=[f"d{k}" for k in range(21)])
    ax = plots.movements(table.reset_index(drop=True))
    assert len(ax.patches) == 20
    assert reading.caption(ax) == "21 movements · as of Mar 31, 2026 · 1 smaller deal not shown"
