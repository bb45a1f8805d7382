"""Analyses: pure functions from opportunity frames and histories to result tables."""

import inspect

from opp_analytics.analysis.forecasting.backtest import backtest
from opp_analytics.analysis.forecasting.calibration import calibration
from opp_analytics.analysis.forecasting.call_accuracy import call_accuracy
from opp_analytics.analysis.forecasting.category_moves import category_moves
from opp_analytics.analysis.forecasting.deal_reasons import deal_reasons
from opp_analytics.analysis.forecasting.forecast import forecast
from opp_analytics.analysis.forecasting.forecast_categories import forecast_categories
from opp_analytics.analysis.forecasting.forecast_deals import forecast_deals
from opp_analytics.analysis.forecasting.forecast_fan import forecast_fan
from opp_analytics.analysis.forecasting.forecast_value_added import forecast_value_added
from opp_analytics.analysis.forecasting.pacing import pacing
from opp_analytics.analysis.forecasting.score import score
from opp_analytics.analysis.forecasting.stage_rates import stage_rates
from opp_analytics.analysis.movement.close_date_moves import close_date_moves, push_counts
from opp_analytics.analysis.movement.forecast_change import forecast_change, forecast_change_deals
from opp_analytics.analysis.movement.movements import movements
from opp_analytics.analysis.movement.pipeline_created import (
    pipeline_created,
    pipeline_created_deals,
)
from opp_analytics.analysis.movement.slippage import slippage, slippage_deals
from opp_analytics.analysis.movement.waterfall import waterfall
from opp_analytics.analysis.movement.world_changes import world_changes
from opp_analytics.analysis.quality.audit import audit, audit_summary, fix
from opp_analytics.analysis.quality.deal_flags import FlagLimits, deal_flags
from opp_analytics.analysis.quality.scorecard import scorecard
from opp_analytics.analysis.rates.time_to_win import time_to_win
from opp_analytics.analysis.rates.velocity import velocity
from opp_analytics.analysis.rates.win_rate import win_rate
from opp_analytics.analysis.rates.win_rate_cohorts import win_rate_cohorts
from opp_analytics.analysis.rates.win_rate_curve import win_rate_curve
from opp_analytics.analysis.sentences.sentence import sentence
from opp_analytics.analysis.stages.stage_flow import stage_flow, stage_flow_deals
from opp_analytics.analysis.stages.stage_funnel import stage_funnel
from opp_analytics.analysis.stages.transitions import transition_matrix, transitions

__all__ = sorted(
    name for name, what in globals().items() if name[0] != "_" and not inspect.ismodule(what)
)

# For the drawings and the page only: `__all__` is what `oa` has.
# isort: skip
# isort: skip
from opp_analytics.analysis.forecasting.call_accuracy import judge_callers as judge_callers

# isort: skip
from opp_analytics.analysis.forecasting.call_samples import CallSamples as CallSamples
from opp_analytics.analysis.forecasting.forecast import (
    LeveledForecast as LeveledForecast,
)
from opp_analytics.analysis.forecasting.forecast import (
    compare_with_target as compare_with_target,
)

from opp_analytics.analysis.forecasting.edit_impact import EditImpact as EditImpact  # isort: skip
from opp_analytics.analysis.forecasting.forecast_categories import (
    deal_categories as deal_categories,
)  # isort: skip

# isort: skip
from opp_analytics.analysis.forecasting.forecast_deals import DealForecast as DealForecast
from opp_analytics.analysis.forecasting.forecast_deals import (
    select_own_chances as select_own_chances,
)  # isort: skip
from opp_analytics.analysis.forecasting.forecast_value_added import (
    compare_sources as compare_sources,
)  # isort: skip

# isort: skip
from opp_analytics.analysis.forecasting.past_forecasts import (
    judge_ranges as judge_ranges,
)  # isort: skip
from opp_analytics.analysis.forecasting.win_points import list_win_points as list_win_points

