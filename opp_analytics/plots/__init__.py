"""Drawings of result tables: a table and an optional `ax` in, the Axes out; nothing is computed, shown or printed."""

from opp_analytics.plots.backtests import backtest, backtest_horizons, backtest_methods
from opp_analytics.plots.checks import audit, calibration
from opp_analytics.plots.close_dates import close_date_moves
from opp_analytics.plots.curves import win_rate_curve, win_rate_definitions
from opp_analytics.plots.deal_shares import forecast_deals
from opp_analytics.plots.fans import forecast_fan
from opp_analytics.plots.forecasts import forecast
from opp_analytics.plots.funnel import stage_funnel
from opp_analytics.plots.rates import win_rate
from opp_analytics.plots.slips import slippage
from opp_analytics.plots.speeds import time_to_win, velocity, win_rate_cohorts
from opp_analytics.plots.stage_moves import stage_flow, transitions
from opp_analytics.plots.waterfalls import movements, waterfall

__all__ = [
    "audit",
    "backtest",
    "backtest_horizons",
    "backtest_methods",
    "calibration",
    "close_date_moves",
    "forecast",
    "forecast_deals",
    "forecast_fan",
    "movements",
    "slippage",
    "stage_flow",
    "stage_funnel",
    "time_to_win",
    "transitions",
    "velocity",
    "waterfall",
    "win_rate",
    "win_rate_cohorts",
    "win_rate_curve",
    "win_rate_definitions",
]
