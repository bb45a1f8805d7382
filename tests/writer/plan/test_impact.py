from __future__ import annotations

import pandas as pd
import pytest

from opp_analytics.writer import plan
from tests.writer.frames import changed


def test_plan_impact__compares_the_forecast_before_and_after(before: pd.DataFrame) -> None:
    after = changed(before, 0, close_date="2026-09-30", probability=50)
    after = changed(after, 1, stage="closed_won", probability=100, close_date="2026-06-01").drop(index=2)
    made = plan(before, after)
    impact = made.impact(as_of="2026-06-02", freq="M")
    assert impact.index.tolist() == ["overdue", "unscheduled", "2026-06", "2026-09", "total"]
    # Before: 1000 + 1100 + … + 1500 open at 40 %; after: 1300 + 1400 + 1500 in June, 1100 won, 1000 at 50 % in September.
    assert impact.loc["2026-06", ["booked_before", "weighted_open_before", "expected_before"]].tolist() == [
        0,
        3000,
        3000,
    ]
    assert impact.loc["2026-06", ["booked_after", "weighted_open_after", "expected_after"]].tolist() == [
        1100,
        1680,
        2780,
    ]
    assert impact.loc["2026-09", ["expected_before", "expected_after", "expected_change"]].tolist() == [
        0,
        500,
        500,
    ]
    assert impact.loc["total", "expected_change"] == pytest.approx(280)
