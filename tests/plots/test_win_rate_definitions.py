import numpy as np

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_win_rate_definitions__are_rows_with_their_n_and_when_they_mislead():
    ax = plots.win_rate_definitions(TABLES["win_rate_definitions"])
    assert reading.rows(ax) == ["closed", "created"]
    assert reading.texts(ax)[:3] == ["50% of 4", "few large deals decide it", "25% of 8"]
    assert reading.starts(ax) == [0.5, 0.25]


def test_win_rate_definitions__of_nothing():
    table = TABLES["win_rate_definitions"].assign(rate=np.nan)
    assert "no closed deals" in reading.texts(plots.win_rate_definitions(table))
