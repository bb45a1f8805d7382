"""Whether to believe the range: past forecasts beside what closed in the end."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import describe
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context
from opp_analytics.answers.data import Chart, Lack, Row, Table
from opp_analytics.answers.deal import list_closed
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.text import Piece, Sentence

_COLUMNS = ("made_at", "lead", "expected", "low", "high", "actual", "error", "held")
MOST_DRAWN = 6
"""Periods that fill a picture beside its neighbor."""


def past_ranges(context: Context) -> Answer:
    """Compare past forecasts, with as many days to go as today's, and what closed in the end."""
    try:
        table = forecasts.past_ranges(context)
    except (NotEnoughHistory, DataError) as error:
        reason, title = str(error), "Past ranges cannot be judged"
        lack = Lack(reason, shell_way="opp-analytics record")
        return Answer("past_ranges", context, title, Sentence.of(reason), lacks=(lack,))
    rows = tuple(_make_row(context, row) for row in table.reset_index().to_dict("records"))
    return Answer(
        key="past_ranges",
        context=context,
        title="Past ranges",
        finding=Sentence.of(describe(table)),
        method=str(note_of(table).method),
        tables=(Table("periods", _COLUMNS, rows[::-1]),),
        chart=Chart("backtest", (table.tail(MOST_DRAWN),)),
        notes=tuple(map(Sentence.of, _list_notes(context, table))),
        code=f'oa.backtest(history, lead="now", as_of="{context.day:%Y-%m-%d}", '
        f'freq="{context.freq}")',
        opener=partial(_list_closed, context),
    )


def _make_row(context: Context, row: dict[Any, Any]) -> Row:
    period = str(row["period"])
    name = Piece("text", text.capital(context.name_of(period)))
    values = {column: row[column] for column in _COLUMNS if not pd.isna(row.get(column))}
    return Row(period, name, values, kind="period")


def _list_notes(context: Context, table: pd.DataFrame) -> list[str]:
    early = note_of(table).figures["left_out"].get("too_early_to_learn")
    if not early:
        return []
    method = text.label(note_of(table).method)
    before = text.spelled(early, f"earlier {context.noun}")
    return [f"History was too short for {method} chances in {before}"]


def _list_closed(context: Context, row: Row) -> Answer:
    return list_closed(context, row.id)
