"""A deal as a row of a list, and what adds up to its chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import schema, text
from opp_analytics.analysis import evidence
from opp_analytics.answers import forecasts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context
from opp_analytics.answers.data import Row, Table
from opp_analytics.answers.tables import CLOSED_AS
from opp_analytics.org import LAST_TOUCH
from opp_analytics.periods import as_date
from opp_analytics.schema import HALF_CENT, label_groups
from opp_analytics.text import Piece, Sentence

_MOVED, _MUCH = 0.1, 0.2
"""What a chance must move to be news; the share of a forecast on deals dated later that is."""


_MOST_BEHIND = 500
"""Deals that are listed behind a number; the smaller ones are one row."""
_COLUMNS = ("outcome", "stage", "value", "probability", "close_date")
"""What every list of deals knows of them, beside their groups."""


def list_rows(context: Context, deals: pd.DataFrame, *more: str, period: str = "") -> list[Row]:
    """List deals, rows of `Context.deals`, with `more` of their columns.

    Open ones have a chance from history of a `period`, by default of their own.
    """
    columns = [name for name in (*context.by, *_COLUMNS, "chance") if name in deals]
    columns = [*dict.fromkeys((*columns, *more))]
    chances = {} if "chance" in deals else forecasts.list_chances(context, period)
    rows = []
    keys = deals["unique_id"].astype("str")
    for key, name, values in zip(keys, deals["name"], read_rows(deals[columns]), strict=True):
        if key in chances and values.get("outcome") not in CLOSED_AS:
            values["chance"] = chances[key]
        rows.append(Row(key, name_deal(key, name), values))
    return rows


def read_rows(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Read the values of each row that are known."""
    columns = [str(name) for name in table]
    cells, there = table.astype("object").to_numpy(), table.notna().to_numpy()
    for own, is_there in zip(cells, there, strict=True):
        yield dict(compress(zip(columns, own, strict=True), is_there))


def sum_up(deals: pd.DataFrame, what: str, columns: Iterable[str]) -> Row:
    """Add one row that sums up the unlisted deals by `columns`."""
    name = Piece("text", text.count(len(deals), f"smaller {what}"))
    sums = {column: deals[column].sum() for column in columns}
    return Row("smaller", name, sums, kind="more")


def name_deal(key: str, name: Any) -> Piece:
    """Name a deal; by its id where it has no name."""
    is_named = not pd.isna(name) and bool(str(name).strip())
    return Piece("deal", name if is_named else key, id=key)


def list_deals(
    context: Context,
    title: str,
    deals: pd.DataFrame,
    adds: str = "value",
    rest: Sequence[Row] = (),
    *,
    name: str = "deals",
    past: bool = False,
    period: str = "",
    more: Sequence[str] = (),
    folds: bool = False,
    notes: Sequence[Sentence] = (),
) -> Answer:
    """Answer which deals are behind a number: what each adds, the largest first.

    Of very many the smaller ones are one row.

    `rest` is what no deal is behind, such as usual new business. The workbook has a sheet of this
    `name`, on which `more` columns of `deals` have room. Of what is `past`, today's chances say
    nothing, and ``outcome`` is what became of it; else those from history are of `period`, by
    default of each deal's own. Whoever asks what to do `folds` closed deals.
    """
    added = deals[adds].astype("float64")
    order = np.argsort(-added.abs().to_numpy(), kind="stable")
    largest = deals.iloc[order[:_MOST_BEHIND]]
    rest_of = deals.iloc[order[_MOST_BEHIND:]]
    smaller = [sum_up(rest_of, "deal", [adds])] if len(rest_of) else []
    rows = list_rows(context, largest, *more, adds, period=period)
    if folds:
        rows = [replace(row, folded=row.values["outcome"] != "open") for row in rows]
    columns = [*context.by, "outcome" if past else "stage", "close_date"]
    if not past:
        columns += ["probability", *(["chance"] if len(forecasts.chances(context)) else [])]
    columns += dict.fromkeys(("value", adds, *more))
    heads = {
        "chance": forecasts.name_history(context, period),
        "close_date": "Close",
        "change": "Change in forecast",
    }
    listed = (*sorted(rows, key=lambda row: row.folded), *smaller, *rest)
    table = Table(name, tuple(columns), listed, adds, heads)
    return Answer(
        "deals",
        context,
        title,
        Sentence.of(f"{title}: ", Piece("count", len(deals))),
        tables=(table,) if table.rows else (),
        notes=tuple(notes),
    )


def list_closed(context: Context, period: str) -> Answer:
    """Answer which deals were won in a period, as they are known now."""
    won = context.select("won", period)
    return list_deals(context, f"Closed in {context.name_of(period)}", won)


def list_due(context: Context, period: str) -> Answer:
    """Answer which open deals are due in a period."""
    due = context.select("open", period)
    return list_deals(context, f"Open and due in {context.name_of(period)}", due, period=period)


