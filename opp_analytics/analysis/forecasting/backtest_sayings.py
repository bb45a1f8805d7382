"""How past forecasts and statements turned out, in words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.analysis.forecasting.past_forecasts import in_range
from opp_analytics.analysis.shared.saying import Saying
from opp_analytics.text import capital, count, label, percent, points, spelled

__all__ = ["SAYINGS"]

Row = Any


def _past(table: pd.DataFrame) -> str:
    """How far past forecasts missed, and how often their ranges held."""
    whole, ranged = float(table["actual"].sum()), table[table["low"].notna()]
    held = f"; {_range(table)} held in {percent(float(in_range(ranged).mean()))}" if len(ranged) else ""
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


def _range(table: pd.DataFrame) -> str:
    confidence = table.attrs.get("confidence")
    return f"{percent(confidence)} ranges" if confidence else "ranges"


def _methods(table: pd.DataFrame) -> str:
    """The best method and its margin, or that the difference may be chance."""
    known = table[table["wape"].notna()].sort_values("wape", kind="stable")
    if known.empty:
        return "No method can be judged yet."
    best: Row = known.iloc[0]
    name = label(str(known.index[0]))
    said = f"{capital(name)} misses by {percent(best['wape'])}"
    if len(known) == 1:
        return f"{said}; no other method can be judged on the same forecasts."
    behind, other = known.iloc[1], label(str(known.index[1]))
    if behind["behind_low"] > 0:
        return f"{said}, {points(behind['behind'])} less than {other}: use it."
    return f"{said}, {other} by {percent(behind['wape'])}: the difference may be chance."


def _horizons(table: pd.DataFrame) -> str:
    """How the error shrinks toward the end of the period."""
    known = table[table["wape"].notna()].sort_index()
    if known.empty:
        return "Nothing was booked in the periods that have ended."
    last, first = (percent(known["wape"].iloc[place]) for place in (0, -1))
    near, far = (_before(int(known.index[place])) for place in (0, -1))
    return f"Forecasts miss by {first} {far}{f', by {last} {near}' if len(known) > 1 else ''}."


def _before(weeks: int) -> str:
    return f"{spelled(weeks, 'week')} before the end" if weeks else "in the last week"


def _calibration(table: pd.DataFrame) -> str:
    """What was stated against what was won."""
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


SAYINGS = (
    Saying("backtest", frozenset({"weeks_before", "actual", "error", "low"}), _past),
    Saying("backtest_methods", frozenset({"wape", "behind", "behind_low"}), _methods),
    Saying("backtest_horizons", frozenset({"wape", "bias", "interval_coverage"}), _horizons),
    Saying("calibration", frozenset({"stated", "realized", "realized_low"}), _calibration),
)
"""The sentences of these tables."""
