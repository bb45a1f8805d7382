"""Win rates with their intervals and the number of deals behind each."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("won", "lost", "rate", "rate_low", "rate_high")
def win_rate(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate`: a point with its interval and n for each row, highest first; over time where the rows are periods."""
    return render(charts.win_rate(table), ax)
