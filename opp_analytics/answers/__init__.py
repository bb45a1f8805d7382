"""Each question that people ask of a pipeline, answered once for every surface."""

from opp_analytics.answers import forecasts, tables
from opp_analytics.answers.context import Context, Part, check_for_each, read_context
from opp_analytics.answers.tables import CLOSED_AS, DueDeals
