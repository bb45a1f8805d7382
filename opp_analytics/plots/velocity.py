"""Pipeline velocity: money per day, and its factors."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("velocity", "open_count", "won", "lost", "win_rate", "mean_won_value", "mean_days_to_win")
def velocity(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.velocity`: money per day of each group, with the four factors beside the bar."""
    return render(charts.velocity(table), ax)
