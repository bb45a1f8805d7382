"""Histories small enough to work by hand."""

import pytest

from opp_analytics.analysis.forecasting.stage_rates import stage_rates
from tests.analysis.forecasting.histories import PAST


def test_stage_rates__follow_deals_from_their_first_sight_in_a_stage():
    table = stage_rates(PAST, strength=0)
    # Discovery: c won, d deleted; proposal: a won, b lost, e and f still open; negotiation: c won.
    assert table.loc["negotiation", ["raw", "n"]].tolist() == [1, 1]
    assert table.loc["proposal", ["n", "won", "lost"]].tolist() == [2, 1, 1]
    assert table.loc["proposal", "raw"] == pytest.approx(0.5)
    assert table.loc["discovery", ["won", "lost"]].tolist() == [1, 1]
    shrunk = stage_rates(PAST, strength=1000)
    assert shrunk["rate"].tolist() == pytest.approx([shrunk.attrs["overall"]] * 3, abs=0.01)


def test_stage_rates__see_nothing_later_than_as_of():
    assert stage_rates(PAST, as_of="2026-01-12")["won"].sum() == 0
    assert stage_rates(PAST, as_of="2026-01-16").loc["proposal", "won"] == 1
