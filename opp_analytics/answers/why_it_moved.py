"""Why the forecast moved: the steps from the earlier record to the last one."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd

from opp_analytics import analysis, charts, text
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Figure, Lack, Row, Table
from opp_analytics.answers.deal import add_details, list_deals
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.org import day_of
from opp_analytics.schema import HALF_CENT
from opp_analytics.text import Piece, Sentence

_TITLE = "Why the forecast moved"
_TOLD = 0.01
"""Share of what was won from which it is said to have been expected before."""


@keep
def why_it_moved(context: Context) -> Answer:
    """Show what each kind of change added to the forecast or took, and the deal that did most."""
    try:
        table = forecasts.change(context)
    except NotEnoughHistory as error:
        reason = (forecasts.no_changes(context) or str(error)).removesuffix(".")
        way = "history.record(deals)", "opp-analytics record"
        if len(context.records) > 1 and context.since is None:
            way = "since= an earlier day", "compare with an earlier day by --since"
        lack = Lack("what moved the forecast", "", *way)
        return Answer("why_it_moved", context, _TITLE, Sentence.of(reason), lacks=(lack,))
    note, steps = note_of(table), analysis.list_steps(table)
    then, now = (
        Row(
            end,
            Piece("text", f"Forecast {context.write_day(day_of(table, moment))}"),
            {name: table[name][end] for name in ("expected", "value")}
            | {"deals": int(table["deals"][end])},
            kind="total",
        )
        for end, moment in (("then", note.then_at), ("now", note.now_at))
    )
    return Answer(
        key="why_it_moved",
        context=context,
        title=_TITLE,
        finding=Sentence.of(analysis.heading(table)),
        method=str(note.method),
        tables=(
            Table(
                "steps",
                ("expected", "change", "value", "deals", "largest"),
                (then, *(_make_row(context, step) for step in steps), now),
                "change",
                {"value": "Full value"},
            ),
        ),
        figures=(
            Figure("Forecast", "expected", now.values["expected"], then=then.values["expected"]),
        ),
        chart=charts.forecast_change(table, target=forecasts.current(context)["target"]),
        notes=tuple(_list_notes(context, table)),
        call=f'oa.forecast_change(history, start="{note.then_at}", '
        f'end="{note.now_at}", period="{{period}}", freq="{{freq}}", method="{context.method}")',
        opener=partial(_list_step, context, steps),
    )


def _make_row(context: Context, step: analysis.ChangeStep) -> Row:
    values = {"change": step.expected, "deals": step.deals}
    if math.isfinite(step.value):
        values["value"] = step.value
    most = {"largest": step.movers[0][0]} if step.movers else {}
    deals = f" in {text.count(step.deals)}" if step.deals else ""
    return Row(
        step.key,
        Piece("text", text.capital(step.name)),
        {**values, **most},
        kind="step",
        says=Sentence.of(f": {context.money(step.expected, signed=True)}{deals}"),
    )


def _list_notes(context: Context, table: pd.DataFrame) -> list[Sentence]:
    figures = note_of(table).figures
    closed, added = (table[name]["won"] for name in ("value", "expected"))
    notes = [Sentence.of(analysis.say_forecast_change(table))]
    if closed >= (before := closed - added) > _TOLD * closed:
        about = Piece("money", before), " of it was expected before"
        notes.append(Sentence.of(Piece("money", closed), " closed; about ", *about))
    if "method_then" in figures:
        now, then = map(text.label, (str(forecasts.method(context)), figures["method_then"]))
        words = f"The method changed from {then} to {now}; both forecasts are by {now}"
        notes.append(Sentence.of(words))
    if abs(table["expected"]["now"] - forecasts.current(context)["expected"]) >= HALF_CENT:
        last = pd.Timestamp(context.records["recorded_at"].iloc[-1]).tz_convert(context.tz)
        words = f"Changes after the record of {context.write_day(last)} are not in it"
        notes.append(Sentence.of(words))
    return notes


def _list_step(context: Context, steps: list[analysis.ChangeStep], row: Row) -> Answer | None:
    """List the deals of a step, with what each one added or took.

    Of new business, say what it is.
    """
    step = next((one for one in steps if one.key == row.id), None)
    if step is None:
        return None
    title = text.capital(step.name)
    if step.key == "new_business":
        words = "More is expected of deals that do not exist yet"
        if step.expected < 0:
            words = "Less time is left for deals that do not exist yet"
        elif forecasts.by_rate(context):
            words = "Ended periods won more from such a day on"
        return Answer("step", context, title, Sentence.of(words))
    moved = forecasts.explained_change(context).list_deals()
    moved = moved[moved["movement"] == step.key]
    rows = add_details(context, moved.rename(columns={"expected": "change"}))
    return list_deals(context, title, rows, "change", name="change", period=context.label)
