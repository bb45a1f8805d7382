"""Win rates of cohorts at the same age."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("created", "won", "rate", "rate_low", "rate_high", "open_share")
def win_rate_cohorts(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_cohorts`: the share of each cohort that was won, and still open, at the same age."""
    return render(charts.win_rate_cohorts(table), ax)
