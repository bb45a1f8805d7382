"""The pipeline on the page: what was created, where deals end, dates, and win rates."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import answers, svg, text
from opp_analytics.analysis import evidence
from opp_analytics.answers import Context, add_details, tables
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.report.cells import list_deals, measure, say_finding
from opp_analytics.report.model import (
    Block,
    Chart,
    Deals,
    Fold,
    Opening,
    say_only,
)
from opp_analytics.report.show_answer import draw, show_behind, show_chart, show_table

_MOST_CREATORS, _MOST_PUSHED, _MOST_RATES = 8, 5, 12
"""Rows of a block that fit beside its neighbor."""
_ENDS = {"advanced": "Moved on", "back": "Moved back", "still": "Open"}
"""Outcomes of a stage's entries, where the name alone does not say it."""


def created(context: Context) -> Block | None:
    """Show whether the inflow suffices: value created in recent weeks, and their average."""
    found = answers.pipeline_created(context)
    if found.chart is None:
        return None
    rows, average = found.tables[0].rows, found.chart.options["average"]
    sub = "Value of the deals created in seven days each, as first seen, whatever became of them"
    if len(rows) > 1:
        line = (
            f"average of the {len(rows) - 1} weeks before" if len(rows) > 2 else "the week before"
        )
        sub += f"; line: {line}, {context.money(average)}"
    this_week = show_behind(found, rows[-1])
    fold = [Fold(this_week.caption, this_week)] if this_week else []
    return Block("created", found.say(found.finding), sub, (Chart(draw(found)), *fold))


def created_by(context: Context) -> Block | None:
    """Show who created the value of the current period so far.

    Nothing on the page of one person.
    """
    found = answers.pipeline_created(context)
    if len(found.tables) < 2:
        return None
    rows = found.tables[1].rows
    shown = rows[:_MOST_CREATORS]
    bars = svg.bars(
        [measure(context, row.id, row.values["value"], row.values["deals"]) for row in shown]
    )
    sub = f"Value created in {context.name} so far"
    if len(rows) > len(shown):
        sub += f", the {_MOST_CREATORS} largest of {len(rows)}"
    opened = tuple(show_behind(found, row) for row in shown)
    teams = tuple(tables.find_teams(context, row.id) for row in shown)
    return Block("created_by", found.say(found.notes[0]), sub, (Opening(bars, opened, teams),))


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
    if context.records.empty:
        return None
    found = answers.slippage(context)
    about = (
        f"Outcome of what was open and due when each {context.noun} began, by value, wins of "
        "other deals apart; total due at right"
    )
    block = show_chart(found, "slippage", about, found.title)
    for moving in found.tables[1:]:
        rest = len(moving.rows) - _MOST_PUSHED
        more = f"; {rest:,} more in the workbook" if rest > 0 else ""
        caption = f"Pushed twice or more, as of {context.write_day(context.day)}{more}"
        pushed = show_table(found, moving, "pushed", _MOST_PUSHED, caption)
        block = replace(block, parts=(*block.parts, pushed))
    return block


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
