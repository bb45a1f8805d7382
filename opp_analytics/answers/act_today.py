"""What to do today: the deals that add most to the chance of the target if they are won."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.answers import forecasts
from opp_analytics.answers.act_order import ADDS, rank_by_person, rank_deals
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Lack, Row, Table
from opp_analytics.answers.deal import explain_deal, list_activity, list_rows
from opp_analytics.arrays import Series
from opp_analytics.note import note_of
from opp_analytics.schema import HALF_CENT, NO_LABEL, is_among
from opp_analytics.text import Piece, Sentence

_MOST, _MOST_OWN = 5, 3
"""Deals to act on today, and of each person."""
_MOST_NAMED = 8
"""People whom a row that sums up several names."""


@keep
def act_today(context: Context) -> Answer:
    """List the deals to act on today, and what each person short of the target can win.

    They are ranked by what winning them adds to the chance of the target, and how likely that is;
    where none adds to it, by what they would bring.
    """
    listed, to_win = _list_first(context), _list_to_win(context)
    return Answer(
        key="act_today",
        context=context,
        title="Act on these today",
        finding=listed.finding,
        method=str(note_of(forecasts.forecast_deals(context)).method),
        tables=(listed, *([to_win] if to_win else [])),
        notes=_advise_one(context, to_win),
        lacks=() if to_win else (_say_lack(context),),
        call='oa.forecast_deals(deals, history=history, as_of="{day}", freq="{freq}", '
        "target=org.targets)",
        opener=lambda row: explain_deal(context, row, _explain_leading(context)),
    )


def _list_first(context: Context) -> Table:
    """List the few deals that add most."""
    ranked = rank_deals(context).head(_MOST)
    rows = tuple(_list_deals(context, ranked))
    finding = Sentence.of("No deal is open")
    if rows:
        first = rows[0]
        verb, gain = name_action(first), _say_gain(context, ranked.iloc[0], ends=False)
        finding = Sentence.of(f"First, {verb[0].lower()}{verb[1:]} ", first.name, " (", *gain, ")")
    chance = ["chance"] if len(forecasts.chances(context)) else []
    return Table(
        "act",
        ("action", *context.by, "value", "probability", *chance, "close_date", "points"),
        rows,
        heads=_head_columns(context),
        finding=finding,
        note=Sentence.of(
            f"What each adds to the chance of {forecasts.lead_name(context)}’s target; ranked by "
            "that × its chance to be won"
        )
        if (ranked["points"] >= ADDS).any()
        else Sentence(),
    )


def _head_columns(context: Context) -> dict[str, str]:
    """Head the columns that speak of the leading period; "won" is dated in it, too."""
    label = str(forecasts.lead(context))
    return {
        "chance": forecasts.name_history(context, label),
        "close_date": "Close",
        "points": f"If won in {context.name_of(label, short=True)}",
    }


def _list_deals(context: Context, ranked: pd.DataFrame, depth: int = 0) -> list[Row]:
    """List deals with what to do; they are rows of `rank_deals`."""
    deals = _deals_by_id(context).loc[ranked.index]
    rows = list_rows(context, deals, period=str(forecasts.lead(context)))
    known = zip(rows, deals.to_dict("records"), ranked.iterrows(), strict=True)
    return [_say_deal(context, row, deal, adds, depth) for row, deal, (_, adds) in known]


def _say_deal(context: Context, row: Row, deal: dict[Any, Any], adds: Series, depth: int) -> Row:
    """Say of a listed deal what to do with it, and what it adds."""
    verb, why = _find_action(context, deal)
    facts: list[Piece | str] = []
    owner = deal[context.person] if context.person and not depth else NO_LABEL
    facts += [", ", Piece("name", owner)] if owner != NO_LABEL else []
    facts += [", ", Piece("money", adds["value"]), " (a usual win)" if adds["is_estimated"] else ""]
    facts += [f", {why}"] if why else []
    did = "".join(f"; {one}" for one in list_activity(context, row.id))
    words = {"action": Sentence.of(Piece("lead", verb), *([f", {why}"] if why else []), did)}
    if not adds["points"] >= ADDS:
        words["points"] = Sentence.of(*_say_gain(context, adds, ends=False))
    points = {} if math.isnan(adds["points"]) else {"points": adds["points"]}
    says = Sentence.of(*facts, ": ", *_say_gain(context, adds))
    return Row(row.id, row.name, {**row.values, **points}, words, depth=depth, says=says)


def name_action(row: Row) -> str:
    """Name what to do with a listed deal, as its name follows."""
    verb = str(row.words["action"].pieces[0].value)
    return f"{verb} to" if verb.startswith("Give") else verb


def _find_action(context: Context, deal: dict[Any, Any]) -> tuple[str, str]:
    """Find what can be done with a deal, the first that applies, and why."""
    date, lead = deal["close_date"], forecasts.lead(context)
    day = "" if pd.isna(date) else context.write_day(date)
    if deal["outcome"] == "won":
        return "Date", f"won but dated {day}"
    if pd.isna(date):
        return "Give a date", ""
    if pd.isna(deal["value"]):
        return "Give an amount", f"due {day}"
    if date < context.known_day:
        return "Re-date or close", f"was due {day}"
    if date > lead.end_time:
        return "Pull in", f"dated {day}"
    return "Win", f"due {day}"


def _say_gain(context: Context, adds: Series, *, ends: bool = True) -> tuple[Piece | str, ...]:
    """Say what a deal adds to the chance of the target, or else what it brings; and if when."""
    won, month = adds["win_chance"] >= 1, forecasts.lead_name(context)
    end = context.write_day(forecasts.lead(context).end_time.normalize())
    when = f" if dated in {month}" if won else f" if won by {end}"
    when = when if ends else ""
    if adds["points"] >= ADDS:
        return (f"+{text.points(adds['points'])}{when}",)
    return ("+", Piece("money", adds["value"]), when)


def say_actions(context: Context) -> dict[str, str]:
    """Say what to do with each deal to act on today, and what it adds, by its id."""
    ranked = rank_deals(context).head(_MOST)
    deals = _deals_by_id(context).loc[ranked.index].to_dict("records")
    return {
        str(key): f"{_find_action(context, deal)[0]}: "
        + Sentence.of(*_say_gain(context, adds)).write(context.org.currency)
        for (key, adds), deal in zip(ranked.iterrows(), deals, strict=True)
    }


def _say_lack(context: Context) -> Lack:
    words = "This needs a target for each person: see [targets] in the org file"
    if forecasts.persons(context)["target"].notna().any():
        words = f"Nobody has a target for {forecasts.lead_name(context)}"
    return Lack(words, python_way="oa.Org(targets=table)", file_way="[targets] of the org file")


@keep
def _deals_by_id(context: Context) -> pd.DataFrame:
    """`Context.deals` by id."""
    return context.deals.set_index("unique_id", drop=False)


@keep
def _own_deals(context: Context) -> pd.DataFrame:
    """The few deals of each person that add most to the person's own target."""
    ranked = rank_by_person(context)
    owners = _deals_by_id(context)[context.person].reindex(ranked.index)
    return ranked.assign(owner=owners.to_numpy()).groupby("owner", sort=False).head(_MOST_OWN)


