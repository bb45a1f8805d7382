"""Histories small enough to work by hand, and the practice team, whose rates are known."""

import numpy as np
import pytest

from opp_analytics import errors
from opp_analytics.analysis.forecasting.stage_rates import stage_rates
from opp_analytics.sandbox.team import TRUE_STAGE_RATES
from tests import sandbox_world
from tests.analysis.forecasting.histories import PAST, TWO_PIPELINES, even_months


def test_stage_rates__follow_each_stay_in_a_stage_to_its_end():
    table = stage_rates(PAST, strength=0, fewest_exits=1)
    # Discovery: c advanced to negotiation and won, d was deleted; proposal: a won, b lost, e and f are still there.
    assert table.loc["negotiation", ["raw", "exits"]].tolist() == [1, 1]
    assert table.loc["proposal", ["exits", "won", "lost"]].tolist() == [2, 1, 1]
    assert table.loc["proposal", "raw"] == pytest.approx(0.5)
    # d left after 9 days, c after 19: half of the stays ended in negotiation.
    assert table.loc["discovery", ["raw", "won", "lost"]].tolist() == pytest.approx([0.5, 1, 1])


def test_stage_rates__shrink_toward_the_stages_beside():
    table = stage_rates(PAST, strength=1, fewest_exits=1)
    # Proposal, 0.5 by 2 exits, has discovery (0.5, 2 exits) before and negotiation (1, 1 exit) after it: their mean is 2/3.
    assert table.loc["proposal", "rate"] == pytest.approx((2 * 0.5 + 2 / 3) / 3)


def test_stage_rates__of_one_pipeline_are_those_of_its_part():
    history = even_months(12, org=TWO_PIPELINES)
    parts = [
        stage_rates(part)
        for part in (history, history.where(pipeline="Renewal"), history.where(pipeline="New"))
    ]
    found = [part.loc["proposal", ["exits", "raw"]].tolist() for part in parts]
    np.testing.assert_allclose(found, [[24.0, 0.5], [12.0, 1.0], [12.0, 0.0]], atol=1e-9)


def test_stage_rates__see_nothing_later_than_as_of():
    early = stage_rates(PAST, as_of="2026-01-16", fewest_exits=1)
    assert early.loc["proposal", ["exits", "won"]].tolist() == [2, 1]
    assert early.loc["discovery", "exits"] == 1


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
