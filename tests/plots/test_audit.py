from matplotlib.colors import to_hex

from opp_analytics import plots
from opp_analytics.plots.render import COLORS
from tests.plots import reading
from tests.plots.tables import TABLES


def test_audit__bars_are_values_by_check_the_most_money_first():
    ax = plots.audit(TABLES["audit"])
    assert reading.rows(ax) == ["Past the close date", "Closed with a future date"]
    assert reading.widths(ax) == [130, 100]
    assert reading.texts(ax)[:2] == ["130 in 2 deals", "100 in 1 deal (error)"]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [COLORS["hi"], COLORS["mute"]]
    assert reading.title(ax) == "Two deals are past the close date, 130"
    assert reading.caption(ax) == "value by check · as of Mar 31, 2026 · 1 hint not shown"


def test_audit__draws_hints_where_there_is_nothing_to_fix():
    hints = TABLES["audit"].query("severity == 'info'")
    ax = plots.audit(hints)
    assert reading.rows(ax) == ["Not updated lately"]
    assert reading.caption(ax) == "value by check · as of Mar 31, 2026"
    assert reading.widths(plots.audit(hints.assign(value=float("nan")))) == [1]
