"""What was due, in shares."""

from __future__ import annotations

from opp_analytics import svg
from tests.plots.tables import TABLES
from tests.svg import reading


def test_slippage__is_by_value_and_by_count_where_nothing_has_a_value() -> None:
    table = TABLES["slippage"]
    rows = svg.slippage({"Sep": table, "Oct": table.assign(value=0.0)})
    assert reading.figures(rows) == {"Sep": ("1K",), "Oct": ("5 deals",)}
    assert "Sep: slipped 300, 2 deals, 30%" in reading.titles(rows)
    assert "Oct: slipped 0, 2 deals, 40%" in reading.titles(rows)
