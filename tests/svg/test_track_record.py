"""Past forecasts and their ranges."""

from __future__ import annotations

import pandas as pd

from opp_analytics import svg
from tests.svg import reading


def test_track_record__says_whether_each_range_held() -> None:
    table = pd.DataFrame(
        {
            "days_before": [15, 12],
            "expected": [50.0, 50.0],
            "low": [0.0, 0.0],
            "high": [100.0, 100.0],
            "actual": [0.0, 200.0],
            "held": [True, False],
        },
        index=pd.Index(["2025-12", "2026-02"], name="period"),
    )
    table.attrs = {"as_of": "2026-03-13", "freq": "M"}
    assert reading.figures(svg.track_record(table)) == {"Feb": ("no",), "Dec 2025": ("yes",)}
