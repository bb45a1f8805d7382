"""The method behind questions about single deals."""

import pytest

from opp_analytics import errors
from opp_analytics.analysis import method_for_deals
from tests.analysis.forecasting.histories import even_months


def test_method_for_deals__is_learned_else_stated():
    frame = even_months(9).as_of("2026-09-10T12:00Z")
    learned = method_for_deals(frame, as_of="2026-09-10", history=even_months(9))
    assert learned.label == "learned: 7 ended months with a record as long before the end as today"
    # The frame alone has wins enough for a run rate, which knows nothing of single deals.
    assert method_for_deals(frame, as_of="2026-09-10").method.name == "stated"
    with pytest.raises(errors.ArgumentValueError, match="run_rate"):
        method_for_deals(frame, as_of="2026-09-10", method="run_rate")
