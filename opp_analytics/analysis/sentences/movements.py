"""Sentences for movements: waterfalls, slippage, moved dates, created pipeline, changes of a forecast."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics.org import day_of, money_of
from opp_analytics.schema import unstack_level
from opp_analytics.text import capital, count, day, days, joined, label, number, percent, period, period_name

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

# More than four steps are no longer a sentence.
_MOST_STEPS = 4
# A step of the forecast by one deal; for several, their number takes the place of the name.
_ONE_DEAL = {
    "removed": "{} removed",
    "won": "{} won",
    "lost": "{} lost",
    "reopened": "{} reopened",
    "new": "{} new",
    "pulled_in": "{} pulled in",
    "pushed_out": "{} pushed out",
    "value": "the value of {}",
    "owner": "the owner of {}",
    "chance": "the chance of {}",
    "new_business": "new business",
}
_SEVERAL_DEALS = {"value": "values of {}", "owner": "owners of {}", "chance": "chances of {}"}


def _size(value: float, table: pd.DataFrame) -> str:
    """Format an amount without its sign, which the verb tells."""
    return money_of(table)(abs(value))


def _share(rate: float) -> str:
    return "none" if math.isnan(rate) else percent(rate)


def describe_waterfall(table: pd.DataFrame) -> str:
    """Sum up a waterfall; with `by`, name the groups that changed most."""
    if table.index.nlevels > 1:
        groups = _describe_groups(table["value"], table, first="opening", last="closing")
        return f"{_describe_total(_sum_groups(table))} {groups}".strip()
    return _describe_total(table)


def head_waterfall(table: pd.DataFrame) -> str:
    """Name both ends of a waterfall."""
    return _name_ends(_sum_groups(table) if table.index.nlevels > 1 else table)


def _sum_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Add up a waterfall by group; transfers between groups cancel out."""
    whole = table.groupby(level="movement", sort=False)[["count", "value", "deals"]].sum()
    whole = whole.drop(index=["transferred_in", "transferred_out"], errors="ignore")
    whole.attrs = table.attrs
    return whole


def _describe_total(table: pd.DataFrame) -> str:
    rows = {str(name): (row["value"], row["deals"]) for name, row in table.iterrows()}
    steps = [
        f"{_VERBS[name]} {_size(rows[name][0], table)} ({number(rows[name][1])})"
        for name in _VERBS
        if name in rows and rows[name][1]
    ]
    return f"{_name_ends(table)}: {', '.join(steps) or 'nothing moved'}."


def _name_ends(table: pd.DataFrame) -> str:
    """Say from which pipeline to which a waterfall went."""
    ends = [
        f"{_size(table['value'][end], table)} ({count(int(table['count'][end]))})"
        for end in ("opening", "closing")
    ]
    due = table.attrs.get("due")
    return f"Pipeline{f' due {days(*due)}' if due else ''} went from {ends[0]} to {ends[1]}"


def describe_movements(table: pd.DataFrame) -> str:
    """Sum up the movements and name the largest."""
    if table.empty:
        return "Nothing moved the pipeline."
    largest = table.iloc[int(table["value"].abs().to_numpy().argmax())]
    name = largest["unique_id"] if pd.isna(largest["name"]) else largest["name"]
    verb = _VERBS[largest["movement"]]
    return f"{head_movements(table)}. The largest move: {name}, {verb} {_size(largest['value'], table)}."


def head_movements(table: pd.DataFrame) -> str:
    """Sum up the movements."""
    if table.empty:
        return "Nothing moved the pipeline."
    change = money_of(table)(table["value"].sum(), signed=True)
    return f"{count(table['unique_id'].nunique())} moved the pipeline by {change}"


def describe_slippage(table: pd.DataFrame) -> str:
    """Count the outcomes of what was due, or compare the last two periods."""
    if "period" in table.index.names:
        return _compare_slippage(table)
    counts = table.groupby(level="outcome", sort=False)["count"].sum()
    total = counts.sum()
    if not total:
        return "No open deal was due in the period."
    parts = [f"{number(n)} {label(name)}" for name, n in counts.items() if n]
    value = table["value"].groupby(level="outcome").sum()
    rate = value.get("slipped", 0.0) / value.sum() if value.sum() else float("nan")
    slipped = counts.get("slipped", 0) / total
    return f"Of {count(int(total))} due, {', '.join(parts)}: {percent(slipped)} slipped by count, {_share(rate)} by value."


def _compare_slippage(table: pd.DataFrame) -> str:
    """Compare the last period with the one before, by value, or by count if no deal has a value."""
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


def describe_close_date_moves(table: pd.DataFrame) -> str:
    """Count pushed and pulled deals."""
    if table.empty:
        return "No deal was open in this period."
    pushed, pulled = table[table["pushes"] > 0], table[table["pulls"] > 0]
    far = f" by a median of {number(pushed['days_pushed'].median())} days" if len(pushed) else ""
    were = "was" if len(pushed) == 1 else "were"
    return f"Of {count(len(table))}, at least {number(len(pushed))} {were} pushed{far} and {number(len(pulled))} pulled in."


