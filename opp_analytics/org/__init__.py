"""The organization: its stages, and the rule that gives a deal's outcome from stage and status."""

from opp_analytics.org.currency import currency
from opp_analytics.org.frame import conform, empty, require, stage_dtype, status_dtype
from opp_analytics.org.outcomes import (
    CONFLICT,
    DISQUALIFIED,
    LOST,
    OPEN,
    OUTCOMES,
    WON,
    future_dated,
    is_closed,
    outcome_codes,
    outcome_expression,
    outcome_of,
    outcomes,
)
from opp_analytics.org.stages import STAGES, Stage, Stages

__all__ = [
    "CONFLICT",
    "DISQUALIFIED",
    "LOST",
    "OPEN",
    "OUTCOMES",
    "STAGES",
    "WON",
    "Stage",
    "Stages",
    "conform",
    "currency",
    "empty",
    "future_dated",
    "is_closed",
    "outcome_codes",
    "outcome_expression",
    "outcome_of",
    "outcomes",
    "require",
    "stage_dtype",
    "status_dtype",
]
