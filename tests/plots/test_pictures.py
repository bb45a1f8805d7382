"""A few drawings as they look, held against stored pictures;
``--mpl-generate-path=tests/plots/baseline`` draws those anew."""

import pytest
from matplotlib.figure import Figure, SubFigure

from opp_analytics import plots
from tests.plots.tables import TABLES


@pytest.mark.mpl_image_compare(
    baseline_dir="baseline", filename="waterfall.png", remove_text=True, tolerance=10
)
def test_waterfall__looks_as_before() -> Figure | SubFigure:
    return plots.waterfall(TABLES["waterfall"]).figure


@pytest.mark.mpl_image_compare(
    baseline_dir="baseline", filename="forecast.png", remove_text=True, tolerance=10
)
def test_forecast__looks_as_before() -> Figure | SubFigure:
    return plots.forecast(TABLES["forecast"]).figure


@pytest.mark.mpl_image_compare(
    baseline_dir="baseline", filename="slippage.png", remove_text=True, tolerance=10
)
def test_slippage__looks_as_before() -> Figure | SubFigure:
    return plots.slippage(TABLES["slippage"]).figure
