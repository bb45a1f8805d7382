import numpy as np
import pytest

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_forecast_deals__bars_go_from_lost_to_won():
    ax = plots.forecast_deals(TABLES["forecast_deals"])
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0.3, 0.5), (0.5, pytest.approx(0.1))]  # type: ignore[attr-defined]
    assert reading.rows(ax) == ["Acme · 50K · Apr 2026", "Bolt · 9K · Apr 2026"]
    assert reading.title(ax) == "Deals that decide the target"


def test_forecast_deals__without_a_target_shares_the_variance():
    table = TABLES["forecast_deals"].assign(p_if_won=np.nan, p_if_lost=np.nan, swing=np.nan)
    ax = plots.forecast_deals(table)
    assert reading.title(ax) == "Deals that drive the range"
    assert reading.widths(ax) == [0.9, 0.1]


def test_forecast_deals__shows_the_largest_twelve():
    table = TABLES["forecast_deals"]
    ax = plots.forecast_deals(table.loc[[1] * 12 + [0]].reset_index(drop=True))
    assert len(ax.patches) == 12
    assert reading.rows(ax)[0].startswith("Acme")
    assert reading.caption(ax) == "13 open deals · as of Mar 31, 2026 · largest 12 shown"


def test_forecast_deals__of_nothing():
    assert "no open deal is due in a period" in reading.texts(
        plots.forecast_deals(TABLES["forecast_deals"].head(0))
    )
