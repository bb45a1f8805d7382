"""The definitions of a win rate side by side."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("rate", "rate_low", "rate_high", "n", "misleads_when")
def win_rate_definitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_definitions`: the rate of each definition with its interval and n, and when it misleads."""
    return render(charts.win_rate_definitions(table), ax)
