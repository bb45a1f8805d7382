"""Which deals decide the period, and what each person short of the target must win."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import describe_forecast_deals, evidence
from opp_analytics.answers import forecasts, tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Lack, Row, RowPictures, Table
from opp_analytics.answers.deal import explain_deal, list_deal, name_deal, say_win_dates
from opp_analytics.note import note_of
from opp_analytics.schema import is_among
from opp_analytics.text import Piece, Sentence

_MOST_NAMED = 8
"""People whom a row that sums up several names."""
_ACTIONS = {
    "due": "due {}",
    "overdue": "was due {}: re-date or close",
    "pull_in": "due {}: pull into {month}",
}


@keep
def act_today(context: Context) -> Answer:
    """List the deals that decide the period that leads, and what each person must win.

    A deal decides by what the chance of the target is if it is lost and if it is won; where none
    does, the list is of what the forecast rests on.
    """
    decide, to_win = _list_deciding(context), _list_to_win(context)
    found = [one for one in (decide, to_win) if one]
    lacks = [] if to_win else [_say_lack(context)]
    said = [one.finding for one in found] or [Sentence.of(lack.what) for lack in lacks]
    draws = decide and "p_if_won" in decide.columns
    return Answer(
        key="act_today",
        context=context,
        title="Act today",
        finding=Sentence.join(said, ". "),
        method=str(note_of(forecasts.forecast_deals(context)).method),
        tables=tuple(found),
        chart=RowPictures("list_swings", ("p_if_lost", "p_if_won")) if draws else None,
        lacks=tuple(lacks),
        call='oa.forecast_deals(deals, history=history, as_of="{day}", freq="{freq}", '
        "target=org.targets)",
        opener=lambda row: explain_deal(context, row, _explain_leading(context)),
    )


def _list_deciding(context: Context) -> Table | None:
    """List the deals that move the chance of the target most, lost and won; None without one."""
    deals, row = forecasts.swings(context), forecasts.leading(context)
    month, label = forecasts.lead_name(context), str(forecasts.lead(context))
    if not math.isfinite(row["target"]):
        return None
    if deals.empty:
        title = "Deals that decide"
        words = f"No open deal with a value and a chance is due in {month}"
        if len(forecasts.deals_of(context, label)):
            title = f"No single deal decides {month}"
            words = "No open deal is 5% likely to be won in it, and in time"
        return Table("decide", (), (), finding=Sentence.of(title), note=Sentence.of(words))
    as_stated = note_of(deals).method == "stated"
    swings = not as_stated and deals["swing"].max() >= evidence.LEAST_SWING
    if swings:
        first = deals["close_date"].iloc[0]
        note = f"The first is dated {context.write_day(first)}: pull it in"
        note = note if first > forecasts.lead(context).end_time else ""
    else:
        deals = deals.sort_values(["weighted", "unique_id"], ascending=[False, True])
        note = f"At {'stated chances' if as_stated else 'chances from history'}"
    finding = (
        _say_largest(context, deals)
        if as_stated
        else Sentence.of(describe_forecast_deals(deals, row))
    )
    added = ["p_if_lost", "p_if_won"] if swings else ["weighted"]
    history = len(forecasts.chances(context)) > 0
    columns = ("value", "probability", *(["chance"] if history else []), "close_date", *added)
    return Table(
        "decide",
        columns,
        tuple(_describe_deal(context, one, label, added) for one in deals.to_dict("records")),
        heads={
            "chance": forecasts.name_history(context, label),
            "close_date": "Close",
            "weighted": "Value × chance",
        },
        finding=finding,
        note=Sentence.of(note),
    )


def _say_largest(context: Context, deals: pd.DataFrame) -> Sentence:
    """Name the deal with most expected.

    Stated chances of open deals alone do not say what it does to the target.
    """
    row, month = forecasts.leading(context), forecasts.lead_name(context)
    if (all_due := row["booked"] + row["open_value"]) < row["target"]:
        reach = Piece("money", all_due)
        return Sentence.of(f"No single deal saves {month}: all due would bring it to ", reach)
    first, rank = deals.iloc[0], "has most expected" if len(deals) > 1 else "is the only deal due"
    return Sentence.of(
        name_deal(first), ", ", Piece("money", first["value"]), f", {rank} in {month}"
    )


def _describe_deal(
    context: Context, deal: dict[Any, Any], period: str, added: Sequence[str]
) -> Row:
    row = list_deal(context, deal, period)
    facts = [context.money(deal["value"]), f"stated {_write_stated(deal)}"]
    if len(forecasts.chances(context)):
        chance = text.percent(row.values.get("chance", math.nan))
        facts.append(f"from history {chance} in {context.name_of(period)}")
    facts.append(f"due {context.write_day(deal['close_date'])}")
    if len(forecasts.chances(context)):
        facts.append(say_win_dates(context, row.id))
    whose = (Piece("name", deal[context.person]), " · ") if context.person else ()
    values = {**row.values, **{name: float(deal[name]) for name in added}}
    says = Sentence.of(*whose, " · ".join(filter(None, facts)))
    return Row(row.id, row.name, values, says=says)


def _write_stated(deal: dict[Any, Any]) -> str:
    probability = deal.get("probability")
    return text.MISSING if pd.isna(probability) else text.percent(float(probability) / 100)


def _say_lack(context: Context) -> Lack:
    words = "This needs a target for each person: see [targets] in the org file"
    if forecasts.persons(context)["target"].notna().any():
        words = f"Nobody has a target for {forecasts.lead_name(context)}"
    return Lack(words, python_way="oa.Org(targets=table)", file_way="[targets] of the org file")


def _list_to_win(context: Context) -> Table | None:
    """List each person short of the target with the deals that cover it, the largest gap first.

    Then who has none; None without targets.
    """
    people, short = forecasts.leading_persons(context), forecasts.to_win(context)
    if people["target"].isna().all():
        return None
    chance = "p_enough" if forecasts.stated(context) else "p_target"
    known = [chance] if chance in short and short[chance].notna().any() else []
    history = len(forecasts.chances(context)) > 0
    stuck = short["deals"] == 0
    stuck &= stuck.sum() > 1  # One alone has a row with a name.
    rows = [
        row for name, one in short[~stuck].iterrows() for row in _list_person(context, name, one)
    ]
    rows += _list_stuck(context, short[stuck]) if stuck.any() else []
    amounts = ("target", "booked", "gap", *known, "value")
    label = str(forecasts.lead(context))
    return Table(
        "to_win",
        (*amounts, "probability", *(["chance"] if history else []), "close_date", "action"),
        tuple(rows),
        heads={"chance": forecasts.name_history(context, label), "close_date": "Close"},
        finding=Sentence.of(_say_gaps(context, short)),
        note=Sentence.of(
            f"Each one’s own deals that could still close in {forecasts.lead_name(context)}: due, "
            "overdue, or due within five weeks at 50% or more"
        ),
    )


def _say_gaps(context: Context, short: pd.DataFrame) -> str:
    if len(forecasts.leading_persons(context)) == 1 and len(short):
        month = forecasts.lead_name(context)
        return f"What to win in {month}: {context.money(short['gap'].sum())} to go"
    if short.empty:
        due = forecasts.leading_persons(context)["open_count"].sum() > 0
        return f"Everyone is at target: {'upside still due' if due else 'no more deals due'}"
    who = text.spelled(len(short), context.who)
    verb = "has" if len(short) == 1 else "have"
    return f"What each person must win: {who} {verb} {context.money(short['gap'].sum())} to go"


def _list_person(context: Context, name: Any, row: pd.Series[Any]) -> list[Row]:
    """List a person, and below the largest deals that can cover the gap."""
    money, deals = partial(context.money, fine=True), forecasts.deals_to_win(context)
    mine = deals[deals[context.person] == name].head(int(row["deals"]))
    known = {str(column): float(value) for column, value in row.items() if column != "advice"}
    says = f"{money(row['booked'])} of {money(row['target'])}"
    chance = float(row["p_enough"] if forecasts.stated(context) else row["p_target"])
    if math.isfinite(chance) and chance > 0:
        how = "as stated" if forecasts.stated(context) else "likely"
        says += f" · {text.percent(chance)} {how}"
    words = {"action": Sentence.of(f"you have {money(row['gap'])} to go; {row['advice']}")}
    if call := _compare_call(context, name):
        words["call"] = Sentence.of(call)
    values = {column: value for column, value in known.items() if math.isfinite(value)}
    person = Row(str(name), Piece("name", name), values, words, "person", says=Sentence.of(says))
    return [person, *(_list_deal(context, deal) for deal in mine.to_dict("records"))]


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


def _list_deal(context: Context, deal: dict[Any, Any]) -> Row:
    """List a deal below its person, with what to do."""
    flags = str(tables.flags(context)["reasons"].get(deal["unique_id"], "")).split(" · ")
    # The first flag that the date does not say already.
    flag = [reason for reason in flags if reason and "overdue" not in reason][:1]
    todo = f"{text.stage(deal['stage'])}, {say_action(context, deal)}"
    todo = ". ".join([todo, *map(text.capital, flag)])
    row = list_deal(context, deal, str(forecasts.lead(context)))
    known = [("stated", _write_stated(deal))]
    if len(forecasts.chances(context)):
        known.append(("from history", text.percent(row.values.get("chance", math.nan))))
    said = [f"{how} {chance}" for how, chance in known if chance != text.MISSING]
    said = [context.money(deal["value"]), *said]
    return Row(
        row.id,
        row.name,
        row.values,
        {"action": Sentence.of(todo)},
        depth=1,
        says=Sentence.of(f", {', '.join(said)}. {todo}"),
    )


def say_action(context: Context, deal: dict[Any, Any]) -> str:
    """Say what to do with a deal of `forecasts.deals_to_win`, by its close date."""
    return _ACTIONS[deal["action"]].format(
        context.write_day(deal["close_date"]), month=forecasts.lead_name(context)
    )


def _list_stuck(context: Context, short: pd.DataFrame) -> list[Row]:
    """List who has no deal to win, below one row where there are many."""
    gap, more = float(short["gap"].sum()), len(short) - _MOST_NAMED
    advice, name = "no open deal of theirs could close in time", "No deal to close"
    if more > 0:
        advice += f"; {more:,} more {'is' if more == 1 else 'are'} without one"
    words, says = {"action": Sentence.of(advice)}, Sentence.of(f"{context.money(gap)} to go")
    rows = [Row(name, Piece("text", name), {"gap": gap}, words, "rest", says=says)]
    for person, row in short.head(_MOST_NAMED).iterrows():
        values = {name: float(row[name]) for name in ("target", "booked")}
        closed = f"{context.money(row['booked'])} of {context.money(row['target'])} closed"
        words, values["value"] = {"action": Sentence.of(closed)}, float(row["gap"])
        rows.append(Row(str(person), Piece("name", person), values, words, "person", depth=1))
    return rows


@keep
def _explain_leading(context: Context) -> pd.DataFrame:
    """Explain the chances in the leading period of the deals that are listed, by id."""
    rows = forecasts.forecast_deals(context)
    listed = (forecasts.swings(context), forecasts.deals_to_win(context))
    ids = pd.concat([table["unique_id"] for table in listed])
    leads = rows["period"] == str(forecasts.lead(context))
    return forecasts.explain(context, rows[leads & is_among(rows["unique_id"], ids)])
