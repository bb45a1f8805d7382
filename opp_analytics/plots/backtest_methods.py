"""Forecast error of each method."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("n", "wape", "bias", "interval_coverage", "behind", "differs")
def backtest_methods(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_methods`: how far each method missed, with bias and ranges held beside it; blue: the best, beyond chance.

    A table by days left is drawn as curves, the first method in blue.
    """
    return render(charts.backtest_methods(table), ax)
