"""Sentences for waterfalls, slippage, created pipeline, forecast changes and stages."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics.analysis.movement.world_changes import CURRENT, find_current_alarms
from opp_analytics.analysis.sentences import evidence
from opp_analytics.analysis.stats.intervals import mark_differences
from opp_analytics.arguments import refuse_groups
from opp_analytics.columns import write_label
from opp_analytics.note import note_of
from opp_analytics.org import day_of, money_of
from opp_analytics.schema import HALF_CENT, unstack_level
from opp_analytics.text import (
    capital,
    count,
    day,
    days,
    join_key,
    joined,
    label,
    movement,
    noun,
    number,
    percent,
    period,
    period_name,
    spelled,
)

# More than four steps are no longer a sentence.
_MOST_STEPS = 4
# Of steps of the forecast whose name does not follow that of a deal.
_STEP_WORDS = {
    "new": "added",
    "amount raised": "raised in amount",
    "amount cut": "cut in amount",
    "amount changed": "changed in amount",
    "owner": "in other hands",
}
# A deal that makes from this share of a change on, and not more than all of it, is its cause.
_CAUSE = 0.6


class ChangeStep(NamedTuple):
    """A step of a forecast change as people read it."""

    key: str
    """Label of the movement."""
    name: str
    expected: float
    deals: int
    movers: tuple[tuple[str, float], ...]
    """The deal that added most and the one that took most, with how much; the larger one first."""
    cause: str = ""
    """Why the first of them moved, where that is known."""
    sides: tuple[tuple[int, float], ...] = ()
    """Of deals judged anew: how many rose and fell, and by how much."""
    value: float = math.nan
    """The deals at full value, where expected money is only a part of it."""


def describe_waterfall(table: pd.DataFrame) -> str:
    """Sum up a waterfall."""
    refuse_groups(table)
    moved = table.drop(index=["opening", "closing"])
    moved = moved[moved["deals"] > 0]
    steps = [
        f"{movement(name)} {money_of(table)(abs(value))} ({number(deals)})"
        for name, value, deals in zip(moved.index, moved["value"], moved["deals"], strict=True)
    ]
    return f"{head_waterfall(table)}: {', '.join(steps) or 'nothing moved'}."


def head_waterfall(table: pd.DataFrame) -> str:
    """Say the opening and the closing pipeline of a waterfall."""
    money = money_of(table)
    ends = [
        f"{money(table['value'][end])} ({count(int(table['count'][end]))})"
        for end in ("opening", "closing")
    ]
    due = note_of(table).due
    return f"Pipeline{f' due {days(*due)}' if due else ''} went from {ends[0]} to {ends[1]}"


def describe_slippage(table: pd.DataFrame) -> str | tuple[str, ...]:
    """Count the outcomes of what was due, or compare the last two periods."""
    if "period" in table.index.names:
        return _compare_slippage(table)
    counts = table.groupby(level="outcome", sort=False)["count"].sum()
    total = counts.sum()
    if not total:
        return "No open deal was due in the period."
    due = f"Of {count(int(total))} due"
    ends = ", ".join(f"{number(n)} {label(name)}" for name, n in counts.items() if n)
    if not evidence.is_enough(total):
        return evidence.say_few(f"{due}, {ends}")
    value = table["value"].groupby(level="outcome").sum()
    by_value = evidence.write_share(value.get("slipped", 0.0), value)
    slipped = counts.get("slipped", 0) / total
    return (
        f"{due}, {percent(slipped)} slipped by count{by_value and f', {by_value} by value'}",
        ends,
    )


def _compare_slippage(table: pd.DataFrame) -> str:
    """Compare the last two whole periods, by value, or by count if no deal has a value.

    Else say what is known of the last one. ``part`` of the note names the periods whose start was
    not recorded.
    """
    note, valued = note_of(table), bool(table["value"].sum() > 0 and (table["value"] >= 0).all())
    sums = table.groupby(level=["period", "outcome"], sort=False)[["count", "value"]].sum()
    counts, values = (unstack_level(sums[name], "outcome") for name in ("count", "value"))
    due, slipped = counts.sum(axis=1), counts["slipped"]
    rates = (values["slipped"] / values.sum(axis=1) if valued else slipped / due).dropna()
    part = set(note.figures.get("part", []))
    if rates.empty:
        return "Nothing was due." if {*due.index} - part else "Nothing was due, as far as recorded."
    running = [key for key in rates.index if evidence.cut_period(str(key), table)]
    part |= {*running}
    whole = [key for key in rates.index if key not in part]
    *before, last = whole[-2:] or [rates.index[-1]]
    name = period_name(str(last), note.freq, today=note.day)
    name += "" if last in whole else " so far" if last in running else ", as far as recorded"
    if not evidence.is_enough(due[last]):
        was = "was" if due[last] == 1 else "were"
        return evidence.say_few(f"{spelled(int(due[last]), 'deal')} {was} due in {name}")
    said = f"{percent(rates[last])} of {'value' if valued else 'deals'} due"
    if not before or not evidence.is_enough(due[before[0]]):
        return f"{capital(name)}: {said} slipped."
    pair = [before[0], last]
    change, by_count = ((rate[last] - rate[before[0]]) for rate in (rates, slipped / due))
    when = period_name(str(before[0]), note.freq, today=note.day)
    apart = change * by_count > 0 and evidence.is_apart(slipped[pair], due[pair])
    return evidence.say_before(f"{said} in {name} slipped", rates[pair[0]], when, apart=apart)


def describe_close_date_moves(table: pd.DataFrame) -> str | tuple[str, ...]:
    """Count pushed and pulled deals."""
    if table.empty:
        return "No deal was open in this period."
    pushed, pulled = table[table["pushes"] > 0], table[table["pulls"] > 0]
    far = f", by a median of {number(pushed['days_pushed'].median())} days" if len(pushed) else ""
    n = number(len(pushed))
    said = (
        f"At least {n} of {count(len(table))} {'was' if len(pushed) == 1 else 'were'} pushed{far}"
    )
    return said, f"{number(len(pulled))} pulled in"


def describe_pipeline_created(table: pd.DataFrame) -> str | tuple[str, ...]:
    """Compare the last full period with those before it."""
    if table.empty:
        return "No deal was created in these periods."
    whole = table.groupby(level="period", sort=False)[["deals", "value", "open_value"]].sum()
    running = table["to_date"].groupby(level="period", sort=False).any()
    full, freq, money = whole[~running], note_of(table).freq, money_of(table)
    now = f"{money(whole['open_value'].iloc[-1])} is open now"
    if full.empty:
        deals = count(int(whole["deals"].iloc[-1]))
        return f"Created so far: {money(whole['value'].iloc[-1])} ({deals})", now
    last, before = full.iloc[-1], full.iloc[:-1]
    much = money(last["value"]) if last["deals"] else "Nothing"
    when = period_name(str(full.index[-1]), freq, today=note_of(table).day or full.index[-1])
    created = f"{much} created in {when}"
    usual = before["value"].mean() if len(before) else 0.0
    if not usual > 0 or last["value"] < 0 or not evidence.is_enough(full["deals"].sum()):
        return created, now
    change = last["value"] / usual - 1
    said = (
        f"{percent(abs(change))} {'above' if change > 0 else 'below'}"
        if abs(change) >= 0.005
        else "about"
    )
    return f"{created}, {said} average."


_MOST_ALARMS = 3


def describe_world_changes(table: pd.DataFrame) -> str:
    """State the alarms of the last three periods with both figures."""
    labels = table.index.get_level_values("period").unique()
    if labels.empty:
        return "No deal was created or closed in these periods."
    alarms = find_current_alarms(table)
    freq = str(note_of(table).freq)
    if alarms.empty:
        span = spelled(min(len(labels), CURRENT), noun(freq))
        return (
            f"In the {span} up to {period(labels[-1], freq)}, neither new deals nor the share "
            "won changed beyond chance."
        )
    begins = str(note_of(table).figures.get("begins") or labels[0])
    rows = zip(alarms.index, alarms.to_dict("records"), strict=True)
    said = [_describe_alarm(key, row, freq, begins) for key, row in rows][:_MOST_ALARMS]
    said += [count(len(alarms) - len(said), "more alarm")] if len(alarms) > len(said) else []
    return f"{'. '.join(said)}; the forecast learns from both."


def _describe_alarm(key: tuple[str, ...], row: dict[Any, Any], freq: str, begins: str) -> str:
    *group, name, measure = key
    unit, have = noun(freq), len(pd.period_range(begins, name, freq=freq))
    many = spelled(min(have - 1, 12))
    when, before = f"in {period(name, freq)}", f"in the {many} {unit}s before"
    more = "more" if row["direction"] == "up" else "fewer"
    if measure == "inflow":
        was = number(row["was"], int(row["was"] < 10 and row["was"] % 1 > 0))
        said = f"{more} new deals {when}: {number(row['n'])}, {was} a {unit} {before}"
    else:
        now = f"{percent(row['now'])} of {count(int(row['n']), 'closed deal')}"
        said = f"{more} deals won {when}: {now}, {percent(row['was'])} {before}"
    return f"{join_key(tuple(group))}: {said}" if group else capital(said)


def describe_forecast_change(table: pd.DataFrame) -> str:
    """Say how the forecast changed and by which steps."""
    refuse_groups(table)
    said = say_forecast_change(table)
    if steps := _sort_steps(table):
        lead, *further = (_say_step(step, table) for step in steps)
        said += f": {joined([_say_cause(table, steps, 'it') or lead, *further], most=_MOST_STEPS)}."
    return said


def list_steps(table: pd.DataFrame) -> list[ChangeStep]:
    """List the steps of a forecast change, named as on every surface.

    Steps below a cent are left out.
    """
    steps, note = [], note_of(table)
    for key, row in table.drop(index=["then", "now"]).iterrows():
        amount, moved = row["expected"], [w for w in ("up", "down") if row[f"{w}_deals"]]
        moved.sort(key=lambda way: -abs(row[f"{way}_most"]))
        movers = tuple((str(row[f"{way}_largest"]), row[f"{way}_most"]) for way in moved)
        is_both = key in ("chance", "value") and len(moved) == 2
        name = movement(key, 0.0 if is_both else amount)
        if key == "new_business":
            more = "a higher run rate" if note.method == "run_rate" else "more new business"
            name = _name_time(table) if amount < 0 else more
        value = row["value"] if row["deals"] else math.nan
        step = ChangeStep(str(key), name, amount, int(row["deals"]), movers, value=value)
        if key == "chance" and moved:
            sides = ((int(row[f"{way}_deals"]), row[way]) for way in ("up", "down"))
            step = step._replace(
                cause=note.figures.get("causes", {}).get(moved[0], ""),
                sides=tuple(sides) if is_both else (),
            )
        steps.append(step)
    return [step for step in steps if abs(step.expected) >= HALF_CENT]


def _name_time(table: pd.DataFrame) -> str:
    """Name the days between two forecasts, in which no more can be sold."""
    then, now = (
        day_of(table, moment) for moment in (note_of(table).then_at, note_of(table).now_at)
    )
    return f"{count((now - then).days, 'day')} less to sell"


def head_forecast_change(table: pd.DataFrame) -> str:
    """Name the deal that made most of a forecast's change, else the largest step.

    A step in the other direction is added where the largest one alone would mislead.
    """
    steps, (what, _, change) = _sort_steps(table), _measure_change(table)
    if not steps:
        return say_forecast_change(table)
    rise = f"{what}’s {money_of(table)(abs(change))} {'rise' if change > 0 else 'fall'}"
    if cause := _say_cause(table, steps, rise):
        return capital(cause)
    against = [step for step in steps if step.expected * steps[0].expected < 0]
    # Else a title would tell the rise of a forecast that fell.
    turned = against[:1] if abs(change) < HALF_CENT or steps[0].expected * change < 0 else []
    return capital(", against ".join(_say_step(step, table) for step in [steps[0], *turned]))


def say_forecast_change(table: pd.DataFrame) -> str:
    """Say by how much a period's forecast changed since when."""
    (what, since, change), money = _measure_change(table), money_of(table)
    now, later = money(table["expected"]["now"]), abs(table["expected"].get("won_later", 0))
    now += f", apart from {money(later)} won but dated later" if later >= HALF_CENT else ""
    if abs(change) < HALF_CENT:
        return f"{capital(what)} is unchanged {since}, at {now}"
    return (
        f"{capital(what)} is {'up' if change > 0 else 'down'} {money(abs(change))} {since}, to "
        f"{now}"
    )


