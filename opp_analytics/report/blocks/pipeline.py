"""The pipeline on the page: what was created, where deals end, dates, and win rates."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import evidence
from opp_analytics.answers import Context, DueDeals, add_details, tables
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.report.cells import list_deals, measure, name_deal, say_finding
from opp_analytics.report.model import (
    Block,
    BlockPart,
    Cell,
    Chart,
    Deals,
    Fold,
    Group,
    Line,
    Opening,
    PageColumn,
    Table,
    say_only,
)

_WEEKS, _NEAR = 12, 0.1
"""Weeks on the page, a quarter, and the share within which a week is like the average."""
_MOST_CREATORS, _MOST_PUSHED, _MOST_RATES = 8, 5, 12
"""Rows of a block that fit beside its neighbor."""
_ENDS = {"advanced": "Moved on", "back": "Moved back", "still": "Open"}
"""Outcomes of a stage's entries, where the name alone does not say it."""


def created(context: Context) -> Block | None:
    """Show whether the inflow suffices: value created in recent weeks, and their average."""
    money = context.money
    try:
        table = tables.created(context).tail(_WEEKS)
    except NotEnoughHistory:
        return None
    weeks = len(table) - 1
    average, last = float(table["value"].iloc[:-1].mean()), float(table["value"].iloc[-1])
    sub = "Value of the deals created in seven days each, as first seen, whatever became of them"
    if weeks:
        line = f"average of the {weeks} weeks before" if weeks > 1 else "the week before"
        sub += f"; line: {line}, {money(average)}"
    drawn = svg.pipeline_created(
        table, average=average, line="average" if weeks > 1 else "week before"
    )
    compared = evidence.is_enough(table["deals"].sum()) and last >= 0
    than = _compare_week(last, average, weeks) if compared else ""
    title = f"New pipeline this week, {money(last)}{than}"
    return Block("created", title, sub, (Chart(drawn), *_fold_this_week(context)))


def _fold_this_week(context: Context) -> list[Fold]:
    """List the deals of the last column under a fold."""
    deals = tables.created_deals(context)
    mine = deals[deals["period"] == str(tables.created(context).index[-1])].reset_index(drop=True)
    words = f"The {text.spelled(len(mine), 'deal') if len(mine) > 1 else 'deal'} of this week"
    listed = list_deals(context, add_details(context, mine), words, sheet="Created")
    return [Fold(words, listed)] if listed else []


def _compare_week(last: float, average: float, weeks: int) -> str:
    if not weeks:
        return ""
    usual = f"the {weeks}-week average" if weeks > 1 else "the week before"
    if not average > 0 or abs(last / average - 1) < _NEAR:
        return f", was in line with {usual}" if last or not average else f", was below {usual}"
    off = text.percent(abs(last / average - 1))
    return f", was {off} {'above' if last > average else 'below'} {usual}"


def created_by(context: Context) -> Block | None:
    """Show who created the value of the current period so far.

    Nothing on the page of one person.
    """
    if not context.person:
        return None
    try:
        table = tables.created_by(context)
    except NotEnoughHistory:
        return None
    whole = float(table["value"].sum())
    if whole <= 0 or (context.only and len(table) == 1):
        return None
    amounts = [
        measure(context, str(name), row["value"], row["deals"])
        for name, row in table.nlargest(_MOST_CREATORS, "value").iterrows()
    ]
    opened = tuple(_list_created(context, amount.name) for amount in amounts)
    most, share = evidence.find_largest(table["value"])
    of_whole = f"{' each' if len(most) > 1 else ''} of {context.name}’s {context.money(whole)}"
    share = f", {share}{of_whole}" if share else ""
    title = f"{text.joined(most, most=3)} created the most{share}"
    sub = f"Value created in {context.name} so far"
    if len(table) > _MOST_CREATORS:
        sub += f", the {_MOST_CREATORS} largest of {len(table)}"
    teams = tuple(tables.find_teams(context, amount.name) for amount in amounts)
    return Block("created_by", title, sub, (Opening(svg.bars(amounts), opened, teams),))


