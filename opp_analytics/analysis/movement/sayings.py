"""Movements in words."""

from __future__ import annotations

import math

import pandas as pd

from opp_analytics.analysis.movement.group_changes import group_changes
from opp_analytics.analysis.shared.saying import Saying, unsigned
from opp_analytics.org import money_of
from opp_analytics.text import (
    capital,
    count,
    days,
    label,
    number,
    percent,
    period,
    period_name,
)

__all__ = ["SAYINGS"]

# In order of mention: entries, changes, exits.
_VERBS = {
    "new": "added",
    "reopened": "reopened",
    "returned": "restored",
    "pulled_in": "pulled in",
    "pushed_in": "pushed in",
    "transferred_in": "taken over",
    "date_set": "newly dated",
    "value_up": "raised",
    "value_down": "cut",
    "pushed_out": "pushed out",
    "pulled_out": "pulled out",
    "date_cleared": "date cleared",
    "won": "won",
    "lost": "lost",
    "disqualified": "disqualified",
    "deleted": "deleted",
    "conflict": "in conflict",
    "unknown": "moved to unknown stages",
    "transferred_out": "passed on",
}


def _share(rate: float) -> str:
    return "none" if math.isnan(rate) else percent(rate)


def _waterfall(table: pd.DataFrame) -> str:
    if table.index.nlevels > 1:
        groups = group_changes(table["value"], table, first="opening", last="closing")
        return f"{_one_waterfall(_whole(table))} {groups}".strip()
    return _one_waterfall(table)


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """The whole of a waterfall by group, in which transfers cancel out."""
    whole = table.groupby(level="movement", sort=False)[["count", "value", "deals"]].sum()
    whole = whole.drop(index=["transferred_in", "transferred_out"], errors="ignore")
    whole.attrs = table.attrs
    return whole


def _one_waterfall(table: pd.DataFrame) -> str:
    rows = {str(name): (row["value"], row["count"], row["deals"]) for name, row in table.iterrows()}
    ends = [f"{unsigned(rows[end][0], table)} ({count(int(rows[end][1]))})" for end in ("opening", "closing")]
    steps = [
        f"{_VERBS[name]} {unsigned(rows[name][0], table)} ({number(rows[name][2])})"
        for name in _VERBS
        if name in rows and rows[name][2]
    ]
    due = table.attrs.get("due")
    what = f"Pipeline due {days(*due)}" if due else "Pipeline"
    return f"{what} went from {ends[0]} to {ends[1]}: {', '.join(steps) or 'nothing moved'}."


def _movements(table: pd.DataFrame) -> str:
    if table.empty:
        return "Nothing moved the pipeline."
    largest = table.iloc[int(table["value"].abs().to_numpy().argmax())]
    change = money_of(table)(table["value"].sum(), signed=True)
    name = largest["unique_id"] if pd.isna(largest["name"]) else largest["name"]
    return (
        f"{count(table['unique_id'].nunique())} moved the pipeline by {change}. The largest move: {name}, "
        f"{_VERBS[largest['movement']]} {unsigned(largest['value'], table)}."
    )


def _slippage(table: pd.DataFrame) -> str:
    if "period" in table.index.names:
        return _slipped_again(table)
    counts = table.groupby(level="outcome", sort=False)["count"].sum()
    total = counts.sum()
    if not total:
        return "No open deal was due in the period."
    parts = [f"{number(n)} {label(str(name))}" for name, n in counts.items() if n]
    value = table["value"].groupby(level="outcome").sum()
    rate = value.get("slipped", 0.0) / value.sum() if value.sum() else float("nan")
    slipped = counts.get("slipped", 0) / total
    return f"Of {count(int(total))} due, {', '.join(parts)}: {percent(slipped)} slipped by count, {_share(rate)} by value."


def _slipped_again(table: pd.DataFrame) -> str:
    """The last of several periods against the one before, by value; by count where no deal has a value."""
    valued = bool(table["value"].sum() > 0)
    measure = table["value"] if valued else table["count"].astype("float64")
    summed = measure.groupby(level=["period", "outcome"], sort=False).sum().unstack("outcome")  # noqa: PD010
    rates = (summed["slipped"] / summed.sum(axis=1)).dropna()
    if rates.empty:
        return "Nothing was due."
    freq, today = table.attrs.get("freq"), table.attrs.get("as_of")
    names = [period_name(str(name), freq, today=today) for name in rates.index]
    unit, last = "value" if valued else "deals", float(rates.iloc[-1])
    if len(rates) == 1:
        return f"{capital(names[0])}: {percent(last)} of {unit} due slipped."
    before = float(rates.iloc[-2])
    how = "More" if last > before else "Less" if last < before else "As much"
    return f"{how} slipped in {names[-1]}: {percent(last)} of {unit} due, against {percent(before)} in {names[-2]}."


