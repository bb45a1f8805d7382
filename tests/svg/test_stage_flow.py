"""What became of the deals of each stage."""

from __future__ import annotations

from opp_analytics import svg
from tests.plots.tables import TABLES
from tests.svg import reading


def test_stage_flow__words_stand_in_the_first_row_alone() -> None:
    rows = svg.stage_flow(TABLES["stage_flow"])
    assert reading.figures(rows) == {"Discovery": ("67%", "12"), "Proposal": ("50%", "–")}
    assert "2 moved on" in reading.texts(rows)
    assert "1 moved on" not in reading.texts(rows)


def test_stage_flow__of_an_empty_table_has_no_rows() -> None:
    assert svg.stage_flow(TABLES["stage_flow"].head(0)).rows == ()
