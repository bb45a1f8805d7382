from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_stage_funnel__bars_are_the_open_value():
    ax = plots.stage_funnel(TABLES["stage_funnel"])
    assert reading.widths(ax) == [500_000, 80_000]
    assert reading.rows(ax) == ["discovery", "proposal"]
    assert reading.texts(ax)[:2] == ["500K, 2 deals", "80K, 1 deal"]
    assert reading.caption(ax) == "3 open deals · as of Mar 31, 2026"


def test_stage_funnel__of_nothing():
    assert "no opportunities" in reading.texts(plots.stage_funnel(TABLES["stage_funnel"].head(0)))
