"""Histogram of close-date pushes per deal."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("pushes", "days_pushed")
def close_date_moves(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.close_date_moves`: deals by number of pushes, with the median days pushed above each bar."""
    return render(charts.close_date_moves(table), ax)
