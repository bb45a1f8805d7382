"""Histories small enough to work by hand, and the practice team, whose rates are known."""

import numpy as np
import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis.forecasting.forecast_deals import forecast_deals
from opp_analytics.analysis.forecasting.stage_rates import stage_rates
from opp_analytics.history import History
from opp_analytics.sandbox.team import TRUE_STAGE_RATES
from tests import sandbox_world
from tests.analysis.forecasting.histories import PAST, TWO_PIPELINES, even_months


def test_stage_rates__follow_each_stay_in_a_stage_to_its_end():
    table = stage_rates(PAST, strength=0, fewest_exits=1)
    # Discovery: c advanced to negotiation and won, d was deleted; proposal: a won, b lost, e and f
    # are still there.
    assert table.loc["negotiation", ["raw", "exits"]].tolist() == [1, 1]
    assert table.loc["proposal", ["exits", "won", "lost"]].tolist() == [2, 1, 1]
    assert table.loc["proposal", "raw"] == pytest.approx(0.5)
    # d left after 9 days, c after 19: half of the stays ended in negotiation.
    assert table.loc["discovery", ["raw", "won", "lost"]].tolist() == pytest.approx([0.5, 1, 1])


def test_stage_rates__shrink_toward_the_stages_beside():
    table = stage_rates(PAST, strength=1, fewest_exits=1)
    # Proposal, 0.5 by 2 exits, has discovery (0.5, 2 exits) before and negotiation (1, 1 exit)
    # after it: their mean is 2/3.
    assert table.loc["proposal", "rate"] == pytest.approx((2 * 0.5 + 2 / 3) / 3)


def test_stage_rates__are_those_of_each_pipeline():
    history = even_months(12, org=TWO_PIPELINES)
    table = stage_rates(history)
    assert table[["exits", "raw"]].round(9).T.to_dict("list") == {
        ("New", "proposal"): [12.0, 0.0],
        ("Renewal", "proposal"): [12.0, 1.0],
    }
    part = stage_rates(history.where(pipeline="Renewal"))
    assert part.index.tolist() == [("Renewal", "proposal")]
    pd.testing.assert_frame_equal(part, table.loc[["Renewal"]], check_categorical=False)
    # The method takes each deal at the rate of its own pipeline, learned or given.
    deals = (
        history.as_of("2026-12-15")
        .iloc[:2]
        .assign(stage="proposal", status="active", value=100.0, close_date="2026-12-20")
    )
    deals["pipeline"] = ["New", "Renewal"]
    learned = forecast_deals(deals, as_of="2026-12-15", method="stage", history=history)
    given = forecast_deals(deals, as_of="2026-12-15", method="stage", stage_rates=table)
    for told in (learned, given):
        assert told.set_index("unique_id")["chance"].reindex(deals["unique_id"]).round(
            9
        ).tolist() == [
            0.0,
            1.0,
        ]
    by_name = forecast_deals(
        deals, as_of="2026-12-15", method="stage", stage_rates={"proposal": 0.25}
    )
    assert by_name["chance"].tolist() == [0.25, 0.25]


def test_stage_rates__do_not_follow_a_deal_into_another_pipeline():
    start = pd.Timestamp("2026-01-05", tz="UTC")
    log = [("z", 0, "New", "closed_lost")]
    for k in range(4):
        log += [
            (f"m{k}", 0, "New", "proposal"),
            (f"m{k}", 2, "Renewal", "proposal"),
            (f"m{k}", 6, "Renewal", "closed_won"),
        ]
        log += [
            (f"s{k}", 0, "New", "proposal"),
            (f"s{k}", 4, "New", "closed_lost" if k else "closed_won"),
        ]
    frame = pd.DataFrame(log, columns=["unique_id", "day", "pipeline", "stage"])
    frame["seen_at"] = start + pd.to_timedelta(frame.pop("day"), unit="D")
    history = History.from_changes(frame.assign(value=1.0), org=TWO_PIPELINES)
    table = stage_rates(history, fewest_exits=1, strength=0)
    assert table.loc[("New", "proposal"), ["raw", "exits"]].tolist() == [0.25, 4]
    assert table.loc[("Renewal", "proposal"), ["raw", "exits"]].tolist() == [1.0, 4]
    part = stage_rates(history.where(pipeline="New"), fewest_exits=1, strength=0)
    assert part.loc[("New", "proposal"), ["raw", "exits"]].tolist() == [0.25, 4]


def test_stage_rates__see_nothing_later_than_as_of():
    early = stage_rates(PAST, as_of="2026-01-16", fewest_exits=1)
    assert early.loc["proposal", ["exits", "won"]].tolist() == [2, 1]
    assert early.loc["discovery", "exits"] == 1


@pytest.mark.slow
def test_stage_rates__of_a_young_pipeline_are_near_the_truth():
    errors_ = []
    for seed in (1, 2, 3):
        table = stage_rates(sandbox_world.history(seed, weeks=7, deals_per_week=60))
        errors_.append(table["raw"] - [TRUE_STAGE_RATES[name] for name in table.index])
    # Deals closed by then say 0.1 to 0.2 for stages whose rate is up to 0.7.
    assert np.abs(np.mean(errors_, axis=0)).max() < 0.12


def test_stage_rates__are_refused_where_hardly_a_deal_has_left_a_stage():
    with pytest.raises(
        errors.NotEnoughHistory, match="at least 10 times by 2026-04-05, but the most is 2 exits"
    ):
        stage_rates(PAST)
    with pytest.raises(errors.NotEnoughHistory, match="0 exits"):
        stage_rates(PAST, as_of="2026-01-05", fewest_exits=1)
