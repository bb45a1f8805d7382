"""Edits back to the server: a plan from two frames, looked at first, then applied with a receipt for every change."""

from opp_analytics.writer.applying import apply, check
from opp_analytics.writer.cells import complaint, held, same, shown
from opp_analytics.writer.ledger import own_writes, runs
from opp_analytics.writer.planning import plan
from opp_analytics.writer.plans import Plan
from opp_analytics.writer.receipts import Receipt
from opp_analytics.writer.results import OUTCOMES
from opp_analytics.writer.resuming import resume, undo
from opp_analytics.writer.showing import count
from opp_analytics.writer.spreadsheet import to_csv, to_excel
from opp_analytics.writer.spreadsheet_reading import read_csv, read_excel
from opp_analytics.writer.typed import typed

__all__ = [
    "OUTCOMES",
    "Plan",
    "Receipt",
    "apply",
    "check",
    "complaint",
    "count",
    "held",
    "own_writes",
    "plan",
    "read_csv",
    "read_excel",
    "resume",
    "runs",
    "same",
    "shown",
    "to_csv",
    "to_excel",
    "typed",
    "undo",
]