def _list_to_win(context: Context) -> Table | None:
    """List each person short of the target with the deals that add most, the largest gap first.

    Then who has none; None without targets.
    """
    people = forecasts.leading_persons(context)
    if people["target"].isna().all():
        return None
    short = people[people["gap"] > 0].sort_values("gap", ascending=False, kind="stable")
    own = _own_deals(context)
    stuck = ~np.isin(short.index, own["owner"])
    stuck &= stuck.sum() > 1  # One alone has a row with a name.
    rows = [
        row
        for name, one in short[~stuck].iterrows()
        for row in _list_person(context, name, one, own[own["owner"] == name])
    ]
    rows += _list_stuck(context, short[stuck]) if stuck.any() else []
    history = len(forecasts.chances(context)) > 0
    known = [] if forecasts.stated(context) else ["p_target"]
    columns = ["target", "booked", "gap", *known, "value", "probability"]
    columns += ["chance"] if history else []
    return Table(
        "to_win",
        (*columns, "close_date", "points", "action"),
        tuple(rows),
        heads=_head_columns(context),
        finding=Sentence.of(_say_gaps(context, short)),
        note=Sentence.of("Each one’s own deals, those first that add most to the own target"),
    )


def _advise_one(context: Context, to_win: Table | None) -> tuple[Sentence, ...]:
    """Say what one person alone needs."""
    if to_win is None or len(forecasts.leading_persons(context)) > 1 or not to_win.rows:
        return ()
    return (to_win.rows[0].words["action"],)


def _say_gaps(context: Context, short: pd.DataFrame) -> str:
    people = forecasts.leading_persons(context)
    if len(people) == 1 and len(short):
        month = forecasts.lead_name(context)
        return f"What to win in {month}: {context.money(short['gap'].sum())} to go"
    if short.empty:
        due = people["open_count"].sum() > 0
        return f"Everyone is at target: {'upside still due' if due else 'no more deals due'}"
    who = text.spelled(len(short), context.who)
    verb = "has" if len(short) == 1 else "have"
    is_later = forecasts.lead(context) != context.period
    when = f" in {forecasts.lead_name(context)}" if is_later else ""
    gap = context.money(short["gap"].sum())
    return f"To win: {who} {verb} {gap} to go{when}"


