"""What has closed beside earlier periods at the same point, and how much open pipeline is usual."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import describe, pacing
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context
from opp_analytics.answers.data import (
    Figure,
    Lack,
    Row,
    Table,
    lack_records,
    make_periods,
)
from opp_analytics.answers.deal import list_deals
from opp_analytics.text import Sentence

_COLUMNS = ("booked", "actual", "booked_share", "open_value", "deals", "days_left")


def coverage(context: Context) -> Answer:
    """Compare what has closed and is open with the periods before at the same point.

    Beside it the usual coverage of periods that hit their target, and of those that missed.
    """
    history = None if context.records.empty else context.history
    table = pacing(context.opportunities, history, **context.options)
    rows = make_periods(context, table, _COLUMNS)
    has_target = pd.notna(forecasts.current(context)["target"])
    figures = tuple(_list_figures(context)) if has_target else ()
    lacks = [
        Lack("coverage, which needs a target", "", "target=500_000", "--target 500000"),
        lack_records(
            "the usual coverage at this point",
            f"three ended {context.noun}s that hit their target, or missed it",
        ),
    ]
    return Answer(
        key="coverage",
        context=context,
        title="Pace and coverage",
        finding=Sentence.of(describe(table)),
        tables=(Table("periods", _COLUMNS, rows, "booked"),),
        figures=figures,
        lacks=tuple(lacks[has_target : 1 + (has_target and len(figures) < 2)]),
        call='oa.pacing(deals, history, as_of="{day}", freq="{freq}")',
        opener=partial(_list_booked, context, table["days_left"]),
    )


def _list_figures(context: Context) -> Iterator[Figure]:
    """List the coverage of what is to go, and the usual ones."""
    now = forecasts.current(context)
    ratio = now["pipeline_coverage"]
    words = f"{context.money(now['open_value'])} open and due"
    instead = "" if ratio == ratio else "none to go" if now["gap"] <= 0 else "none due"
    yield Figure("Coverage", "pipeline_coverage", ratio, context.label, words, instead)
    usual = forecasts.past_coverage(context)
    for hit, name in ((True, "hit"), (False, "missed")):
        if hit in usual.index:
            row: Any = usual.loc[hit]
            n = text.count(int(row["n"]), f"ended {context.noun}")
            title = f"Usual in {context.noun}s that {name}"
            yield Figure(title, "pipeline_coverage", row["median"], words=f"median of {n}")


def _list_booked(context: Context, left: pd.Series[int], row: Row) -> Answer:
    """List the deals closed in a period by the same point."""
    until = pd.Period(row.id, context.freq).end_time.normalize() - pd.Timedelta(days=left[row.id])
    won = context.select("won", row.id)
    won = won[won["close_date"] <= until]
    return list_deals(context, f"Closed in {context.name_of(row.id)} by then", won, past=True)
