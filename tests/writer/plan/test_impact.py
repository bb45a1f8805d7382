from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.note import note_of
from opp_analytics.writer import plan
from tests.widgets.teams import TODAY, recorded_team, with_wins
from tests.writer.frames import changed


def test_plan_impact__compares_the_forecast_before_and_after(before: pd.DataFrame) -> None:
    after = changed(before, 0, close_date="2026-09-30", probability=50)
    after = changed(after, 1, stage="closed_won", probability=100, close_date="2026-06-01").drop(
        index=2
    )
    made = plan(before, after)
    impact = made.impact(as_of="2026-06-02", freq="M")
    assert impact.index.tolist() == ["overdue", "unscheduled", "2026-06", "2026-09", "total"]
    # Before: 1000 + 1100 + … + 1500 open at 40 %; after: 1300 + 1400 + 1500 in June, 1100 won, 1000
    # at 50 % in September.
    assert impact.loc[
        "2026-06", ["booked_before", "weighted_open_before", "expected_before"]
    ].tolist() == [
        0,
        3000,
        3000,
    ]
    assert impact.loc[
        "2026-06", ["booked_after", "weighted_open_after", "expected_after"]
    ].tolist() == [
        1100,
        1680,
        2780,
    ]
    assert impact.loc[
        "2026-09", ["expected_before", "expected_after", "expected_change"]
    ].tolist() == [
        0,
        500,
        500,
    ]
    assert impact.loc["total", "expected_change"] == pytest.approx(280)


def test_plan_impact__is_the_difference_of_two_forecasts_by_the_method_that_forecast_chooses() -> (
    None
):
    before = with_wins()
    after = changed(before, len(before) - 1, value=90_000.0)
    after = changed(after, len(before) - 2, stage="closed_won", close_date="2026-11-10")
    for method in ("auto", "run_rate"):
        impact = plan(before, after).impact(as_of=TODAY, method=method)
        assert note_of(impact).method == "run_rate"
        # The win shows, the new value of an open deal does not, and the impact says so.
        assert "not the value, date, stage or chance of an open deal" in note_of(impact).why
        for side, frame in (("before", before), ("after", after)):
            expected = oa.forecast(frame, as_of=TODAY)["expected"]["2026-11"]
            assert impact.loc["2026-11", f"expected_{side}"] == pytest.approx(expected)


def test_plan_impact__of_a_part_is_of_the_whole_where_the_history_has_the_rest() -> None:
    history = recorded_team()
    deals = history.as_of(TODAY)
    part = deals[deals["unique_id"] == "open-0"].reset_index(drop=True)
    impact = plan(part, changed(part, 0, value=9000.0)).impact(as_of=TODAY, history=history)
    first = int(np.flatnonzero(deals["unique_id"] == "open-0")[0])
    whole = plan(deals, changed(deals, first, value=9000.0)).impact(as_of=TODAY, history=history)
    pd.testing.assert_frame_equal(impact, whole)
    assert (
        note_of(impact).figures["other_deals"],
        note_of(whole).figures["other_deals"],
    ) == (len(deals) - 1, 0)
    expected = oa.forecast(deals, as_of=TODAY, history=history)["expected"]["2026-11"]
    assert impact.loc["2026-11", "expected_before"] == pytest.approx(expected)
    # Without its rest a part is alone, and expects nothing of others.
    part.attrs = {"load": {"rows": 40}}
    alone = oa.forecast(part, as_of=TODAY, method="stated", new_business=False)["expected"][
        "2026-11"
    ]
    impact = plan(part, changed(part, 0, value=9000.0)).impact(as_of=TODAY)
    assert impact.loc["2026-11", "expected_before"] == pytest.approx(alone)


def test_plan_impact__of_a_period_that_lost_its_only_deal_keeps_its_new_business() -> None:
    history = recorded_team()
    deals = history.as_of(TODAY)
    moved = changed(
        deals, int(np.flatnonzero(deals["unique_id"] == "open-4")[0]), close_date="2027-03-15"
    )
    impact = plan(deals, moved).impact(as_of=TODAY, history=history)
    for label in ("2027-01", "2027-03"):
        for side, frame in (("before", deals), ("after", moved)):
            expected = oa.forecast(frame, as_of=TODAY, history=history, periods=[label])[
                "expected"
            ][label]
            assert impact.loc[label, f"expected_{side}"] == pytest.approx(expected)
    assert impact["expected_after"]["2027-01"] > 0