from opp_analytics.analysis.forecasting.pacing import select_point as select_point  # isort: skip
from opp_analytics.analysis.forecasting.row_calls import find_calls as find_calls  # isort: skip

from opp_analytics.analysis.forecasting.past_coverage import (
    find_usual_coverage as find_usual_coverage,
)  # isort: skip
from opp_analytics.analysis.forecasting.past_coverage import (
    list_past_coverage as list_past_coverage,
)

from opp_analytics.analysis.forecasting.backtest import EVERY as EVERY  # isort: skip

# isort: skip
from opp_analytics.analysis.movement.forecast_change import ForecastChange as ForecastChange

# isort: skip
from opp_analytics.analysis.movement.forecast_change import explain_change as explain_change

# isort: skip
from opp_analytics.analysis.movement.pipeline_created import CreatedPipeline as CreatedPipeline

from opp_analytics.analysis.movement.slippage import DueCohort as DueCohort  # isort: skip

from opp_analytics.analysis.movement.close_date_moves import DateMoves as DateMoves  # isort: skip
from opp_analytics.analysis.movement.world_changes import find_current_alarms as find_current_alarms

from opp_analytics.analysis.sentences.forecasts import say_held as say_held  # isort: skip
from opp_analytics.analysis.sentences.forecasts import (
    select_first_method as select_first_method,
)  # isort: skip

from opp_analytics.analysis.sentences import evidence as evidence  # isort: skip
from opp_analytics.analysis.forecasting.method import read_method as read_method  # isort: skip
from opp_analytics.analysis.forecasting.targets import (
    find_gap as find_gap,
)  # isort: skip
from opp_analytics.analysis.forecasting.targets import (
    read_moneys as read_moneys,
)

# isort: skip
from opp_analytics.analysis.quality.audit import make_duplicate_keys as make_duplicate_keys
from opp_analytics.analysis.quality.deal_flags import (
    OpenDeals as OpenDeals,
)  # isort: skip
from opp_analytics.analysis.quality.deal_flags import (
    Reason as Reason,
)  # isort: skip
from opp_analytics.analysis.quality.deal_flags import (
    flag_deals as flag_deals,
)
from opp_analytics.analysis.sentences.calls import (
    describe_leans as describe_leans,
)  # isort: skip
from opp_analytics.analysis.sentences.calls import (
    name_leans as name_leans,
)

# isort: skip
from opp_analytics.analysis.sentences.calls import name_source as name_source
from opp_analytics.analysis.sentences.calls import say_lean as say_lean

# isort: skip
from opp_analytics.analysis.sentences.forecasts import compare_chances as compare_chances
from opp_analytics.analysis.sentences.forecasts import (
    describe_forecast_deals as describe_forecast_deals,
)  # isort: skip

# isort: skip
from opp_analytics.analysis.sentences.forecasts import describe_method as describe_method

# isort: skip
from opp_analytics.analysis.sentences.forecasts import explain_chances as explain_chances

# isort: skip
from opp_analytics.analysis.sentences.forecasts import explain_pacing as explain_pacing
from opp_analytics.analysis.sentences.forecasts import (
    find_lead as find_lead,
)  # isort: skip
from opp_analytics.analysis.sentences.forecasts import (
    say_forecast as say_forecast,
)

# isort: skip
from opp_analytics.analysis.sentences.movements import ChangeStep as ChangeStep
from opp_analytics.analysis.sentences.movements import list_steps as list_steps

# isort: skip
from opp_analytics.analysis.sentences.movements import say_forecast_change as say_forecast_change
from opp_analytics.analysis.sentences.rates import rank_audit_summary as rank_audit_summary

from opp_analytics.analysis.sentences.sentence import describe as describe  # isort: skip
from opp_analytics.analysis.sentences.sentence import heading as heading  # isort: skip

# isort: skip
from opp_analytics.analysis.shared.history_query import check_same_deals as check_same_deals

from opp_analytics.analysis.stages.stage_flow import StageEntries as StageEntries  # isort: skip
from opp_analytics.analysis.stats.distribution import distribute as distribute  # isort: skip
