"""How people compare: win rate, days to win, slips and forecast bias."""

from __future__ import annotations

from functools import partial

from opp_analytics import text
from opp_analytics.analysis import describe
from opp_analytics.analysis import scorecard as analyze
from opp_analytics.answers import tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, Part
from opp_analytics.answers.data import Lack, Row, Table, lack_records, make_notes, read_known
from opp_analytics.schema import NO_LABEL
from opp_analytics.text import Piece, Sentence

_COLUMNS = (
    *("won", "lost", "rate", "differs", "days_to_win", "slip_rate", "forecast_bias"),
    *("rate_low", "rate_high", "n", "due"),
)


def scorecard(context: Context) -> Answer:
    """Compare people by what they closed, how long wins took, and how far they are to be trusted.

    Slips and forecast bias need records.
    """
    answer = partial(Answer, "scorecard", context, "Scorecard")
    if context.person is None:
        who = Lack("whose deals they are", python_way="a column owner_name of the deals")
        return answer(Sentence.of("The deals name nobody to compare"), lacks=(who,))
    start = tables.closed_since(context)
    table = analyze(
        context.opportunities,
        None if context.records.empty else context.history,
        by=context.person,
        start=start,
        method=context.method,
        **context.options,
    )
    rows = tuple(
        Row(
            str(name),
            Piece("name", str(name)),
            read_known(row, _COLUMNS),
            kind="person",
            part=Part(context.person, str(name)),
        )
        for name, row in zip(table.index, table.to_dict("records"), strict=True)
        if name != NO_LABEL
    )
    since = f"{context.write_day(start)} on{tables.say_nobodys(table)}"
    about = f"Closed from {since}; differs: beyond chance, however many are compared"
    lack = lack_records("slip rate and forecast bias", "some weeks of records")
    return answer(
        Sentence.of(describe(table)),
        tables=(Table(text.plural(context.who), _COLUMNS, rows),) if rows else (),
        notes=make_notes(about if rows else ""),
        lacks=(lack,) if rows and context.records.empty else (),
        call=f'oa.scorecard(deals, history, as_of="{{day}}", by="{context.person}", '
        f'start="{start:%Y-%m-%d}")',
    )
