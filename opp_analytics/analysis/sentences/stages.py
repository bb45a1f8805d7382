"""Sentences for stages."""

from __future__ import annotations

import pandas as pd

from opp_analytics.org import money_of
from opp_analytics.text import capital, count, label, number, percent


def describe_stage_flow(table: pd.DataFrame) -> str:
    """Name the stage that loses the largest share of its deals."""
    summed = table.groupby(level="stage", sort=False)[["entries", "advanced", "still"]].sum()
    ended = summed["entries"] - summed["still"]
    rates = (summed["advanced"] / ended)[ended > 0]
    if rates.empty:
        return "No stay in a stage has ended yet."
    worst = int(rates.to_numpy().argmin())
    name, share = label(rates.index[worst]), percent(float(rates.min()))
    if len(rates) > 1 and rates.eq(rates.iloc[0]).all():
        return f"{share} of deals move on from each stage."
    left = int(ended[ended > 0].iloc[worst])
    went = (
        f"{share} of the {count(left)} that left it moved on"
        if left > 1
        else f"the one deal that left it {'moved' if share == '100%' else 'did not move'} on"
    )
    return f"{capital(name)}{' loses the most' if len(rates) > 1 else ''}: {went}."


def describe_transitions(table: pd.DataFrame) -> str:
    """Count stage changes and those that went backward."""
    steps = table[table["from_stage"].notna()]
    if steps.empty:
        return "No deal has changed its stage yet."
    back = int((steps["to_stage"].cat.codes < steps["from_stage"].cat.codes).sum())
    made = count(len(steps), "stage change")
    return f"{count(table['unique_id'].nunique())} made {made}, {number(back)} of them backward."


def describe_stage_funnel(table: pd.DataFrame) -> str:
    """Name the stage with the most open value."""
    summed = table["open_value"].groupby(level="stage", observed=True, sort=False).sum()
    whole, deals = summed.sum(), int(table["open_count"].sum())
    if not whole:
        return (
            f"{count(deals, 'open deal')}, none of them with a value." if deals else "There is no open deal."
        )
    share = percent(summed.max() / whole)
    return f"Of {money_of(table)(abs(whole))} in the open pipeline, {share} is in {label(summed.idxmax())}."
