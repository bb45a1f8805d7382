"""Sentences for forecasts, targets, categories, single deals, and past forecasts.

Forecasts are those of a period, or of people and teams.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.forecast_deals import select_own_chances
from opp_analytics.analysis.forecasting.pacing import select_point
from opp_analytics.analysis.forecasting.rivals import RIVALS
from opp_analytics.analysis.forecasting.targets import find_gap
from opp_analytics.analysis.sentences import evidence
from opp_analytics.analysis.stats.intervals import compare_pairs, mark_missed_chances
from opp_analytics.columns import write_label
from opp_analytics.note import TableNote, note_of
from opp_analytics.org import Money, day_of, money_of
from opp_analytics.schema import ALL, BUCKETS, TEXT, mark_named
from opp_analytics.text import (
    capital,
    count,
    day,
    joined,
    label,
    method,
    money_range,
    noun,
    number,
    percent,
    period_name,
    points,
    spelled,
    split_key,
    times,
    title,
)

_LEAST_SWING = 0.05
"""Change in the chance of a target below which nobody would act on one deal."""
_SAFE = 0.9
"""A target this likely is called safe: the 80% range, too, allows one miss in ten below it."""
# Deals stated at this or more are called likely: best case begins there.
_LIKELY = 50
# Stated and learned chances differ beyond two standard errors, and by ten points on average.
_BEYOND, _MATTERS = 2.0, 0.1
_CATEGORIES = ["closed", "commit", "best_case", "pipeline"]
_MOST_CATEGORIES = 3
"""Sums of categories in a sentence, closed money first."""

Row = Any


def describe_forecast(table: pd.DataFrame) -> str:
    """Describe the current period, or the groups of a forecast with `by`."""
    return _join(*say_forecast(table))


def say_forecast(table: pd.DataFrame) -> tuple[str, str]:
    """Say whether the current period makes it, then what is left to do.

    Once it is decided, the next period comes before what is left.
    """
    if table.index.names != ["period"]:
        return f"{_describe_groups(table)}.", ""
    label, lead = find_lead(table)
    if not label:
        return "No deal is won or due in this period or a later one.", ""
    row: Row = table.loc[label]
    if not row["to_date"]:
        return _describe_outlook(label, table), ""
    late, rough = _describe_overdue(table), evidence.say_rough(table.loc[lead], table)
    if lead != label:
        return _describe_settled(label, table), _join(
            _describe_outlook(lead, table), _describe_still(label, table), late, rough
        )
    if row["gap"] <= 0:
        return _describe_settled(label, table), _join(_describe_still(label, table), late)
    later = str(pd.Period(label, note_of(table).freq) + 1)
    is_lost = not evidence.is_stated(table) and row["p_target"] < evidence.NO_CHANCE
    return _describe_outlook(label, table), _join(
        _describe_due(label, table),
        "" if _say_giant(row, table) or is_lost else rough,
        _describe_outlook(later, table) if is_lost and later in table.index else "",
        "" if row["open_count"] else late,
        _describe_before(label, table) if evidence.has_begun(label, table) else "",
    )


def _join(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def find_lead(table: pd.DataFrame) -> tuple[str, str]:
    """Find the current period, or the first one ahead, and the one to lead with; empty without any.

    The next one leads once the current one is at target, has two days left, or has nothing due and
    nothing more to expect.
    """
    shown = evidence.keep_ahead(table.index, table)
    now = table.index[table["to_date"].to_numpy(dtype=bool)]
    if not len(now):
        return (shown[0], shown[0]) if shown else ("", "")
    label = str(now[0])
    row: Row = table.loc[label]
    nothing = not row["open_count"] and row["expected"] <= row["booked"]
    settled = row["gap"] <= 0 or evidence.count_days_left(label, table) is not None or nothing
    later: Row = table.loc[
        shown[shown.index(label) + 1 :][:1] if settled and label in shown else []
    ]
    known = (later["expected"] > 0) | (
        (later["expected"] == 0) & (later.get("needed_pipeline", 0) > 0)
    )
    return label, str(later.index[0]) if known.any() else label


def _name(label: str, table: pd.DataFrame) -> str:
    return capital(period_name(label, note_of(table).freq, today=note_of(table).day))


_DAYS_LEFT = ("today", "tomorrow", "in two days")


def _describe_settled(label: str, table: pd.DataFrame) -> str:
    """Say how a period ends."""
    row: Row = table.loc[label]
    gap, amount = row["gap"], money_of(table)
    left = evidence.count_days_left(label, table)
    ends = "" if left is None else f" ends {_DAYS_LEFT[left]}"
    parts = [_say_closed(row["booked"], amount)]
    if amount(abs(gap)) != amount(0) and math.isfinite(gap):
        parts.append(f"{amount(abs(gap))} {'to go' if gap > 0 else 'over'}")
    if row["open_count"] and row["p_target"] < 1 and not evidence.is_stated(table):
        parts.append(f"{percent(row['p_target'])} likely")
    elif gap > 0 and not row["open_count"]:
        parts.append("nothing due")
    return f"{_name(label, table)}{' is at target' if gap <= 0 else ends}: {', '.join(parts)}."


def _describe_still(label: str, table: pd.DataFrame) -> str:
    row: Row = table.loc[label]
    deals = spelled(int(row["open_count"]), "deal")
    due = f"Still due in {_name(label, table)}: {money_of(table)(row['open_value'])} in {deals}."
    return due if row["open_count"] else ""


def _describe_due(label: str, table: pd.DataFrame) -> str:
    """Say what is to go and what is due, and why a forecast has no range; empty without both."""
    row: Row = table.loc[label]
    amount, parts = money_of(table), []
    if row["gap"] > 0:
        parts.append(f"{amount(row['gap'])} to go")
    deals = spelled(int(row["open_count"]), "open deal")
    if row["open_count"] and row["pipeline_coverage"] > 0:
        parts.append(f"covered {times(row['pipeline_coverage'])} by {deals}")
    elif row["open_count"]:
        parts.append(f"{amount(row['open_value'])} due in {deals}")
    unknown = math.isfinite(row["expected"]) and not math.isfinite(row["low"])
    return f"{', '.join(parts)}{f'; {evidence.NO_RANGE}' if unknown else ''}." if parts else ""


def _say_closed(booked: float, amount: Money) -> str:
    return f"{amount(booked)} closed" if booked else "nothing closed"


def _describe_outlook(label: str, table: pd.DataFrame) -> str:
    """Say what closed, the forecast, and the chance of the target, of a period or a later one."""
    row: Row = table.loc[label]
    head, amount = _name(label, table), money_of(table)
    target = amount(row["target"]) if math.isfinite(row["target"]) else ""
    parts = [_say_closed(row["booked"], amount)] if row["to_date"] or row["booked"] else []
    due = [] if row["open_count"] else [f"nothing due{'' if row['to_date'] else ' yet'}"]
    if evidence.expects_nothing(row):
        return f"{head}: {', '.join([*parts, *due])}{target and f', target {target}'}."
    if math.isnan(row["expected"]):
        return f"{head}: {', '.join([*parts, 'too early to say', *due])}."
    forecast = f"forecast {_write_expected(row, table)}"
    if target and math.isfinite(row["p_target"]) and not evidence.is_stated(table):
        head += f" is {percent(row['p_target'])} likely to hit {target}"
    elif target:
        forecast += f" vs. {target}"
    return f"{head}: {', '.join([*parts, forecast, *due])}{_say_giant(row, table)}."


def _describe_before(label: str, table: pd.DataFrame) -> str:
    """Say how the period before ended; empty where it is not known."""
    before = str(pd.Period(label, note_of(table).freq) - 1)
    if before not in table.index or not table.loc[before, "booked"]:
        return ""
    amount, gap = money_of(table), table["gap"][before]
    off = f", {amount(abs(gap))} {'over' if gap < 0 else 'below'} target"
    closed = f"{_name(before, table)} closed at {amount(table['booked'][before])}"
    return f"{closed}{off if gap and math.isfinite(gap) else ''}."


def _describe_overdue(table: pd.DataFrame) -> str:
    """Ask to re-date the overdue deals."""
    late = table["open_value"].get(BUCKETS[0], 0.0)
    return f"{money_of(table)(late)} is past its close date: re-date it." if late else ""


def _write_expected(row: Row, table: pd.DataFrame) -> str:
    """Write a forecast, with its range where no target is beside it.

    Where one deal is most of it, the median and its range; a single stated deal has its chance.
    """
    amount, spread = money_of(table), ""
    giant, outside = _say_giant(row, table), evidence.name_outside(row, amount)
    if not giant and math.isfinite(row["target"]):
        spread = ""
    elif not giant and evidence.is_one_deal(row, table) and row["open_value"]:
        spread = f"one deal, {percent(row['weighted_open'] / row['open_value'])} likely"
    elif math.isfinite(row["low"]):
        spread = money_range(row["low"], row["high"], amount)
    beside = ", ".join(filter(None, [spread, "" if giant else outside]))
    return f"{amount(row['median' if giant else 'expected'])}{beside and f' ({beside})'}"


def _say_giant(row: Row, table: pd.DataFrame) -> str:
    """Name the deal that is most of what is expected beyond booked; empty without one."""
    giant = (note_of(table).figures.get("giants") or {}).get(str(row.name))
    if not giant or not math.isfinite(row["median"]):
        return ""
    (name, value, chance, adds), amount = giant, money_of(table)
    share = f"{percent(adds / row['expected'])} of the expected {amount(row['expected'])}"
    return f"; {name}, {amount(value)} at {percent(chance)}, makes {share}"


def _describe_groups(table: pd.DataFrame) -> str:
    """Count who is at target and name who is furthest from it."""
    levels, now = [name for name in table.index.names if name != "period"], table
    if len(levels) < table.index.nlevels:
        labels = table.index.get_level_values("period")
        running = table["to_date"].to_numpy(dtype=bool)
        first = next((label for label in labels if label not in BUCKETS), "")
        now = table[running if running.any() else labels == first]
        now = now.droplevel("period")
    leaves = now[[ALL not in split_key(label) for label in now.index]]
    if leaves.empty:
        return "No one has a deal in this period."
    noun, aimed = evidence.name_group(levels[-1]), leaves[leaves["target"].notna()]
    aimed = aimed[mark_named(aimed.index)]
    if aimed.empty:
        nothing = leaves[["booked", "expected"]].sum().max() <= 0
        return "Nothing closed and nothing due" if nothing else f"Closed and forecast by {noun}"
    met = int((find_gap(aimed["target"], aimed["booked"]) <= 0).sum())
    if met == len(aimed):
        return f"Every {noun} is at target"
    some = f"{capital(spelled(met))} of {spelled(len(aimed), noun)}"
    first = f"{some if met else f'No {noun}'} at target"
    short = pd.Series(find_gap(aimed["target"], aimed["expected"]), aimed.index)
    if not short.max() > 0:
        return f"{first}; every forecast gets there"
    return (
        f"{first}; {_name_last(short.idxmax())}’s forecast is {money_of(table)(short.max())} below"
    )


def _name_last(label: Any) -> str:
    return str(next(part for part in reversed(split_key(label)) if part != ALL))


def describe_forecast_fan(table: pd.DataFrame) -> str:
    """Compare the newest forecast of a period with the one before and with the target."""
    last, amount = table.iloc[-1], money_of(table)
    name = period_name(str(last["period"]), note_of(table).freq, today=note_of(table).day)
    target = last["target"] if "target" in table else math.nan
    table = table[table["expected"].notna()]
    if math.isnan(last["expected"]):
        return f"{capital(name)}’s forecast is not known at its last record"
    said, short = f"{capital(name)}’s forecast", find_gap(target, last["expected"])
    is_aimed = math.isfinite(target)
    aim = f"{amount(abs(short))} {'below' if short > 0 else 'above'} target"
    if len(table) == 1:
        return f"{said} is {aim if is_aimed else amount(last['expected'])}"
    (then, now), before = (day_of(table, made) for made in table.index[-2:]), table.iloc[-2]
    since = day(then, year=then.year != now.year)
    change = round((last["expected"] - before["expected"]), 2)
    moved = f"{'up' if change > 0 else 'down'} {amount(abs(change))}" if change else "unchanged"
    return f"{said} is {f'{aim}, ' if is_aimed else ''}{moved} since {since}"


def describe_forecast_deals(table: pd.DataFrame) -> str:
    """Say how winning or losing one deal changes the chance of a period's target.

    The period is the first one with a target.
    """
    known = table[table["p_if_lost"].notna()]
    if known.empty:
        return "No chance of a target is known that an open deal could change"
    first = known["period"].astype(str).min()
    known = known[known["period"] == first]
    likely = (known["swing"] * known["chance"]).sort_values(ascending=False, kind="stable")
    known = known.loc[likely.index]
    name = period_name(first, note_of(table).freq, today=note_of(table).day)
    swing = known.iloc[0]
    if known["p_if_lost"].min() >= _SAFE or known["swing"].max() < _LEAST_SWING:
        return f"No single deal decides {name}"
    deal = swing.get("name") or swing.get("unique_id") or swing.name
    return (
        f"{deal} decides {name}: {percent(swing['p_if_won'])} likely if won, "
        f"{percent(swing['p_if_lost'])} if lost"
    )


def describe_deal_reasons(table: pd.DataFrame) -> str:
    """Add up the chance of one deal: of several, of the likeliest one."""
    if table.empty:
        return "No deal is open"
    chances = table["chance"].groupby(level="unique_id").last()
    deal = str(chances.idxmax())
    first: Row = table.loc[deal].iloc[0]
    if not evidence.is_enough(first["n"]):
        return evidence.say_few(f"{first['won']} of {count(first['n'], 'past deal')} won")
    return f"{deal}, {percent(chances.max())}: {explain_chances(table)[deal]}"


def explain_chances(table: pd.DataFrame) -> pd.Series[str]:
    """Say what adds up to each deal's chance, by id; `table` is from `deal_reasons`.

    What helps most comes first, or what costs most where nothing helps.
    """
    ids, steps = (table.index.get_level_values(level).tolist() for level in (0, 1))
    first = [k for k, step in enumerate(steps) if step == "overall"]
    chances = table["chance"].to_numpy()
    # Rounded first, so that they add up as shown.
    adds = np.diff(np.floor(chances * 100 + 0.5).astype(int), prepend=0).tolist()
    groups, note = table["group"].tolist(), note_of(table)
    named = [*zip(steps, groups, strict=True)]
    names = {one: _name_step(*one, note) for one in set(named)}
    points = [*zip(adds, map(names.__getitem__, named), strict=True)]
    said: dict[Any, str] = {}
    words = []
    for begin, end in zip(first, [*first[1:], len(ids)], strict=False):
        # Deals of one stage, owner and bucket have the same words.
        mine = f"{groups[begin]} {percent(chances[begin])}", tuple(points[begin + 1 : end])
        if mine not in said:
            said[mine] = _say_helps(*mine)
        words.append(said[mine])
    return pd.Series(words, [ids[k] for k in first], dtype=TEXT)


def _say_helps(base: str, points: Iterable[tuple[int, str]]) -> str:
    adds = sorted((one for one in points if one[0]), key=lambda one: -one[0])
    if not adds:
        return base
    does = "helps" if adds[0][0] > 0 else "costs"
    leads = [one for one in adds if one[0] > 0][:2] or adds[-1:]
    others = [f"{name} {number(by, signed=True)}" for by, name in adds if (by, name) not in leads]
    by = [f"({number(by, signed=True)})" for by, _ in leads]
    said = f"{leads[0][1]} {does}{' most' if len(adds) > 1 else ''} {by[0]}"
    said += f", then {leads[1][1]} {by[1]}" if len(leads) > 1 else ""
    return f"{said}; {', '.join([base, *others])}"


def _name_step(step: str, group: str, note: TableNote) -> str:
    if step == "month":
        return "quarter’s end" if group == "quarter end" else "mid-quarter"
    if step in ("size", "days"):
        return group if step == "days" else "its size"
    if step != "bucket":
        return write_label(step, group)
    today, freq, name = note.day, note.freq, note.figures["period"]
    now = str(pd.Period(today, freq)) == name
    within = f"this {noun(freq)}" if now else f"in {period_name(name, freq, today=today)}"
    names = {
        "undated": "no date",
        "due": f"due {within}",
        "due before": f"due before {within.removeprefix('in ')}",
    }
    return names.get(group, group)


def compare_chances(table: pd.DataFrame) -> str:
    """Compare the chances of the likely deals due now with history: to be won at all.

    Empty where both agree within chance.

    `table` is from `forecast_deals`, with the stated ``probability``.
    """
    own = select_own_chances(table).dropna(subset=["chance", "win_chance"])
    if "probability" not in own:
        return ""
    note = note_of(table)
    today, known = pd.Timestamp(note.day), pd.Timestamp(note.known_day)
    now = own[(own["period"] == str(pd.Period(today, note.freq))) & (own["close_date"] >= known)]
    likely = now[now["probability"].astype("float64") >= _LIKELY]
    stated, chance = likely["probability"].astype("float64") / 100, likely["win_chance"]
    off = (stated - chance).sum()
    # Beyond what luck alone explains if history is right, and large enough to act on.
    luck = math.sqrt((chance * (1 - chance)).sum())
    if not evidence.is_enough(len(likely)) or abs(off) < max(
        _BEYOND * luck, _MATTERS * len(likely)
    ):
        return ""
    period = period_name(str(now["period"].iloc[0]), note_of(table).freq, today=today)
    return (
        f"{capital(count(len(likely)))} due in {period} that reps call likely, "
        f"{percent(stated.mean())} on average: by history {percent(chance.mean())} are ever won"
    )


_WORDS = {"stated": "stated probabilities", "stage": "given rates of stages"}


def describe_method(table: pd.DataFrame, *, explain: bool = False) -> str:
    """Say how a forecast was made, and from when on its history teaches it.

    With `explain`, all of its reasons.
    """
    note = note_of(table)
    name, why = str(note.method), note.why
    if explain:
        return f"Method: {label(name)}{why and f': {why}'}."
    ended, period = note.figures.get("learned_from"), f"ended {noun(note.freq)}"
    said = (
        "Method: "
        f"{_WORDS.get(name, label(name))}{f', from {count(ended, period)}' if ended else ''}."
    )
    if not why or name == "learned":
        return said
    if begins := note.figures.get("learns_on"):
        return f"{said} Learning from your history starts on {day(begins, year=True)}."
    return f"{said} There is no history to learn from yet."


def describe_categories(table: pd.DataFrame) -> str:
    """Sum the categories of the current period, or of the first one."""
    whole = table.groupby(level="period", sort=False)[_CATEGORIES].sum()
    shown = evidence.keep_ahead(whole.index, table)
    if not shown:
        return "No deal is won or due in this period or a later one."
    current = table.index[table["to_date"].to_numpy(dtype=bool)].get_level_values("period")
    name = str(current[0]) if len(current) else shown[0]
    row: Row = whole.loc[name]
    money, today = money_of(table), note_of(table).day or name[:4]
    heading = capital(period_name(name, note_of(table).freq, today=today))
    said, total = [f"{heading}: {_say_closed(row['closed'], money)}"], row["closed"]
    for category in ("commit", "best_case", "pipeline"):
        total += row[category]
        said += [f"{money(total)} with {title(category)}"] if row[category] else []
    return f"{', '.join(said[:_MOST_CATEGORIES])}."


def describe_category_moves(table: pd.DataFrame) -> str:
    """Say how the commit turned out, or the largest category if there is no commit."""
    whole = table.groupby(level=["from_category", "to_category"], sort=False)[
        ["count", "value"]
    ].sum()
    totals = whole.groupby(level="from_category", sort=False)["count"].sum()
    if not totals.sum():
        return "No open deal was due in the period."
    name = "commit" if totals.get("commit", 0) else str(totals.idxmax())
    outcome, money = pd.DataFrame(whole.xs(name, level="from_category")), money_of(table)
    ranked = outcome["count"][outcome["count"] > 0].sort_values(ascending=False, kind="stable")
    ends = [f"{n:,} {'still ' if to == name else ''}{label(to)}" for to, n in ranked.items()]
    of = f"Of {money(outcome['value'].sum())} in {title(name)} ({count(int(totals[name]))})"
    said = f"{of}: {joined(ends)}"
    return said if evidence.is_enough(totals[name]) else evidence.say_few(said)


def describe_backtest(table: pd.DataFrame) -> str | tuple[str, ...]:
    """Say how far past forecasts missed and how often their ranges held.

    Of several methods, those of the first.
    """
    if table.empty:
        return "No past forecast can be judged yet."
    table = select_first_method(table)
    whole, ranges = table["actual"].sum(), table["held"].dropna()
    held = f"{int(ranges.sum())} of {count(len(ranges), 'range')} held" if len(ranges) else ""
    if not whole > 0:
        return "Nothing was booked in the periods forecast", held
    missed = percent(table["error"].abs().sum() / whole)
    first, last = int(table["lead"].min()), int(table["lead"].max())
    days = count(last, "day") if first == last else f"{first:,}–{count(last, 'day')}"
    return f"Forecasts {days} ahead missed by {missed}{_say_lean(table, whole)}", held


def select_first_method(table: pd.DataFrame) -> pd.DataFrame:
    """Select the forecasts of the first method of a backtest."""
    if "method" not in table.index.names:
        return table
    named = np.asarray(table.index.get_level_values("method") == table.index.unique("method")[0])
    first = table.loc[named]
    first.attrs = table.attrs
    return first


def _say_lean(table: pd.DataFrame, whole: float) -> str:
    """Say how far forecasts were too high or too low in sum; empty where that may be chance."""
    off = table["error"].sum() / whole
    # The forecasts of one period err together.
    by_period = table["error"].groupby(level="period").mean()
    if percent(abs(off)) in ("0%", "<1%") or not compare_pairs(by_period) < 0.05:
        return ""
    return f", {percent(abs(off))} too {'high' if off > 0 else 'low'}"


def describe_score(table: pd.DataFrame) -> str | tuple[str, ...]:
    """Compare the first method with the best other one, or say where forecasts missed most."""
    known = table[table["wape"].notna()]
    if known.empty:
        return "No past forecast can be judged yet."
    by, freq = table.index.names[0], note_of(table).freq
    if by != "method":
        return _describe_rows(known, str(by), freq)
    name, *others = known["wape"].sort_values(kind="stable").index
    said = f"{capital(method(name, freq))} misses by {percent(known['wape'][name])}"
    share = known["coverage_80"][name]
    held = (
        "" if math.isnan(share) else f"80% ranges of {method(name, freq)} held in {percent(share)}"
    )
    if not others:
        return said, held
    # Each is compared with the first one named.
    first = known.index[0]
    other = first if name != first else others[0]
    compared, less = known.loc[name if name != first else other], known["wape"][other]
    if compared["differs"]:
        use = "" if name in RIVALS else ": use it"
        apart = points(less - known["wape"][name])
        return f"{said}, {apart} less than {method(other, freq)}{use}", held
    return f"{said}, {method(other, freq)} by {percent(less)}: {evidence.CHANCE}", held


def _describe_rows(known: pd.DataFrame, by: str, freq: Any) -> str:
    """Say how the first method's error shrinks toward the period's end, or its bounds."""
    lead = ""
    if known.index.nlevels > 1:
        first = known.index[0][1]
        known = known.loc[(known.index.get_level_values("method") == first)]
        known, lead = known.droplevel("method"), f" of {method(first, freq)}"
    n = int(known["n"].sum())
    if not evidence.is_enough(n):
        return evidence.say_few(count(n, "past forecast"))
    ends = known.iloc[[-1, 0]] if by == "lead" else known.sort_values("wape").iloc[[-1, 0]]
    keys = [f"{key} days left" if by == "lead" else write_label(by, key) for key in ends.index]
    shown = [f"{percent(off)} ({key})" for off, key in zip(ends["wape"], keys, strict=True)]
    return f"Forecasts{lead} miss by {', by '.join(shown[: len(known)])}."


def describe_calibration(table: pd.DataFrame) -> str:
    """Compare stated probabilities with the shares won; what differs does so beyond chance."""
    known = table[(table["n"] > 0) & table["realized"].notna()]
    if known.empty:
        return "No stated probability can be judged yet."
    n, deals = known["n"], int(known["n"].sum())
    if not evidence.is_enough(deals):
        return evidence.say_few(f"{count(deals)} with a stated probability and an end")
    stated, won, still = (
        ((n * known[name]).sum() / deals) for name in ("stated", "realized", "open_share")
    )
    waiting = f", {percent(still)} open" if percent(still) != "0%" else ""
    said = f"Stated at {percent(stated)} on average, {percent(won)} won{waiting}"
    if not mark_missed_chances(known["won"], known["open"], n, known["stated"]).any():
        return f"{said}: could be right ({count(deals)})."
    if stated < won:
        return f"{said}: stated too low."
    return (
        f"{said}: stated too high." if stated > won + still else f"{said}: single levels are off."
    )


def describe_pacing(table: pd.DataFrame) -> str:
    """Say what has closed, and between what the last periods had closed by the same point."""
    rows, amount, period = select_point(table), money_of(table), noun(note_of(table).freq)
    whole = rows.groupby([rows.index.get_level_values("period"), "to_date"])["booked"].sum()
    now, past = (whole[whole.index.get_level_values(1) == running] for running in (True, False))
    ended, by_then = len(past), f"by {day(note_of(table).known_day)}"
    earlier = _spell_last(ended, period)
    booked = now.sum()
    closed = f"{amount(booked) if booked else 'Nothing'} closed {by_then}"
    if not ended:
        return f"{closed}; no earlier {period} to compare with"
    least, most = past.min(), past.max()
    spread = money_range(least, most, amount)
    if (above := find_gap(booked, most) > 0) or find_gap(least, booked) > 0:
        each = earlier if ended == 1 else f"any of {earlier}"
        return f"{closed}, {'more' if above else 'less'} than {each} ({spread} by then)"
    return f"{closed}: {earlier} had {spread if most else 'nothing'} by then"


def explain_pacing(table: pd.DataFrame) -> str:
    """Say what the thin lines of a `pacing` by day are behind a forecast.

    Empty where no period ended since the first win.
    """
    ended = table.index.get_level_values("period").nunique() - 1
    return f"Thin gray: closed in {_spell_last(ended, noun(note_of(table).freq))}" if ended else ""


def _spell_last(ended: int, unit: str) -> str:
    return f"last {unit}" if ended == 1 else f"the last {spelled(ended, unit)}"


def say_held(table: pd.DataFrame) -> str:
    """Say in how many of the periods with a range it held; empty where none had one."""
    held, period = table["held"].dropna(), noun(note_of(table).freq)
    return f"held in {int(held.sum())} of {count(len(held), period)}" if len(held) else ""
