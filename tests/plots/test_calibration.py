import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_calibration__points_are_actual_against_stated():
    ax = plots.calibration(TABLES["calibration"])
    assert ax.lines[0].get_xydata().tolist() == [[0.2, 0.25]]
    assert "4" in reading.texts(ax)
    assert reading.caption(ax) == "4 deals · as of Mar 31, 2026 · above each range: its deals"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("stated", "won")


def test_calibration__names_groups():
    table = pd.concat({"proposal": TABLES["calibration"]}, names=["stage"])
    assert "proposal (4)" in reading.texts(plots.calibration(table))