def _measure_change(table: pd.DataFrame) -> tuple[str, str, float]:
    """Name the period and the earlier day, and measure the change.

    What was won but is dated later is no part of it.
    """
    expected, note = table["expected"], note_of(table)
    then, now = (day_of(table, moment) for moment in (note.then_at, note.now_at))
    what = period_name(str(note.figures["period"]), note.freq, today=now)
    return (
        what,
        f"since {day(then, year=then.year != now.year)}",
        (expected["now"] - expected["then"] - expected.get("won_later", 0.0)),
    )


def _sort_steps(table: pd.DataFrame) -> list[ChangeStep]:
    return sorted(list_steps(table), key=lambda step: -abs(step.expected))


def _say_cause(table: pd.DataFrame, steps: list[ChangeStep], change_said: str) -> str:
    """Say which one of several deals made most of the change; empty if none did."""
    *_, change = _measure_change(table)
    most = note_of(table).figures.get("most", {})
    deal, by, key = (most.get(name, "") for name in ("name", "expected", "movement"))
    step = next((one for one in steps if one.key == key), None)
    if (
        step is None
        or step.key in ("transferred", "won_later")
        or len(steps) == steps[0].deals == 1
        or abs(change) < HALF_CENT
        or not _CAUSE <= by / change <= 1
    ):
        return ""
    did = step.key if step.key == "won" else movement(step.key, by)
    return f"{deal}, {did}, made {money_of(table)(abs(by))} of {change_said}"


