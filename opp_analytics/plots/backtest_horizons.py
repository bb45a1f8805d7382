"""Forecast error, bias and coverage of the ranges against the weeks left in the period."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("n", "wape", "bias", "interval_coverage")
def backtest_horizons(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_horizons`: how far forecasts missed, against the weeks left; in gray, how far too high or low in all.

    Time runs to the right, to the end of the period. Below each week is the share of the ranges that held.
    """
    return render(charts.backtest_horizons(table), ax)
