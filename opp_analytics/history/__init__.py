"""The history of a pipeline: recorded changes, and the queries over them."""

from opp_analytics.history.coverage import coverage
from opp_analytics.history.engine import ibis, latest, missing
from opp_analytics.history.from_changes import tell_problems
from opp_analytics.history.history import (
    History,
    add_rest,
    find_rest,
    hold,
    holds,
    holds_part,
    list_owners,
    whole_of,
)
from opp_analytics.history.rows import DELETED, MOVED, TRANSFERRED, TRANSFERRED_IN
from opp_analytics.history.scope import label_of
from opp_analytics.history.store import Memory, Recorded
