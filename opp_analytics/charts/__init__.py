"""Charts in plain data, each prepared once.

`plots` renders them with matplotlib, `svg` for the page and the explorer.
"""

from opp_analytics.charts.calls import call_accuracy, forecast_value_added
from opp_analytics.charts.changes import (
    CUT,
    close_date_moves,
    forecast_change,
    pipeline_created,
    slippage,
    slippage_by_period,
    stage_flow,
    stage_funnel,
    waterfall,
)
from opp_analytics.charts.data import (
    BarMark,
    BreakMark,
    ChartData,
    Curve,
    DotMark,
    EndName,
    Level,
    Measure,
    Place,
    RangeMark,
    TickMark,
    Tone,
    choose_ticks,
    keep_apart,
    make_bar,
    shorten,
    write_caption,
)
from opp_analytics.charts.forecasts import (
    backtest,
    bullet,
    calibration,
    category_reach,
    forecast,
    forecast_categories,
    forecast_fan,
    month,
    pacing,
    progress,
    score,
)
from opp_analytics.charts.listed import (
    audit,
    category_moves,
    deal_flags,
    forecast_deals,
    movements,
    scorecard,
    time_to_win,
    transitions,
    velocity,
    win_rate_cohorts,
)
from opp_analytics.charts.rates import (
    win_rate,
    win_rate_curve,
)
