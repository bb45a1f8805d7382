"""The unit of a table."""

from __future__ import annotations

import pytest

from opp_analytics.report.scale import scale


@pytest.mark.parametrize(
    ("amounts", "shown"),
    [([9_999_999.0], "9,999,999"), ([10_000_000.0], "10,000"), ([999_999_999.0], "1,000,000"), ([1e9], "1,000.0"), ([-2e9], "−2,000.0"), ([], "0")],
)  # fmt: skip
def test_scale__moves_the_whole_table_where_figures_get_long(amounts, shown):
    assert scale([float("nan"), *amounts]).show(amounts[0] if amounts else 0.0) == shown
