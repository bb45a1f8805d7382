"""Sentences for stages."""

from __future__ import annotations

import pandas as pd

from opp_analytics.analysis.sentences import evidence
from opp_analytics.analysis.stats.comparisons import mark_differences
from opp_analytics.org import money_of
from opp_analytics.text import capital, count, days, joined, label, number, percent


def describe_stage_flow(table: pd.DataFrame) -> str:
    """Name the stages that lose a larger share of their deals than the others, beyond chance."""
    summed = table.groupby(level="stage", sort=False)[["entries", "advanced", "still"]].sum()
    summed["left"] = summed["entries"] - summed["still"]
    known = summed[summed["left"] > 0]
    if known.empty:
        return "No stay in a stage has ended yet."
    left, advanced = int(known["left"].sum()), int(known["advanced"].sum())
    if not advanced:
        return (
            f"No move to a later stage was recorded{_name_span(table)}: {count(left)} left a stage otherwise."
        )
    if not evidence.is_enough(left):
        return evidence.say_few(f"{number(advanced)} of {count(left)} that left a stage moved on")
    share = percent(advanced / left)
    if len(known) == 1:
        return f"{capital(label(known.index[0]))}: {share} of the {count(left)} that left it moved on."
    differs = mark_differences(known["advanced"], known["left"])
    low = known[differs & (known["advanced"] / known["left"] < advanced / left).to_numpy()]
    if low.empty:
        return f"No stage loses more than the others beyond chance: {share} of the {count(left)} that left one moved on."
    many = len(low) > 1
    names, n = joined([label(stage) for stage in low.index], most=3), int(low["left"].sum())
    return (
        f"Beyond chance, {names} {'lose' if many else 'loses'} more than the others: {percent(low['advanced'].sum() / n)} of "
        f"the {count(n)} that left {'them' if many else 'it'} moved on, against {share} over all stages."
    )


def _name_span(table: pd.DataFrame) -> str:
    first, last = table.attrs.get("opening_at"), table.attrs.get("closing_at")
    return f" from {days(first, last)}" if first and last else ""


def describe_transitions(table: pd.DataFrame) -> str:
    """Count stage changes and those that went backward."""
    steps = table[table["from_stage"].notna()]
    if steps.empty:
        return "No deal has changed its stage yet."
    back = int(steps["backward"].sum())
    made = count(len(steps), "stage change")
    return f"{count(table['unique_id'].nunique())} made {made}, {number(back)} of them backward."


def describe_stage_funnel(table: pd.DataFrame) -> str:
    """Name the stage with the most open value."""
    summed = table["open_value"].groupby(level="stage", observed=True, sort=False).sum()
    whole, deals = summed.sum(), int(table["open_count"].sum())
    if not summed.any():
        return (
            f"{count(deals, 'open deal')}, none of them with a value." if deals else "There is no open deal."
        )
    (first, *others), share = evidence.find_largest(summed)
    if not share:
        return f"The open pipeline is {money_of(table)(whole)} in {count(deals)}."
    where = joined([label(stage) for stage in (first, *others)], most=3)
    each = " each" if others else ""
    return f"Of {money_of(table)(whole)} in the open pipeline, {share}{each} is in {where}."
