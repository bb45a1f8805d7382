"""Whether the forecast is on its way to the target: that of each record, and what had closed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from opp_analytics import charts, text
from opp_analytics.analysis import describe, explain_pacing
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context
from opp_analytics.answers.data import Lack, Row, Table, lack_records, make_notes, read_known
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.org import day_of
from opp_analytics.text import Piece, Sentence

_COLUMNS = ("expected", "low", "high", "booked")


def trend(context: Context) -> Answer:
    """Show each record's forecast of the period with its range, and what had closed.

    Where no record shows how the forecast moved, what closed beside earlier periods.
    """
    if context.records.empty:
        return _pace(context, _say_no_record(context))
    try:
        fan = forecasts.fan(context)
    except NotEnoughHistory as reason:
        return _pace(context, Lack(text.capital(str(reason).rstrip("."))))
    method, priced = text.label(forecasts.method(context)), fan[fan["expected"].notna()]
    if pd.isna(fan["expected"].iloc[-1]):
        words = f"The {method} method cannot forecast {context.name} yet; the trend starts once it"
        return _pace(context, Lack(f"{words} can"))
    since = context.write_day(day_of(fan, priced.index[0]))
    words = f"The {method} method can forecast {{}}from {since} on"
    if len(priced) == 1 < len(fan):
        words = words.format(f"{context.name} ")
        return _say_only(context, Lack(f"{words}; the trend starts with the next record"))
    confidence = text.percent(note_of(fan).confidence)
    notes = [
        f"{text.capital(context.name)} forecast at each record, with its {confidence} range, and "
        "what had closed",
        _say_calls(context),
    ]
    if len(priced) < len(fan):
        notes.append(words.format(""))
    if gray := explain_pacing(forecasts.pacing(context)):
        notes += [gray, describe(forecasts.pacing(context))]
    compared = [] if forecasts.no_changes(context) else [forecasts.earlier(context).moment]
    ends = priced[priced.index.isin([*compared, fan.index[-1]])].copy()
    if won := forecasts.say_won_later(context):
        ends.loc[compared, "expected"] += forecasts.won_later(context)["later"].sum()
        notes.insert(0, f"Change apart from {won}")
    return _draw(context, fan, describe(ends), notes)


def _say_calls(context: Context) -> str:
    """Say whose call is drawn, dashed; empty without one."""
    called = forecasts.trace_call(context)
    if not len(called):
        return ""
    if math.isnan(called.iloc[-1]):
        return "Dashed: the call, now withdrawn"
    caller = forecasts.calls(context)["caller"].get(forecasts.whole(context))
    below = text.plural(text.label(context.by[0]) if len(context.by) > 1 else context.who)
    whose = f"the sum of the {below}’ calls" if pd.isna(caller) else f"the call of {caller}"
    return f"Dashed: {whose}"


def _pace(context: Context, lack: Lack) -> Answer:
    """Show what closed beside the earlier periods."""
    pacing = forecasts.pacing(context)
    if not pacing["booked"].any():
        return _say_only(context, lack)
    notes = [f"Closed in {context.name}, by day", explain_pacing(pacing)]
    return _draw(context, forecasts.fan_today(context), describe(pacing), notes, lack)


def _say_only(context: Context, lack: Lack) -> Answer:
    return Answer("trend", context, "Forecast trend", Sentence.of(lack.what), lacks=(lack,))


def _draw(
    context: Context, fan: pd.DataFrame, finding: str, notes: Sequence[str], *lacks: Lack
) -> Answer:
    won = context.won_now[["close_date", "value"]]
    seen = won["close_date"].where(won["close_date"] < context.day, context.day)
    begin = pd.DataFrame({"close_date": [context.period.start_time], "value": [0.0]})
    closed = pd.concat([begin.astype(won.dtypes), won.assign(close_date=seen)])
    rows = [
        Row(
            str(row["made_at"]),
            Piece("date", day_of(fan, row["made_at"])),
            read_known(row, _COLUMNS),
            kind="record",
        )
        for row in fan.reset_index().to_dict("records")
    ]
    return Answer(
        key="trend",
        context=context,
        title="Forecast trend",
        finding=Sentence.of(finding),
        method=str(forecasts.method(context)),
        tables=(Table("records", _COLUMNS, tuple(rows)),),
        chart=charts.forecast_fan(
            fan,
            closed=closed,
            calls=forecasts.trace_call(context),
            pacing=forecasts.pacing(context),
        ),
        notes=make_notes(*notes),
        lacks=lacks,
        call='oa.forecast_fan(history, period="{period}", freq="{freq}", as_of="{day}")',
    )


def _say_no_record(context: Context) -> Lack:
    """Say in one line for all questions what needs records."""
    if context.history is not None and len(context.history.records):
        first = text.day(forecasts.first_record(context), year=True)
        return Lack(
            f"The history begins on {first}, after the day of this page, so it cannot show what "
            "moved before"
        )
    return lack_records("No history yet", "a week after the first record")
