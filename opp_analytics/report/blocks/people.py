"""People on the page: who is short, and who carries; what each person must win."""

from __future__ import annotations

from opp_analytics import answers, text
from opp_analytics.answers import Answer, Context, Row, forecasts, tables
from opp_analytics.report.model import Block, Goal, Goals, Task, say_only
from opp_analytics.report.show_answer import (
    PICTURE,
    Scale,
    show_behind,
    show_cell,
    show_name,
    show_table,
)

_MOST = 12
"""People with a card of their own, four rows of three."""
_COLUMNS = ("target", "booked", "expected", "call", PICTURE, "open_value", "gap", "p_target")


def people(context: Context) -> Block:
    """Show target, closed, forecast, what is to go, chance and change of each team and person.

    A name opens its deals.
    """
    answer = answers.people(context)
    if not answer.tables:
        return say_only("people", answer.title, f"{answer.say(answer.finding)}.")
    (table,) = answer.tables
    scale = Scale.choose(table, context.org.currency)
    aim = f", upright line target{'' if 'target' in table.columns else ' of all'}"
    line = aim if "target" in table.rows[-1].values else ""
    drawn = f"Gray bar closed, dot forecast, blue band range{line}. A name opens its deals"
    said = (scale.words, drawn, *map(answer.say, answer.notes))
    columns = (*_COLUMNS, "change")
    shown = show_table(answer, table, "people", columns=columns, money=scale.show)
    sub = ". ".join(filter(None, said))
    return Block("people", answer.say(answer.finding), sub, (shown,))


def to_win(context: Context) -> Block:
    """Show a card for each person short of the target, the largest gap first.

    Then who is at target, with what is due.
    """
    answer, nav = answers.act_today(context), "To win"
    table = next((table for table in answer.tables if table.name == "to_win"), None)
    if table is None:
        (lack,) = answer.lacks
        return say_only("to_win", "What each person must win", f"{lack.what}.", nav)
    starts = [at for at, row in enumerate(table.rows) if row.depth == 0]
    cards = [table.rows[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
    alone = [card for card in cards if card[0].kind == "person"]
    shown = [*alone[:_MOST], *(card for card in cards if card[0].kind != "person")]
    rest = len(alone) - _MOST
    more = (
        f"; {text.count(rest, f'more {context.who}')} in the workbook, sheet “To win”"
        if rest > 0
        else ""
    )
    chance = "what closed of the target"
    if forecasts.stated(context):
        chance = "the chance that enough of them close, at the stated chances"
    elif "p_target" in table.columns:
        chance = "the chance of the target"
    sub = f"{answer.say(table.note)}. Beside the name, {chance}{more}"
    goals = tuple(_show_goal(answer, *card) for card in shown)
    history = table.heads["chance"] if "chance" in table.columns else ""
    return Block("to_win", answer.say(table.finding), sub, (Goals(goals, history),), nav)


def _show_goal(answer: Answer, first: Row, *rows: Row) -> Goal:
    context = answer.context
    whose = [first.name.value] if first.kind == "person" else [row.name.value for row in rows]
    return Goal(
        str(first.name.value),
        answer.say(first.says) if first.says else "",
        f"{answer.say(first.words['action'])}.",
        tuple(_show_task(answer, row) for row in rows),
        f"{answer.say(first.words['call'])}." if "call" in first.words else "",
        tables.find_teams(context, *whose),
    )


def _show_task(answer: Answer, row: Row) -> Task:
    columns = ["value", "probability", "chance"]
    is_deal = row.kind == "deal"
    value, stated, history = (
        show_cell(answer, row, name).text if is_deal or name in row.values else ""
        for name in columns
    )
    if not len(forecasts.chances(answer.context)):
        history = ""
    why = show_behind(answer, row)
    todo = answer.say(row.words["action"])
    return Task(show_name(answer, row), value, stated, history, todo, why.note if why else "")
