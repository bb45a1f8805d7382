"""Drawings of result tables: each takes a table and an optional `ax` and returns the Axes.

Each is named after the analysis that makes its table. `tear_sheet` alone takes a history, and gives a figure of many.
"""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render
from opp_analytics.plots.tear_sheet import tear_sheet as tear_sheet


@drawing("unique_id", "check", "severity")
def audit(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the findings of `oa.audit` to fix: how many deals each check found and their value, the most money first, in blue.

    Hints (severity "info") are drawn where there is nothing else. To draw a part, pass those rows:
    ``plots.audit(findings[findings.severity == "error"])``.
    """
    return render(charts.audit(table), ax)


@drawing("weeks_before", "expected", "low", "high", "actual", "error")
def backtest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest`: forecast minus actual against the weeks left, the last period in blue, earlier ones in gray.

    Time runs to the right, to the end of the period. With `by`, the errors of all groups are added up.
    """
    return render(charts.backtest(table), ax)


@drawing("n", "wape", "bias", "interval_coverage")
def backtest_horizons(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_horizons`: how far forecasts missed, against the weeks left; in gray, how far too high or low in all.

    Time runs to the right, to the end of the period. Below each week is the share of the ranges that held.
    """
    return render(charts.backtest_horizons(table), ax)


@drawing("n", "wape", "bias", "interval_coverage", "behind", "differs")
def backtest_methods(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_methods`: how far each method missed, with bias and ranges held beside it; blue: the best, beyond chance.

    A table by days left is drawn as curves, the first method in blue.
    """
    return render(charts.backtest_methods(table), ax)


@drawing("n", "stated", "realized", "realized_low", "realized_high", "open_share", "won", "open")
def calibration(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.calibration`: the share won against the stated probability, with intervals and n.

    Points on the diagonal are accurate; points below it were stated too high.
    """
    return render(charts.calibration(table), ax)


@drawing("n", "wape", "bias", "bias_low", "bias_high", "model_wape")
def call_accuracy(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.call_accuracy`: the bias of each caller with its interval, blue where it is beyond chance; errors beside it."""
    return render(charts.call_accuracy(table), ax)


@drawing("count", "value")
def category_moves(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.category_moves`: a bar of shares of money per category at the start, cut by what became of it."""
    return render(charts.category_moves(table), ax)


@drawing("pushes", "days_pushed")
def close_date_moves(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.close_date_moves`: deals by number of pushes, with the median days pushed above each bar."""
    return render(charts.close_date_moves(table), ax)


@drawing("seen_at", "operation", "field", "before", "after", made_by="history.deal")
def deal(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `history.deal`: stage, value and close date of a deal over time, each change where it was seen."""
    return render(charts.deal(table), ax)


@drawing("name", "value", "risk", "reasons")
def deal_flags(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.deal_flags`: the fifteen largest flagged deals with their reasons; those with several flags are blue."""
    return render(charts.deal_flags(table), ax)


@drawing(
    "booked", "open_count", "open_value", "weighted_open", "new_business", "expected", "low", "median",
    "high", "target", "p_target", "gap", "pipeline_coverage", "to_date",
)  # fmt: skip
def forecast(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast`: booked and expected money by period, the range, and the target; with `by`, the groups of one period.

    Time is uniform, from nine periods before the current one to nine after it. Overdue and unscheduled deals are due in
    no period: the caption counts them.
    """
    return render(charts.forecast(table), ax)


@drawing("closed", "commit", "best_case", "pipeline", "omitted", "commit_total", "best_case_total", "to_date")
def forecast_categories(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_categories`: a bar per period from the current one on; with `by`, a bar per group of that period."""
    return render(charts.forecast_categories(table), ax)


@drawing("expected", "value", "deals", "largest")
def forecast_change(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_change`: the steps from the forecast then to the forecast now; with `by`, each group's ups and downs."""
    return render(charts.forecast_change(table), ax)


@drawing("period", "value", "chance", "variance_share", "p_if_won", "p_if_lost", "swing")
def forecast_deals(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_deals`: the twelve deals that matter most for the target (or, without one, for the range).

    With a target, the bar runs from P(target) if the deal is lost to P(target) if it is won. Without one, it is the
    deal's share of the period's variance.
    """
    return render(charts.forecast_deals(table), ax)


@drawing("booked", "expected", "low", "high")
def forecast_fan(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_fan`: booked, expected and the range of one period, record by record.

    Time runs to the right. Once the period has ended, a horizontal line shows its actual bookings; a column ``target`` is
    drawn as one too.
    """
    return render(charts.forecast_fan(table), ax)


@drawing("n", "wape", "bias", "error_ratio", "ratio_low", "ratio_high", "differs", "better")
def forecast_value_added(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_value_added`: the error of each source over the model's, with its interval; blue where beyond chance.

    With `by`, the calls of each group.
    """
    return render(charts.forecast_value_added(table), ax)


@drawing("unique_id", "name", "movement", "value")
def movements(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.movements`: the twenty deals that moved the open pipeline most, with all that happened to each.

    A deal that came and left again changed nothing: its movements add up.
    """
    return render(charts.movements(table), ax)


@drawing("booked", "actual", "booked_share", "to_date")
def pacing(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.pacing`: closed money against the days left, the current period in blue; without `by_day`, a bar per period.

    Earlier periods run on to their end. With `by`, the money of all groups is added up, or each has its bars.
    """
    return render(charts.pacing(table), ax)


@drawing("deals", "value", "open_value")
def pipeline_created(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.pipeline_created`: the value created by period as bars (with `by`, stacked), the open value as a line."""
    return render(charts.pipeline_created(table), ax)


@drawing("won", "rate", "rate_low", "rate_high", "differs", "days_to_win", "slip_rate", "forecast_bias", "n")
def scorecard(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.scorecard`: win rates with intervals, highest first, blue where beyond chance; the other scores beside them."""
    return render(charts.scorecard(table), ax)


@drawing("count", "value", "count_rate", "value_rate")
def slippage(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.slippage`: a ladder of value by outcome; with `by`, one bar of shares per group."""
    return render(charts.slippage(table), ax)


@drawing("entries", "advanced", "still", "back", "lost", "removed", "conversion", "median_days")
def stage_flow(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.stage_flow`: a bar of entries per stage, cut by their outcome, with conversion and median days."""
    return render(charts.stage_flow(table), ax)


@drawing("open_count", "open_value", "reached_low", "reached_high")
def stage_funnel(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.stage_funnel`: a bar of open value per stage, with its open deals."""
    return render(charts.stage_funnel(table), ax)


@drawing("days", "days_of_won")
def time_to_win(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.time_to_win`: the days until each share of the wins, one row per group."""
    return render(charts.time_to_win(table), ax)


@drawing("unique_id", "from_stage", "to_stage", "days_in_stage")
def transitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.transitions` as a matrix: how many steps went from each stage to each other one."""
    return render(charts.transitions(table), ax)


@drawing("velocity", "open_count", "won", "lost", "win_rate", "mean_won_value", "mean_days_to_win")
def velocity(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.velocity`: money per day of each group, with the four factors beside the bar."""
    return render(charts.velocity(table), ax)


@drawing("count", "value", "deals")
def waterfall(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.waterfall`: the steps from the opening pipeline to the closing one; with `by`, each group's ins and outs."""
    return render(charts.waterfall(table), ax)


@drawing("won", "lost", "rate", "rate_low", "rate_high")
def win_rate(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate`: a point with its interval and n for each row, highest first; over time where the rows are periods."""
    return render(charts.win_rate(table), ax)


@drawing("created", "won", "rate", "rate_low", "rate_high", "open_share")
def win_rate_cohorts(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_cohorts`: the share of each cohort that was won, and still open, at the same age."""
    return render(charts.win_rate_cohorts(table), ax)


@drawing("at_risk", "won_share", "lost_share", "disqualified_share", "won_low", "won_high")
def win_rate_curve(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_curve`: share won (with its interval) and lost by age; with `by`, one curve per group.

    The ticks show the age and the deals still open at it. If there are more than six groups, only the six with the most
    deals are drawn, and the caption says so.
    """
    return render(charts.win_rate_curve(table), ax)


@drawing("rate", "rate_low", "rate_high", "n", "misleads_when")
def win_rate_definitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_definitions`: the rate of each definition with its interval and n, and when it misleads."""
    return render(charts.win_rate_definitions(table), ax)


DRAWINGS = sorted(name for name, drawn in globals().items() if hasattr(drawn, "__wrapped__"))
"""Names of the drawings of one table."""
__all__ = sorted([*DRAWINGS, tear_sheet.__name__])
