"""New pipeline by period."""

from __future__ import annotations

import pandas as pd

from opp_analytics import svg
from tests.svg import reading


def test_pipeline_created__highlights_the_last_period_and_draws_the_average() -> None:
    table = pd.DataFrame(
        {"deals": [1, 2], "value": [100.0, 300.0]}, index=pd.Index(["2026-02", "2026-03"], name="period")
    )
    html = svg.pipeline_created(table, average=200.0)
    assert len(reading.marks(html, "rect", "f-hi")) == len(reading.marks(html, "rect", "f-mute")) == 1
    assert reading.texts(html) == ["Feb 2026", "300", "200", "average"]
