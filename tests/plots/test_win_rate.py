from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_win_rate__points_are_the_rates_with_n_beside_them():
    ax = plots.win_rate(TABLES["win_rate"])
    assert ax.lines[0].get_xdata()[0] == 0.5  # type: ignore[index]
    assert reading.rows(ax) == ["Ann", "Bo"]
    assert reading.texts(ax)[:3] == ["won of closed", "1 of 2", "none closed"]
    # All of the interval, and a line at the rate of all.
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] > 0.9
    assert [line.get_xdata() for line in ax.lines][-1] == [0.5, 0.5]
    assert reading.caption(ax) == "2 closed deals · as of Mar 31, 2026 · 95% intervals"


def test_win_rate__runs_over_time_where_the_rows_are_periods():
    table = TABLES["win_rate"].assign(to_date=[False, True])
    ax = plots.win_rate(table.set_axis(["2026-02", "2026-03"]).rename_axis("period"))
    assert reading.slots(ax) == ["Feb 2026", "Mar 2026*"]
    assert reading.texts(ax)[:2] == ["n=2", "n=0"]
    assert ax.lines[0].get_ydata()[0] == 0.5  # type: ignore[index]


def test_win_rate__draws_the_rows_it_is_given():
    table = TABLES["win_rate"]
    ax = plots.win_rate(table[table.index == "Ann"])
    assert reading.rows(ax) == ["Ann"]
