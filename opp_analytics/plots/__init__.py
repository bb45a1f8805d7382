"""Drawings of result tables: a table and an optional `ax` in, the Axes out; nothing is computed, shown or printed."""

from opp_analytics.plots.forecasts import forecast
from opp_analytics.plots.funnel import stage_funnel
from opp_analytics.plots.rates import win_rate

__all__ = [
    "forecast",
    "stage_funnel",
    "win_rate",
]
