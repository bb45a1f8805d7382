"""Drawings of result tables: a table and an optional `ax` in, the Axes out; nothing is computed, shown or printed."""

from opp_analytics.plots.checks import audit, backtest, calibration
from opp_analytics.plots.close_dates import close_date_moves
from opp_analytics.plots.curves import win_rate_curve, win_rate_definitions
from opp_analytics.plots.forecasts import forecast
from opp_analytics.plots.funnel import stage_funnel
from opp_analytics.plots.rates import win_rate
from opp_analytics.plots.slips import slippage
from opp_analytics.plots.stage_moves import stage_flow, transitions
from opp_analytics.plots.waterfalls import waterfall

__all__ = [
    "audit",
    "backtest",
    "calibration",
    "close_date_moves",
    "forecast",
    "slippage",
    "stage_flow",
    "stage_funnel",
    "transitions",
    "waterfall",
    "win_rate",
    "win_rate_curve",
    "win_rate_definitions",
]
