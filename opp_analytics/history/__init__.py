"""The history of a pipeline: recorded changes, and the queries over them.

`read_changes` reads a change log from a CSV file.
"""

from opp_analytics.history.coverage import coverage
from opp_analytics.history.engine import missing
from opp_analytics.history.entries import Recorded
from opp_analytics.history.history import History
from opp_analytics.history.read_changes import read_changes
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
    "missing",
    "read_changes",
]
