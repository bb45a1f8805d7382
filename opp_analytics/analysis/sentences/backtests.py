"""Sentences for past forecasts and stated probabilities: how they turned out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from opp_analytics.analysis.forecasting.past_forecasts import judge_ranges
from opp_analytics.analysis.forecasting.rivals import RIVALS
from opp_analytics.analysis.sentences import evidence
from opp_analytics.analysis.stats.comparisons import compare_pairs, mark_missed_chances
from opp_analytics.text import capital, count, method, noun, percent, points, spelled

Row = Any


def describe_backtest(table: pd.DataFrame) -> str:
    """Say how far past forecasts missed and how often their ranges held."""
    if table.empty:
        return "No past forecast can be judged yet."
    whole, inside = float(table["actual"].sum()), judge_ranges(table).dropna()
    held = f"; {_name_range(table)} held in {_write_held(inside)}" if len(inside) else ""
    if not whole > 0:
        return f"Nothing was booked in the periods forecast{held}."
    missed, lean = percent(float(table["error"].abs().sum()) / whole), _say_lean(table, whole)
    too = f", {lean[0]} too {lean[1]} in all{lean[2]}" if lean else ""
    return f"{capital(count(len(table), 'past forecast'))} missed by {missed}{too}{held}."


def _write_held(inside: pd.Series[Any]) -> str:
    """Write how many ranges held, in percent where there are enough."""
    n = len(inside)
    return percent(float(inside.mean())) if evidence.is_enough(n) else f"{int(inside.sum())} of {n}"


def _say_lean(table: pd.DataFrame, whole: float) -> tuple[str, str, str] | None:
    """Say how far forecasts were too high or too low in sum, and whether that may be chance; None for hardly at all."""
    off = float(table["error"].sum()) / whole
    size = percent(abs(off))
    if size in ("0%", "<1%"):
        return None
    # The forecasts of one period err together.
    by_period = table["error"].groupby(level="period").mean()
    chance = "" if compare_pairs(by_period) < 0.05 else ", which may be chance"
    return size, "high" if off > 0 else "low", chance


def _name_range(table: pd.DataFrame) -> str:
    confidence = table.attrs.get("confidence")
    return f"{percent(confidence)} ranges" if confidence else "ranges"


def describe_methods(table: pd.DataFrame) -> str:
    """Name the best method and its margin, or say that the difference may be chance."""
    known = table[table["wape"].notna()].sort_values("wape", kind="stable")
    if known.empty:
        return "No method can be judged yet."
    freq = table.attrs.get("freq")
    if "days_left" in table.index.names:
        return _describe_leads(known, freq)
    best: Row = known.iloc[0]
    name = known.index[0]
    said = f"{capital(method(name, freq))} misses by {percent(best['wape'])}"
    if len(known) == 1:
        return f"{said}; no other method can be judged on the same forecasts."
    behind, other = known.iloc[1], known.index[1]
    if behind["differs"]:
        use = "" if name in RIVALS else ": use it"
        return f"{said}, {points(behind['behind'])} less than {method(other, freq)}{use}."
    return f"{said}, {method(other, freq)} by {percent(behind['wape'])}: {evidence.CHANCE}."


def _describe_leads(known: pd.DataFrame, freq: Any) -> str:
    """Name the method that misses least in most bands of days left."""
    bands = [part for _, part in known.groupby(level="days_left", observed=True)]
    wins = Counter(part.index[0][0] for part in bands)
    (name, least), *_ = wins.most_common(1)
    sure = sum(part.index[0][0] == name and bool(part["differs"].iloc[1:2].any()) for part in bands)
    beyond = f"beyond chance in {spelled(sure)} of them" if sure else evidence.CHANCE
    return f"{capital(method(name, freq))} misses least in {least} of {count(len(bands), 'band')} of days left: {beyond}."


def describe_horizons(table: pd.DataFrame) -> str:
    """Say how the error shrinks toward the end of the period."""
    known = table[table["wape"].notna()].sort_index()
    if known.empty:
        return "Nothing was booked in the periods that have ended."
    n = int(known["n"].sum())
    if not evidence.is_enough(n):
        return evidence.say_few(count(n, "past forecast"))
    last, first = (percent(known["wape"].iloc[place]) for place in (0, -1))
    near, far = (_name_lead(int(known.index[place])) for place in (0, -1))
    return f"Forecasts miss by {first} {far}{f', by {last} {near}' if len(known) > 1 else ''}."


def _name_lead(weeks: int) -> str:
    return f"{spelled(weeks, 'week')} before the end" if weeks else "in the last week"


def describe_calibration(table: pd.DataFrame) -> str:
    """Compare stated probabilities with the shares won; what differs does so beyond chance."""
    known = table[(table["n"] > 0) & table["realized"].notna()]
    if known.empty:
        return "No stated probability can be judged yet."
    n, deals = known["n"], int(known["n"].sum())
    if not evidence.is_enough(deals):
        return evidence.say_few(f"{count(deals)} with a stated probability and an end")
    stated, won, still = (
        float((n * known[name]).sum() / deals) for name in ("stated", "realized", "open_share")
    )
    waiting = f", {percent(still)} are still open" if percent(still) != "0%" else ""
    said = f"Deals stated at {percent(stated)} on average were won in {percent(won)}{waiting}"
    if not mark_missed_chances(known["won"], known["open"], n, known["stated"]).any():
        return f"{said}: as far as {count(deals)} can tell, the statements are right."
    if stated < won:
        return f"{said}: stated too low."
    return f"{said}: stated too high." if stated > won + still else f"{said}: single levels are off."


def describe_track_record(table: pd.DataFrame) -> str:
    """Say how often past ranges held and how far past forecasts were off in sum."""
    if table.empty:
        return "No past forecast can be judged yet"
    lacking, held = int(table["held"].isna().sum()), say_held(table)
    if held:
        said = f"Past ranges {held}" + (f", {spelled(lacking)} more had none" if lacking else "")
    else:
        said = f"No past {noun(table.attrs.get('freq'))} had a range"
    whole = float(table["actual"].sum())
    if not whole > 0:
        return said
    lean = _say_lean(table, whole)
    return f"{said}; forecasts ran {f'{lean[0]} {lean[1]} in sum{lean[2]}' if lean else 'true'}"


def say_held(table: pd.DataFrame) -> str:
    """Say in how many of the periods with a range it held; empty where none had one."""
    held, period = table["held"].dropna(), noun(table.attrs.get("freq"))
    return f"held in {int(held.sum())} of {count(len(held), period)}" if len(held) else ""
