"""What an organization means by its data: stages, outcomes, calendar, currency, people and targets."""

from opp_analytics.org.agreement import agreed, checked_org
from opp_analytics.org.conformed import check_frame, conformed, status_dtype
from opp_analytics.org.file.draft import Draft, draft_org
from opp_analytics.org.file.found import FILE, found_org
from opp_analytics.org.file.likely import empty_columns
from opp_analytics.org.frame import PIPELINE, conform, empty, no_column, require, split_by, stage_dtype
from opp_analytics.org.known import check_stages, warn_unknown
from opp_analytics.org.links import record_link
from opp_analytics.org.money import Money, money_of
from opp_analytics.org.one_currency import CURRENCY, check_currency, refuse_currencies
from opp_analytics.org.org import DEFAULT, Org, org_of
from opp_analytics.org.outcome_rule import (
    CONFLICT,
    DISQUALIFIED,
    LOST,
    OPEN,
    OUTCOMES,
    UNKNOWN,
    WON,
    future_dated,
    outcome_codes_of,
)
from opp_analytics.org.outcomes import is_closed, outcome_codes, outcome_expression, outcome_of, outcomes
from opp_analytics.org.place_targets import org_of_targets, place_targets
from opp_analytics.org.presets import PRESETS
from opp_analytics.org.stages import STAGES, Stage, Stages

__all__ = [
    "CONFLICT",
    "CURRENCY",
    "DEFAULT",
    "DISQUALIFIED",
    "FILE",
    "LOST",
    "OPEN",
    "OUTCOMES",
    "PIPELINE",
    "PRESETS",
    "STAGES",
    "UNKNOWN",
    "WON",
    "Draft",
    "Money",
    "Org",
    "Stage",
    "Stages",
    "agreed",
    "check_currency",
    "check_frame",
    "check_stages",
    "checked_org",
    "conform",
    "conformed",
    "draft_org",
    "empty",
    "empty_columns",
    "found_org",
    "future_dated",
    "is_closed",
    "money_of",
    "no_column",
    "org_of",
    "org_of_targets",
    "outcome_codes",
    "outcome_codes_of",
    "outcome_expression",
    "outcome_of",
    "outcomes",
    "place_targets",
    "record_link",
    "refuse_currencies",
    "require",
    "split_by",
    "stage_dtype",
    "status_dtype",
    "warn_unknown",
]
