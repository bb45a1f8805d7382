"""The win-rate curve, with the deals at risk below."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("at_risk", "won_share", "lost_share", "disqualified_share", "won_low", "won_high")
def win_rate_curve(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_curve`: share won (with its interval) and lost by age; with `by`, one curve per group.

    The ticks show the age and the deals still open at it. If there are more than six groups, only the six with the most
    deals are drawn, and the caption says so.
    """
    return render(charts.win_rate_curve(table), ax)
