"""Days until a share is won."""

import numpy as np

from opp_analytics.analysis.rates.time_to_win import time_to_win
from tests.analysis.rates.deals import AS_OF, TEN


def test_time_to_win__counts_open_deals():
    table = time_to_win(TEN, as_of=AS_OF)
    assert table["days"].iloc[0] == 5
    assert np.isnan(table["days"].iloc[2])
    assert table["days_of_won"].tolist() == [5, 5, 9]
