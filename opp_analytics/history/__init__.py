"""The history of a pipeline: recorded changes, and the queries over them."""

from opp_analytics.history.coverage import coverage
from opp_analytics.history.engine import latest, missing
from opp_analytics.history.entries import Recorded
from opp_analytics.history.history import History
from opp_analytics.history.rows import DELETED, TRANSFERRED, TRANSFERRED_IN
from opp_analytics.history.scope import label_of

__all__ = [
    "DELETED",
    "TRANSFERRED",
    "TRANSFERRED_IN",
    "History",
    "Recorded",
    "coverage",
    "label_of",
    "latest",
    "missing",
]
