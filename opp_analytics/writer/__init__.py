"""Edits back to the server: a plan from two frames, looked at first, then applied with a receipt for every change."""

from opp_analytics.writer.applying import apply
from opp_analytics.writer.ledger import own_writes, runs
from opp_analytics.writer.planning import plan
from opp_analytics.writer.plans import Plan
from opp_analytics.writer.receipts import Receipt
from opp_analytics.writer.resuming import resume, undo
from opp_analytics.writer.spreadsheet import to_csv, to_excel
from opp_analytics.writer.spreadsheet_reading import read_csv, read_excel

__all__ = [
    "Plan",
    "Receipt",
    "apply",
    "own_writes",
    "plan",
    "read_csv",
    "read_excel",
    "resume",
    "runs",
    "to_csv",
    "to_excel",
    "undo",
]
