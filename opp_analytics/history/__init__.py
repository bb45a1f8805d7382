"""The store of observed changes and the only place that runs queries over them.

`History` is the whole of it; `read_changes` reads a foreign change log from a CSV file.
"""

from opp_analytics.history.core import History, Recorded
from opp_analytics.history.coverage import coverage
from opp_analytics.history.imports import read_changes

__all__ = [
    "History",
    "Recorded",
    "coverage",
    "read_changes",
]
