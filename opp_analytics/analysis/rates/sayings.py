"""Rates, curves and durations in words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.analysis.shared.saying import Saying
from opp_analytics.org import money_of
from opp_analytics.text import count, number, percent, period

__all__ = ["SAYINGS"]


def _win_rate(table: pd.DataFrame) -> str:
    """The rate of all; the change of the last periods; or the best and the worst group, if they differ beyond chance."""
    known = table[table["rate"].notna()]
    if known.empty:
        return "No deal has closed yet."
    if table.index.name == "period":
        return _over_time(known, table.attrs.get("freq"))
    if len(known) == 1:
        row = known.iloc[0]
        closed = int(row["won"] + row["lost"])
        return f"Won {percent(row['rate'])} of {count(closed, 'closed deal')} ({_interval(row)})."
    rates = known["rate"].to_numpy()
    best, worst = known.iloc[int(rates.argmax())], known.iloc[int(rates.argmin())]
    if best["rate_low"] <= worst["rate_high"]:
        return f"Win rates run from {percent(worst['rate'])} to {percent(best['rate'])}, and their intervals overlap."
    return f"{_name(best)} wins {percent(best['rate'])}, {_name(worst)} {percent(worst['rate'])}: more than chance."


def _over_time(known: pd.DataFrame, freq: str | None) -> str:
    ended = known[~known["to_date"]] if "to_date" in known else known
    *before, last = (row for _, row in (ended if len(ended) else known).iterrows())
    said = f"Won {percent(last['rate'])} of what closed in {period(str(last.name), freq)}"
    if not before:
        return f"{said} ({_interval(last)})."
    return f"{said}, after {percent(before[-1]['rate'])} in {period(str(before[-1].name), freq)}."


def _win_rate_curve(table: pd.DataFrame) -> str:
    """The share won at the last age, and when half of it had come."""
    if table.empty:
        return "No deal has closed yet."
    if table.index.nlevels > 1:
        last = table.groupby(level=list(range(table.index.nlevels - 1)), observed=True, sort=False).last()
        shares = last["won_share"]
        return f"By the last age, {_label(shares.idxmin())} won {percent(shares.min())}, {_label(shares.idxmax())} {percent(shares.max())}."
    won = table["won_share"]
    if not won.iloc[-1]:
        return (
            f"None of {count(int(table['at_risk'].iloc[0]))} has been won by day {number(table.index[-1])}."
        )
    half = won.index[int((won >= won.iloc[-1] / 2).to_numpy().argmax())]
    return (
        f"{percent(won.iloc[-1])} are won by day {number(won.index[-1])}, half of them by day {number(half)}."
    )


def _win_rate_cohorts(table: pd.DataFrame) -> str:
    """The share that the last cohort had won, and the one before it, at the same age."""
    known = table[table["rate"].notna()]
    if known.empty:
        return "No cohort is old enough yet."
    freq = table.attrs.get("freq")
    names = [period(str(name if not isinstance(name, tuple) else name[-1]), freq) for name in known.index]
    rates = known["rate"].tolist()
    age = table.attrs.get("age_days")
    when = f"within {count(int(age), 'day')}" if age else "at the same age"
    said = f"Of the deals created in {names[-1]}, {percent(rates[-1])} were won {when}"
    if len(names) == 1 or known.index.nlevels > 1:
        return f"{said}."
    return f"{said}, {percent(rates[-2])} of those of {names[-2]}."


def _win_rate_definitions(table: pd.DataFrame) -> str:
    """How far apart the definitions are."""
    known = table["rate"].dropna()
    if known.empty:
        return "No deal has closed yet."
    return f"The same deals have a win rate of {percent(known.min())} to {percent(known.max())}, depending on the definition."


def _time_to_win(table: pd.DataFrame) -> str:
    """The median days of the wins, of all or from the fastest to the slowest group."""
    half = table[table.index.get_level_values("quantile") == 0.5]["days_of_won"].dropna()
    if half.empty:
        return "No deal has been won yet."
    if half.index.nlevels == 1 or len(half) == 1:
        return f"Half of the wins took {number(half.iloc[0])} days or fewer."
    days = half.droplevel("quantile")
    return f"Half of the wins took {number(days.min())} days or fewer for {_label(days.idxmin())}, {number(days.max())} for {_label(days.idxmax())}."


def _velocity(table: pd.DataFrame) -> str:
    """Money won per day, of all or of the group with the most."""
    known = table["velocity"].dropna()
    if known.empty:
        return "No deal has been won yet, so velocity is not known."
    if len(table) == 1:
        return f"The open pipeline wins about {money_of(table)(known.iloc[0])} a day."
    share = known.max() / known.sum() if known.sum() else float("nan")
    return f"{_label(known.idxmax())} wins most per day, {money_of(table)(known.max())}: {percent(share)} of all."


def _interval(row: pd.Series[Any]) -> str:
    return f"{percent(row['rate_low'])} to {percent(row['rate_high'])}"


def _name(row: pd.Series[Any]) -> str:
    return _label(row.name)


def _label(key: Any) -> str:
    return " · ".join(map(str, key)) if isinstance(key, tuple) else str(key)


SAYINGS = (
    # Cohorts have the columns of a win rate too.
    Saying("win_rate_cohorts", frozenset({"created", "rate", "open_share"}), _win_rate_cohorts),
    Saying("win_rate", frozenset({"won", "lost", "rate", "rate_low", "rate_high"}), _win_rate),
    Saying("win_rate_definitions", frozenset({"rate", "rate_low", "rate_high", "n"}), _win_rate_definitions),
    Saying("win_rate_curve", frozenset({"at_risk", "won_share"}), _win_rate_curve),
    Saying("time_to_win", frozenset({"days_of_won"}), _time_to_win),
    Saying("velocity", frozenset({"velocity", "open_count"}), _velocity),
)
"""The sentences of this room's tables."""
