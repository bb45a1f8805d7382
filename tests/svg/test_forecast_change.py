"""Why a forecast moved."""

from __future__ import annotations

import pandas as pd

from opp_analytics import svg
from tests.svg import reading


def test_forecast_change__keeps_one_target_line_down_the_column() -> None:
    table = pd.DataFrame(
        {"expected": [100.0, 0.0, 60.0, 160.0], "value": [0.0, 0, 0, 0], "deals": [3, 0, 1, 4]},
        index=pd.Index(["then", "removed", "won", "now"], name="movement"),
    )
    rows = svg.forecast_change(table, target=150)
    assert reading.figures(rows) == {"Forecast then": ("100",), "Won": ("+60",), "Forecast now": ("160",)}
    assert len({mark["x1"] for mark in reading.marks(rows, "line", "l-target")}) == 1
