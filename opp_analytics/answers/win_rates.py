"""Who wins more or fewer of their deals than the others, beyond chance."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import describe, evidence
from opp_analytics.answers import tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, Part
from opp_analytics.answers.data import Chart, Figure, Row, Table
from opp_analytics.answers.deal import list_deals
from opp_analytics.periods import labels
from opp_analytics.text import Piece, Sentence

_DRAWN = 12
"""People of a picture, those with most closed deals."""
_SUMS = ("won_value", "lost_value")
_RATES = tuple(f"{of}rate{end}" for of in ("", "value_") for end in ("", "_low", "_high"))
_COLUMNS = ("won", "lost", "open", *_RATES[:3], "differs", "value", *_SUMS, *_RATES[3:])


def win_rates(context: Context) -> Answer:
    """Compare the win rates of people with the rate of all: won of won and lost."""
    whole, table = tables.win_rate(context), tables.win_rates(context)
    since, closed = tables.closed_since(context), int(whole["won"] + whole["lost"])
    known = table[table["rate"].notna()]
    notes = []
    if len(known) > 1:
        notes.append(f"Won ÷ (won + lost) from {context.write_day(since)} on, 95% interval")
    rows = tuple(_make_row(context, str(name)) for name in known.index)
    periods = tuple(
        _make_period(context, str(label), row)
        for label, row in tables.win_rates_by_period(context).iterrows()
        if pd.notna(row["rate"])
    )
    asked = f'start="{since:%Y-%m-%d}", end="{context.day:%Y-%m-%d}"'
    by = f', by="{context.person}"' if context.person else ""
    rate, low, high = (float(whole[name]) for name in ("rate", "rate_low", "rate_high"))
    return Answer(
        key="win_rates",
        context=context,
        title="Win rates",
        finding=Sentence.of(_say(context).removesuffix(".")),
        tables=tuple(
            table
            for table in (
                Table("people", _COLUMNS, rows, "value"),
                Table("periods", tuple(c for c in _COLUMNS if c != "differs"), periods, "value"),
            )
            if table.rows
        ),
        figures=(Figure("Win rate", "rate", rate, low=low, high=high, confidence=0.95),)
        if closed
        else (),
        chart=_draw(context, known) if rows else None,
        notes=tuple(map(Sentence.of, notes)),
        code=f"oa.win_rate(deals, {asked}{by})",
        opener=partial(_list_closed, context),
    )


def _say(context: Context) -> str:
    """Say whose rate differs from the others beyond chance; of one person, the rate."""
    whole, since = tables.win_rate(context), context.write_day(tables.closed_since(context))
    closed, won = int(whole["won"] + whole["lost"]), int(whole["won"])
    if not closed:
        return f"No deal was won or lost from {since} on"
    if tables.win_rates(context)["rate"].notna().sum() > 1:
        return describe(tables.scores(context))
    if evidence.is_enough(closed):
        rate, deals = text.percent(whole["rate"]), text.spelled(closed, "deal")
        return f"{rate} of the {deals} closed from {since} on were won"
    were = "was" if won == 1 else "were"
    return evidence.say_few(f"{won} of {text.count(closed)} closed from {since} on {were} won")


def _make_row(context: Context, name: str) -> Row:
    values = _read_rate(tables.win_rates(context).loc[name])
    values["differs"] = name in _find_apart(context)
    return Row(name, Piece("name", name), values, kind="person", part=Part(context.by[-1], name))


def _make_period(context: Context, label: str, row: pd.Series[Any]) -> Row:
    name = Piece("text", text.capital(context.name_of(label)))
    return Row(label, name, _read_rate(row), kind="period")


def _read_rate(row: Any) -> dict[str, Any]:
    return {
        **{column: int(row[column]) for column in ("won", "lost", "open")},
        **{column: float(row[column]) for column in (*_RATES, *_SUMS) if pd.notna(row[column])},
        "value": float(row["won_value"] + row["lost_value"]),
    }


def _find_apart(context: Context) -> set[str]:
    """Find those whose rate differs from the others beyond chance."""
    scores = tables.scores(context)
    return set(scores.index[scores["differs"].to_numpy(dtype=bool)])


def _draw(context: Context, known: pd.DataFrame) -> Chart:
    """Draw the people with most closed deals; the rate of all is a line."""
    most = known[known.index.isin((known["won"] + known["lost"]).nlargest(_DRAWN).index)]
    rate = float(tables.win_rate(context)["rate"])
    return Chart("win_rate", (most,), {"overall": rate, "differs": _find_apart(context)})


def _list_closed(context: Context, row: Row) -> Answer:
    deals = context.deals
    inside = deals["close_date"].between(tables.closed_since(context), context.day)
    closed = inside & deals["outcome"].isin(["won", "lost"])
    if row.kind == "period":
        mine = deals[closed & (labels(deals["close_date"], context.freq) == row.id)]
        return list_deals(context, f"Won and lost in {context.name_of(row.id)}", mine)
    mine = deals[closed & (deals[context.person] == row.id)]
    return list_deals(context, f"Won and lost by {row.id}", mine)
