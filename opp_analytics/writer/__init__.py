"""Write edits to the server: plan from two frames, review, then apply with a receipt for every change."""

from opp_analytics.writer.apply.apply import Receipt, RunStopped, apply, check_plan, resume, undo
from opp_analytics.writer.cells import find_problem, normalize, normalize_or_keep, same
from opp_analytics.writer.journal import own_writes, runs
from opp_analytics.writer.plan.display import Words
from opp_analytics.writer.plan.plan import RUN_RATE_LIMIT, Plan, plan
from opp_analytics.writer.steps import OUTCOMES
from opp_analytics.writer.to_csv import guard_formula, read_csv, to_csv
from opp_analytics.writer.to_excel import read_excel, to_excel

__all__ = [
    "OUTCOMES",
    "RUN_RATE_LIMIT",
    "Plan",
    "Receipt",
    "RunStopped",
    "Words",
    "apply",
    "check_plan",
    "find_problem",
    "guard_formula",
    "normalize",
    "normalize_or_keep",
    "own_writes",
    "plan",
    "read_csv",
    "read_excel",
    "resume",
    "runs",
    "same",
    "to_csv",
    "to_excel",
    "undo",
]