def _list_created(context: Context, name: str) -> Deals | None:
    """List what one person created in the current period, at the value first seen."""
    deals = tables.created_by_deals(context)
    mine = deals[(deals.index == name) & (deals["period"] == context.label).to_numpy()]
    rows = add_details(context, mine.reset_index(drop=True))
    return list_deals(context, rows, f"Created by {name} in {context.name}", sheet="Created")


def funnel(context: Context) -> Block:
    """Show where deals end: those that entered each stage and where they are now.

    Without records, what is open.
    """
    try:
        flow = tables.flow(context)
    except NotEnoughHistory:
        return _show_open_stages(context)
    if not flow["entries"].sum():
        return _show_open_stages(context)
    start = context.write_day(tables.flow_since(context).tz_convert(context.tz))
    rows = svg.stage_flow(flow)
    opened = tuple(
        map(partial(_list_entries, context), flow.index, (row.label for row in rows.rows))
    )
    sub = f"Deals that entered each stage from {start} on, and where they are now"
    return Block("funnel", say_finding(flow), sub, (Opening(rows, opened),))


def _list_entries(context: Context, key: Any, label: str) -> Deals | None:
    """List the entries into a stage with what became of them there.

    A deal that came twice counts twice.
    """
    entries = tables.flow_deals(context)
    stages = entries.set_index("stage", append=isinstance(key, tuple)).index
    mine = entries[[one == key for one in stages]].reset_index(drop=True)
    ends = mine["outcome"].map(_ENDS).fillna(mine["outcome"])
    rows = add_details(context, mine, stage=ends).drop(columns="outcome")
    rows = rows.sort_values(["value", "unique_id"], ascending=[False, True])
    return list_deals(context, rows, f"Entered {label}", sheet="Stage entries", past=True)


def _show_open_stages(context: Context) -> Block:
    deals = context.deals
    table = (
        tables.funnel(context)
        .groupby(level="stage", sort=False)[["open_count", "open_value"]]
        .sum()
    )
    if not table["open_count"].sum():
        return say_only("funnel", "Funnel", "No deal is open in any stage.")
    amounts = [
        measure(context, text.stage(stage), row["open_value"], row["open_count"], str(stage))
        for stage, row in table.iterrows()
    ]
    is_open = deals["outcome"] == "open"
    opened = tuple(
        list_deals(context, deals[is_open & (deals["stage"] == one.key)], f"Open in {one.name}")
        or Deals(f"Open in {one.name}", ())
        for one in amounts
    )
    rows = Opening(svg.bars(amounts), opened)
    return Block("funnel", say_finding(tables.funnel(context)), "Open value by stage", (rows,))


def slippage(context: Context) -> Block | None:
    """Show whether dates hold: the outcome of what was due, this period and the two before.

    And deals that keep moving.
    """
    nav = "Slippage"
    try:
        found = tables.slippages(context)
    except NotEnoughHistory:
        if context.records.empty:
            return None
        words = (
            "A single record shows no change. From the second on, this shows the outcome of each "
            "deal that was due."
        )
        return say_only("slippage", "Slippage", words, nav)
    named = {_name_period(context, part): part for part in found}
    rows = svg.slippage({name: part.table for name, part in named.items()})
    opened = tuple(_list_due(context, name, part) for name, part in named.items())
    parts: list[BlockPart] = [Opening(rows, opened)]
    if len(tables.pushed(context)):
        parts.append(_show_pushed(context))
    periods = pd.concat({part.period: part.table for part in found}, names=["period"])
    note_of(found[-1].table).change(
        day=str(context.day.date()),
        freq=context.freq,
        part=[part.period for part in found if part.starts_late],
    ).write(periods)
    sub = (
        f"Outcome of what was open and due when each {context.noun} began, by value, wins of "
        "other deals apart; total due at right"
    )
    return Block("slippage", say_finding(periods), sub, tuple(parts), nav)


