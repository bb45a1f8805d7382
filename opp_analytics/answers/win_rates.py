"""Who wins more or fewer of their deals than the others, beyond chance."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import charts, text
from opp_analytics.analysis import describe, evidence, scorecard, win_rate
from opp_analytics.answers import tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, Part, keep
from opp_analytics.answers.data import Figure, Row, Table, make_notes, make_period, read_known
from opp_analytics.answers.deal import list_deals
from opp_analytics.org import LOST, close_by
from opp_analytics.periods import Freq, labels
from opp_analytics.schema import mark_named
from opp_analytics.text import Piece, Sentence

_DRAWN = 12
"""People of a picture, those with most closed deals."""
_SUMS = ("won_value", "lost_value")
_RATES = tuple(f"{of}rate{end}" for of in ("", "value_") for end in ("", "_low", "_high"))
_COLUMNS = ("won", "lost", "open", *_RATES[:3], "differs", "value", *_SUMS, *_RATES[3:])


@keep
def win_rates(context: Context) -> Answer:
    """Compare the win rates of people with the rate of all: won of won and lost."""
    whole, since = _ask(context).iloc[0], tables.closed_since(context)
    closed, person = int(whole["won"] + whole["lost"]), context.person
    known, apart = _ask(context, person) if person else _ask(context).head(0), set[str]()
    nobodys = tables.say_nobodys(known)
    known = known[known["rate"].notna() & mark_named(known.index)]
    finding = _say(context, whole)
    if len(known) > 1:
        deals, day = context.opportunities, context.day
        scores = scorecard(deals, as_of=day, by=str(person), start=since, tz=context.tz)
        apart, finding = set(scores.index[scores["differs"]]), describe(scores)
    people = tuple(
        Row(name, Piece("name", name), values, kind="person", part=Part(str(person), name))
        for name, row in zip(map(str, known.index), known.to_dict("records"), strict=True)
        if (values := _read_rate(row) | {"differs": name in apart})
    )
    periods = tuple(
        make_period(context, str(label), _read_rate(row))
        for label, row in _ask(context, freq=context.freq).iterrows()
        if pd.notna(row["rate"])
    )
    rate, low, high = (whole[name] for name in ("rate", "rate_low", "rate_high"))
    drawn = known[known.index.isin((known["won"] + known["lost"]).nlargest(_DRAWN).index)]
    note = f"Won ÷ (won + lost) from {context.write_day(since)} on, 95% interval{nobodys}"
    by = f', by="{person}"' if person else ""
    listed = (
        Table("people", _COLUMNS, people, "value"),
        Table("periods", tuple(c for c in _COLUMNS if c != "differs"), periods, "value"),
    )
    return Answer(
        key="win_rates",
        context=context,
        title="Win rates",
        finding=Sentence.of(finding),
        tables=tuple(table for table in listed if table.rows),
        figures=(Figure("Win rate", "rate", rate, low=low, high=high, confidence=0.95),)
        if closed
        else (),
        chart=charts.win_rate(drawn, overall=rate, differs=apart) if people else None,
        notes=make_notes(note if len(known) > 1 else ""),
        call=f'oa.win_rate(deals, start="{since:%Y-%m-%d}", end="{{day}}", as_of="{{day}}"{by})',
        opener=partial(_list_closed, context),
    )


def _ask(context: Context, by: str | None = None, freq: Freq | None = None) -> pd.DataFrame:
    """Ask `oa.win_rate` of the window."""
    start, day = tables.closed_since(context), context.day
    return win_rate(context.opportunities, by=by, freq=freq, start=start, end=day, as_of=day)


def _say(context: Context, whole: pd.Series[Any]) -> str:
    """Say the rate of all, or that too little closed."""
    since = context.write_day(tables.closed_since(context))
    closed, won = int(whole["won"] + whole["lost"]), int(whole["won"])
    if not closed:
        return f"No deal was won or lost from {since} on"
    if evidence.is_enough(closed):
        rate, deals = text.percent(whole["rate"]), text.spelled(closed, "deal")
        return f"{rate} of the {deals} closed from {since} on were won"
    were = "was" if won == 1 else "were"
    return evidence.say_few(f"{won} of {text.count(closed)} closed from {since} on {were} won")


def _read_rate(row: Any) -> dict[str, Any]:
    return {
        **{column: int(row[column]) for column in ("won", "lost", "open")},
        **read_known(row, (*_RATES, *_SUMS)),
        "value": (row["won_value"] + row["lost_value"]),
    }


@keep
def _read_closed(context: Context) -> pd.DataFrame:
    """The deals closed in the window, with the day of each as ``closed_on``."""
    outcome, dates = close_by(context.opportunities, context.known_day, context.tz)
    dates = dates[outcome <= LOST].set_axis(context.opportunities["unique_id"][outcome <= LOST])
    closed = context.deals["unique_id"].map(dates)
    inside = closed.between(tables.closed_since(context), context.day)
    return context.deals[inside].assign(closed_on=closed[inside])


def _list_closed(context: Context, row: Row) -> Answer:
    deals = _read_closed(context)
    if row.kind == "person":
        mine = deals[deals[context.person] == row.id]
        return list_deals(context, f"Won and lost by {row.id}", mine)
    mine = deals[labels(deals["closed_on"], context.freq) == row.id]
    return list_deals(context, f"Won and lost in {context.name_of(row.id)}", mine)
