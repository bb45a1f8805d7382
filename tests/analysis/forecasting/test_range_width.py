"""The factor on ranges that past ones decide."""

from __future__ import annotations

import numpy as np
import pytest

from opp_analytics.analysis.forecasting.range_width import decide_range_width


def test_decide_range_width__is_the_largest_80_percent_conformal_quantile_of_the_pools():
    # Without scores the 11th of 12 half-normal quantiles, in units of the half-width of an 80%
    # range.
    assert decide_range_width([[]]) == pytest.approx(1.5341 / 1.2816, abs=1e-3)
    # Of near leads the 6th of 6.
    assert decide_range_width([[], []]) == pytest.approx(1.7317 / 1.2816, abs=1e-3)
    # Twelve far misses: of 24 scores the 20th.
    far, none = (np.full(12, 3.0), 1.0), (np.zeros(100), 1.0)
    assert (
        decide_range_width([[far]])
        == decide_range_width([[far], [none]])
        == decide_range_width([[none], [far]])
        == 3
    )
    assert decide_range_width([[none]]) == 1
    # 0.8 · (12 + 12 · ¼ + 1) = 12.8 of a weight of 15: beyond the pseudo-scores, which reach 12.
    assert decide_range_width([[(np.full(12, 3.0), 0.25)]]) == 3
    # 0.8 · (12 + 12 · ⅛ + 1) = 11.6: the last pseudo-score.
    assert decide_range_width([[(np.full(12, 3.0), 0.125)]]) == pytest.approx(
        2.0368 / 1.2816, abs=1e-3
    )
