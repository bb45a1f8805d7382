"""Sentences for past forecasts and stated probabilities: how they turned out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.analysis.forecasting.past_forecasts import judge_ranges
from opp_analytics.text import capital, count, label, percent, points, spelled

Row = Any


def describe_backtest(table: pd.DataFrame) -> str:
    """Say how far past forecasts missed and how often their ranges held."""
    whole, inside = float(table["actual"].sum()), judge_ranges(table)
    held = f"; {_name_range(table)} held in {percent(float(inside.mean()))}" if inside.notna().any() else ""
    if not whole > 0:
        return f"Nothing was booked in the periods forecast{held}."
    missed = percent(float(table["error"].abs().sum()) / whole)
    bias = percent(abs(float(table["error"].sum()) / whole))
    lean = (
        ""
        if bias in ("0%", "<1%")
        else f", {bias} too {'high' if table['error'].sum() > 0 else 'low'} in all"
    )
    return f"{capital(count(len(table), 'past forecast'))} missed by {missed}{lean}{held}."


def _name_range(table: pd.DataFrame) -> str:
    confidence = table.attrs.get("confidence")
    return f"{percent(confidence)} ranges" if confidence else "ranges"


def describe_methods(table: pd.DataFrame) -> str:
    """Name the best method and its margin, or say that the difference may be chance."""
    known = table[table["wape"].notna()].sort_values("wape", kind="stable")
    if known.empty:
        return "No method can be judged yet."
    best: Row = known.iloc[0]
    name = label(known.index[0])
    said = f"{capital(name)} misses by {percent(best['wape'])}"
    if len(known) == 1:
        return f"{said}; no other method can be judged on the same forecasts."
    behind, other = known.iloc[1], label(known.index[1])
    if behind["behind_low"] > 0:
        return f"{said}, {points(behind['behind'])} less than {other}: use it."
    return f"{said}, {other} by {percent(behind['wape'])}: the difference may be chance."


def describe_horizons(table: pd.DataFrame) -> str:
    """Say how the error shrinks toward the end of the period."""
    known = table[table["wape"].notna()].sort_index()
    if known.empty:
        return "Nothing was booked in the periods that have ended."
    last, first = (percent(known["wape"].iloc[place]) for place in (0, -1))
    near, far = (_name_lead(int(known.index[place])) for place in (0, -1))
    return f"Forecasts miss by {first} {far}{f', by {last} {near}' if len(known) > 1 else ''}."


def _name_lead(weeks: int) -> str:
    return f"{spelled(weeks, 'week')} before the end" if weeks else "in the last week"


def describe_calibration(table: pd.DataFrame) -> str:
    """Compare stated probabilities with the shares won."""
    known = table[(table["n"] > 0) & table["realized"].notna()]
    if known.empty:
        return "No stated probability can be judged yet."
    stated, won = (
        float((known["n"] * known[name]).sum() / known["n"].sum()) for name in ("stated", "realized")
    )
    still = (
        float((known["n"] * known["open_share"]).sum() / known["n"].sum()) if "open_share" in known else 0.0
    )
    waiting = f", {percent(still)} are still open" if percent(still) != "0%" else ""
    said = f"Deals stated at {percent(stated)} on average were won in {percent(won)}{waiting}"
    low, high = known["realized_low"], known["realized_high"] + known.get("open_share", 0.0)
    if not ((known["stated"] < low) | (known["stated"] > high)).any():
        return f"{said}: as far as {count(int(known['n'].sum()))} can tell, the statements are right."
    if stated < won:
        return f"{said}: stated too low."
    return f"{said}: stated too high." if stated > won + still else f"{said}: single levels are off."


def describe_track_record(table: pd.DataFrame) -> str:
    """Say how often past ranges held and how far past forecasts were off in sum."""
    if table.empty:
        return "No past forecast can be judged yet"
    lacking = int(table["held"].isna().sum())
    if lacking == len(table):
        said = f"No past {_name_period(table)} had a range"
    else:
        said = f"Past ranges {say_held(table)}" + (f", {spelled(lacking)} more had none" if lacking else "")
    actual = float(table["actual"].sum())
    if not actual:
        return said
    off = float(table["error"].sum()) / actual
    size = percent(abs(off))
    return f"{said}; forecasts ran {'true' if size in ('0%', '<1%') else f'{size} ' + ('high' if off > 0 else 'low')}"


def say_held(table: pd.DataFrame) -> str:
    """Say in how many of the periods with a range it held; empty where none had one."""
    held = table["held"].dropna()
    return f"held in {int(held.sum())} of {count(len(held), _name_period(table))}" if len(held) else ""


def _name_period(table: pd.DataFrame) -> str:
    return {"M": "month", "Q": "quarter", "W": "week", "Y": "year"}.get(
        str(table.attrs.get("freq"))[:1], "period"
    )
