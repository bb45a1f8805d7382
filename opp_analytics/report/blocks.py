"""The blocks of the page: how it shows the answer to each question, and the figures above them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pandas as pd

from opp_analytics import answers, svg, text
from opp_analytics.answers import (
    CATALOG,
    Answer,
    Context,
    Figure,
    Lack,
    Row,
    draw,
    find_expected,
    forecasts,
    list_closed,
    list_due,
    list_expected,
    name_new_business,
    say_whether,
    will_we_make_it,
)
from opp_analytics.charts import ChartData
from opp_analytics.columns import find_unit
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.report.model import (
    Block,
    BlockPart,
    Chart,
    Fold,
    Goal,
    Goals,
    Note,
    Task,
    Tile,
    say_only,
)
from opp_analytics.report.notes import notes
from opp_analytics.report.show_answer import (
    PICTURE,
    RANGE,
    choose_money,
    show_answer,
    show_behind,
    show_cell,
    show_change,
    show_deals,
    show_name,
    show_table,
)

_MOST_CREATORS, _MOST_PUSHED = 8, 5
"""Rows of a table that fit below a picture."""
_MOST_CARDS = 12
"""People with a card of their own, four rows of three."""


def people(context: Context) -> Block:
    """Show target, closed, forecast, what is to go, chance and change of each team and person.

    A name opens its deals.
    """
    answer = answers.people(context)
    if not answer.tables:
        return say_only("people", answer.title, f"{answer.say(answer.finding)}.")
    (table,) = answer.tables
    money, unit = choose_money(context, table)
    line = ", upright line target" if "target" in table.columns else ""
    drawn = f"Gray bar closed, dot forecast, blue band range{line}. A name opens its deals"
    totals = "Commit and best case with closed" if "commit_total" in table.columns else ""
    said = (*map(answer.say, answer.notes), unit, totals, drawn)
    columns = [PICTURE if one == "high" else one for one in table.columns if one != "low"]
    shown = show_table(answer, table, "people", columns=columns, money=money)
    sub = ". ".join(filter(None, said))
    return Block("people", answer.say(answer.finding), sub, (shown,))


def trend(context: Context) -> Block:
    """Show whether the forecast is on its way to the target.

    Each record has its forecast with range, and what had closed.
    """
    answer = answers.trend(context)
    notes = tuple(_show_lack(lack) for lack in answer.lacks)
    if answer.chart is None:
        return Block("trend", answer.title, parts=notes)
    sub = ". ".join(map(answer.say, answer.notes))
    return Block("trend", answer.say(answer.finding), sub, (Chart(draw(answer)), *notes))


def _show_lack(lack: Lack) -> Note:
    """Show what is not known; of records in one line for all blocks."""
    if not lack.shell_way:
        return Note(f"{lack.what}.")
    return Note(
        f"{lack.what}. Run {{}} daily, and next week’s report shows how the forecast moved and "
        "why, what slipped and what was created.",
        lack.shell_way,
    )


def act_today(context: Context) -> Block:
    """Show the few deals to act on today."""
    answer, nav = answers.act_today(context), "Act today"
    table = answer.tables[0]
    if not table.rows:
        return say_only("act_today", answer.title, f"{answer.say(answer.finding)}.", nav)
    table = replace(table, rows=tuple(map(_drop_small, table.rows)))
    gains = any("points" in row.values for row in table.rows)
    whose = [context.person] if context.person and len(forecasts.persons(context)) > 1 else []
    columns = ("action", *whose, "value", *(["points"] if gains else []))
    shown = show_table(answer, table, "act_today", columns=columns, money=context.money)
    sub = ". ".join(map(answer.say, filter(None, (table.note, *answer.notes))))
    return Block("act_today", answer.say(answer.finding), sub, (shown,), nav)


def _drop_small(row: Row) -> Row:
    """Leave out points that are too few to tell, beside words in their place."""
    values = {name: row.values[name] for name in row.values if name != "points"}
    return replace(row, values=values) if "points" in row.words else row


def to_win(context: Context) -> Block:
    """Show a card for each person short of the target, the largest gap first."""
    answer, nav = answers.act_today(context), "To win"
    table = next((table for table in answer.tables if table.name == "to_win"), None)
    if table is None:
        (lack,) = answer.lacks
        return say_only("to_win", "What each person must win", f"{lack.what}.", nav)
    starts = [at for at, row in enumerate(table.rows) if row.depth == 0]
    cards = [table.rows[start:end] for start, end in pairwise([*starts, len(table.rows)])]
    alone = [card for card in cards if card[0].kind == "person"]
    shown = [*alone[:_MOST_CARDS], *(card for card in cards if card[0].kind != "person")]
    rest = len(alone) - _MOST_CARDS
    more = f"; {rest} more in the workbook, sheet “To win”" if rest > 0 else ""
    sub = f"{answer.say(table.note)}{more}"
    goals = tuple(_show_goal(answer, *card) for card in shown)
    history = table.heads["chance"] if "chance" in table.columns else ""
    return Block("to_win", answer.say(table.finding), sub, (Goals(goals, history),), nav)


def _show_goal(answer: Answer, first: Row, *rows: Row) -> Goal:
    return Goal(
        str(first.name.value),
        answer.say(first.says) if first.says else "",
        f"{answer.say(first.words['action'])}.",
        tuple(_show_task(answer, row) for row in rows),
        f"{answer.say(first.words['call'])}." if "call" in first.words else "",
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
    if "points" in row.values:
        todo += f": {show_cell(answer, _drop_small(row), 'points').text}"
    return Task(show_name(answer, row), value, stated, history, todo, why.note if why else "")


def months(context: Context) -> Block:
    """Show whether the next periods have enough: forecast, range, chance and coverage.

    Also shows the pipeline to add.
    """
    answer = answers.months(context)
    table = answer.tables[0]
    confidence = note_of(forecasts.forecast(context)).confidence
    further = ("open_value", "p_target", "pipeline_coverage", "needed_pipeline")
    shown = show_table(
        answer,
        table,
        "months",
        columns=(PICTURE, "expected", RANGE, *further),
        money=context.money,
        heads={RANGE: f"{text.percent(confidence)} range"},
    )
    blue, pale = "open deals at their chances", "usual new business"
    if any(row.values.get("booked") for row in table.rows):
        blue = f"closed, and {blue}"
    if forecasts.by_rate(context):
        blue, pale = "closed", name_new_business(context).lower()
    sub = f"Blue: {blue}. Pale: {pale}. Dot and line: forecast and range"
    targets = [row.values["target"] for row in table.rows if "target" in row.values]
    if targets:
        sub += f". Upright line: target {context.money(max(targets))}"
    sub = ". ".join([sub, *map(answer.say, answer.notes)])
    parts: tuple[BlockPart, ...] = (*_show_beside(answer), shown)
    return Block("months", answer.say(answer.finding), sub, parts, answer.title)


def _show_beside(answer: Answer) -> tuple[Note, ...]:
    """Say whether the quarter makes it, on a page of a month; and the other way round."""
    context = answer.context
    if context.noun not in ("month", "quarter"):
        return ()
    freq = context.org.freq("Q") if context.noun == "month" else "M"
    target = context.target if isinstance(context.target, pd.DataFrame) else None
    other = replace(context, freq=freq, target=target, chosen=None)
    try:
        return (Note(f"{answer.say(say_whether(other))}."),)
    except (DataError, NotEnoughHistory):
        return ()


def pipeline_created(context: Context) -> Block | None:
    """Show whether enough is created: value by recent week, the average, and by whom."""
    found = answers.pipeline_created(context)
    if not isinstance(found.chart, ChartData):
        return None
    rows = found.tables[0].rows
    sub = "Value of the deals created in seven days each, as first seen, whatever became of them"
    for level in found.chart.levels:
        sub += f"; line: {level.name}, {context.money(level.at)}"
    this_week = show_behind(found, rows[-1])
    parts: list[BlockPart] = [Chart(draw(found))]
    parts += [Fold(this_week.caption, this_week)] if this_week else []
    for table in found.tables[1:]:
        caption = f"Value created in {context.name} so far"
        if len(table.rows) > _MOST_CREATORS:
            caption += f", the {_MOST_CREATORS} largest of {len(table.rows)}"
        sub += f". {found.say(found.notes[0])}"
        show = partial(show_table, found, table, "created_by", _MOST_CREATORS, caption)
        parts.append(show(columns=("value", "deals"), money=context.money))
    return Block("pipeline_created", found.say(found.finding), sub, tuple(parts))


def _show(key: str, context: Context) -> Block | None:
    """Show an answer; without records, the trend alone says what is missing."""
    question = CATALOG[key]
    if question.look is None or ("history" in question.needs and context.records.empty):
        return None
    return show_answer(question.ask(context), question.look)


def slippage(context: Context) -> Block | None:
    """Show whether dates hold: outcomes of the deals due in this period and the two before.

    Below are the deals that keep moving.
    """
    found, block = answers.slippage(context), _show("slippage", context)
    for moving in found.tables[1:] if block else ():
        rest = len(moving.rows) - _MOST_PUSHED
        more = f"; {rest:,} more in the workbook" if rest > 0 else ""
        caption = f"Pushed twice or more, as of {context.write_day(context.day)}{more}"
        pushed = show_table(found, moving, "pushed", _MOST_PUSHED, caption)
        block = block and replace(block, parts=(*block.parts, pushed))
    return block


def calls(context: Context) -> Block | None:
    """Show who makes the number better: how far calls, overrides and formulas missed.

    They are compared with the forecast on the same days.
    """
    answer = answers.calls(context)
    if answer.chart is None:
        return None
    table = answer.tables[0]
    n = max(int(row.values["n"]) for row in table.rows)
    sub = (
        f"How far each was off on the same days of {text.count(n, f'ended {context.noun}')}, as a "
        "share of what closed"
    )
    shown = show_table(answer, table, "calls", columns=("wape", "bias", "better", "differs"))
    return Block("calls", answer.say(answer.finding), sub, (shown,), "Calls")


def tiles(context: Context) -> tuple[Tile, ...]:
    """Show the figures of `will_we_make_it`.

    Once the current period is decided, each is named after its period.
    """
    is_decided = forecasts.lead(context) != context.period
    made = []
    for figure in will_we_make_it(context).figures:
        tile = make_tile(context, figure)
        if is_decided:
            name = f"{tile.name}, {context.name_of(figure.row, short=True)}"
            tile = replace(tile, name=name)
        made.append(tile)
    return tuple(made)


def make_tile(context: Context, figure: Figure) -> Tile:
    """Make a figure's tile: what changed, its picture, and its deals."""
    period, then = figure.row, math.nan if figure.then is None else figure.then
    units: dict[str, Callable[[float], str]] = {"rate": text.percent, "ratio": text.times}
    show: Callable[[float], str] = units.get(find_unit(figure.column), context.money)
    change = None if figure.instead else show_change(figure.value, then, show)
    picture, opens = "", None
    match figure.column:
        case "booked":
            opens = show_deals(list_closed(context, period))
        case "expected":
            rows = will_we_make_it(context).tables[0].rows
            row = next(row for row in rows if row.id == period)
            known = {"low": figure.low, "high": figure.high, "target": figure.mark}
            drawn = pd.Series({**row.values, "expected": figure.value, **known}, dtype="float64")
            picture = svg.bullet(drawn, context.money)
            if math.isfinite(figure.value):
                title = f"Forecast for {context.name_of(period)}"
                deals = find_expected(context, period)
                opens = show_deals(list_expected(context, title, deals, row.values, period))
        case "p_target" if math.isfinite(then):
            # Beside both figures, their difference is that of what is shown.
            ends = text.whole_percents(figure.value), text.whole_percents(then)
            change = show_change(*ends, text.points)
        case "pipeline_coverage" | "open_value":
            opens = show_deals(list_due(context, period))
    value = figure.instead or show(figure.value)
    return Tile(figure.name, value, change, figure.words, picture, opens, figure.apart)


_OWN: dict[str, Callable[[Context], Block | None]] = {
    "act_today": act_today,
    "people": people,
    "trend": trend,
    "months": months,
    "to_win": to_win,
    "slippage": slippage,
    "pipeline_created": pipeline_created,
    "calls": calls,
    "notes": notes,
}
"""Blocks that show more than a picture or a table."""
_ORDER = [key for key, question in CATALOG.items() if question.look]
_ORDER.insert(_ORDER.index("at_risk") + 1, "to_win")
BLOCKS = {key: _OWN.get(key, partial(_show, key)) for key in (*_ORDER, "notes")}
"""The blocks by question, in the order of the catalog; also what each person must win, and notes
on the numbers."""
