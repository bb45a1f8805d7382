"""Categories, one after another."""

from __future__ import annotations

import pandas as pd

from opp_analytics import svg
from tests.svg import reading


def test_forecast_categories__begin_where_those_before_end() -> None:
    table = pd.DataFrame(
        {"closed": [100.0], "commit": [50.0], "best_case": [0.0], "pipeline": [10.0], "omitted": [5.0]},
        index=pd.Index(["2026-03"], name="period"),
    )
    rows = svg.forecast_categories(table, "2026-03", target=120)
    assert reading.figures(rows) == {
        "Closed": ("100",),
        "Commit": ("50",),
        "Best case": ("0",),
        "Pipeline": ("10",),
    }
    assert reading.texts(rows) == ["100", "150", "150", "160"]
