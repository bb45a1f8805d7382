"""Sentences for rates, curves and durations; scorecards, audits and flags."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis.quality.audit import audit_summary
from opp_analytics.analysis.sentences import evidence
from opp_analytics.arguments import refuse_groups
from opp_analytics.arrays import Series
from opp_analytics.columns import CHECKS, write_key
from opp_analytics.note import note_of
from opp_analytics.org import money_of
from opp_analytics.schema import mark_named


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
        return evidence.say_few(
            f"{text.number(won)} of {text.count(n, 'closed deal')} "
            f"{'was' if won == 1 else 'were'} won"
        )
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
    apart = evidence.list_apart(known)
    odd = evidence.find_oddest(known)
    if not apart and odd is None:
        return f"No win rate stands out from the overall {whole}."
    named = [
        (write_key(known.index.names, key), text.percent(known["rate"][key]))
        for key in apart or [odd]
    ]
    said = [f"{name}’s {rate} win rate" for name, rate in named]
    if not apart:
        groups = text.spelled(
            int(mark_named(known.index).sum()), evidence.name_group(known.index.names[-1])
        )
        return f"{said[0]} {evidence.CHANCE} ({whole} overall, {groups})."
    if len(said) == 1:
        return f"{said[0]} is beyond chance ({whole} overall)."
    names = text.joined((f"{name} {rate}" for name, rate in named), most=3)
    return f"Win rates differ: {names} ({whole} overall)."


def _compare_periods(known: pd.DataFrame) -> str:
    """Compare the last two whole periods.

    Without one, state the rate of the days that are known.
    """
    running = known["to_date"] if "to_date" in known else pd.Series(False, index=known.index)
    cuts = {str(name): evidence.cut_period(str(name), known) for name in known.index}
    whole = known[~running.to_numpy(dtype=bool) & [cuts[str(name)] is None for name in known.index]]
    *before, last = (row for _, row in (whole if len(whole) else known).iterrows())
    name, n = _name_period(last, known, cuts), int(last["won"] + last["lost"])
    if not evidence.is_enough(n):
        return evidence.say_few(f"{text.spelled(n, 'deal')} closed {name}")
    won = f"Won {text.percent(last['rate'])}"
    if (
        not len(whole)
        or not before
        or not evidence.is_enough(before[-1]["won"] + before[-1]["lost"])
    ):
        return f"{won} of what closed {name} ({_format_interval(last)})."
    pair, when = known.loc[[before[-1].name, last.name]], str(before[-1].name)
    apart = evidence.is_apart(pair["won"], pair["won"] + pair["lost"])
    when = text.period(when, note_of(known).freq)
    return evidence.say_before(f"{won} {name}", before[-1]["rate"], when, apart=apart)


def _name_period(row: Series, table: pd.DataFrame, cuts: dict[str, Any]) -> str:
    """Name a period, or the days of it that are known."""
    cut = cuts[str(row.name)]
    return (
        f"from {text.days(*cut)}"
        if cut
        else f"in {text.period(str(row.name), note_of(table).freq)}"
    )


def describe_win_rate_curve(table: pd.DataFrame) -> str:
    """State the share won by the last age, and the day by which half of it was won."""
    if table.empty:
        return "No deal has closed yet."
    refuse_groups(table)
    won, n = table["won_share"], int(table["at_risk"].iloc[0])
    if not evidence.is_enough(n):
        return evidence.say_few(f"{text.spelled(n, 'deal')} to follow")
    if not won.iloc[-1]:
        return f"None of {text.count(n)} has been won by day {text.number(table.index[-1])}."
    half = won.index[int((won >= won.iloc[-1] / 2).to_numpy().argmax())]
    return (
        f"{text.percent(won.iloc[-1])} are won by day {text.number(won.index[-1])}, half of them "
        f"by day {text.number(half)}."
    )


def _format_interval(row: Series) -> str:
    return f"{text.percent(row['rate_low'])} to {text.percent(row['rate_high'])}"


def describe_audit(table: pd.DataFrame) -> str:
    """Name the finding that touches most money."""
    return describe_audit_summary(audit_summary(table))


def rank_audit_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Rank kinds of findings by money, then deals; what may be right as it is comes last."""
    doubtful = table.index == "duplicate"
    ranked = table.assign(doubtful=doubtful).sort_values(
        ["doubtful", "value", "deals"], ascending=[True, False, False], kind="stable"
    )
    return ranked.drop(columns="doubtful")


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
    flagged = table[table["risk"] > 0]
    if len(table) == 1:
        return f"The one open deal has {'no' if flagged.empty else 'a'} flag"
    if flagged.empty:
        return f"None of {text.count(len(table), 'open deal')} has a flag"
    money = money_of(table)
    have = "has" if len(flagged) == 1 else "have"
    # An amount below 0 leaves no whole that the flagged ones are a part of.
    worth = f", {money(flagged['value'].sum())} of {money(table['value'].sum())}"
    worth = "" if (table["value"] < 0).any() else worth
    of = text.count(len(table), "open deal")
    return f"{text.number(len(flagged))} of {of} {have} a flag{worth}"


def describe_scorecard(table: pd.DataFrame) -> str:
    """Name the groups whose win rate differs beyond chance, the largest difference first."""
    known = table[table["n"] > 0]
    return "Nobody closed a deal." if known.empty else say_apart(known)
