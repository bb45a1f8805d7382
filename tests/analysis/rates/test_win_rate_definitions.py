"""The definitions side by side."""

import numpy as np
import pytest

from opp_analytics import org
from opp_analytics.analysis.rates.win_rate_curve import win_rate_curve
from opp_analytics.analysis.rates.win_rate_definitions import win_rate_definitions
from tests.analysis.rates.deals import AS_OF, TEN


def test_win_rate_definitions__stand_side_by_side():
    table = win_rate_definitions(TEN, as_of=AS_OF, horizon_days=365)
    assert table.loc["closed, all time", ["rate", "n"]].tolist() == [4 / 7, 7]
    assert table.loc["won of all created", ["rate", "n"]].tolist() == [0.4, 10]
    assert np.isnan(table.loc["created cohort at equal age", "rate"])  # type: ignore[arg-type]
    curve = win_rate_curve(TEN, as_of=AS_OF)["won_share"].iloc[-1]
    assert table.loc["curve, eventual", "rate"] == pytest.approx(curve)
    assert table.loc["one minus Kaplan-Meier", "rate"] > curve
    assert table["misleads_when"].str.len().gt(10).all()


def test_win_rate_definitions__empty_in_gives_the_same_rows():
    table = win_rate_definitions(org.empty(), as_of=AS_OF)
    assert table["rate"].isna().all()
    assert table["n"].eq(0).all()
