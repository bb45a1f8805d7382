"""What was worked by hand about a world, and rules that every answer must keep."""

from __future__ import annotations

from tests.surfaces.answers import Answers
from tests.surfaces.facts import Ledger
from tests.surfaces.shown import Shown

__all__ = ["check_truth"]


def check_truth(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare the functions with what was worked by hand, and with the rules."""
    truth = answers.world.truth
    for column, value in truth.items():
        if column in answers.forecast:
            ledger.near(f"oa.forecast, {column}, by hand", float(answers.current[column]), value)
    for category in {"commit", "best_case"} & set(truth):
        said = float(answers.categories.loc[answers.world.period, category])
        ledger.near(f"oa.forecast_categories, {category}, by hand", said, truth[category])
    for flag in ("moved_back", "value_cut"):
        if flag in truth:
            ledger.near(
                f"oa.deal_flags, {flag}, by hand", float(answers.flags[flag].sum()), truth[flag]
            )
