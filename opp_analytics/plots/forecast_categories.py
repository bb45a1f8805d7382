"""Closed money and each category of open money, period by period."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("closed", "commit", "best_case", "pipeline", "omitted", "commit_total", "best_case_total", "to_date")
def forecast_categories(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_categories`: a bar per period from the current one on; with `by`, a bar per group of that period."""
    return render(charts.forecast_categories(table), ax)
