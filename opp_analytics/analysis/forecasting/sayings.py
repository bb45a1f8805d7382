"""Forecasts in words: of a period, of people and teams, of its way to the target, of single deals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from opp_analytics.analysis.forecasting.outlook import LEAST
from opp_analytics.analysis.shared.saying import Saying
from opp_analytics.org import Money, money_of
from opp_analytics.schema import ALL, BUCKETS
from opp_analytics.text import (
    capital,
    count,
    day,
    percent,
    period_name,
    spelled,
    times,
)

__all__ = ["SAYINGS"]

_SAFE = 0.9
"""Chance of the target that a team may rely on."""
_NOUNS = {"owner_name": "rep"}

Row = Any


def _period(table: pd.DataFrame) -> str:
    """Closed, forecast, target and what is left to do, of the current period; without it, of the first one ahead."""
    shown = [name for name in table.index if name not in BUCKETS]
    if not shown:
        return "No period to forecast."
    now = table.index[table["to_date"].to_numpy(dtype=bool)] if "to_date" in table else table.index[:0]
    label = str(now[0]) if len(now) else str(shown[0])
    row: Row = table.loc[label]
    amount = money_of(table)
    name = capital(period_name(label, table.attrs.get("freq"), today=table.attrs["as_of"]))
    if not len(now):
        return _ahead(name, row, amount, stated=_is_stated(table))
    closed = f"{amount(row['booked'])} closed" if row["booked"] else "nothing closed"
    if not math.isfinite(row["target"]):
        return f"{name}: {_without_target(closed, row, amount)}{_overdue(table, row, amount)}"
    return f"{name}: {_with_target(closed, row, amount, table)}{_overdue(table, row, amount)}"


def _with_target(closed: str, row: Row, amount: Money, table: pd.DataFrame) -> str:
    target = amount(row["target"])
    if row["booked"] >= row["target"]:
        over = row["booked"] - row["target"]
        more = f"{amount(row['open_value'])} more is due" if row["open_value"] else "no more deals due"
        return f"{closed}, {f'{amount(over)} past' if over else 'exactly'} the {target} target; {more}."
    to_go = f"{amount(row['gap'])} to go"
    if not math.isfinite(row["low"]):
        return f"{closed} vs. {target} target; {to_go}, {amount(row['open_value'])} due, too early to say."
    if not row["open_count"] and not row["expected"] > row["booked"]:
        return f"{closed}, {to_go} and no open deals due."
    likely = (
        ""
        if _is_stated(table) or math.isnan(row["p_target"])
        else f"; {percent(row['p_target'])} likely to hit"
    )
    cover = (
        f"covered {times(row['pipeline_coverage'])} by {spelled(int(row['open_count']), 'open deal')}"
        if row["open_count"]
        else "no open deals due"
    )
    return f"{closed}, forecast {amount(row['expected'])} vs. {target} target{likely}. {to_go}, {cover}."


def _without_target(closed: str, row: Row, amount: Money) -> str:
    due = spelled(int(row["open_count"]), "open deal")
    if not row["open_count"] and not row["expected"] > row["booked"]:
        return f"{closed} and no open deals due."
    if row["open_count"] == 1 and not row["booked"] and row["open_value"] > 0 and not row["new_business"]:
        likely = percent(row["expected"] / row["open_value"])
        return f"{closed}, one deal of {amount(row['open_value'])} due, {likely} likely to close."
    if not math.isfinite(row["low"]):
        return f"{closed}, {amount(row['open_value'])} due, too early to say."
    return f"{closed}, forecast {amount(row['expected'])} ({amount(row['low'])}–{amount(row['high'])}), {due} due."


def _overdue(table: pd.DataFrame, row: Row, amount: Money) -> str:
    """What to do first where nothing is due."""
    late = float(table["open_value"].get(BUCKETS[0], 0.0))
    return (
        f" {amount(late)} is past its close date: re-date it first." if late and not row["open_count"] else ""
    )


def _ahead(name: str, row: Row, amount: Money, *, stated: bool) -> str:
    """A period to come."""
    known = math.isfinite(row["low"])
    if not math.isfinite(row["target"]):
        due = f"{amount(row['open_value'])} due so far"
        return (
            f"{name}: forecast {amount(row['expected'])}, {due}"
            if known
            else f"{name}: {due}, too early to say"
        )
    cover = (
        f"{name} has {times(row['pipeline_coverage'])} coverage"
        if row["open_count"]
        else f"{name}: nothing is due yet"
    )
    if stated and not row["open_count"]:
        return cover
    if stated:
        return f"{cover}; its open deals bring {amount(row['expected'])} at their stated chances"
    if not known or math.isnan(row["p_target"]):
        return f"{cover}; too early to say more"
    how = "with the usual new business it" if row["new_business"] else "it"
    return f"{cover}; {how} is {percent(row['p_target'])} likely"


def _is_stated(table: pd.DataFrame) -> bool:
    return str(table.attrs.get("method", "")).startswith("stated")


def _groups(table: pd.DataFrame) -> str:
    """How many are at target and who is furthest from it; without targets, who closed the most."""
    levels = [str(name) for name in table.index.names if name != "period"]
    if "period" in table.index.names:
        now = table[table["to_date"].to_numpy(dtype=bool)].droplevel("period")
    else:
        now = table
    amount = money_of(table)
    leaves = now[[ALL not in _key(label) for label in now.index]]
    if leaves.empty:
        return "No one has a deal in this period."
    noun = _NOUNS.get(levels[-1], levels[-1].replace("_", " "))
    aimed = leaves[leaves["target"].notna()]
    if aimed.empty:
        return _most(leaves, amount)
    met = int((aimed["booked"] >= aimed["target"]).sum())
    first = (
        f"Every {noun} is at target"
        if met == len(aimed)
        else f"{capital(spelled(met))} of {spelled(len(aimed), noun)} {'is' if met == 1 else 'are'} at target"
        if met
        else f"None of the {spelled(len(aimed), noun)} is at target"
    )
    wider = _wider(now, len(levels))
    short = (wider["target"] - wider["expected"]).dropna()
    short = short[short > 0]
    if met == len(aimed):
        return first
    if len(aimed) == 1:
        ends = f"is {amount(float(short.max()))} short" if len(short) else "reaches its target"
        return f"{_last(aimed.index[0])}’s forecast {ends}"
    if short.empty:
        return f"{first}; every forecast reaches its target"
    return f"{first}; {_last(short.idxmax())}’s forecast is {amount(float(short.max()))} short"


def _key(label: Any) -> tuple[Any, ...]:
    return label if isinstance(label, tuple) else (label,)


def _last(label: Any) -> str:
    return str(next(part for part in reversed(_key(label)) if part != ALL))


def _wider(table: pd.DataFrame, levels: int) -> pd.DataFrame:
    """The subtotals of the widest groups, or the rows where there are none."""
    totals = [[part != ALL for part in _key(label)] for label in table.index]
    widest = table[[kept[0] and not any(kept[1:]) for kept in totals]] if levels > 1 else table.head(0)
    return widest if len(widest) else table[[all(kept) for kept in totals]]


def _most(leaves: pd.DataFrame, amount: Money) -> str:
    column, verb = ("booked", "closed") if leaves["booked"].sum() > 0 else ("expected", "forecasts")
    whole = float(leaves[column].sum())
    if whole <= 0:
        return "Nothing closed and nothing due"
    best = leaves[column].idxmax()
    if len(leaves) == 1:
        return f"{_last(best)} {verb} {amount(whole)}"
    return f"{_last(best)} {verb} the most, {percent(float(leaves[column].max()) / whole)} of {amount(whole)}"


def _way(table: pd.DataFrame) -> str:
    """Where the forecast of one period came from, record by record, and whether it reaches its target."""
    last, amount = table.iloc[-1], money_of(table)
    name = period_name(str(last["period"]), table.attrs.get("freq"), today=table.attrs["as_of"])
    target = float(last["target"]) if "target" in table else math.nan
    if len(table) == 1:
        return f"The {name} forecast is {amount(last['expected'])} at its first record"
    before, since = table.iloc[-2], day(pd.DatetimeIndex(table.index).tz_localize(None)[-2])
    change = float(last["expected"] - before["expected"])
    moved = f"{'up' if change > 0 else 'down'} {amount(abs(change))}" if change else "unchanged"
    if math.isnan(target):
        rose = f"{'rose' if change > 0 else 'fell'} {amount(abs(change))}" if change else "is unchanged"
        return f"The {name} forecast {rose} since {since}"
    if last["expected"] >= target:
        if before["expected"] < target:
            return f"The {name} forecast passed its target after {since}"
        return f"The {name} forecast is {amount(float(last['expected']) - target)} above its target, {moved} since {since}"
    if before["expected"] >= target:
        return f"The {name} forecast fell below its target after {since}"
    return f"The {name} forecast is {amount(target - float(last['expected']))} short of its target, {moved} since {since}"


def _swings(table: pd.DataFrame) -> str:
    """What losing or winning one deal does to the chance of the target; of one period's deals."""
    known = table[table["p_if_lost"].notna()]
    if known.empty:
        return "No open deal changes the chance of the target"
    name = period_name(str(known["period"].iloc[0]), table.attrs.get("freq"), today=table.attrs["as_of"])
    if known["p_if_lost"].min() > 1 - 1e-9:
        return f"{capital(name)} is at target whatever becomes of the open deals"
    if known["p_if_won"].max() <= LEAST + 1e-9:
        return f"No single deal brings {name} to its target"
    if known["p_if_lost"].min() >= _SAFE:
        one = "any one deal" if len(known) > 1 else "the one open deal"
        return f"Lose {one} and {name} still has a {percent(known['p_if_lost'].min())} chance"
    swing = known.sort_values("swing", ascending=False, kind="stable").iloc[0]
    ends = f"{percent(swing['p_if_won'])} likely if it is won, {percent(swing['p_if_lost'])} if it is lost"
    deal = swing.get("name") or swing.get("unique_id") or swing.name
    return f"{deal} decides the most: {name} is {ends}"


