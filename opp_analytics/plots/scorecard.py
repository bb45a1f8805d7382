"""Owners, teams or segments compared: win rates that differ beyond chance, and the other scores beside them."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("won", "rate", "rate_low", "rate_high", "differs", "days_to_win", "slip_rate", "forecast_bias", "n")
def scorecard(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.scorecard`: win rates with intervals, highest first, blue where beyond chance; the other scores beside them."""
    return render(charts.scorecard(table), ax)
