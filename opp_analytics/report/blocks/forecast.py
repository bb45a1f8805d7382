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

from opp_analytics import analysis, answers, svg, text
from opp_analytics.analysis import evidence
from opp_analytics.answers import (
    MOST_DRAWN,
    Context,
    Figure,
    draw,
    find_expected,
    forecasts,
    list_closed,
    list_due,
    list_expected,
    say_win_dates,
    tables,
    will_we_make_it,
)
from opp_analytics.columns import find_unit
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.org import day_of
from opp_analytics.report.cells import (
    name_deal,
    open_chance,
    say_finding,
    show_change,
    show_stated,
    stress_largest,
)
from opp_analytics.report.model import (
    Block,
    Cell,
    Chart,
    Deals,
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
from opp_analytics.report.show_answer import show_behind, show_chart, show_deals

_MOST_DECIDING = 5
"""Rows that fill a block beside its neighbor."""


def trend(context: Context) -> Block:
    """Show whether the forecast is on its way to the target.

    Each record has its forecast with range, and what had closed.
    """
    if context.records.empty:
        return _pace(context, _ask_for_records(context))
    try:
        fan = forecasts.fan(context)
    except NotEnoughHistory as reason:
        return _pace(context, Note(f"{text.capital(str(reason).rstrip('.'))}."))
    method, priced = text.label(forecasts.method(context)), fan[fan["expected"].notna()]
    if math.isnan(fan["expected"].iloc[-1]):
        words = (
            f"The {method} method cannot forecast {context.name} yet; the trend starts once it can."
        )
        return _pace(context, Note(words))
    sub = (
        f"{context.name} forecast at each record, with its "
        f"{text.percent(note_of(fan).confidence)} range, and what had closed"
    )
    if len(forecasts.called(context)):
        caller = forecasts.calls(context)["caller"].get(forecasts.whole(context))
        below = text.plural(text.label(context.by[0]) if len(context.by) > 1 else context.who)
        whose = f"the sum of the {below}’ calls" if pd.isna(caller) else f"the call of {caller}"
        is_withdrawn = pd.isna(forecasts.called(context).iloc[-1])
        sub += f". Dashed: {'the call, now withdrawn' if is_withdrawn else whose}"
    if len(priced) < len(fan):
        since = context.write_day(day_of(fan, priced.index[0]))
        sub += f". The {method} method can forecast from {since} on"
    ends = [
        *([] if forecasts.no_changes(context) else [forecasts.earlier(context).moment]),
        fan.index[-1],
    ]
    title = say_finding(priced[priced.index.isin(ends)])
    gray = analysis.explain_pacing(forecasts.pacing(context))
    sub += f". {gray}. {say_finding(forecasts.pacing(context))}" if gray else ""
    return Block("trend", title, text.capital(sub), (_draw_trend(context, fan),))


def _draw_trend(context: Context, fan: pd.DataFrame) -> Chart:
    won = context.won_now[["close_date", "value"]]
    won = won.assign(
        close_date=won["close_date"].where(won["close_date"] < context.day, context.day)
    )
    begin = pd.DataFrame({"close_date": [context.period.start_time], "value": [0.0]}).astype(
        won.dtypes
    )
    closed = pd.concat([begin, won])
    return Chart(
        svg.forecast_fan(
            fan, closed=closed, calls=forecasts.called(context), pacing=forecasts.pacing(context)
        )
    )


def _pace(context: Context, note: Note) -> Block:
    """Show what closed beside the earlier periods, where no record shows how the forecast moved."""
    if not forecasts.pacing(context)["booked"].any():
        return Block("trend", "Forecast trend", parts=(note,))
    gray = analysis.explain_pacing(forecasts.pacing(context))
    sub = ". ".join(filter(None, (f"Closed in {context.name}, by day", gray)))
    return Block(
        "trend",
        say_finding(forecasts.pacing(context)),
        sub,
        (_draw_trend(context, forecasts.fan_today(context)), note),
    )


def _ask_for_records(context: Context) -> Note:
    """Say in one line for all blocks what needs records."""
    if context.history is not None and len(context.history.records):
        first = text.day(forecasts.first_record(context), year=True)
        return Note(
            f"The history begins on {first}, after the day of this page, so it cannot show what "
            "moved before."
        )
    return Note(
        "No history yet. Run {} daily, and next week’s report shows how the forecast moved and "
        "why, what slipped and what was "
        "created.",
        "opp-analytics record",
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
    deals, title = forecasts.swings(context), "Deals that decide"
    row, month = forecasts.leading(context), forecasts.lead_name(context)
    if not math.isfinite(row["target"]):
        return None
    if deals.empty:
        if len(forecasts.deals_of(context, str(forecasts.lead(context)))):
            words = "No open deal is 5% likely to be won in it, and in time."
            return say_only("decide", f"No single deal decides {month}", words, title)
        words = f"No open deal with a value and a chance is due in {month}."
        return say_only("decide", title, words, title)
    as_stated = note_of(deals).method == "stated"
    swings = not as_stated and deals["swing"].max() >= evidence.LEAST_SWING
    if not swings:
        deals = deals.sort_values(["weighted", "unique_id"], ascending=[False, True])
    shown = deals.head(_MOST_DECIDING)
    rest = f" of {len(deals):,}" if len(deals) > _MOST_DECIDING else ""
    sub = (
        f"The {text.spelled(len(shown), 'deal')}{rest} with most "
        f"{'at stake' if swings else 'expected'} in {month}. "
    )
    head = PageColumn("Value × chance")
    finding = (
        _say_largest(context, deals, month)
        if as_stated
        else analysis.describe_forecast_deals(deals, row)
    )
    if swings:
        head = draw_column("Chance of target if lost, if won")
        sub += "Ring: the chance of the target if the deal is lost; blue: if it is won"
        if (close := shown["close_date"].iloc[0]) > forecasts.lead(context).end_time:
            sub += f". The first is dated {context.write_day(close)}: pull it in"
    else:
        sub += f"At {'stated chances' if as_stated else 'chances from history'}"
    of = forecasts.explain(context, shown)
    lines = tuple(
        Line(
            (
                _describe_deal(context, one),
                _draw_swing(one) if swings else Cell(context.money(one["weighted"])),
            ),
            opens=open_chance(context, one, of=of),
            teams=tables.find_teams(context, one["unique_id"]),
        )
        for one in shown.to_dict("records")
    )
    columns = (PageColumn("Deal", right=False, phone="full", kind="deal"), head)
    return Block("decide", finding, sub, (Table(columns, (Group(lines),), "decide"),), title)


def _say_largest(context: Context, deals: pd.DataFrame, month: str) -> str:
    """Name the deal with most expected.

    Stated chances of open deals alone do not say what it does to the target.
    """
    money, row = context.money, forecasts.leading(context)
    if (all_due := row["booked"] + row["open_value"]) < row["target"]:
        return f"No single deal saves {month}: all due would bring it to {money(all_due)}"
    first, rank = deals.iloc[0], "has most expected" if len(deals) > 1 else "is the only deal due"
    name = name_deal(context, first).text
    return f"{name}, {money(first['value'])}, {rank} in {month}"


def _describe_deal(context: Context, row: dict[Any, Any]) -> Cell:
    lead = str(forecasts.lead(context))
    chance = forecasts.show_history(context, row["unique_id"], lead)
    history = f"from history {chance} in {context.name_of(lead)}"
    facts = [
        context.money(row["value"]),
        f"stated {show_stated(row.get('probability'))}",
        history if len(forecasts.chances(context)) else "",
        f"due {context.write_day(row['close_date'])}",
        say_win_dates(context, row["unique_id"]) if len(forecasts.chances(context)) else "",
    ]
    return name_deal(context, row, small=" · ".join(filter(None, facts)))


def _draw_swing(row: dict[Any, Any]) -> Cell:
    lost, won = text.percent(row["p_if_lost"]), text.percent(row["p_if_won"])
    drawn = svg.swing(row["p_if_lost"], row["p_if_won"], said=f"{lost} if lost, {won} if won")
    return Cell(f"{lost} → {won}", picture=drawn)


def months(context: Context) -> Block:
    """Show whether the next periods have enough: forecast, range, chance and coverage.

    Also shows the pipeline to add.
    """
    table = forecasts.ahead(context)
    target = float(table["target"].max())
    aimed = math.isfinite(target)
    amounts = svg.axis([*table["high"], *table["expected"], *table["target"]])
    heads = ["Forecast", f"{text.percent(note_of(table).confidence)} range"]
    if aimed:
        adds = ["Pipeline to add"] if "needed_pipeline" in table else []
        heads += [*([] if forecasts.stated(context) else ["Chance"]), "Coverage", *adds]
    else:
        heads.append("Due so far")
    first, axis = (
        PageColumn(text.capital(context.noun), right=False),
        svg.month_axis(amounts, target, context.money),
    )
    columns = (first, draw_column(picture=axis), *map(PageColumn, heads))
    lines = tuple(
        Line(_write_period(context, str(name), row, amounts, aimed), opens=_list_due(context, row))
        for name, row in table.iterrows()
    )
    blue, pale = (
        ("closed", evidence.RUN_RATE)
        if forecasts.by_rate(context)
        else ("open deals at their chances", "usual new business")
    )
    sub = f"Blue: {blue}. Pale: {pale}. Dot and line: forecast and range"
    if aimed:
        sub += f". Upright line: target {context.money(target)}"
        if forecasts.usual_coverage(context).keys() & set(table.index):
            hits = text.plural(context.noun)
            sub += f". Below coverage: what {hits} that hit their target had by this point"
    shown = Table(columns, (Group(lines),), "months")
    finding = say_finding(table[table.index > str(forecasts.lead(context))])
    return Block("months", finding, sub, (shown,), f"Next {context.noun}s")


def _list_due(context: Context, row: pd.Series[Any]) -> Deals | None:
    """List the open deals due in a coming period, and what else its forecast expects.

    Without a forecast, only the deals are listed.
    """
    if not math.isfinite(row["low"]):
        return show_deals(list_due(context, str(row.name)))
    return _list_forecast(context, row)


def _list_forecast(context: Context, row: pd.Series[Any]) -> Deals | None:
    """List what adds up to the forecast of a period."""
    period = str(row.name)
    title = f"Forecast for {context.name_of(period)}"
    listed = list_expected(context, title, find_expected(context, period), row, period)
    return show_deals(listed, float(row["expected"]))


def _write_period(
    context: Context, name: str, row: pd.Series[Any], amounts: svg.Axis, aimed: bool
) -> tuple[Cell, ...]:
    money, known = context.money, math.isfinite(row["low"])
    label = text.period(name, context.freq)
    cells = [
        Cell(label.partition(" (")[0]),
        Cell(
            "",
            picture=svg.month(row, amounts, money, name=label, by_rate=forecasts.by_rate(context)),
        ),
        Cell(money(row["expected"]) if known else text.MISSING),
        Cell(
            text.money_range(row["low"], row["high"], money) if known else text.MISSING,
            small=evidence.name_outside(row, money) if known else "",
        ),
    ]
    if not aimed:
        return (*cells, Cell(money(row["open_value"])))
    cells += [] if forecasts.stated(context) else [Cell(text.percent(row["p_target"]))]
    due = bool(row["open_count"])
    usual = forecasts.usual_coverage(context).get(name)
    hits = f"hit: {text.times(usual)}" if usual else ""
    cover = Cell(text.times(row["pipeline_coverage"])) if due else Cell("none due", tone="quiet")
    cells.append(replace(cover, small=hits))
    if "needed_pipeline" in row:
        more = evidence.say_pipeline_to_add(row, money, stated=forecasts.stated(context))
        cells.append(Cell(more, tone="" if row["needed_pipeline"] > 0 else "quiet"))
    return tuple(cells)


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
    changes = stress_largest([tile.change for tile in built])
    built = [replace(tile, change=change) for tile, change in zip(built, changes, strict=True)]
    if forecasts.lead(context) == context.period:
        return tuple(built)
    return tuple(
        replace(tile, name=f"{tile.name}, {context.name_of(figure.row, short=True)}")
        for tile, figure in zip(built, figures, strict=True)
    )


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
            row = forecasts.forecast(context).loc[[period]].iloc[0]
            row = row.where(~row.index.isin(["low", "high"])) if figure.low is None else row
            picture = svg.bullet(row, context.money)
            if math.isfinite(figure.value):
                opens = _list_forecast(context, row)
        case "p_target" if math.isfinite(then):
            # Beside both figures, their difference is that of what is shown.
            ends = text.whole_percents(figure.value), text.whole_percents(then)
            change = show_change(*ends, text.points)
        case "pipeline_coverage" | "open_value":
            opens = show_deals(list_due(context, period))
    return Tile(
        figure.name, figure.instead or show(figure.value), change, figure.words, picture, opens
    )
