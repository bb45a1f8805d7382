"""Whether enough new pipeline comes in, week by week, and who brings it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import evidence
from opp_analytics.answers import tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Chart, Lack, Row, Table
from opp_analytics.answers.deal import add_details, list_deals
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.text import Piece, Sentence

_WEEKS, _NEAR = 12, 0.1
"""Weeks to look back, a quarter, and the share within which a week is like the average."""
_COLUMNS = ("deals", "value")


@keep
def pipeline_created(context: Context) -> Answer:
    """Compare what was created this week with the weeks before; then say who created the most.

    Deals are at the value first seen, whatever became of them.
    """
    title = "New pipeline"
    try:
        weeks = tables.created(context).tail(_WEEKS)
    except NotEnoughHistory as reason:
        lack = Lack(
            "what was created", "the first record", "history.record(deals)", "opp-analytics record"
        )
        said = Sentence.of(str(reason).removesuffix("."))
        return Answer("pipeline_created", context, title, said, lacks=(lack,))
    freq, average = note_of(weeks).freq, float(weeks["value"].iloc[:-1].mean())
    people = tables.created_by(context)
    if people["value"].sum() <= 0 or (context.only and len(people) == 1):
        people = people.head(0)
    found = {
        "weeks": [
            _sum_up(str(week), text.period(str(week)), row) for week, row in weeks.iterrows()
        ],
        context.who: [
            _sum_up(str(name), str(name), row, "person")
            for name, row in people.sort_values("value", ascending=False, kind="stable").iterrows()
        ],
    }
    return Answer(
        key="pipeline_created",
        context=context,
        title=title,
        finding=_compare_week(weeks, average),
        tables=tuple(
            Table(name, _COLUMNS, tuple(rows), "value") for name, rows in found.items() if rows
        ),
        chart=Chart(
            "pipeline_created",
            (weeks,),
            {"average": average, "line": "average" if len(weeks) > 2 else "week before"},
        ),
        notes=(_say_most(context, people["value"]),) if len(people) else (),
        code=f'oa.pipeline_created(history, freq="{freq}")',
        opener=partial(_list_created, context),
    )


def _sum_up(key: str, name: str, row: pd.Series[Any], kind: str = "period") -> Row:
    values = {"deals": int(row["deals"]), "value": float(row["value"])}
    return Row(key, Piece("name" if kind == "person" else "text", name), values, kind=kind)


def _compare_week(weeks: pd.DataFrame, average: float) -> Sentence:
    """Say what was created this week, compared with the weeks before where that is enough."""
    before, last = len(weeks) - 1, float(weeks["value"].iloc[-1])
    said: list[Piece | str] = ["new pipeline this week, ", Piece("money", last)]
    if not before or not evidence.is_enough(weeks["deals"].sum()) or last < 0:
        return Sentence.of(*said)
    usual = f"the {before}-week average" if before > 1 else "the week before"
    if not average > 0 or abs(last / average - 1) < _NEAR:
        like = f", was in line with {usual}" if last or not average else f", was below {usual}"
        return Sentence.of(*said, like)
    way = "above" if last > average else "below"
    return Sentence.of(*said, ", was ", Piece("share", abs(last / average - 1)), f" {way} {usual}")


def _say_most(context: Context, values: pd.Series[Any]) -> Sentence:
    """Say who created the most in the current period, and their share of it."""
    most, share = evidence.find_largest(values)
    words: list[Piece | str] = [
        Piece("name", text.joined(most, most=3)),
        f" created the most{share and f', {share}'}",
    ]
    if share:
        each = " each" if len(most) > 1 else ""
        words += [f"{each} of {context.name}’s ", Piece("money", values.sum())]
    return Sentence.of(*words)


def _list_created(context: Context, row: Row) -> Answer:
    """List the deals created in a week, or by a person in the current period."""
    if row.kind == "person":
        deals, title = tables.created_by_deals(context), f"Created by {row.id} in {context.name}"
        deals = deals[(deals.index == row.id) & (deals["period"] == context.label).to_numpy()]
    else:
        deals = tables.created_deals(context)
        deals = deals[deals["period"] == row.id]
        count = text.spelled(len(deals), "deal") if len(deals) > 1 else "deal"
        is_last = row.id == tables.created(context).index[-1]
        title = f"The {count} of {'this week' if is_last else f'the week of {row.name.value}'}"
    rows = add_details(context, deals.reset_index(drop=True))
    return list_deals(context, title, rows, name="created")
