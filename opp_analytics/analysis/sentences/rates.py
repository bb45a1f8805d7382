"""Sentences for rates, curves and durations."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.org import money_of
from opp_analytics.text import count, join_key, number, percent, period


def describe_win_rate(table: pd.DataFrame) -> str:
    """State the overall rate, compare the last two periods, or compare the best and the worst group."""
    known = table[table["rate"].notna()]
    if known.empty:
        return "No deal has closed yet."
    if table.index.name == "period":
        return _compare_periods(known, table.attrs.get("freq"))
    if len(known) == 1:
        row = known.iloc[0]
        closed = int(row["won"] + row["lost"])
        return f"Won {percent(row['rate'])} of {count(closed, 'closed deal')} ({_format_interval(row)})."
    rates = known["rate"].to_numpy()
    best, worst = known.iloc[int(rates.argmax())], known.iloc[int(rates.argmin())]
    if best["rate_low"] <= worst["rate_high"]:
        return f"Win rates run from {percent(worst['rate'])} to {percent(best['rate'])}, and their intervals overlap."
    return f"{join_key(best.name)} wins {percent(best['rate'])}, {join_key(worst.name)} {percent(worst['rate'])}: more than chance."


def _compare_periods(known: pd.DataFrame, freq: str | None) -> str:
    ended = known[~known["to_date"]] if "to_date" in known else known
    *before, last = (row for _, row in (ended if len(ended) else known).iterrows())
    said = f"Won {percent(last['rate'])} of what closed in {period(str(last.name), freq)}"
    if not before:
        return f"{said} ({_format_interval(last)})."
    return f"{said}, after {percent(before[-1]['rate'])} in {period(str(before[-1].name), freq)}."


def describe_win_rate_curve(table: pd.DataFrame) -> str:
    """State the share won by the last age, and the day by which half of it was won."""
    if table.empty:
        return "No deal has closed yet."
    if table.index.nlevels > 1:
        last = table.groupby(level=list(range(table.index.nlevels - 1)), observed=True, sort=False).last()
        shares = last["won_share"]
        return f"By the last age, {join_key(shares.idxmin())} won {percent(shares.min())}, {join_key(shares.idxmax())} {percent(shares.max())}."
    won = table["won_share"]
    if not won.iloc[-1]:
        return (
            f"None of {count(int(table['at_risk'].iloc[0]))} has been won by day {number(table.index[-1])}."
        )
    half = won.index[int((won >= won.iloc[-1] / 2).to_numpy().argmax())]
    return (
        f"{percent(won.iloc[-1])} are won by day {number(won.index[-1])}, half of them by day {number(half)}."
    )


def describe_win_rate_cohorts(table: pd.DataFrame) -> str:
    """Compare the last two cohorts at the same age."""
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


def describe_win_rate_definitions(table: pd.DataFrame) -> str:
    """State the lowest and the highest rate of all definitions."""
    known = table["rate"].dropna()
    if known.empty:
        return "No deal has closed yet."
    return f"The same deals have a win rate of {percent(known.min())} to {percent(known.max())}, depending on the definition."


def describe_time_to_win(table: pd.DataFrame) -> str:
    """State the median days to win, of all deals or of the fastest and the slowest group."""
    half = table[table.index.get_level_values("quantile") == 0.5]["days_of_won"].dropna()
    if half.empty:
        return "No deal has been won yet."
    if half.index.nlevels == 1 or len(half) == 1:
        return f"Half of the wins took {number(half.iloc[0])} days or fewer."
    days = half.droplevel("quantile")
    return f"Half of the wins took {number(days.min())} days or fewer for {join_key(days.idxmin())}, {number(days.max())} for {join_key(days.idxmax())}."


def describe_velocity(table: pd.DataFrame) -> str:
    """State the money won per day, of all deals or of the leading group."""
    known = table["velocity"].dropna()
    if known.empty:
        return "No deal has been won yet, so velocity is not known."
    if len(table) == 1:
        return f"The open pipeline wins about {money_of(table)(known.iloc[0])} a day."
    share = known.max() / known.sum() if known.sum() else float("nan")
    return f"{join_key(known.idxmax())} wins most per day, {money_of(table)(known.max())}: {percent(share)} of all."


def _format_interval(row: pd.Series[Any]) -> str:
    return f"{percent(row['rate_low'])} to {percent(row['rate_high'])}"
