"""Drawings of result tables: each takes a table and an optional `ax` and returns the Axes."""

from opp_analytics.plots.audit import audit
from opp_analytics.plots.backtest import backtest
from opp_analytics.plots.backtest_horizons import backtest_horizons
from opp_analytics.plots.backtest_methods import backtest_methods
from opp_analytics.plots.calibration import calibration
from opp_analytics.plots.category_moves import category_moves
from opp_analytics.plots.close_date_moves import close_date_moves
from opp_analytics.plots.deal import deal
from opp_analytics.plots.deal_flags import deal_flags
from opp_analytics.plots.forecast import forecast
from opp_analytics.plots.forecast_categories import forecast_categories
from opp_analytics.plots.forecast_change import forecast_change
from opp_analytics.plots.forecast_deals import forecast_deals
from opp_analytics.plots.forecast_fan import forecast_fan
from opp_analytics.plots.movements import movements
from opp_analytics.plots.pipeline_created import pipeline_created
from opp_analytics.plots.scorecard import scorecard
from opp_analytics.plots.slippage import slippage
from opp_analytics.plots.stage_flow import stage_flow
from opp_analytics.plots.stage_funnel import stage_funnel
from opp_analytics.plots.time_to_win import time_to_win
from opp_analytics.plots.transitions import transitions
from opp_analytics.plots.velocity import velocity
from opp_analytics.plots.waterfall import waterfall
from opp_analytics.plots.win_rate import win_rate
from opp_analytics.plots.win_rate_cohorts import win_rate_cohorts
from opp_analytics.plots.win_rate_curve import win_rate_curve
from opp_analytics.plots.win_rate_definitions import win_rate_definitions

__all__ = [
    "audit",
    "backtest",
    "backtest_horizons",
    "backtest_methods",
    "calibration",
    "category_moves",
    "close_date_moves",
    "deal",
    "deal_flags",
    "forecast",
    "forecast_categories",
    "forecast_change",
    "forecast_deals",
    "forecast_fan",
    "movements",
    "pipeline_created",
    "scorecard",
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
