"""Drawings of result tables: each takes a table and an optional `ax` and returns the Axes.

Each is named after the analysis that makes its table.
"""

from opp_analytics import charts
from opp_analytics.plots.render import drawing

audit = drawing(charts.audit, "check")
backtest = drawing(charts.backtest, "lead expected low high actual error held")
calibration = drawing(
    charts.calibration, "n stated realized realized_low realized_high open_share won open"
)
call_accuracy = drawing(charts.call_accuracy, "n wape bias bias_low bias_high model_wape")
category_moves = drawing(charts.category_moves, "count value")
close_date_moves = drawing(charts.close_date_moves, "pushes days_pushed")
deal_flags = drawing(charts.deal_flags, "risk")
forecast = drawing(
    charts.forecast,
    (
        "booked open_count open_value weighted_open new_business expected low median high target "
        "p_target gap pipeline_coverage to_date"
    ),
)
forecast_categories = drawing(
    charts.forecast_categories,
    "closed commit best_case pipeline omitted commit_total best_case_total to_date",
)
forecast_change = drawing(charts.forecast_change, "expected value deals largest")
forecast_deals = drawing(charts.forecast_deals, "name period weighted")
forecast_fan = drawing(charts.forecast_fan, "booked expected low high")
forecast_value_added = drawing(
    charts.forecast_value_added, "n wape bias error_ratio ratio_low ratio_high differs better"
)
movements = drawing(charts.movements, "movement value")
pacing = drawing(charts.pacing, "booked actual booked_share to_date")
pipeline_created = drawing(charts.pipeline_created, "deals value open_value")
score = drawing(charts.score, "n wape bias coverage_80 differs")
scorecard = drawing(charts.scorecard, "won lost rate rate_low rate_high differs")
slippage = drawing(charts.slippage, "count value count_rate value_rate")
stage_flow = drawing(
    charts.stage_flow, "entries advanced still back lost removed conversion median_days"
)
stage_funnel = drawing(charts.stage_funnel, "open_count open_value reached_low reached_high")
time_to_win = drawing(charts.time_to_win, "days_of_won")
transitions = drawing(charts.transitions, "from_stage to_stage")
velocity = drawing(charts.velocity, "velocity")
waterfall = drawing(charts.waterfall, "count value deals")
win_rate = drawing(charts.win_rate, "won lost rate rate_low rate_high")
win_rate_cohorts = drawing(charts.win_rate_cohorts, "rate")
win_rate_curve = drawing(
    charts.win_rate_curve, "at_risk won_share lost_share disqualified_share won_low won_high"
)

DRAWINGS = sorted(name for name, drawn in globals().items() if hasattr(drawn, "__wrapped__"))
"""Names of the drawings of one table."""
__all__ = DRAWINGS
