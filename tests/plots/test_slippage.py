import pandas as pd
import pytest

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_slippage__is_a_ladder_from_what_was_due():
    ax = plots.slippage(TABLES["slippage"])
    assert reading.title(ax) == "Of 5 deals due, 40% slipped by count, 30% by value"
    assert reading.rows(ax) == ["due", "won", "lost", "slipped", "pulled out", "removed"]
    assert reading.widths(ax) == [1000, -100, -200, -300, 0, -400]
    assert [bar.get_x() for bar in ax.patches] == [0, 1000, 900, 700, 400, 400]  # type: ignore[attr-defined]
    assert reading.texts(ax)[:2] == ["5 deals · 1K", "1 deal · 100 (10%)"]
    assert reading.caption(ax) == "5 deals · as of Mar 31, 2026 · each by its outcome"


def test_slippage__of_groups_is_a_bar_of_shares_for_each():
    table = TABLES["slippage"]
    ax = plots.slippage(
        pd.concat(
            {"Ann": table, "Bo": table.assign(count=table["count"] * 2)}, names=["owner_name"]
        )
    )
    assert reading.rows(ax) == ["Bo (10)", "Ann (5)"]
    assert reading.widths(ax)[:4] == pytest.approx([0.4, 0.2, 0.2, 0.2])
    assert (
        reading.texts(ax)[:8]
        == [
            "slipped 40%",
            "won 20%",
            "lost 20%",
            "removed 20%",
        ]
        * 2
    )
    assert reading.legend(ax) == []
    assert reading.caption(ax).startswith("15 deals")