def _ranges_held(table: pd.DataFrame) -> str:
    """How often past ranges held, and how far past forecasts were off together."""
    if table.empty:
        return "No past forecast can be judged yet"
    noun = {"M": "month", "Q": "quarter", "W": "week", "Y": "year"}.get(
        str(table.attrs.get("freq"))[:1], "period"
    )
    held = int(table["held"].sum())
    said = f"Past ranges held in {held} of {count(len(table), noun)}"
    actual = float(table["actual"].sum())
    if not actual:
        return said
    off = float(table["error"].sum()) / actual
    size = percent(abs(off))
    return f"{said}; forecasts ran {'true' if size in ('0%', '<1%') else f'{size} ' + ('high' if off > 0 else 'low')}"


def _forecast(table: pd.DataFrame) -> str:
    """Of groups, or of the period where there are none."""
    return _period(table) if table.index.names == ["period"] else _groups(table)


def _whole(say: Callable[[pd.DataFrame], str]) -> Callable[[pd.DataFrame], str]:
    """The same words as a sentence, with its full stop."""
    return lambda table: f"{say(table).removesuffix('.')}."


SAYINGS = (
    Saying("forecast", frozenset({"booked", "expected", "target", "p_target"}), _whole(_forecast)),
    Saying("forecast_fan", frozenset({"weeks_before", "expected", "booked"}), _whole(_way)),
    Saying("forecast_deals", frozenset({"p_if_won", "p_if_lost"}), _whole(_swings)),
    Saying("track_record", frozenset({"days_before", "held"}), _whole(_ranges_held)),
)
"""The sentences of this room's tables."""
