"""The history of a pipeline: recorded changes, and the queries over them.

`read_changes` reads a change log from a CSV file.
"""

from opp_analytics.history.coverage import coverage
from opp_analytics.history.entries import Recorded
from opp_analytics.history.history import History
from opp_analytics.history.read_changes import read_changes
from opp_analytics.history.rows import DELETED

__all__ = [
    "DELETED",
    "History",
    "Recorded",
    "coverage",
    "read_changes",
]
