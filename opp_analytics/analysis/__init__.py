"""Result tables from opportunity frames and from histories: pure functions, no clock, no drawing, no network."""

from opp_analytics.analysis.audits import audit
from opp_analytics.analysis.backtests import backtest, backtest_horizons, backtest_methods
from opp_analytics.analysis.calibrations import calibration, recalibrated
from opp_analytics.analysis.close_dates import close_date_moves
from opp_analytics.analysis.curves import time_to_win, win_rate_cohorts, win_rate_curve
from opp_analytics.analysis.deal_shares import forecast_deals
from opp_analytics.analysis.definitions import velocity, win_rate_definitions
from opp_analytics.analysis.fans import forecast_fan
from opp_analytics.analysis.flows import stage_flow
from opp_analytics.analysis.forecasts import forecast
from opp_analytics.analysis.funnels import stage_funnel
from opp_analytics.analysis.mends import mend
from opp_analytics.analysis.outcomes import outcomes
from opp_analytics.analysis.rates import win_rate
from opp_analytics.analysis.sentences import sentence
from opp_analytics.analysis.slips import slippage, slippage_deals
from opp_analytics.analysis.stage_moves import transitions
from opp_analytics.analysis.stages import stage_rates
from opp_analytics.analysis.waterfalls import movements, waterfall

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
    "mend",
    "movements",
    "outcomes",
    "recalibrated",
    "sentence",
    "slippage",
    "slippage_deals",
    "stage_flow",
    "stage_funnel",
    "stage_rates",
    "time_to_win",
    "transitions",
    "velocity",
    "waterfall",
    "win_rate",
    "win_rate_cohorts",
    "win_rate_curve",
    "win_rate_definitions",
]
