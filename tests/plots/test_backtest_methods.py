import numpy as np
from matplotlib.colors import to_hex

from opp_analytics import plots
from opp_analytics.plots.render import COLORS
from tests.plots import reading
from tests.plots.tables import TABLES


def test_backtest_methods__bars_are_the_errors_the_best_method_first_and_blue_where_beyond_chance():
    ax = plots.backtest_methods(TABLES["backtest_methods"])
    assert reading.widths(ax) == [0.2, 0.5, 0]
    assert reading.rows(ax) == ["stage", "stated", "curve"]
    assert reading.texts(ax)[:3] == [
        "20%, 10% too high in all, 100% of ranges held",
        "50%, 50% too low in all, 50% of ranges held",
        "too little history",
    ]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [
        COLORS["hi"],
        COLORS["mute"],
        COLORS["mute"],
    ]
    close = plots.backtest_methods(TABLES["backtest_methods"].assign(differs=False))
    assert {to_hex(bar.get_facecolor()) for bar in close.patches} == {COLORS["mute"]}
    assert reading.caption(ax) == "each method on the same 2 forecasts · as of Mar 31, 2026"


def test_backtest_methods__says_when_nothing_was_booked():
    table = TABLES["backtest_methods"].assign(wape=np.nan)
    assert "nothing was booked in the periods that have ended" in reading.texts(plots.backtest_methods(table))
