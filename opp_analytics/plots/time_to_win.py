"""Days from creation to the win."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("days", "days_of_won")
def time_to_win(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.time_to_win`: the days until each share of the wins, one row per group."""
    return render(charts.time_to_win(table), ax)
