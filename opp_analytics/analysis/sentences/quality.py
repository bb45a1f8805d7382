"""Sentences for audits, flags and scorecards."""

from __future__ import annotations

import pandas as pd

from opp_analytics.analysis.sentences import evidence
from opp_analytics.analysis.sentences.rates import say_apart
from opp_analytics.org import money_of
from opp_analytics.text import count, joined, label, number


def describe_audit(table: pd.DataFrame) -> str:
    """Count the findings and name the most frequent check."""
    if table.empty:
        return "The audit found nothing."
    errors = int((table["severity"] == "error").sum())
    most = table["check"].value_counts()
    (first, *others), _ = evidence.find_largest(most)
    found = f"{count(len(table), 'finding')} in {count(table['unique_id'].nunique())}, {number(errors)} of them errors"
    each = " each" if others else ""
    names = joined([label(check) for check in (first, *others)], most=3)
    return f"{found}; most often {names} ({number(most.max())}{each})."


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
    return f"{head_flags(table)}. {'The largest: ' if len(flagged) > 1 else ''}{name}, {first['reasons']}."


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
    # An amount below 0 leaves no whole that the flagged ones are a part of.
    worth = (
        f", {money(flagged['value'].sum())} of {money(table['value'].sum())}"
        if not (table["value"] < 0).any()
        else ""
    )
    return f"{number(len(flagged))} of {count(len(table), 'open deal')} {have} a flag{worth}: {joined(most, most=3)}"


def describe_scorecard(table: pd.DataFrame) -> str:
    """Name the groups whose win rate differs beyond chance, the largest difference first."""
    known = table[table["n"] > 0]
    return "Nobody closed a deal." if known.empty else say_apart(known)