def _name_period(context: Context, part: DueDeals) -> str:
    name = text.capital(context.name_of(part.period, short=True))
    return f"{name} to date" if part.period == context.label else name


def _list_due(context: Context, name: str, part: DueDeals) -> Deals | None:
    deals = part.deals
    moved = deals["close_date_after"].where(deals["close_date_after"].notna(), deals["close_date"])
    rows = add_details(context, deals, stage=deals["outcome"], close_date=moved).drop(
        columns="outcome"
    )
    return list_deals(context, rows, f"Due in {name}", sheet="Due deals", past=True)


def _show_pushed(context: Context) -> Table:
    columns = (
        PageColumn("Pushed twice or more, still open", right=False, phone="full", kind="deal"),
        *map(PageColumn, ("Pushes", "Days later", "Value")),
    )
    lines = tuple(
        Line(
            (
                name_deal(context, row),
                *(Cell(text.number(row[column])) for column in ("pushes", "days_pushed", "value")),
            ),
            teams=tables.find_teams(context, row["unique_id"]),
        )
        for row in tables.pushed(context).head(_MOST_PUSHED).to_dict("records")
    )
    rest = len(tables.pushed(context)) - len(lines)
    more = f"; {rest:,} more in the workbook" if rest > 0 else ""
    caption = f"Pushed twice or more, as of {context.write_day(context.day)}{more}"
    return Table(columns, (Group(lines),), "pushed", caption)


def win_rates(context: Context) -> Block:
    """Show who differs beyond chance: the win rate by person, with intervals.

    The rate is won of won and lost, and is compared with the rate of all.
    """
    whole, table, nav = tables.win_rate(context), tables.win_rates(context), "Win rates"
    since = context.write_day(tables.closed_since(context))
    closed = int(whole["won"] + whole["lost"])
    if not closed:
        words = f"No deal was won or lost from {since} on."
        return say_only("win_rates", "Win rates", words, nav)
    rate = text.percent(whole["rate"])
    known = table[table["rate"].notna()]
    if len(known) < 2:
        title = f"{rate} of the {text.spelled(closed, 'deal')} closed from {since} on were won"
        if not evidence.is_enough(closed):
            ended = (
                f"{int(whole['won'])} of {text.count(closed)} closed from {since} on "
                f"{'was' if whole['won'] == 1 else 'were'} won"
            )
            title = evidence.say_few(ended)
        return Block("win_rates", title, "", _draw_rates(context, known), nav)
    most = (known["won"] + known["lost"]).nlargest(_MOST_RATES).index
    shown = known[known.index.isin(most)]
    sub = (
        f"Won ÷ (won + lost) from {since} on, 95% interval. Vertical line: all, {rate}. Blue: "
        "differs from the others beyond chance"
    )
    if len(shown) < len(known):
        sub += f". The {_MOST_RATES} with most closed deals of {len(known):,}"
    return Block(
        "win_rates", say_finding(tables.scores(context)), sub, _draw_rates(context, shown), nav
    )


def _draw_rates(context: Context, shown: pd.DataFrame) -> tuple[Opening, ...]:
    if shown.empty:
        return ()
    scores = tables.scores(context)
    apart = set(scores.index[scores["differs"].to_numpy(dtype=bool)])
    rows = svg.win_rate(shown, overall=float(tables.win_rate(context)["rate"]), differs=apart)
    teams = tuple(tables.find_teams(context, row.key) for row in rows.rows)
    return (Opening(rows, tuple(_list_closed(context, row.key) for row in rows.rows), teams),)


def _list_closed(context: Context, name: str) -> Deals | None:
    """List the deals that one person won or lost in the window."""
    deals = context.deals
    inside = deals["close_date"].between(tables.closed_since(context), context.day)
    closed = inside & deals["outcome"].isin(["won", "lost"])
    return list_deals(
        context, deals[closed & (deals[context.person] == name)], f"Won and lost by {name}"
    )
