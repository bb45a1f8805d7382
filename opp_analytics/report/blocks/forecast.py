"""The first words and figures of the page, and its forecast.

The forecast has the trend, why it moved, which deals decide, the periods ahead, past ranges, and
categories.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from opp_analytics import answers, svg, text
from opp_analytics.answers import (
    MOST_DRAWN,
    Context,
    Figure,
    Lack,
    draw,
    find_expected,
    forecasts,
    list_closed,
    list_due,
    list_expected,
    name_new_business,
    will_we_make_it,
)
from opp_analytics.columns import find_unit
from opp_analytics.note import note_of
from opp_analytics.report.model import (
    Block,
    Cell,
    Chart,
    Group,
    Line,
    Note,
    Opening,
    PageColumn,
    Table,
    Tile,
    draw_column,
    say_only,
)
from opp_analytics.report.show_answer import (
    PICTURE,
    RANGE,
    show_behind,
    show_change,
    show_chart,
    show_deals,
    show_table,
)
from opp_analytics.schema import HALF_CENT

_MOST_DECIDING = 5
"""Rows that fill a block beside its neighbor."""


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


def why(context: Context) -> Block | None:
    """Show the steps from the forecast a week ago to that of now, each opening to its deals."""
    if context.records.empty:
        return None
    found, nav = answers.why_it_moved(context), "Why it moved"
    if found.chart is None:
        return say_only("why", found.title, f"{found.say(found.finding)}.", nav)
    rows, (moved, *notes) = draw(found), map(found.say, found.notes)
    opened = tuple(show_behind(found, row) for row in found.tables[0].rows)
    words = [f"{moved}. Under each bar: its deals, and the one that moved most", rows.note, *notes]
    sub = ". ".join(filter(None, words))
    return Block("why", found.say(found.finding), sub, (Opening(rows, opened),), nav)


def decide(context: Context) -> Block | None:
    """Show the deals that move the chance of the target most, lost and won.

    Where none does, those that the forecast rests on.
    """
    answer, nav = answers.act_today(context), "Deals that decide"
    table = next((table for table in answer.tables if table.name == "decide"), None)
    if table is None:
        return None
    finding, note = answer.say(table.finding), answer.say(table.note)
    if not table.rows:
        return say_only("decide", finding, f"{note}.", nav)
    swings, count = "p_if_won" in table.columns, len(table.rows)
    rest = f" of {count:,}" if count > _MOST_DECIDING else ""
    how = f"most {'at stake' if swings else 'expected'} in {forecasts.lead_name(context)}"
    sub = [f"The {text.spelled(min(count, _MOST_DECIDING), 'deal')}{rest} with {how}"]
    if swings:
        sub.append("Ring: the chance of the target if the deal is lost; blue: if it is won")
    shown = show_table(
        answer,
        table,
        "decide",
        _MOST_DECIDING,
        columns=(PICTURE,) if swings else ("weighted",),
        money=context.money,
        heads={PICTURE: "Chance of target if lost, if won"},
        says=True,
    )
    return Block("decide", finding, ". ".join([*sub, *filter(None, [note])]), (shown,), nav)


def months(context: Context) -> Block:
    """Show whether the next periods have enough: forecast, range, chance and coverage.

    Also shows the pipeline to add.
    """
    answer = answers.months(context)
    (table,) = answer.tables
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
    if forecasts.by_rate(context):
        blue, pale = "closed", name_new_business(context).lower()
    sub = f"Blue: {blue}. Pale: {pale}. Dot and line: forecast and range"
    targets = [row.values["target"] for row in table.rows if "target" in row.values]
    if targets:
        sub += f". Upright line: target {context.money(max(targets))}"
    sub = ". ".join([sub, *map(answer.say, answer.notes)])
    return Block("months", answer.say(answer.finding), sub, (shown,), answer.title)


def past(context: Context) -> Block | None:
    """Show whether to believe the range: past forecasts, and what closed in the end.

    The past forecasts had as many days left in their period as today's.
    """
    if context.records.empty:
        return None
    answer = answers.past_ranges(context)
    sub = ["Forecast with as many days to go as today (blue: tick and range) and what closed (dot)"]
    known = sum(len(table.rows) for table in answer.tables)
    if known > MOST_DRAWN:
        sub.append(f"The last {MOST_DRAWN} of {text.count(known, context.noun)}")
    return show_chart(answer, "past", ". ".join([*sub, *map(answer.say, answer.notes)]))


def calls(context: Context) -> Block | None:
    """Show who makes the number better: how far calls, overrides and formulas missed.

    They are compared with the forecast on the same days.
    """
    answer = answers.calls(context)
    if answer.chart is None:
        return None
    shown = answer.tables[0].rows
    lines = tuple(
        Line((Cell(bar.label), Cell("", picture=bar.picture), *_write_errors(row.values)))
        for bar, row in zip(draw(answer).rows, shown, strict=True)
    )
    heads = ("Missed by", "On average", "Closer than the model in", "More than luck?")
    columns = (PageColumn("Whose number", right=False), draw_column(), *map(PageColumn, heads))
    n = max(int(row.values["n"]) for row in shown)
    sub = (
        f"How far each was off on the same days of {text.count(n, f'ended {context.noun}')}, as a "
        "share of what closed. Blue: what people called"
    )
    table = Table(columns, (Group(lines),), "proof")
    return Block("calls", answer.say(answer.finding), sub, (table,), "Calls")


def _write_errors(values: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Write how far a source was off, its lean, and how it did beside the model."""
    bias = float(values["bias"])
    way = f" {'high' if bias > 0 else 'low'}" if bias else ""
    cells = [text.percent(values["wape"]), f"{text.percent(abs(bias))}{way}"]
    if "better" in values:
        n = int(values["n"])
        cells += [f"{round(values['better'] * n)} of {n}"]
        cells += ["yes" if values["differs"] else "could be luck"]
    return tuple(map(Cell, [*cells, *[text.MISSING] * (4 - len(cells))]))


def categories(context: Context) -> Block:
    """Show how much rests on commit: closed money and the categories of the deals due.

    Each category opens to its deals.
    """
    aimed = math.isfinite(float(forecasts.current(context)["target"]))
    about = f"Running total beside each bar{'; line is the target' if aimed else ''}"
    answer = answers.categories(context)
    sub = ". ".join([*map(answer.say, answer.notes), about])
    return show_chart(answer, "categories", sub, "Categories")


def tiles(context: Context) -> tuple[Tile, ...]:
    """Show the figures of `will_we_make_it`, the largest change in blue.

    Once the current period is decided, each is named after its period.
    """
    figures = will_we_make_it(context).figures
    built = [_make_tile(context, figure) for figure in figures]
    # Beside money, points and ratios are small.
    sizes = [
        abs(figure.value - figure.then)
        if tile.change and tile.change.sign and figure.then is not None
        else 0.0
        for tile, figure in zip(built, figures, strict=True)
    ]
    is_decided = forecasts.lead(context) != context.period
    made = []
    for tile, figure, size in zip(built, figures, sizes, strict=True):
        if tile.change and size and size > max(sizes) - HALF_CENT:
            tile = replace(tile, change=replace(tile.change, tone="hi"))
        if is_decided:
            name = f"{tile.name}, {context.name_of(figure.row, short=True)}"
            tile = replace(tile, name=name)
        made.append(tile)
    return tuple(made)


def _make_tile(context: Context, figure: Figure) -> Tile:
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
    return Tile(
        figure.name, figure.instead or show(figure.value), change, figure.words, picture, opens
    )
