"""What keeps a plan from being sent, before the first request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import text
from opp_analytics.errors import PlanError
from opp_analytics.writer.plan.plan import Plan
from opp_analytics.writer.plan.summary import PERMISSIONS, list_problems, needing
from opp_analytics.writer.plan.words import PYTHON, Words

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["check_plan"]


def check_plan(
    plan: Plan, client: Client, *, clear_nulls: bool, allow_delete: bool, words: Words = PYTHON
) -> None:
    """Refuse a plan that `apply` would not send.

    Parameters
    ----------
    plan, client, clear_nulls, allow_delete
        As in `apply`.
    words : Words
        The reader's words for options and lists.

    Raises
    ------
    PlanError
        If the plan has problems, needs a permission that was not given, or was made for another API or tenant.
    """
    _check_origin(plan, client)
    if len(plan.problems):
        found = text.count(len(plan.problems), "problem")
        listed = list_problems(plan.problems, plan.before, words)
        raise PlanError(f"the plan has {found} to fix first:\n{listed}")
    given = {"clear_nulls": clear_nulls, "allow_delete": allow_delete}
    for option in plan.needs:
        if not given[option]:
            raise PlanError(_refusal(option, needing(option, plan.changes), words))
    per_id = plan.changes.dropna(subset="unique_id").groupby("unique_id")["operation"].agg(frozenset)
    torn = [i for i, operations in per_id.items() if "delete" in operations and len(operations) > 1]
    if torn:
        raise PlanError(f"opportunity {torn[0]!r} is both deleted and changed; drop one of the two")


def _check_origin(plan: Plan, client: Client) -> None:
    settings = client.settings
    if plan.url not in (None, settings.url):
        raise PlanError(
            f"this plan was made for {plan.url}, but the client uses {settings.url}; apply it with the settings it was "
            "made with, or plan again from a load of this server"
        )
    if plan.tenant not in (None, settings.tenant):
        raise PlanError(
            f"this plan was made for another tenant of {settings.url}; apply it with the key it was made with, or plan "
            "again from a load of this tenant"
        )


def _refusal(option: str, asked: pd.DataFrame, words: Words) -> str:
    first, asks = asked.iloc[0], text.count(len(asked), PERMISSIONS[option])
    deal = f"{first['unique_id']!r}" + (f" ({first['name']})" if pd.notna(first["name"]) else "")
    allow = f"pass {words.option(option)} to allow it"
    if option == "clear_nulls":
        return f"{asks} would be cleared, such as {first['field']} of {deal}; {allow}, or fill them in"
    return (
        f"{asks} would be deleted, such as {deal}; {allow}. If only rows are missing from the edited frame, put them "
        "back, or start from the opportunities that were edited, and plan again"
    )