def _list_person(context: Context, name: Any, row: Series, mine: pd.DataFrame) -> list[Row]:
    """List a person, and below the deals that add most."""
    money = partial(context.money, fine=True)
    values = {name: row[name] for name in ("target", "booked", "gap")}
    says = f"{money(row['booked'])} of {money(row['target'])}"
    if not forecasts.stated(context) and row["p_target"] > 0:
        values["p_target"] = row["p_target"]
        says += f" · {text.percent(values['p_target'])} likely"
    if len(mine):
        values["value"] = mine["value"].sum()
    names = _deals_by_id(context)["name"].reindex(mine.index).tolist()
    needs = f"{'you need' if context.only else 'needs'} {money(row['gap'])}"
    advice = _advise(names, mine["value"].tolist(), row["gap"], context)
    words = {"action": Sentence.of(f"{needs}; {advice}")}
    if call := _compare_call(context, name):
        words["call"] = Sentence.of(call)
    person = Row(str(name), Piece("name", name), values, words, "person", says=Sentence.of(says))
    return [person, *_list_deals(context, mine, depth=1)]


def _advise(names: Sequence[Any], values: Sequence[float], gap: float, context: Context) -> str:
    """Say how many of the deals, in their order, cover a gap."""
    if not len(values):
        return "no open deal"
    covered = np.cumsum(np.nan_to_num(values))
    if covered[-1] < gap - HALF_CENT:
        few = "this deal brings" if len(values) == 1 else "those below bring"
        return f"{few} only {context.money(covered[-1], fine=True)}"
    fewest = int(np.searchsorted(covered, gap - HALF_CENT)) + 1
    if len(values) == 1:
        return "this one deal covers it"
    if fewest == 1:
        return f"win {shorten_name(names)}"
    if fewest == len(values):
        return "win both" if fewest == 2 else f"win all {text.spelled(fewest)}"
    return f"win the first {text.spelled(fewest)}"


def shorten_name(names: Sequence[Any]) -> str:
    """Shorten the first deal's name to what is before its colon, if no other has the same."""
    heads = [str(name).partition(": ")[0] for name in names]
    return heads[0] if heads.count(heads[0]) == 1 else str(names[0])


def _compare_call(context: Context, name: Any) -> str:
    """Compare a person's call with the range of the forecast.

    Empty where either is missing, or of two teams.
    """
    rows = forecasts.people(context).join(forecasts.calls(context))
    rows = rows[rows.index.get_level_values(-1) == name]
    low, expected, high, call = map(float, rows[["low", "expected", "high", "call"]].iloc[0])
    if len(rows) > 1 or forecasts.stated(context) or math.isnan(low) or math.isnan(call):
        return ""
    money = partial(context.money, fine=True)
    said, ends = f"{rows['caller'].iloc[0]} calls {money(call)}", text.money_range(low, high, money)
    if low <= call <= high:
        return f"{said}, within the range of history and deals ({ends})"
    return f"{said}; history and deals say {money(expected)} (range {ends})"


def _list_stuck(context: Context, short: pd.DataFrame) -> list[Row]:
    """List who has no deal to win, below one row where there are many."""
    gap, more = short["gap"].sum(), len(short) - _MOST_NAMED
    advice, name = "no open deal", "No deal to close"
    if more > 0:
        advice += f"; {more:,} more {'is' if more == 1 else 'are'} without one"
    words, says = {"action": Sentence.of(advice)}, Sentence.of(f"{context.money(gap)} to go")
    rows = [Row(name, Piece("text", name), {"gap": gap}, words, "rest", says=says)]
    for person, row in short.head(_MOST_NAMED).iterrows():
        values = {name: row[name] for name in ("target", "booked")}
        closed = f"{context.money(row['booked'])} of {context.money(row['target'])} closed"
        words, values["value"] = {"action": Sentence.of(closed)}, row["gap"]
        rows.append(Row(str(person), Piece("name", person), values, words, "person", depth=1))
    return rows


@keep
def _explain_leading(context: Context) -> pd.DataFrame:
    """Explain the chances in the leading period of the deals that are listed, by id."""
    rows = forecasts.forecast_deals(context)
    ids = rank_deals(context).head(_MOST).index
    if forecasts.leading_persons(context)["target"].notna().any():
        ids = ids.append(_own_deals(context).index)
    leads = rows["period"] == str(forecasts.lead(context))
    return forecasts.explain(context, rows[leads & is_among(rows["unique_id"], ids)])
