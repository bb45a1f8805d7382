"""Evidence that a finding needs before it is stated.

It needs enough deals, whole periods, a largest one, or a range that holds its mean.

Every sentence and title asks here before it states a share or a difference. Differences beyond
chance are those of `analysis.stats.intervals`, as in a scorecard.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from opp_analytics.analysis.stats.intervals import mark_differences
from opp_analytics.arrays import Series
from opp_analytics.errors import ArgumentError
from opp_analytics.note import note_of
from opp_analytics.org import Money, money_of
from opp_analytics.periods import as_period
from opp_analytics.schema import BUCKETS, HALF_CENT, mark_named
from opp_analytics.text import capital, group_label, money_range, noun, percent, spelled

FEWEST = 5
"""Deals from which a share is said. Of 4 deals one alone is 25 points, and even 4 of 4 has a 95%
interval from 51% on."""
CHANCE = "could be luck"
TOO_FEW = "too few to say"
NO_RANGE = "too few past wins this late for a range"
"""Said of a run rate without a range (docs/definitions.md, `run_rate`)."""
RUN_RATE = "from past periods; open deals not used yet"
"""Said where a run rate stands, which is the same whatever is due."""

NO_CHANCE = 0.005
"""Chance of a target below which no deal that is open now makes it: shown as "<1%"."""
_WIDEST, _FEWEST_PERIODS = 2.0, 6
"""Width of a range, in forecasts, beyond which it is no base for a plan; ended periods from which
its width is known well."""


def is_enough(deals: float) -> bool:
    """Return True if a share of so many deals says anything."""
    return deals >= FEWEST


def say_few(words: str) -> str:
    """Say that what the words count is too little for a finding."""
    return f"{capital(words)}: {TOO_FEW}"


def is_apart(hits: Iterable[float], trials: Iterable[float]) -> bool:
    """Return True if two shares differ beyond chance."""
    return bool(mark_differences(hits, trials).any())


def say_before(said: str, before: float, when: str, *, apart: bool) -> str:
    """Add to what is `said` of a share the one of the period before, and whether they differ."""
    return f"{said} ({when} {percent(before)}): {'beyond chance' if apart else CHANCE}."


def list_apart(table: pd.DataFrame) -> list[Any]:
    """List the rows whose win rate differs beyond chance, the largest difference first.

    `table` is a win rate or a scorecard; each row is compared with the others.
    """
    table = table[mark_named(table.index)]
    closed = table["won"] + table["lost"]
    if not is_enough(closed.sum()):
        return []
    if "differs" in table:
        differs = table["differs"].to_numpy(dtype=bool)
    else:
        differs = mark_differences(
            table["won"], closed, confidence=note_of(table).confidence or 0.95
        )
    off = (table["won"] / closed.where(closed > 0) - table["won"].sum() / closed.sum()).abs()
    return list(off[differs].sort_values(ascending=False, kind="stable").index)


def name_group(column: Any) -> str:
    """Name what a column groups by: a rep, a team, a region."""
    return "rep" if column == "owner_name" else group_label(column or "group")


def find_largest(values: Series) -> tuple[list[Any], str]:
    """Find who has the largest amount, all of them where several have, and the share of each.

    What is nobody's counts in the whole; it is named where nobody has anything. The share is empty
    where amounts below 0 leave no whole to be a share of.
    """
    named = values[mark_named(values.index)]
    named = named if named.any() else values
    largest = named.index[(named.max() - named).abs() < HALF_CENT]
    return list(largest), write_share(named.max(), values)


def write_share(part: float, whole: Series) -> str:
    """Write a part of some amounts in percent; empty where an amount is below 0, or all are 0."""
    total = whole.sum()
    return percent(part / total) if total > 0 and not (whole < 0).any() else ""


def name_outside(row: Any, money: Money) -> str:
    """Name what is most likely where a forecast lies outside its own range.

    Empty where the range holds it as both are written.

    The mean of a few large deals is no likely outcome: 10% of $500K gives $50K, and a range of
    nothing.
    """
    expected, low, high = row["expected"], row["low"], row["high"]
    if expected < low and money(expected) != money(low):
        return "most likely more"
    if not expected > high or money(expected) == money(high):
        return ""
    return "most likely nothing more" if high <= row["booked"] + HALF_CENT else "most likely less"


def say_pipeline_to_add(row: Any, money: Money, *, stated: bool = False) -> str:
    """Say how much pipeline a target needs: an amount, none, met or out of reach.

    None means that the open deals are enough, as far as they still have the time.

    With stated chances no chance of the target is said, and so not that it is out of reach.
    """
    needed = row["needed_pipeline"]
    if row["gap"] <= 0:
        return "met"
    if needed != 0:
        return money(needed)
    return "out of reach" if not stated and row["p_target"] < NO_CHANCE else "none"


def say_rough(row: Any, table: pd.DataFrame) -> str:
    """Say that a forecast's range is too wide to plan on, or rests on few periods.

    Empty where neither is so.

    One deal at its stated chance comes in or not: its range says nothing.
    """
    low, high, money = row["low"], row["high"], money_of(table)
    if not high - low >= HALF_CENT or is_one_deal(row, table):
        return ""
    ended = int(note_of(table).figures.get("learned_from", 0))
    period = noun(note_of(table).freq)
    few = 0 < ended < _FEWEST_PERIODS
    rests = f"it rests on {spelled(ended, f'ended {period}')} only."
    if high - low <= _WIDEST * row["expected"] + HALF_CENT:
        return f"The range is rough: {rests}" if few else ""
    around = f"{money_range(low, high, money, to=' to ')} around {money(row['expected'])}"
    wide = f"The range is too wide to plan on: {around}."
    return f"{wide} {capital(rests)}" if few else wide


def is_stated(table: pd.DataFrame) -> bool:
    """Return True if a forecast is of stated chances alone."""
    return bool(note_of(table).method == "stated")


def is_one_deal(row: Any, table: pd.DataFrame) -> bool:
    """Return True if a forecast is the stated chance of a single deal."""
    return is_stated(table) and bool(row["open_count"] == 1)


def expects_nothing(row: Any) -> bool:
    """Return True if no deal is open in a period, and none is expected beyond what is booked."""
    return not row["open_count"] and not row["expected"] > row["booked"]


def keep_ahead(labels: Iterable[Any], table: pd.DataFrame) -> list[str]:
    """Keep the periods that nobody saw end, in their order, without the buckets."""
    seen = note_of(table).known_day
    ends = {label: _read_days(label, table) for label in map(str, labels) if label not in BUCKETS}
    return [
        label
        for label, days in ends.items()
        if not (seen and days) or days[1] >= pd.Timestamp(seen)
    ]


_LAST_DAYS, _FIRST_SHARE, _LONG = 2, 0.1, 7
"""A period is nearly over two days before its last, and has just begun in its first tenth; if
longer than a week."""


def count_days_left(label: str, table: pd.DataFrame) -> int | None:
    """Count the days from that of the table to a period's last, where it is nearly over.

    None before.
    """
    left, length = _measure(label, table)
    return left if length > _LONG and 0 <= left <= _LAST_DAYS else None


def has_begun(label: str, table: pd.DataFrame) -> bool:
    """Return True in the first days of a period."""
    return count_days(label, table) is not None


def count_days(label: str, table: pd.DataFrame) -> tuple[int, int] | None:
    """Count the days of a period so far, and all of them, where it has just begun; else None."""
    left, length = _measure(label, table)
    return (
        (length - left, length)
        if length > _LONG and 0 <= length - left - 1 < _FIRST_SHARE * length
        else None
    )


def _measure(label: str, table: pd.DataFrame) -> tuple[int, int]:
    """Count a period's days left when its deals were seen, and its length; 0 if unknown."""
    days, seen = _read_days(label, table), note_of(table).known_day
    if not (days and seen):
        return 0, 0
    return (days[1] - pd.Timestamp(seen)).days, (days[1] - days[0]).days + 1


def cut_period(label: str, table: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return the first and last day known of a period, where its table holds only a part of it.

    None for a whole period.

    The note has ``window``, the days that the table counts, and the last day known.
    """
    whole = _read_days(label, table)
    if whole is None:
        return None
    begin, end = note_of(table).figures.get("window") or (None, None)
    ends = [pd.Timestamp(day) for day in (end, note_of(table).known_day) if day]
    first, last = max([whole[0], *([pd.Timestamp(begin)] if begin else [])]), min([whole[1], *ends])
    return None if (first, last) == whole or first > last else (first, last)


def _read_days(label: str, table: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Read the first and last day of a period; None where nothing tells how long it is."""
    freq = note_of(table).freq
    try:
        period = as_period(label, str(freq)) if freq else None
    except ArgumentError:
        return None
    return None if period is None else (period.start_time.normalize(), period.end_time.normalize())
