"""Edits on their way to the server: plan from two frames, review, then apply.

Apply gives a receipt for every change.
"""

import inspect

from opp_analytics.writer.apply.apply import Receipt, RunStopped, apply, check_plan, resume, undo
from opp_analytics.writer.cells import (
    KINDS,
    find_problem,
    normalize,
    normalize_or_keep,
    read_typed,
    replace_cells,
    same,
)
from opp_analytics.writer.journal import own_writes, runs
from opp_analytics.writer.plan.display import Words
from opp_analytics.writer.plan.plan import Plan, plan
from opp_analytics.writer.steps import OUTCOMES
from opp_analytics.writer.to_csv import read_csv, to_csv, write_guarded
from opp_analytics.writer.to_excel import read_excel, to_excel

__all__ = sorted(
    name for name, what in globals().items() if name[0] != "_" and not inspect.ismodule(what)
)
