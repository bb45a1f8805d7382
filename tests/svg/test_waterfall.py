"""The open pipeline from one total to the other."""

from __future__ import annotations

import pytest

from opp_analytics import svg
from tests.plots.tables import TABLES
from tests.svg import reading


def test_waterfall__has_one_blue_bar_the_largest_movement() -> None:
    table = TABLES["waterfall"]
    assert [row.key for row in svg.waterfall(table).rows if row.highlight] == ["new"]
    cut = table.copy()
    cut.loc["won", "value"], cut.loc["closing", "value"] = -80.0, 70.0
    rows = svg.waterfall(cut)
    assert [row.key for row in rows.rows if row.highlight] == ["won"]
    assert [len(reading.marks(row.picture, "rect", "f-hi")) for row in rows.rows] == [0, 0, 1, 0]


def test_waterfall__steps_from_one_total_to_the_other() -> None:
    rows = svg.waterfall(TABLES["waterfall"])
    assert reading.figures(rows) == {
        "Pipeline opening": ("100",), "New": ("+50",), "Won": ("−30",), "Pipeline closing": ("120",),
    }  # fmt: skip
    starts = {
        mark["x"]: mark["width"]
        for mark in reading.marks(rows, "rect", "f-hi") + reading.marks(rows, "rect", "f-mute")
    }
    end = 88 / (1.05 * 150)
    assert starts == pytest.approx({round(100 * end, 2): 50 * end, round(120 * end, 2): 30 * end}, abs=0.01)