def _moves(table: pd.DataFrame) -> str:
    if table.empty:
        return "No deal was open in this period."
    pushed, pulled = table[table["pushes"] > 0], table[table["pulls"] > 0]
    far = f" by a median of {number(pushed['days_pushed'].median())} days" if len(pushed) else ""
    were = "was" if len(pushed) == 1 else "were"
    return f"Of {count(len(table))}, at least {number(len(pushed))} {were} pushed{far} and {number(len(pulled))} pulled in."


def _created(table: pd.DataFrame) -> str:
    """The last full period against those before it."""
    if table.empty:
        return "No deal was created in these periods."
    whole = table.groupby(level="period", sort=False)[["deals", "value", "open_count", "open_value"]].sum()
    running = table["to_date"].groupby(level="period", sort=False).any()
    full, freq = whole[~running], table.attrs.get("freq")
    now = f"{unsigned(whole['open_value'].iloc[-1], table)} ({count(int(whole['open_count'].iloc[-1]))}) is open now"
    if full.empty:
        return f"Created so far: {unsigned(whole['value'].iloc[-1], table)} ({count(int(whole['deals'].iloc[-1]))}); {now}."
    last, before = full.iloc[-1], full["value"].iloc[:-1]
    much = f"{unsigned(last['value'], table)} ({count(int(last['deals']))})" if last["deals"] else "Nothing"
    created = f"{much} created in {period(str(full.index[-1]), freq)}"
    if before.empty or not before.mean():
        return f"{created}; {now}."
    change = last["value"] / before.mean() - 1
    said = (
        "about as much as"
        if abs(change) < 0.005
        else f"{percent(abs(change))} {'more' if change > 0 else 'less'} than"
    )
    return f"{created}, {said} the average of the {count(len(before), 'period')} before; {now}."


def _deal(table: pd.DataFrame) -> str:
    """The moves of one deal, and where it stands."""
    name = table.attrs.get("name") or table.attrs.get("unique_id") or "The deal"
    if table.empty:
        return f"{name}: no changes."
    fields = dict(list(table.groupby("field", sort=False)))
    said = [
        *_dates_moved(fields.get("close_date", table.iloc[:0])),
        *_value_moved(fields.get("value", table.iloc[:0]), table),
    ]
    stage = fields["stage"]["after"].iloc[-1] if "stage" in fields else None
    last = table["operation"].iloc[-1]
    said.append(
        f"{last}" if last in ("deleted", "transferred") else f"now in {label(str(stage))}" if stage else ""
    )
    return f"{name}: {', '.join(part for part in said if part) or 'no changes'}."


def _dates_moved(moves: pd.DataFrame) -> list[str]:
    moved = moves[moves["before"].notna() & moves["after"].notna()]
    days = [(after - before).days for before, after in zip(moved["before"], moved["after"], strict=True)]
    later, earlier = [n for n in days if n > 0], [-n for n in days if n < 0]
    return [
        f"{verb} {_times(len(found))} ({count(sum(found), 'day')})"
        for verb, found in (("pushed", later), ("pulled in", earlier))
        if found
    ]


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def _value_moved(moves: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    known = moves["after"].dropna()
    if len(known) < 2:
        return []
    first, last = float(known.iloc[0]), float(known.iloc[-1])
    if first == last:
        return [f"value back at {unsigned(last, table)}"]
    return [f"{'raised' if last > first else 'cut'} from {unsigned(first, table)} to {unsigned(last, table)}"]


SAYINGS = (
    Saying(
        "waterfall", frozenset({"count", "value", "deals"}), _waterfall, frozenset({"opening", "closing"})
    ),
    Saying("movements", frozenset({"movement", "unique_id", "value"}), _movements),
    Saying("slippage", frozenset({"count_rate", "value_rate"}), _slippage),
    Saying("close_date_moves", frozenset({"pushes", "pulls", "days_pushed"}), _moves),
    Saying("history.deal", frozenset({"operation", "field", "before", "after"}), _deal),
    Saying("pipeline_created", frozenset({"deals", "open_count", "open_value", "to_date"}), _created),
)
"""The sentences of this room's tables."""
