"""The tables of a report, each computed once when first read."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import analysis, text
from opp_analytics.answers import forecasts
from opp_analytics.answers.context import Context, keep
from opp_analytics.arrays import Series
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import coverage as measure_coverage
from opp_analytics.note import note_of
from opp_analytics.org import Org, outcomes
from opp_analytics.schema import is_among, mark_named

CLOSED_AS = ("won", "lost", "disqualified")
_MOST_LISTED = 5_000
"""Open deals that are listed, and closed ones: each half a megabyte of what is mailed."""


@keep
def world_changes(context: Context) -> pd.DataFrame:
    """`oa.world_changes` up to the as-of day; asked once for all parts."""
    history, part = forecasts.require_history(context), context.part
    if part is None:
        return analysis.world_changes(history, **context.options)
    whole, of = forecasts.require_whole_history(context), part.column
    table = context.keep(
        lambda: analysis.world_changes(whole, by=of, **context.options), "world", of
    )
    mine = table[table.index.get_level_values(of) == part.name].droplevel(of)
    return note_of(table).write(mine)


@keep
def alert_figures(context: Context) -> Series:
    """Figures that an alert may compare: those of `current`, and the alarms.

    The number of alarms is NaN where too little is known.
    """
    # First `current`: its records are read with the groups that the page needs.
    return _add_alarms(context, forecasts.current(context), context.day)


def earlier_figures(context: Context) -> Series | None:
    """Those of the record that changes are counted from; None without one."""
    if forecasts.no_changes(context):
        return None
    return _add_alarms(
        context,
        forecasts.earlier(context).forecast.loc[[context.label]].iloc[0],
        forecasts.earlier(context).day,
    )


def measure_deals(context: Context, figures: Collection[str]) -> pd.DataFrame:
    """Tabulate the open deals by id, the largest first.

    Columns: the deals' own, and `figures` that the page's tables know of each.

    These are ``chance`` (from history), ``probability`` as a share, ``days_in_stage``,
    ``pushes`` and ``risk``.
    """
    return _measure(
        context, context.deals[context.deals["outcome"] == "open"], figures, context.day
    )


def measure_deals_before(
    context: Context, figures: Collection[str], ids: Collection[Any]
) -> pd.DataFrame | None:
    """Those of the record that changes are counted from, of deals open then.

    None without one.
    """
    if forecasts.no_changes(context):
        return None
    then = forecasts.earlier_record(context)[1]
    mine = then[then["unique_id"].isin(ids) & (outcomes(then) == "open")]
    return _measure(context, mine, figures, forecasts.earlier(context).day)


def _measure(
    context: Context, deals: pd.DataFrame, figures: Collection[str], day: pd.Timestamp
) -> pd.DataFrame:
    is_now = day == context.day
    found = deals.set_index("unique_id")
    if "probability" in found:
        found["probability"] = found["probability"] / 100
    if not {"win_chance", "period_chance"}.isdisjoint(figures):
        if is_now:
            own = forecasts.own_chances(context)
        else:
            then = forecasts.deals_then(context)
            own = analysis.select_own_chances(then).set_index("unique_id")
        found["win_chance"] = own["win_chance"].reindex(found.index)
        found["period_chance"] = own["chance"].reindex(found.index)
    if not {"days_in_stage", "pushes", "risk"}.isdisjoint(figures):
        known = open_deals(context) if is_now else _read_open(context, deals, day)
        flagged = flags(context) if is_now else analysis.flag_deals(known)
        columns = {"days_in_stage": known.days_in_stage, "pushes": known.records.get("pushes")}
        for name, column in columns.items():
            ids = known.frame["unique_id"]
            found[name] = np.nan if column is None else column.set_axis(ids).reindex(found.index)
        found["risk"] = flagged["risk"].reindex(found.index)
    return found


def _read_open(context: Context, deals: pd.DataFrame, day: pd.Timestamp) -> analysis.OpenDeals:
    history = None if context.records.empty else context.whole_history
    return analysis.OpenDeals.of(
        deals, history, as_of=day, own_writes=context.own_writes, tz=context.tz
    )


def open_deals(context: Context) -> analysis.OpenDeals:
    """Read those of the whole, whose usual days are the lines for each part."""
    return context.keep(lambda: _read_open(context, context.whole, context.day), "open deals")


def _add_alarms(context: Context, row: Series, day: pd.Timestamp) -> Series:
    try:
        alarms = float(len(analysis.find_current_alarms(world_changes(context), day)))
    except NotEnoughHistory:
        alarms = math.nan
    figures: Series = pd.concat([row, pd.Series({"world_changed": alarms})])
    return figures


@keep
def _call_samples(context: Context) -> analysis.CallSamples:
    history = context.whole_history or forecasts.require_history(context)
    return context.keep(
        lambda: analysis.CallSamples.of(
            history, "weekly_report", freq=context.freq, as_of=context.day
        ),
        "calls",
    )


@keep
def call_accuracy(context: Context) -> pd.DataFrame:
    """`oa.call_accuracy` by caller."""
    return context.keep(lambda: analysis.judge_callers(_call_samples(context)), "callers")


@keep
def value_added(context: Context) -> pd.DataFrame:
    """`oa.forecast_value_added` of the page's subject; empty where nobody called it."""
    part = context.part
    by = part.column if part else None
    table = context.keep(
        lambda: analysis.compare_sources(_call_samples(context), by), "sources", by
    )
    if part is None:
        return table
    mine = table[table.index.get_level_values(part.column) == part.name].droplevel(part.column)
    note = note_of(table)
    own = {
        name: {"": note.figures[name].get(part.name, math.nan)} for name in ("called", "override")
    }
    return note.change(**own).write(mine)


