"""Short summary of a plan: its changes, the money they move, and notes to read before sending."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opp_analytics import org, schema, text
from opp_analytics.writer.plan.cells import quote_cell
from opp_analytics.writer.plan.steps import Step
from opp_analytics.writer.plan.words import Words

__all__ = ["PERMISSIONS", "Deal", "deals_of", "list_problems", "needing", "overview"]

PERMISSIONS = {"clear_nulls": "cell", "allow_delete": "opportunity"}
"""Options that `apply` needs for some changes, and the noun each counts."""
_NOUNS = {"create": "create", "update": "update", "delete": "delete", "recover": "recovery"}
_LISTED = 10


@dataclass(frozen=True)
class Deal:
    """One opportunity that a plan touches."""

    step: Step
    name: str
    value_before: float
    value_after: float
    """Money; a missing value counts as 0. Unknown for a recovered opportunity."""
    org: org.Org
    """What its stages mean, and its currency."""

    @property
    def change(self) -> float:
        """Change in the deal's value."""
        return self.value_after - self.value_before

    @property
    def money(self) -> float:
        """Size of the change in value, or the deal's value if it does not change."""
        return abs(self.change) or abs(self.value_before)


def deals_of(steps: Iterable[Step], names: list[Any], before: pd.DataFrame) -> list[Deal]:
    """The opportunities that a plan touches, most money moved first.

    Parameters
    ----------
    steps : iterable of Step
        The plan's steps.
    names : list
        The name of each change, in the plan's order.
    before : DataFrame
        The opportunities that the plan was made from.
    """
    values = dict(zip(before["unique_id"], before["value"], strict=True)) if "value" in before else {}
    deals, meaning = [], org.Org.of(before)
    for step in steps:
        name = names[step.cells[0].at]
        known = values.get(step.unique_id) if step.operation in ("update", "delete") else None
        was = 0.0 if schema.is_blank(known) else float(known)  # type: ignore[arg-type]
        now = 0.0 if step.operation == "delete" else float(step.fields.get("value", was) or 0.0)
        deals.append(Deal(step, str(step.unique_id if schema.is_blank(name) else name), was, now, meaning))
    return sorted(deals, key=lambda deal: -deal.money)


def needing(option: str, changes: pd.DataFrame) -> pd.DataFrame:
    """Changes that `apply` refuses without `option`."""
    if option == "allow_delete":
        return changes[changes["operation"] == "delete"]
    return changes[(changes["operation"] == "update") & changes["after"].isna()]


def overview(deals: list[Deal], changes: pd.DataFrame, conflicts: pd.DataFrame, words: Words) -> str:
    """The plan without its problems."""
    lines = [_headline(deals)]
    # The value of a recovered opportunity is in the trash, not in the plan.
    valued = [deal for deal in deals if deal.step.operation != "recover"]
    if valued:
        currency = valued[0].org.currency
        was, now = sum(deal.value_before for deal in valued), sum(deal.value_after for deal in valued)
        before, after = (text.money(value, currency, full=True) for value in (was, now))
        change = text.money(now - was, currency, full=True, signed=True)
        lines.append(f"value of these deals: {before}" + (f" → {after} ({change})" if now != was else ""))
    lines += _notes(deals)
    for option, noun in PERMISSIONS.items():
        asked = len(needing(option, changes))
        if asked:
            done = "cleared" if option == "clear_nulls" else "deleted"
            lines.append(f"{text.count(asked, noun)} {done}: needs {words.option(option)}")
    already = int((changes["status"] == "already").sum())
    if already:
        lines.append(f"{text.count(already, 'change')} already on the server")
    if len(conflicts):
        lines.append(
            f"{text.count(len(conflicts), 'cell')} in conflict "
            f"({', '.join(sorted(set(conflicts['reason'])))}), {words.more_conflicts}"
        )
    return "\n".join(lines)


def _headline(deals: list[Deal]) -> str:
    parts = []
    for operation, noun in _NOUNS.items():
        steps = [deal.step for deal in deals if deal.step.operation == operation]
        cells = sum(len(step.fields) for step in steps)
        if steps:
            parts.append(text.count(len(steps), noun) + (f" ({text.count(cells, 'cell')})" if cells else ""))
    return ", ".join(parts) or "no changes"


def _notes(deals: list[Deal]) -> list[str]:
    """Warnings that do not block a plan: closed deals, disqualified deals, negative values."""
    out = [
        all(
            org.outcome_of(known, deal.org) == "disqualified"
            for known in (deal.step.base, deal.step.base | deal.step.fields)
        )
        for deal in deals
        if deal.step.operation == "update"
    ]
    closed = sum(org.is_closed(deal.step.base, deal.org) for deal in deals)
    below = sum((deal.step.fields.get("value") or 0) < 0 for deal in deals)
    return [
        *([f"{text.count(closed)} already won or lost"] if closed else []),
        *([f"{text.count(sum(out), 'disqualified deal')}, in no forecast"] if any(out) else []),
        *([f"{text.count(below, 'value')} below zero"] if below else []),
    ]


def list_problems(problems: pd.DataFrame, before: pd.DataFrame, words: Words) -> str:
    """The first problems, a line each."""
    names = dict(zip(before["unique_id"], before["name"], strict=True)) if "name" in before else {}
    lines = []
    for row, unique_id, column, value, problem, way_out in problems.head(_LISTED).itertuples(index=False):
        where = "every row" if row is None else f"row {row}"
        name = f" {names[unique_id]}" if pd.notna(names.get(unique_id)) else ""
        deal = f" ({unique_id}{name})" if pd.notna(unique_id) else ""
        cell = "" if schema.is_blank(value) else f"={quote_cell(value)}"
        lines.append(f"  {where}{deal}: {column}{cell} {problem}; {way_out}")
    if len(problems) > _LISTED:
        lines.append(f"  … and {text.number(len(problems) - _LISTED)} more, {words.more_problems}")
    return "\n".join(lines)
