"""The pipeline on the page: what was created, where deals end, dates, and win rates."""

from __future__ import annotations

from dataclasses import replace

from opp_analytics import answers, svg, text
from opp_analytics.answers import Context, draw, make_money_bar, tables
from opp_analytics.report.model import (
    Block,
    Chart,
    Fold,
    Opening,
)
from opp_analytics.report.show_answer import show_behind, show_chart, show_table

_MOST_CREATORS, _MOST_PUSHED = 8, 5
"""Rows of a block that fit beside its neighbor."""


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
        [make_money_bar(context, row.id, row.values["value"], row.values["deals"]) for row in shown]
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
    answer = answers.stages(context)
    return show_chart(answer, "funnel", ". ".join(map(answer.say, answer.notes)))


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
    answer = answers.win_rates(context)
    sub = [*map(answer.say, answer.notes)]
    if sub and answer.chart:
        rate, people = text.percent(answer.figures[0].value), len(answer.tables[0].rows)
        sub.append(f"Vertical line: all, {rate}. Blue: differs from the others beyond chance")
        if (drawn := len(answer.chart.args[0])) < people:
            sub.append(f"The {drawn} with most closed deals of {people:,}")
    return show_chart(answer, "win_rates", ". ".join(sub), "Win rates")