@keep
def coverage(context: Context) -> pd.DataFrame:
    """`History.coverage` of the records up to the as-of day."""
    history = forecasts.require_history(context)
    # A part has the records and the closings of the whole.
    return context.keep(
        lambda: measure_coverage(context.records, context.freq, history.list_closings()), "records"
    )


@keep
def flags(context: Context) -> pd.DataFrame:
    """`oa.deal_flags`, the largest flagged value first."""
    table = context.keep(lambda: analysis.flag_deals(open_deals(context)), "flags")
    mine = table[is_among(table.index.to_series(), context.opportunities["unique_id"])]
    return note_of(table).change(n=len(mine)).write(mine)


def closed_since(context: Context) -> pd.Timestamp:
    """First day of the window of the win rates."""
    quarter = Org.of(context.opportunities).freq("Q")
    return context.start or (pd.Period(context.known_day, quarter) - 3).start_time


def say_nobodys(table: pd.DataFrame) -> str:
    """Say how many closed deals of a table by person are nobody's; empty without any."""
    n = int(table.loc[~mark_named(table.index), ["won", "lost"]].to_numpy().sum())
    return f"; the overall rate also has {text.count(n)} of nobody" if n else ""


@keep
def listed_days(context: Context) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last day of the closed deals in the workbook.

    They are those of the window of the win rates, of many deals those of the current period.
    """
    if context.deals["outcome"].isin(CLOSED_AS).sum() <= _MOST_LISTED:
        return closed_since(context), pd.Timestamp.max
    return context.period.start_time, context.period.end_time.normalize()


@keep
def leave_open(context: Context) -> pd.DataFrame:
    """Open deals that are only summed up, where there are many: all but the largest."""
    is_open = context.deals["outcome"] == "open"
    by_size = context.deals.loc[is_open, "value"].sort_values(ascending=False, kind="stable")
    return context.deals.loc[by_size.index[_MOST_LISTED:]]


@keep
def choose_listed(context: Context) -> pd.DataFrame:
    """Deals that the workbook lists: those of the forecast, and lately closed ones.

    Those of the forecast are open, but for `leave_open`, or won in its period.
    """
    deals = context.deals.drop(index=leave_open(context).index)
    first, last = listed_days(context)
    away = (deals["close_date"] < first) | (deals["close_date"] > last)
    left = deals["outcome"].isin(CLOSED_AS) & away
    return deals[~left | deals.index.isin(context.won_now.index)]


@keep
def listed_ids(context: Context) -> frozenset[str]:
    """Ids of `choose_listed`."""
    return frozenset(choose_listed(context)["unique_id"])


@keep
def proof(context: Context) -> pd.DataFrame:
    """`oa.score` of past forecasts by every method."""
    history = forecasts.require_history(context)
    asked: dict[str, Any] = context.options
    return analysis.score(analysis.backtest(history, methods="all", **asked))


@keep
def findings(context: Context) -> pd.DataFrame:
    """`oa.audit`."""
    deals = (
        context.opportunities if context.has_names else context.opportunities.drop(columns="name")
    )
    return analysis.audit(deals, as_of=context.day, own_writes=context.own_writes, tz=context.tz)
