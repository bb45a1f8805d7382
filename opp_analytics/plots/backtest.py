"""Errors of past forecasts against the weeks left in the period."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("weeks_before", "expected", "low", "high", "actual", "error")
def backtest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest`: forecast minus actual against the weeks left, the last period in blue, earlier ones in gray.

    Time runs to the right, to the end of the period. With `by`, the errors of all groups are added up.
    """
    return render(charts.backtest(table), ax)
