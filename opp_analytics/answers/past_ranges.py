"""Whether to believe the range: past forecasts beside what closed in the end."""

from __future__ import annotations

import pandas as pd

from opp_analytics import charts, text
from opp_analytics.analysis import describe
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import (
    Lack,
    Table,
    make_notes,
    make_periods,
)
from opp_analytics.answers.deal import list_closed
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.text import Sentence

_COLUMNS = ("made_at", "lead", "expected", "low", "high", "actual", "error", "held")
_MOST_DRAWN = 6
"""Periods that fill a picture beside its neighbor."""


@keep
def past_ranges(context: Context) -> Answer:
    """Compare past forecasts, with as many days to go as today's, and what closed in the end."""
    try:
        table = forecasts.past_ranges(context)
    except (NotEnoughHistory, DataError) as error:
        reason, title = str(error), "Past ranges cannot be judged"
        lack = Lack(reason, shell_way="opp-analytics record")
        return Answer("past_ranges", context, title, Sentence.of(reason), lacks=(lack,))
    rows = make_periods(context, table, _COLUMNS)
    return Answer(
        key="past_ranges",
        context=context,
        title="Past ranges",
        finding=Sentence.of(describe(table)),
        method=str(note_of(table).method),
        tables=(Table("periods", _COLUMNS, rows[::-1]),),
        chart=charts.backtest(table.tail(_MOST_DRAWN)),
        notes=make_notes(_say_unjudged(context, table)),
        call='oa.backtest(history, lead="now", as_of="{day}", freq="{freq}")',
        opener=lambda row: list_closed(context, row.id),
    )


def _say_unjudged(context: Context, table: pd.DataFrame) -> str:
    early = note_of(table).figures["left_out"].get("too_early_to_learn")
    if not early:
        return ""
    many = text.capital(text.spelled(early, f"earlier {context.noun}"))
    return f"{many} {'is' if early == 1 else 'are'} not judged: too little was known then"
