"""The deals on which a forecast depends most."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("period", "value", "variance_share", "p_if_won", "p_if_lost", "swing")
def forecast_deals(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_deals`: the twelve deals that matter most for the target (or, without one, for the range).

    With a target, the bar runs from P(target) if the deal is lost to P(target) if it is won. Without one, it is the
    deal's share of the period's variance.
    """
    return render(charts.forecast_deals(table), ax)
