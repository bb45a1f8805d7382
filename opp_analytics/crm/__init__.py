"""Exports and field histories of other CRMs.

Each CRM has its own columns, stages, and formats of numbers and dates.
"""

from opp_analytics.crm.change_log import (
    ChangeLog,
    match_ids,
    read_changes,
    refuse_other_deals,
)
from opp_analytics.crm.draft_from_export import (
    Drafted,
    OpenQuestion,
    draft_from_export,
    read_org_text,
)
from opp_analytics.crm.find_shape import LOGS, Recognized, guess_org, recognize
from opp_analytics.crm.guess_columns import Guess, guess_columns
from opp_analytics.crm.mapping import CLOSED_AT, FLAGS, USED_UP, Reading, name_columns
from opp_analytics.crm.read_export import explain_export, read_export
from opp_analytics.crm.values import CATEGORIES, FRACTIONS, STATUSES
