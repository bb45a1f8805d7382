"""Velocity and its factors."""

import pytest

from opp_analytics import org
from opp_analytics.analysis.rates.velocity import velocity
from tests.analysis.rates.deals import AS_OF, TEN


def test_velocity__is_the_product_of_its_factors():
    row = velocity(TEN, as_of=AS_OF).iloc[0]
    assert row[["open_count", "won", "lost", "mean_won_value"]].tolist() == [3, 4, 3, 100]
    assert row["mean_days_to_win"] == pytest.approx((2 + 5 + 5 + 9) / 4)
    assert row["velocity"] == pytest.approx(3 * (4 / 7) * 100 / (21 / 4))
    assert velocity(org.empty(), as_of=AS_OF)["velocity"].isna().all()