def describe_pipeline_created(table: pd.DataFrame) -> str:
    """Compare the last full period with those before it."""
    if table.empty:
        return "No deal was created in these periods."
    whole = table.groupby(level="period", sort=False)[["deals", "value", "open_count", "open_value"]].sum()
    running = table["to_date"].groupby(level="period", sort=False).any()
    full, freq = whole[~running], table.attrs.get("freq")
    now = f"{_size(whole['open_value'].iloc[-1], table)} ({count(int(whole['open_count'].iloc[-1]))}) is open now"
    if full.empty:
        return f"Created so far: {_size(whole['value'].iloc[-1], table)} ({count(int(whole['deals'].iloc[-1]))}); {now}."
    last, before = full.iloc[-1], full["value"].iloc[:-1]
    much = f"{_size(last['value'], table)} ({count(int(last['deals']))})" if last["deals"] else "Nothing"
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


def describe_deal(table: pd.DataFrame) -> str:
    """Sum up the moves of one deal and name its current stage."""
    name = table.attrs.get("name") or table.attrs.get("unique_id") or "The deal"
    if table.empty:
        return f"{name}: no changes."
    fields = dict(list(table.groupby("field", sort=False)))
    said = [
        *_describe_date_moves(fields.get("close_date", table.iloc[:0])),
        *_describe_value_moves(fields.get("value", table.iloc[:0]), table),
    ]
    stage = fields["stage"]["after"].iloc[-1] if "stage" in fields else None
    last = table["operation"].iloc[-1]
    said.append(
        f"{last}" if last in ("deleted", "transferred") else f"now in {label(stage)}" if stage else ""
    )
    return f"{name}: {', '.join(part for part in said if part) or 'no changes'}."


def _describe_date_moves(moves: pd.DataFrame) -> list[str]:
    moved = moves[moves["before"].notna() & moves["after"].notna()]
    days = [(after - before).days for before, after in zip(moved["before"], moved["after"], strict=True)]
    later, earlier = [n for n in days if n > 0], [-n for n in days if n < 0]
    return [
        f"{verb} {_count_times(len(shifts))} ({count(sum(shifts), 'day')})"
        for verb, shifts in (("pushed", later), ("pulled in", earlier))
        if shifts
    ]


def _count_times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def _describe_value_moves(moves: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    known = moves["after"].dropna()
    if len(known) < 2:
        return []
    first, last = float(known.iloc[0]), float(known.iloc[-1])
    if first == last:
        return [f"value back at {_size(last, table)}"]
    return [f"{'raised' if last > first else 'cut'} from {_size(first, table)} to {_size(last, table)}"]


def describe_forecast_change(table: pd.DataFrame) -> str:
    """Say how the forecast changed and by which steps; with `by`, name the groups that changed most."""
    if table.index.nlevels == 1:
        return _describe_steps(table)
    whole = table.groupby(level="movement", sort=False)[["expected", "deals"]].sum()
    whole["largest"] = table["largest"].groupby(level="movement", sort=False).first()
    whole.attrs = table.attrs
    groups = _describe_groups(table["expected"], table, first="then", last="now")
    return f"{_describe_steps(whole)} {groups}".strip()


def _describe_steps(table: pd.DataFrame) -> str:
    """Name the new forecast and the largest steps toward it."""
    money = money_of(table)
    steps = table.drop(index=["then", "now"])
    steps = steps[steps["expected"].abs() >= 0.005].sort_values(
        "expected", key=abs, ascending=False, kind="stable"
    )
    said = [
        f"{_describe_step(str(name), row)} ({money(row['expected'], signed=True)})"
        for name, row in steps.iterrows()
    ]
    parts = f": {joined(said, most=_MOST_STEPS)}" if said else ""
    return f"{head_forecast_change(table)}{parts}."


def head_forecast_change(table: pd.DataFrame) -> str:
    """Say by how much a period's forecast changed since when."""
    expected, money, attrs = table["expected"].groupby(level="movement").sum(), money_of(table), table.attrs
    change = expected["now"] - expected["then"]
    then, now = (day_of(table, attrs[name]) for name in ("then_at", "now_at"))
    what = capital(period_name(str(attrs["period"]), attrs.get("freq"), today=now))
    since = f"since {day(then, year=then.year != now.year)}"
    if abs(change) < 0.005:
        return f"{what} is unchanged {since}, at {money(expected['now'])}"
    return f"{what} is {'up' if change > 0 else 'down'} {money(abs(change))} {since}, to {money(expected['now'])}"


def _describe_step(name: str, row: pd.Series[Any]) -> str:
    """Describe one step; a single deal by its name."""
    deals = int(row["deals"])
    if deals == 1 and not pd.isna(row["largest"]):
        return _ONE_DEAL[name].format(row["largest"])
    if name in _SEVERAL_DEALS:
        return _SEVERAL_DEALS[name].format(count(deals))
    return _ONE_DEAL[name].format(f"{deals:,}")


def _describe_groups(values: pd.Series[Any], table: pd.DataFrame, *, first: str, last: str) -> str:
    """Name the groups that changed most from the movement `first` to `last`; empty text if none changed."""
    ends = unstack_level(values, "movement")
    change = (ends[last] - ends[first]).round(2)
    change = change[change != 0].sort_values(key=abs, ascending=False, kind="stable")
    money = money_of(table)
    said = [
        f"{' · '.join(map(str, group)) if isinstance(group, tuple) else group} {money(by, signed=True)}"
        for group, by in change.items()
    ]
    levels = joined([label(name) for name in table.index.names[:-1]])
    return f"By {levels}: {joined(said, most=3)}." if said else ""