def _say_step(step: ChangeStep, table: pd.DataFrame) -> str:
    """Say what happened to the deals of a step: of a single one by its name."""
    amount = money_of(table, beside=table["expected"].abs().max())(step.expected, signed=True)
    deals = step.movers[0][0] if step.deals == 1 else spelled(step.deals, "deal")
    words = _STEP_WORDS.get(step.key) or _STEP_WORDS.get(step.name, step.name)
    return f"{f'{deals} ' if step.movers else ''}{words} ({amount})"


def describe_stage_flow(table: pd.DataFrame) -> str:
    """Name the stages that lose a larger share of their deals than the others, beyond chance."""
    summed = table.groupby(level="stage", sort=False)[["entries", "advanced", "still"]].sum()
    summed["left"] = summed["entries"] - summed["still"]
    known = summed[summed["left"] > 0]
    if known.empty:
        return "No stay in a stage has ended yet."
    left, advanced = int(known["left"].sum()), int(known["advanced"].sum())
    if not evidence.is_enough(left):
        return evidence.say_few(f"{number(advanced)} of {count(left)} leaving stages moved on")
    if advanced == left:
        return f"All {count(left)} that left a stage moved on."
    share = percent(1 - advanced / left)
    differs = mark_differences(known["advanced"], known["left"])
    low = known[differs & (known["advanced"] / known["left"] < advanced / left).to_numpy()]
    if low.empty:
        return f"No stage stands out: {share} of deals leaving one go no further."
    names = joined([write_label("stage", name) for name in low.index], most=3, last="or")
    return (
        f"{percent(1 - low['advanced'].sum() / low['left'].sum())} of deals leaving {names} "
        f"go no further, {share} overall."
    )


def describe_stage_funnel(table: pd.DataFrame) -> str:
    """Name the stage with the most open value."""
    summed = table["open_value"].groupby(level="stage", observed=True, sort=False).sum()
    whole, deals = summed.sum(), int(table["open_count"].sum())
    if not summed.any():
        return (
            f"{count(deals, 'open deal')}, none of them with a value."
            if deals
            else "There is no open deal."
        )
    (first, *others), share = evidence.find_largest(summed)
    if not share:
        return f"The open pipeline is {money_of(table)(whole)} in {count(deals)}."
    where = joined([write_label("stage", name) for name in (first, *others)], most=3)
    each = " each" if others else ""
    return f"Of {money_of(table)(whole)} in the open pipeline, {share}{each} is in {where}."
