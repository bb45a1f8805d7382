"""Whether the next periods have enough: forecast, range, chance and coverage of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import describe, evidence
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import (
    Row,
    RowPictures,
    Table,
    make_periods,
    read_known,
)
from opp_analytics.answers.deal import find_expected, list_due, list_expected
from opp_analytics.schema import BUCKETS
from opp_analytics.text import Piece, Sentence

_DRAWN = ("booked", "expected_open", "weighted_open", "expected", "low", "high", "target")
_EVERY = (
    *("target", "booked", "expected", "low", "high", "gap", "p_target"),
    *("open_count", "open_value", "expected_open", "new_business", "weighted_open"),
    *("pipeline_coverage", "needed_pipeline", "attainment"),
    *("won_later", "no_value", "no_probability"),
)
_KNOWN = (*_DRAWN, "open_count", "open_value", "new_business", "gap")


@keep
def months(context: Context) -> Answer:
    """Show of the next periods forecast, range, chance of the target, coverage, pipeline to add."""
    table = forecasts.ahead(context)
    is_aimed = math.isfinite(table["target"].max())
    heads = {"p_target": "Chance", "pipeline_coverage": "Coverage", "open_value": "Due so far"}
    aimed = [
        *("target", *([] if forecasts.stated(context) else ["p_target"]), "pipeline_coverage"),
        *(["needed_pipeline"] if "needed_pipeline" in table else []),
    ]
    return Answer(
        key="months",
        context=context,
        title=f"Next {text.plural(context.noun)}",
        finding=Sentence.of(describe(table[table.index > str(forecasts.lead(context))])),
        method=str(forecasts.method(context)),
        tables=(
            Table(
                "periods",
                ("expected", "low", "high", *(aimed if is_aimed else ["open_value"])),
                tuple(_make_row(context, row, is_aimed) for _, row in table.iterrows()),
                "expected",
                {"name": text.capital(context.noun), **heads},
            ),
            *list_periods(context, forecasts.forecast(context), _EVERY),
        ),
        chart=RowPictures(
            "list_months", _DRAWN, (context.money,), {"by_rate": forecasts.by_rate(context)}
        ),
        call=f'oa.forecast(deals, history=history, as_of="{{day}}", freq="{{freq}}", '
        f"periods={len(table) + 1}, target=org.targets)",
        opener=partial(_list_behind, context),
    )


def _make_row(context: Context, row: pd.Series[Any], is_aimed: bool) -> Row:
    period, name = str(row.name), text.period(str(row.name), context.freq, months=False)
    words: dict[str, Sentence] = {}
    names = [*_KNOWN, *([] if forecasts.stated(context) else ["p_target"])]
    if math.isfinite(row["low"]):
        if outside := evidence.name_outside(row, context.money):
            words["high"] = Sentence.of(outside)
    else:
        names.remove("expected")
    if is_aimed:
        if row["open_count"]:
            names.append("pipeline_coverage")
        else:
            words["pipeline_coverage"] = Sentence.of("none due")
        if "needed_pipeline" in row:
            more = evidence.say_pipeline_to_add(
                row, context.money, stated=forecasts.stated(context)
            )
            if (needed := row["needed_pipeline"]) > 0:
                names.append("needed_pipeline")
                rate = text.percent(row["gap"] / (needed + row["open_value"]))
                more = f"{context.money(row['gap'])} to go; {rate} of closed value was won"
            words["needed_pipeline"] = Sentence.of(more)
    return Row(period, Piece("text", name), read_known(row, names), words, kind="period")


def list_periods(
    context: Context, table: pd.DataFrame, columns: Sequence[str]
) -> tuple[Table, ...]:
    """List every period of a table that is not all 0, overdue and undated deals last."""
    last, columns = table.index.isin(BUCKETS), [name for name in columns if name in table]
    listed = pd.concat([table[~last], table[last]])[columns]
    rows = make_periods(context, listed, columns)
    found = Table("every period", tuple(columns), rows, rank=3)
    return (found,) if listed.fillna(0.0).any(axis=None) else ()


def _list_behind(context: Context, row: Row) -> Answer | None:
    """List what adds up to the forecast of a coming period; without one, the deals due."""
    if row.id not in forecasts.ahead(context).index:
        return None
    if "low" not in row.values:
        return list_due(context, row.id)
    title = f"Forecast for {context.name_of(row.id)}"
    deals = find_expected(context, row.id)
    return list_expected(context, title, deals, row.values, row.id)
