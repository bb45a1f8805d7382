"""Sentences for rates, curves and durations; scorecards, audits and flags."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis.quality.audit import audit_summary
from opp_analytics.analysis.sentences import evidence
from opp_analytics.arguments import refuse_groups
from opp_analytics.arrays import Series
from opp_analytics.columns import CHECKS, write_key
from opp_analytics.note import note_of
from opp_analytics.org import money_of


def describe_win_rate(table: pd.DataFrame) -> str:
    """State a win rate, compare the last two whole periods, or name groups.

    Groups are named where they differ beyond chance.
    """
    closed = table["won"] + table["lost"]
    known = table[closed > 0]
    if known.empty:
        return "No deal has closed yet."
    if table.index.name == "period":
        return _compare_periods(known)
    if len(known) > 1:
        return say_apart(known)
    row = known.iloc[0]
    won, n = int(row["won"]), int(closed.sum())
    if not evidence.is_enough(n):
        return evidence.say_few(f"Won {text.number(won)} of {text.count(n, 'closed deal')}")
    return (
        f"Won {text.percent(row['rate'])} of {text.count(n, 'closed deal')} "
        f"({_format_interval(row)})."
    )


def say_apart(known: pd.DataFrame) -> str:
    """Name the groups whose win rate differs beyond chance, the largest difference first."""
    n = int((known["won"] + known["lost"]).sum())
    if not evidence.is_enough(n):
        return evidence.say_few(text.spelled(n, "closed deal"))
    whole = text.percent(known["won"].sum() / n)
    named = [
        (write_key(known.index.names, key), text.percent(known["rate"][key]))
        for key in evidence.list_apart(known)
    ]
    if not named:
        return f"No win rate stands out from the overall {whole}."
    names = text.joined(map(" ".join, named), most=3)
    return f"Win rates beyond chance: {names} ({whole} overall)."


def _compare_periods(known: pd.DataFrame) -> str:
    """Compare the last two whole periods.

    Without one, state the rate of the days that are known.
    """
    cuts = [evidence.cut_period(str(name), known) for name in known.index]
    is_whole = np.array([cut is None for cut in cuts])
    if "to_date" in known:
        is_whole &= ~known["to_date"].to_numpy(dtype=bool)
    whole = known[is_whole]
    pair, freq = (whole if len(whole) else known).tail(2), note_of(known).freq
    before, last = pair.iloc[0], pair.iloc[-1]
    cut = cuts[known.index.get_loc(last.name)]
    name = f"from {text.days(*cut)}" if cut else f"in {text.period(str(last.name), freq)}"
    closed = pair["won"] + pair["lost"]
    if not evidence.is_enough(closed.iloc[-1]):
        return evidence.say_few(f"{text.spelled(int(closed.iloc[-1]), 'deal')} closed {name}")
    won = f"Won {text.percent(last['rate'])}"
    if len(whole) < 2 or not evidence.is_enough(closed.iloc[0]):
        return f"{won} of what closed {name} ({_format_interval(last)})."
    apart = evidence.is_apart(pair["won"], closed)
    when = text.period(str(before.name), freq)
    return evidence.say_before(f"{won} {name}", before["rate"], when, apart=apart)


def describe_win_rate_curve(table: pd.DataFrame) -> str:
    """State the share won by the last age, and the day by which half of it was won."""
    if table.empty:
        return "No deal has closed yet."
    refuse_groups(table)
    won, n = table["won_share"], int(table["at_risk"].iloc[0])
    share, day = won.iloc[-1], text.number(table.index[-1])
    if not evidence.is_enough(n):
        return evidence.say_few(f"{text.spelled(n, 'deal')} to follow")
    if not share:
        return f"None of {text.count(n)} has been won by day {day}."
    half = (won >= share / 2).idxmax()
    return f"{text.percent(share)} are won by day {day}, half of them by day {text.number(half)}."


def _format_interval(row: Series) -> str:
    return f"{text.percent(row['rate_low'])} to {text.percent(row['rate_high'])}"


def describe_audit(table: pd.DataFrame) -> str:
    """Name the finding that touches most money."""
    return describe_audit_summary(audit_summary(table))


def rank_audit_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Rank kinds of findings by money, then deals; what may be right as it is comes last."""
    ranked = table.sort_values(["value", "deals"], ascending=False, kind="stable")
    return ranked.iloc[np.argsort(ranked.index == "duplicate", kind="stable")]


def describe_audit_summary(table: pd.DataFrame) -> str:
    """Name the finding that touches most money: fix it first."""
    if table.empty:
        return "No data to fix."
    first = rank_audit_summary(table).iloc[0]
    both = " with all copies" if first.name == "duplicate" else ""
    worth = f", {money_of(table)(first['value'])}{both}" if first["value"] > 0 else ""
    return (
        f"{text.capital(text.spelled(int(first['deals']), 'deal'))} "
        f"{_say_check(str(first.name), first['deals'])}{worth}."
    )


_SINGULAR = {"are": "is", "have": "has", "may": "may", "close": "closes"}


def _say_check(check: str, deals: int) -> str:
    """Say what deals of a check of the audit do."""
    verb, _, rest = (
        CHECKS[check][1] if check in CHECKS else f"have a finding: {text.label(check)}"
    ).partition(" ")
    return f"{_SINGULAR[verb] if deals == 1 else verb} {rest}"


def describe_flags(table: pd.DataFrame) -> str:
    """Count the flagged deals and name the most frequent flags."""
    flags = table.select_dtypes("boolean").sum().sort_values(ascending=False, kind="stable")
    most = [f"{text.label(name)} ({text.number(n)})" for name, n in flags.items() if n]
    return count_flagged(table) + (f"; {text.joined(most, most=3)}" if most else "")


def count_flagged(table: pd.DataFrame) -> str:
    """Count the flagged deals, and sum their value."""
    if table.empty:
        return "There is no open deal"
    flagged, money = table[table["risk"] > 0], money_of(table)
    # An amount below 0 leaves no whole that the flagged ones are a part of.
    worth = f", {money(flagged['value'].sum())} of {money(table['value'].sum())}"
    worth = "" if flagged.empty or (table["value"] < 0).any() else worth
    return f"{text.number(len(flagged))} of {text.count(len(table), 'open deal')} flagged{worth}"


def describe_scorecard(table: pd.DataFrame) -> str:
    """Name the groups whose win rate differs beyond chance, the largest difference first."""
    known = table[table["n"] > 0]
    return "Nobody closed a deal." if known.empty else say_apart(known)
