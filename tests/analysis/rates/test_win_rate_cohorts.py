"""Cohorts compared at equal age."""

import pandas as pd

from opp_analytics.analysis.rates.win_rate_cohorts import win_rate_cohorts
from opp_analytics.note import note_of
from tests.analysis.rates.deals import AS_OF, deals


def test_win_rate_cohorts__compare_at_equal_age():
    frame = deals(("won", 5), ("won", 25), ("lost", 3))
    young = frame.head(1).assign(created_at=pd.Timestamp("2026-01-29", tz="UTC"), close_date=AS_OF)
    table = win_rate_cohorts(pd.concat([frame, young]), as_of=AS_OF, age_days=10, freq="M")
    assert table.loc["2026-01", ["created", "won", "lost", "open"]].tolist() == [3, 1, 1, 1]
    assert note_of(table).figures["left_out"]["younger_than_age_days"] == 1
