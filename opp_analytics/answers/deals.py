"""Which deals are there: those that are open, and those that closed lately."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.answers import forecasts, tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Table, make_notes
from opp_analytics.answers.deal import explain_deal, list_rows, sum_up
from opp_analytics.answers.tables import CLOSED_AS
from opp_analytics.schema import BUCKETS
from opp_analytics.text import Piece, Sentence

_FIRST = (
    *("stage", "outcome", "period", "close_date", "value", "probability", "chance", "win_chance"),
    *("in_forecast", "expected_value", "risk", "reasons", "why_chance"),
)
_LEFT_OUT = ("unique_id", "name", "status", "owner_unique_id", "owner_email")
"""Columns of a deal that others say in words."""


def deals(context: Context) -> Answer:
    """List the deals that are open or closed lately, with their chances and what each adds.

    The overdue come first, then those by period, the one that adds most first. Of closed ones
    those won in the current period come first, then the others, which fold. Of very many open
    ones, the last row sums up the smaller.
    """
    described = _describe(context)
    listed = _sort(context, described.loc[tables.choose_listed(context).index])
    columns = _choose_columns(context, listed)
    ended = ~listed["unique_id"].isin(context.won_now["unique_id"]) & listed["outcome"].ne("open")
    rows = [
        replace(row, folded=is_folded) if is_folded else row
        for row, is_folded in zip(list_rows(context, listed, *columns), ended, strict=True)
    ]
    if len(smaller := tables.leave_open(context)):
        added = ("value", "expected_value", "in_forecast")
        rows.append(sum_up(described.loc[smaller.index], "open deal", added))
    heads = {
        "chance": forecasts.name_history(context),
        "in_forecast": f"In forecast of {context.name}",
        "period": text.capital(context.noun),
    }
    is_open = context.deals["outcome"] == "open"
    worth = Piece("money", context.deals["value"][is_open].sum())
    return Answer(
        key="deals",
        context=context,
        title="Deals",
        finding=Sentence.of(Piece("count", int(is_open.sum())), " open, worth ", worth),
        method=str(forecasts.method(context)),
        tables=(Table("deals", tuple(columns), tuple(rows), "value", heads),) if rows else (),
        notes=make_notes(_say_older(context)),
        call='oa.forecast_deals(deals, history=history, as_of="{day}")',
        opener=partial(explain_deal, context),
    )


def list_all(context: Context) -> pd.DataFrame | None:
    """Tabulate every deal as `deals` lists them; None where it sums up none of the open ones."""
    if tables.leave_open(context).empty:
        return None
    listed = _sort(context, _describe(context))
    return listed[["name", *_choose_columns(context, listed), "unique_id"]]


def _choose_columns(context: Context, listed: pd.DataFrame) -> list[str]:
    """Order the columns that are known of a deal."""
    known = [str(name) for name in listed if listed[name].notna().any()]
    first = [name for name in (*context.by, *_FIRST) if name in known]
    return [*first, *(name for name in known if name not in (*first, *_LEFT_OUT))]


@keep
def _describe(context: Context) -> pd.DataFrame:
    """Add to every deal what it adds to the forecast, its chance from history, and its flags."""
    titles = {"chance": "chance", "win_chance": "win_chance", "weighted": "expected_value"}
    titles["why"] = "why_chance"
    own = forecasts.own_chances(context)[[*titles]].rename(columns=titles)
    if not len(forecasts.chances(context)):
        own = own.drop(columns=["chance", "win_chance"])
    added = forecasts.weigh_deals(context)[context.label]
    return (
        context.deals.assign(in_forecast=added)
        .join(own, on="unique_id")
        .join(tables.flags(context)[["risk", "reasons"]].astype({"risk": "Int64"}), on="unique_id")
    )


def _sort(context: Context, listed: pd.DataFrame) -> pd.DataFrame:
    is_open = listed["outcome"] == "open"
    ago = (context.day - listed["close_date"]).where(~is_open).fillna(pd.Timedelta(0))
    periods = pd.factorize(listed["period"].where(is_open).replace(BUCKETS[0], ""), sort=True)[0]
    others = ~is_open & ~listed["unique_id"].isin(context.won_now["unique_id"])
    ranks = {name: place for place, name in enumerate(("open", *CLOSED_AS))}
    outcomes = listed["outcome"].map(ranks).astype("float64")
    expected = listed["expected_value"].astype("float64").fillna(0.0)
    return listed.iloc[np.lexsort((ago, -expected, periods, outcomes, others))]


def _say_older(context: Context) -> str:
    """Say how many closed deals are not listed."""
    listed, (first, last) = tables.choose_listed(context), tables.listed_days(context)
    left = context.deals.drop(index=[*listed.index, *tables.leave_open(context).index])
    if left.empty:
        return ""
    days = f"closed before {text.day(first, year=True)}"
    if (left["close_date"] > last).any():
        days += f" or dated after {text.day(last, year=True)}"
    deals = text.count(len(left))
    return f"Leaves out {deals} {days}. All deals: opp-analytics export deals.xlsx"