def find_expected(context: Context, period: str) -> pd.DataFrame:
    """Find the deals of a period's forecast, whatever their date.

    ``expected`` is what each adds; it is also ``late`` if the deal is dated later.
    """
    deals, added = context.deals, forecasts.weigh_deals(context)[period]
    here = deals["period"] == period
    ends = pd.Period(period, context.freq).end_time.normalize()
    is_late = (deals["outcome"] == "open") & (deals["close_date"] > ends)
    deals = deals.assign(expected=added, late=added.where(is_late, 0.0))
    # Without chances a period still shows what is due.
    return deals[(here & ~deals["outcome"].eq("lost")) | (added.abs() >= HALF_CENT)]


def name_new_business(context: Context) -> str:
    """Name what a forecast expects beyond its deals."""
    if forecasts.by_rate(context):
        return text.capital(evidence.RUN_RATE)
    return "Usual new business"


def list_expected(
    context: Context,
    title: str,
    deals: pd.DataFrame,
    forecast: Mapping[str, float],
    period: str,
) -> Answer:
    """Answer what adds up to a forecast: deals at value × chance, and what else is expected.

    `deals` are rows of `find_expected`, `forecast` has the figures of `oa.forecast`. Noted is what
    rests on deals dated later, from a fifth on.
    """
    new, later = forecast.get("new_business", 0.0), deals["late"].sum()
    name = Piece("text", name_new_business(context))
    usual = Row("new_business", name, {"expected": new}, kind="rest")
    ends = context.write_day(pd.Period(period, context.freq).end_time.normalize())
    note = Sentence.of(Piece("money", later), f" of it rests on deals dated after {ends}")
    return list_deals(
        context,
        title,
        deals,
        "expected",
        [usual] if abs(new) >= HALF_CENT else [],
        period=period,
        notes=[note] if later >= max(_MUCH * forecast["expected"], HALF_CENT) else [],
    )


def add_details(context: Context, rows: pd.DataFrame, **own: Any) -> pd.DataFrame:
    """Add the frame's columns to the deals of an analysis, except those given in `own`.

    A deal that the frame lacks is "removed", and in the groups of its last record.
    """
    wanted = ["stage", "outcome", "close_date", "value", "probability", *context.by]
    rows = rows.assign(**own)
    details = [name for name in wanted if name in context.deals and name not in rows]
    joined = rows.merge(context.deals[["unique_id", *details]], on="unique_id", how="left")
    groups = [name for name in context.by if name in details]
    gone = joined["unique_id"][joined[groups].isna().any(axis="columns")]
    if len(gone):
        last = context.find_last_groups(gone)
        for name in groups:
            now, then = joined[name].astype("object"), joined["unique_id"].map(last[name])
            joined[name] = label_groups(now.where(now.notna(), then))
    return joined.assign(stage=joined["stage"].fillna("removed"))


def explain_deal(context: Context, row: Row, of: pd.DataFrame | None = None) -> Answer | None:
    """Explain a deal's chance: its parts, its last change, and the likely day of a win.

    None where the chance is not learned; `of` has the chance explained, from `forecasts.explain`;
    by default the deal's own.
    """
    of = forecasts.own_chances(context) if of is None else of
    if row.kind != "deal" or row.id not in of.index or pd.isna(of["why"][row.id]):
        return None
    words = _explain_chance(context, row.id, of), say_win_dates(context, row.id)
    ends = pd.Period(of["period"][row.id], context.freq).end_time.normalize()
    return Answer(
        key="deal",
        context=context,
        title=f"Chance of {row.name.value} by {context.write_day(ends)}",
        finding=Sentence.of(". ".join(map(text.capital, filter(None, words)))),
        method=str(forecasts.method(context)),
    )


def _explain_chance(context: Context, key: str, of: pd.DataFrame) -> str:
    """Say what adds up to a deal's chance, and from what it moved since the earlier record."""
    why, then = of["why"][key], forecasts.earlier_chances(context)
    now, was = of["chance"][key], then.get(key, math.nan)
    if of["period"][key] != context.label or not abs(now - was) >= _MOVED:
        return f"from history {why}"
    since = context.write_day(forecasts.earlier(context).day)
    way = "rose" if now > was else "fell"
    return f"from history {why}; {way} from {text.percent(was)} since {since}"


def list_activity(context: Context, key: str) -> list[str]:
    """List a deal's next action and last touch, where the frame has them."""
    mine = context.whole[context.whole["unique_id"] == key].to_dict("records")
    cells: dict[Any, Any] = {
        name: cell for row in mine for name, cell in row.items() if not schema.is_blank(cell)
    }
    for name in {"next_action_at", LAST_TOUCH} & set(cells):
        cells[name] = context.write_day(as_date(cells[name], tz=context.tz))
    due = f"due {cells['next_action_at']}" if "next_action_at" in cells else ""
    what = ", ".join(filter(None, (cells.get("next_action"), due)))
    touch = cells.get(LAST_TOUCH)
    return [*[f"next action: {what}"] * bool(what), *[f"last touch: {touch}"] * bool(touch)]


def say_win_dates(context: Context, key: str) -> str:
    """Say when a deal would be won, if it is; empty without past wins."""
    own = forecasts.own_chances(context)
    low, high = (own[name].get(key) for name in ("won_low", "won_high"))
    day = context.write_day
    return "" if low is None or pd.isna(low) else f"if won, between {day(low)} and {day(high)}"
