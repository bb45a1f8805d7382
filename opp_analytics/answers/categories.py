"""How much of the period rests on commit: closed money, and the categories of the deals due."""

from __future__ import annotations

import math
from functools import partial
from itertools import accumulate
from typing import Any

from opp_analytics import charts, text
from opp_analytics.analysis import deal_categories, describe, forecast_categories
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Row, Table
from opp_analytics.answers.deal import list_closed, list_deals
from opp_analytics.answers.months import list_periods
from opp_analytics.text import Piece, Sentence

_CATEGORIES = ("closed", "commit", "best_case", "pipeline")


@keep
def categories(context: Context) -> Answer:
    """Sum closed money and the open deals due by category, at full value."""
    table = forecast_categories(context.opportunities, **context.options)
    nothing = {"closed": 0.0, "open_count": 0}
    period: Any = table.loc[context.label] if context.label in table.index else nothing
    # A target is of all deals.
    chosen = context.ids is not None
    target = math.nan if chosen else forecasts.current(context)["target"]
    answer = partial(
        Answer,
        "categories",
        context,
        "Forecast categories",
        call='oa.forecast_categories(deals, as_of="{day}", freq="{freq}")',
    )
    periods = list_periods(context, table, [str(name) for name in table if name != "to_date"])
    if not period["closed"] and not period["open_count"]:
        said = Sentence.of(f"Nothing is closed or due in {context.name}")
        return answer(said, tables=periods)
    values = [period[name] for name in _CATEGORIES]
    rows = [
        Row(
            name,
            Piece("text", text.capital(text.label(name))),
            {"value": value, "running_total": total},
            kind="category",
        )
        for name, value, total in zip(_CATEGORIES, values, accumulate(values), strict=True)
    ]
    aim = ("; target ", Piece("money", target)) if math.isfinite(target) else ()
    said = Sentence.of(describe(table), *aim)
    about = (
        f"{context.name} by category at full value: the deal’s own category, else its stage’s, "
        "else by stated chance"
    )
    return answer(
        said,
        tables=(
            Table("categories", ("value", "running_total"), tuple(rows), "value"),
            *periods,
        ),
        chart=charts.category_reach(table, context.label, target=target),
        notes=(Sentence.of(about),),
        opener=partial(_list_category, context),
    )


def _list_category(context: Context, row: Row) -> Answer | None:
    if row.kind != "category":
        return None
    if row.id == "closed":
        return list_closed(context, context.label)
    due = context.select("open", context.label)
    mine = due[deal_categories(due) == row.id]
    return list_deals(context, text.title(row.id), mine, period=context.label)
