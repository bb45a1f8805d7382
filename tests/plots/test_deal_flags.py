from matplotlib.colors import to_hex

from opp_analytics import plots
from opp_analytics.plots.render import COLORS
from tests.plots import reading
from tests.plots.tables import TABLES


def test_deal_flags__shows_the_flagged_deals_with_their_reasons():
    ax = plots.deal_flags(TABLES["deal_flags"])
    assert reading.rows(ax) == ["Acme", "b"]
    assert reading.widths(ax) == [50_000.0, 0.0]
    assert reading.texts(ax)[:4] == [
        "50K",
        "pushed twice, 61 days in all · value cut from 60K to 50K",
        "–",
        "no value",
    ]
    colors = [to_hex(bar.get_facecolor()) for bar in ax.patches]
    assert colors == [COLORS["hi"], COLORS["mute"]]
    assert reading.title(ax) == "2 of 3 open deals have a flag, 50K of 60K"
