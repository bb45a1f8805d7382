import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_slippage__is_a_ladder_from_what_was_due():
    ax = plots.slippage(TABLES["slippage"])
    assert reading.title(ax) == "Outcome of each deal that was due"
    assert reading.rows(ax) == ["due", "won", "lost", "slipped", "pulled out", "removed"]
    assert reading.widths(ax) == [1000, 100, 200, 300, 0, 400]
    assert [bar.get_x() for bar in ax.patches] == [0, 900, 700, 400, 400, 0]  # type: ignore[attr-defined]
    assert reading.texts(ax)[:2] == ["5 deals · 1K", "1 deal · 100 (10%)"]
    assert reading.caption(ax) == "5 deals · as of Mar 31, 2026 · slip rate 40% by count"


def test_slippage__of_groups_is_a_bar_of_shares_for_each():
    table = TABLES["slippage"]
    ax = plots.slippage(
        pd.concat({"Ann": table, "Bo": table.assign(count=table["count"] * 2)}, names=["owner_name"])
    )
    assert reading.rows(ax) == ["Ann (n=5)", "Bo (n=10)"]
    assert reading.widths(ax)[:4] == [0.2, 0.2, 0.2, 0.2]
    assert reading.legend(ax) == ["won", "lost", "slipped", "pulled out", "removed"]
    assert reading.caption(ax).startswith("15 deals")


def test_slippage__of_nothing():
    assert "no open deal was due in this period" in reading.texts(plots.slippage(TABLES["slippage"].head(0)))
