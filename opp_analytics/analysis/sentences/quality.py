"""Sentences for audits, flags and scorecards."""

from __future__ import annotations

import pandas as pd

from opp_analytics.org import money_of
from opp_analytics.text import count, group_label, join_key, joined, label, number, percent, spelled


def describe_audit(table: pd.DataFrame) -> str:
    """Count the findings and name the most frequent check."""
    if table.empty:
        return "The audit found nothing."
    errors = int((table["severity"] == "error").sum())
    most = table["check"].value_counts()
    found = f"{count(len(table), 'finding')} in {count(table['unique_id'].nunique())}, {number(errors)} of them errors"
    return f"{found}; most are {label(most.index[0])} ({number(most.iloc[0])})."


def describe_audit_summary(table: pd.DataFrame) -> str:
    """Name the finding that touches most money: fix it first."""
    if table.empty:
        return "No data to fix."
    first = table.sort_values(["value", "deals"], ascending=False, kind="stable").iloc[0]
    worth = f"{money_of(table)(first['value'])} in " if first["value"] > 0 else ""
    return f"Fix first: {label(first.name)}, {worth}{count(int(first['deals']))}."


def describe_flags(table: pd.DataFrame) -> str:
    """Count the flagged deals and name the largest."""
    flagged = table[table["risk"] > 0]
    if flagged.empty:
        return f"{head_flags(table)}."
    first = flagged.iloc[0]
    name = flagged.index[0] if pd.isna(first["name"]) else first["name"]
    return f"{head_flags(table)}. The largest: {name}, {first['reasons']}."


def head_flags(table: pd.DataFrame) -> str:
    """Count the flagged deals and name the most frequent flags."""
    if table.empty:
        return "There is no open deal"
    flagged = table[table["risk"] > 0]
    if flagged.empty:
        return f"None of {count(len(table), 'open deal')} has a flag"
    money = money_of(table)
    flags = table.select_dtypes("boolean").sum().sort_values(ascending=False, kind="stable")
    most = [f"{label(name)} ({number(n)})" for name, n in flags.items() if n]
    have = "has" if len(flagged) == 1 else "have"
    return (
        f"{number(len(flagged))} of {count(len(table), 'open deal')} {have} a flag, "
        f"{money(abs(flagged['value'].sum()))} of {money(abs(table['value'].sum()))}: {joined(most, most=3)}"
    )


def describe_scorecard(table: pd.DataFrame) -> str:
    """Name the groups whose win rate differs beyond chance, the largest difference first."""
    known = table[table["n"] > 0]
    if known.empty:
        return "Nobody closed a deal."
    whole = known["won"].sum() / known["n"].sum()
    order = (known["rate"] - whole).abs().sort_values(ascending=False, kind="stable").index
    apart = known.loc[order][known.loc[order, "differs"].to_numpy(dtype=bool)]
    what = joined([group_label(name) for name in table.index.names])
    if apart.empty:
        return f"No {what}’s win rate differs from the overall {percent(whole)} beyond chance ({count(int(known['n'].sum()), 'closed deal')})."
    said = [f"{join_key(key)} wins {percent(rate)}" for key, rate in apart["rate"].items()]
    rest = len(known) - len(apart)
    others = f"; the other {spelled(rest)} are too close to tell apart" if rest > 1 else ""
    return f"Beyond chance: {joined(said, most=3)}, against {percent(whole)} overall{others}."
