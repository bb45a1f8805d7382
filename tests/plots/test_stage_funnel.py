from matplotlib.colors import to_hex

from opp_analytics import plots
from opp_analytics.plots.render import COLORS
from tests.plots import reading
from tests.plots.tables import TABLES


def test_stage_funnel__bars_are_the_open_value_the_largest_in_blue():
    ax = plots.stage_funnel(TABLES["stage_funnel"])
    assert reading.widths(ax) == [500_000, 80_000]
    assert reading.rows(ax) == ["Discovery", "Proposal"]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [COLORS["hi"], COLORS["bar"]]
    assert reading.texts(ax)[:6] == ["open", "deals", "500K", "2 of 3", "80K", "1 of 2"]
    assert reading.caption(ax) == (
        "3 open deals · as of Mar 31, 2026 · deals: open there, of those that got this far at least"
    )
