"""Whether enough new pipeline comes in, week by week, and who brings it."""

from __future__ import annotations

from functools import partial

import pandas as pd

from opp_analytics import charts, text
from opp_analytics.analysis import CreatedPipeline, describe, evidence
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Row, Table, lack_records
from opp_analytics.answers.deal import add_details, list_deals
from opp_analytics.arrays import Series
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import whole_of
from opp_analytics.periods import Freq, check_freq
from opp_analytics.text import Piece, Sentence

_WEEKS = 12
"""Weeks to look back, a quarter."""
_COLUMNS = ("deals", "value")


@keep
def pipeline_created(context: Context) -> Answer:
    """Compare what was created this week with the weeks before; then say who created the most.

    Deals are at the value first seen, whatever became of them.
    """
    title = "New pipeline"
    lack = lack_records("what was created", "the first record")
    if _knows_nothing(context):
        said = Sentence.of("No deal has a day of creation, and one record shows no new deal")
        return Answer("pipeline_created", context, title, said, lacks=(lack,))
    try:
        made = _read(context)
    except NotEnoughHistory as reason:
        said = Sentence.of(str(reason).removesuffix("."))
        return Answer("pipeline_created", context, title, said, lacks=(lack,))
    freq = _name_weeks(context)
    weeks = made.sum_up(freq, grouped=False)
    weeks = weeks[weeks.index <= str(pd.Period(context.known_day, freq))].tail(_WEEKS)
    average, people = weeks["value"].iloc[:-1].mean(), made.sum_up(context.freq)
    people = people[people.index.get_level_values("period") == context.label]
    people = people.droplevel("period") if made.groups else people.head(0)
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
        finding=Sentence.of(describe(weeks.assign(to_date=False))),
        tables=tuple(
            Table(name, _COLUMNS, tuple(rows), "value") for name, rows in found.items() if rows
        ),
        chart=charts.pipeline_created(
            weeks, average=average, line="average" if len(weeks) > 2 else "week before"
        ),
        notes=(_say_most(context, people["value"]),) if len(people) else (),
        call='oa.pipeline_created(history, freq="{freq}")',
        opener=partial(_list_created, context),
    )


def _knows_nothing(context: Context) -> bool:
    """Tell whether neither a column nor a later record says what is new."""
    history = context.history
    if history is None or len(whole_of(history).records) != 1 or context.opportunities.empty:
        return False
    created = context.opportunities.get("created_at")
    return created is None or bool(created.isna().all())


def _sum_up(key: str, name: str, row: Series, kind: str = "period") -> Row:
    values = {"deals": int(row["deals"]), "value": row["value"]}
    return Row(key, Piece("name" if kind == "person" else "text", name), values, kind=kind)


def _say_most(context: Context, values: Series) -> Sentence:
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
        title = f"Created by {row.id} in {context.name}"
        deals = _read(context).list_deals(context.freq)
        deals = deals[(deals.index == row.id) & (deals["period"] == context.label).to_numpy()]
        deals = add_details(context, deals.reset_index(drop=True))
    else:
        freq = _name_weeks(context)
        deals = _list_by_week(context)
        deals = deals[deals["period"] == row.id]
        count = text.spelled(len(deals), "deal") if len(deals) > 1 else "deal"
        is_last = row.id == str(pd.Period(context.known_day, freq))
        title = f"The {count} of {'this week' if is_last else f'the week of {row.name.value}'}"
    return list_deals(context, title, deals, name="created")


@keep
def _list_by_week(context: Context) -> pd.DataFrame:
    deals = _read(context).list_deals(_name_weeks(context), grouped=False)
    return add_details(context, deals.reset_index(drop=True))


@keep
def _read(context: Context) -> CreatedPipeline:
    """Read what was created and open, at the value first seen, by person where they are known."""
    forecasts.require_history(context)
    history, part = forecasts.require_whole_history(context), context.part
    person = context.person
    by = [person] if person is not None and person in history.table.columns else []
    # One question for all parts.
    of_all = [*dict.fromkeys([part.column, *by] if part else by)]
    made = context.keep(
        lambda: CreatedPipeline.read(history, by=of_all, tz=context.tz, asked_by="weekly_report"),
        "created",
        *of_all,
    )
    return made.keep_group(part.name, by) if part else made


def _name_weeks(context: Context) -> Freq:
    """Name the weeks up to the last known day."""
    return check_freq(f"W-{context.known_day:%a}".upper())
