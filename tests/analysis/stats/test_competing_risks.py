"""Cumulative incidence, against statsmodels and known truths."""

import numpy as np
import pytest
from statsmodels.duration.survfunc import CumIncidenceRight

from opp_analytics.analysis.stats.competing_risks import incidence, share_interval


def test_share_interval__is_never_certain():
    low, high = share_interval(
        np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.1, 0.0]), np.array([9, 9, 9]), 0.95
    )
    assert low[0] == 0 < high[0] < 0.5
    assert low[1] < 0.5 < high[1]
    assert 0.5 < low[2] < high[2] == 1


@pytest.mark.parametrize("seed", range(3))
def test_incidence__agrees_with_statsmodels(seed):
    rng = np.random.default_rng(seed)
    time = rng.integers(0, 30, 200)
    # Censored, won, lost, disqualified.
    status = rng.choice(4, 200, p=[0.3, 0.3, 0.3, 0.1])
    curve = incidence(time, won=status == 1, lost=status == 2, disqualified=status == 3)
    oracle = CumIncidenceRight(time, status)
    place = np.searchsorted(oracle.times, curve.time)
    for ours, theirs in zip(
        (curve.won_share, curve.lost_share, curve.disqualified_share), oracle.cinc, strict=True
    ):
        np.testing.assert_allclose(ours, theirs[place], atol=1e-12)
    # Their error is that of Greenwood's kind; ours by the delta method differs in the third place.
    inside = (curve.at_risk > 20) & (curve.won_share > 0)
    np.testing.assert_allclose(curve.won_error[inside], oracle.cinc_se[0][place][inside], rtol=0.05)


def test_incidence__a_deal_watched_from_an_age_on_is_at_risk_only_from_then_on():
    # Ends at 5 and 8; the second deal was watched from 6 on, the third from 2 to 9.
    curve = incidence(
        np.array([5, 8, 9]), won=np.array([True, True, False]), entry=np.array([0, 6, 2])
    )
    assert curve.at_risk[:2].tolist() == [2, 2]
    assert curve.won_share[:2].tolist() == pytest.approx([0.5, 0.75])
