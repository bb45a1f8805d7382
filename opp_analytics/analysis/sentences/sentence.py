"""`sentence`: the finding of a result table in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from opp_analytics import arguments
from opp_analytics.analysis.sentences import calls, forecasts, movements, rates
from opp_analytics.errors import ArgumentTypeError
from opp_analytics.text import joined


class _Kind(NamedTuple):
    """A kind of result table, recognized by its columns."""

    function: str
    """Function that returns it."""
    columns: str
    """Columns that the table must have, between spaces."""
    describe: Callable[[pd.DataFrame], str]
    rows: str = ""
    """Labels that the last level of its index must have."""
    head: Callable[[pd.DataFrame], str] | None = None
    """First clause of the sentence, where more follows."""

    def fits(self, table: pd.DataFrame) -> bool:
        """Return True if the table is of this kind."""
        rows = set(table.index.get_level_values(-1)) if self.rows else set()
        return set(self.columns.split()) <= set(table.columns) and set(self.rows.split()) <= rows


# The first kind that fits is taken: one whose columns include those of another comes before it.
_KINDS = (
    _Kind("backtest", "lead actual error held", forecasts.describe_backtest),
    _Kind("score", "n wape bias coverage_80 differs", forecasts.describe_score),
    _Kind("call_accuracy", "wape over under moved", calls.describe_call_accuracy),
    _Kind("forecast_value_added", "wape error_ratio better differs", calls.describe_value_added),
    _Kind("calibration", "stated realized won open", forecasts.describe_calibration),
    _Kind(
        "forecast",
        "booked expected target p_target",
        forecasts.describe_forecast,
        head=lambda table: forecasts.say_forecast(table)[0],
    ),
    _Kind("forecast_fan", "weeks_before expected booked", forecasts.describe_forecast_fan),
    _Kind("forecast_deals", "p_if_won p_if_lost", forecasts.describe_forecast_deals),
    _Kind("deal_reasons", "chance points n won", forecasts.describe_deal_reasons),
    _Kind("pacing", "booked actual booked_share to_date", forecasts.describe_pacing),
    _Kind(
        "forecast_categories",
        "commit best_case commit_total to_date",
        forecasts.describe_categories,
    ),
    _Kind(
        "category_moves",
        "count value",
        forecasts.describe_category_moves,
        "won commit slipped removed",
    ),
    _Kind(
        "waterfall",
        "count value deals",
        movements.describe_waterfall,
        "opening closing",
        movements.head_waterfall,
    ),
    _Kind(
        "movements",
        "movement unique_id value",
        movements.describe_movements,
        head=movements.head_movements,
    ),
    _Kind("slippage", "count_rate value_rate", movements.describe_slippage),
    _Kind("close_date_moves", "pushes pulls days_pushed", movements.describe_close_date_moves),
    _Kind(
        "history.deal",
        "operation field before after",
        movements.describe_deal,
        head=movements.head_deal,
    ),
    _Kind(
        "pipeline_created",
        "deals open_count open_value to_date",
        movements.describe_pipeline_created,
    ),
    _Kind("world_changes", "direction was now alarm", movements.describe_world_changes),
    _Kind(
        "forecast_change",
        "expected deals largest up_most down_most",
        movements.describe_forecast_change,
        "then now",
        movements.head_forecast_change,
    ),
    _Kind("stage_funnel", "open_value reached_low reached_high", movements.describe_stage_funnel),
    _Kind("stage_flow", "entries advanced still", movements.describe_stage_flow),
    _Kind(
        "transitions", "from_stage to_stage days_in_stage backward", movements.describe_transitions
    ),
    _Kind("scorecard", "rate differs slip_rate forecast_bias", rates.describe_scorecard),
    _Kind("audit", "unique_id check severity", rates.describe_audit),
    _Kind("audit_summary", "severity deals value", rates.describe_audit_summary),
    _Kind("deal_flags", "risk reasons", rates.describe_flags),
    _Kind("win_rate_cohorts", "created won open_share", rates.describe_win_rate_cohorts),
    _Kind("win_rate", "won lost rate rate_low rate_high", rates.describe_win_rate),
    _Kind("win_rate_curve", "at_risk won_share", rates.describe_win_rate_curve),
    _Kind("time_to_win", "days_of_won", rates.describe_time_to_win),
    _Kind("velocity", "velocity won lost", rates.describe_velocity),
)


def sentence(table: pd.DataFrame) -> str:
    """Describe the finding of a result table in one sentence.

    Parameters
    ----------
    table : DataFrame
        Result of a forecast, rate, stage or movement analysis or of `audit` or `deal_flags`, or
        some of its rows. A waterfall needs its rows opening and closing, a change of forecast then
        and now. For a forecast the sentence covers the current period, or the first one.

    Returns
    -------
    str
        One sentence, with money and percent formatted as in charts and reports.

    Raises
    ------
    ArgumentTypeError
        When the table is not a result of these functions.

    Examples
    --------
    >>> from opp_analytics.analysis.movement.waterfall import waterfall
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a"],
    ...         "seen_at": ["2026-01-05", "2026-01-12", "2026-01-12"],
    ...         "value": [100.0, 50.0, 120.0],
    ...         "stage": ["proposal", "discovery", "closed_won"],
    ...     }
    ... )
    >>> sentence(waterfall(History.from_changes(log), start="2026-01-05", end="2026-01-12"))
    'Pipeline went from 100 (1 deal) to 50 (1 deal): added 50 (1), raised 20 (1), won 120 (1).'
    """
    return f"{_recognize(table).describe(table).removesuffix('.')}."


def heading(table: pd.DataFrame) -> str:
    """Title a chart of a result table: its head, else its sentence's first clause.

    The title has no full stop.
    """
    kind = _recognize(table)
    return (
        kind.head(table) if kind.head else kind.describe(table).partition("; ")[0]
    ).removesuffix(".")


def _recognize(table: pd.DataFrame) -> _Kind:
    """Find the function that returned a table, by its columns."""
    arguments.refuse_foreign(table, "table")
    got = f"a {type(table).__name__}"
    if isinstance(table, pd.DataFrame):
        for kind in _KINDS:
            if kind.fits(table):
                return kind
        got = f"one with the columns {joined(table.columns, most=8)}"
    functions = joined([kind.function for kind in _KINDS], last="or")
    raise ArgumentTypeError(f"sentence needs a table from {functions}, not {got}")
