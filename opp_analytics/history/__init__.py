"""The store of observed changes and the only place that runs queries over them.

`read_changes` reads a change log made elsewhere from a CSV file.
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
