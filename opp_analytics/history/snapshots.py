"""Histories that others keep, such as a dbt snapshot, as change rows.

Their tables have a row for each version of a deal, or one for each day.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from opp_analytics.arrays import Series
from opp_analytics.crm import CATEGORIES, CLOSED_AT, FLAGS, FRACTIONS, STATUSES, USED_UP
from opp_analytics.errors import ArgumentValueError, DataError, MissingColumnError
from opp_analytics.history import rows
from opp_analytics.history.engine import cast_columns, collect, ibis, missing
from opp_analytics.history.sources import (
    TableSource,
    cast_further,
    read_columns,
    read_given,
    require_columns,
)
from opp_analytics.org import Org, list_probabilities
from opp_analytics.periods import as_instant
from opp_analytics.schema import Json

_DBT = ("dbt_scd_id", "dbt_updated_at", "dbt_is_deleted")
_INSTANT = "timestamp('UTC', 6)"
_NO_END = pd.Timestamp("2099-01-01", tz="UTC").to_pydatetime()
"""An end from here on means none yet: tables write 9999-12-31, and 2099-12-31 where that is too
late."""
_PAUSE = 1
"""Seconds within which a version follows the one before: Fivetran ends each a millisecond before
the next."""
_YES = ("true", "t", "yes", "y", "1", "1.0")
_OVERLAPS = (
    "the next one begins at {next}, and counts from then on. End each version where the next one "
    "begins; in dbt, a "
    "unique_key that is not unique or two runs at once leave two open versions"
)
_TWICE = (
    "the one that ends last counts. With dbt's strategy timestamp a deal that was deleted and came "
    "back unedited has them; its absence is not known"
)
_DAILY = "a table with a row a deal a day is read by History.from_daily(table, key=, day=)"


class SnapshotSource(TableSource):
    """The versions of a snapshot, read as change rows; see `History.from_snapshots`."""

    def __init__(self, versions: ibis.Table, records: pd.DataFrame | None) -> None:
        super().__init__(list_changes(versions, records), records)
        self._versions = versions

    def check(self) -> list[Json]:
        """List versions that no history can hold.

        They lack an id or a beginning, end before it, or overlap.
        """
        own = ibis.window(group_by="unique_id", order_by="_begins")
        # One that ends as it begins was replaced at once.
        seen = self._versions.filter(
            (self._versions["_ends"] != self._versions["_begins"]).fill_null(True)
        )
        seen = seen.select("unique_id", "_begins", "_ends", _next=seen["_begins"].lead().over(own))
        begins, ends, following = seen["_begins"], seen["_ends"], seen["_next"]
        problem = ibis.cases(
            (missing(seen["unique_id"]), "a version without an id, which is not read"),
            (missing(begins), "a version without a beginning, which is not read"),
            (
                ends < begins,
                (
                    "a version that ends at {ends}, before it begins, and counts as a deletion or "
                    "not at all"
                ),
            ),
            (begins == following, f"two versions begin at this time: {_TWICE}"),
            (missing(ends) & ~missing(following), f"a version without an end: {_OVERLAPS}"),
            (ends > following, f"a version that ends at {{ends}}: {_OVERLAPS}"),
        )
        wrong = seen.mutate(_problem=problem).filter(lambda row: ~missing(row["_problem"]))
        return [
            {
                "recorded_at": row["_begins"],
                "unique_id": row["unique_id"],
                "problem": row["_problem"].format(ends=row["_ends"], next=row["_next"]),
            }
            for row in collect(wrong.order_by(["_begins", "unique_id"])).to_dict("records")
        ]


class DailySource(TableSource):
    """The rows of days, read as change rows; see `History.from_daily`."""

    def __init__(self, daily: ibis.Table, zone: str) -> None:
        dated = daily.filter(~missing(daily["_begins"]))
        days = collect(dated.select(day=dated["_begins"].date()).distinct().order_by("day"))["day"]
        at = pd.DatetimeIndex([as_instant(day, tz=zone) for day in days]).tz_localize(None)
        looks = read_given(pd.DataFrame({"recorded_at": at}))
        super().__init__(list_changes(_join_days(dated, days, at), looks), looks)
        self._daily = daily

    def check(self) -> list[Json]:
        """List rows without an id or a day, and days with two rows of one deal."""
        return TableSource(self._daily.mutate(seen_at="_begins"), None).check()


def _join_days(daily: ibis.Table, days: Series, at: pd.DatetimeIndex) -> ibis.Table:
    """Join a deal's equal rows of days that follow each other to a version.

    Days without any row are no gap: nobody looked.
    """
    ends = [*at[1:], pd.Timestamp(_NO_END)][: len(at)]
    spans = {
        "_day": pa.array(days, pa.date32()),
        "_from": pa.array(at, rows.INSTANT),
        "_to": pa.array(ends, rows.INSTANT),
    }
    looks = ibis.memtable(pa.table(spans))
    last = ibis.window(group_by=["unique_id", "_day"], order_by=ibis.desc("_begins"))
    daily = daily.mutate(_day=daily["_begins"].date())
    daily = daily.mutate(_place=ibis.row_number().over(last))
    seen = daily.filter(daily["_place"] == 0).join(looks, "_day")
    own = ibis.window(group_by="unique_id", order_by="_from")
    same = (seen["_to"].lag().over(own) == seen["_from"]).fill_null(False)
    for name in seen.columns:
        if name == "_gone" or (not name.startswith("_") and name not in rows.UNTRACKED):
            same &= seen[name].identical_to(seen[name].lag().over(own))
    seen = seen.mutate(_new=ibis.ifelse(same, 0, 1))
    run = ibis.window(group_by="unique_id", order_by="_from", rows=(None, 0))
    seen = seen.mutate(_run=seen["_new"].sum().over(run))
    whole = ibis.window(group_by=["unique_id", "_run"])
    seen = seen.mutate(_end=seen["_to"].max().over(whole))
    seen = seen.filter(seen["_new"] == 1).mutate(
        _begins=seen["_from"], _ends=seen["_end"].nullif(ibis.literal(_NO_END, type=_INSTANT))
    )
    return seen.select(daily.columns).drop("_day", "_place")


def read_versions(
    table: Any, org: Org, *, key: str | None, valid_from: str, valid_to: str
) -> ibis.Table:
    """Read the versions of deals, with ``_begins``, ``_ends`` and ``_gone``.

    ``_ends`` is missing while a version is current.
    """
    if valid_from == valid_to:
        raise ArgumentValueError(f"valid_from and valid_to are one column, {valid_to!r}; {_DAILY}")
    try:
        return _read_versions(table, org, key, valid_from, valid_to)
    except MissingColumnError as error:
        raise MissingColumnError(f"{error}; {_DAILY}") from None


def read_daily(table: Any, org: Org, *, key: str | None, day: str) -> ibis.Table:
    """Read the rows of days, with ``_begins`` (the day) and ``_gone``."""
    return _read_versions(table, org, key, day, day)


def _read_versions(
    table: Any, org: Org, key: str | None, valid_from: str, valid_to: str
) -> ibis.Table:
    labels = list(getattr(table, "columns", ()))
    if key is not None and key in labels:
        table = table.mutate(unique_id=table[key])
    read = read_columns(table, org, (valid_from, valid_to, *_DBT))
    lacking = [key] if key is not None and key not in labels else []
    require_columns(read, *lacking, *dict.fromkeys(("unique_id", valid_from, valid_to)))
    rows.check_names(read.columns)
    read = _translate(read, fractions=any(label.casefold() in FRACTIONS for label in labels))
    columns = cast_columns(read, rows.KNOWN)
    further = cast_further(read, {*columns, *USED_UP, *_DBT, valid_from, valid_to})
    ends = _read_instant(read, valid_to)
    deals = read.mutate(
        **columns,
        **further,
        _begins=_read_instant(read, valid_from),
        _ends=ibis.ifelse(ends >= ibis.literal(_NO_END, type=_INSTANT), None, ends),
        _gone=_is_marked(read, "dbt_is_deleted") | _is_marked(read, "is_deleted"),
        **{name: _is_marked(read, name) for name in FLAGS},
        _closed=ibis.coalesce(
            *(_read_instant(read, name).date() for name in CLOSED_AT if name in read.columns),
            ibis.null("date"),
        ),
    )
    deals = _settle(deals, org, set(read.columns))
    return deals.select(*columns, *further, "_begins", "_ends", "_gone")


def _translate(read: ibis.Table, *, fractions: bool) -> ibis.Table:
    """Translate a CRM's words and chances to ours; other words stay."""
    found = {}
    for name, words in (("status", STATUSES), ("category", CATEGORIES)):
        if name in read.columns:
            text = read[name].cast("string")
            folded = text.lower().replace(" ", "_").replace("-", "_")
            found[name] = folded.cases(
                *((theirs, ours or "") for theirs, ours in words.items()), else_=text
            ).nullif("")
    if "probability" in read.columns:
        chance = read["probability"].cast("float64")
        found["probability"] = (chance * 100 if fractions else chance).round()
    return read.mutate(**found)


def _settle(deals: ibis.Table, org: Org, given: set[str]) -> ibis.Table:
    """Take outcomes, closings and chances from CRM marks and stages, as `read_export` does."""
    stages = org.stages
    if stages.aliases:
        deals = deals.mutate(stage=deals["stage"].substitute(dict(stages.aliases)))
    if "status" in given:
        said = (deals["status"].lower() == rows.DELETED).fill_null(False)
        deals = deals.mutate(_gone=deals["_gone"] | said)
    elif given.intersection(FLAGS):
        known = deals["stage"].isin(list(stages.kinds)).fill_null(False)
        ended = deals["is_closed"] if "is_won" in given else ibis.literal(False)
        said = ibis.cases(
            (deals["is_won"], "won"), (deals["is_lost"] | ended, "lost"), else_="active"
        )
        deals = deals.mutate(status=ibis.ifelse(known, None, said))
    if "probability" not in given and list_probabilities(stages):
        deals = deals.mutate(
            probability=stages.rank_expression(deals, list_probabilities).nullif(-1)
        )
    outcome = stages.outcome_expression(deals)
    if given.intersection(CLOSED_AT):
        day = ibis.ifelse(outcome.isin(["won", "lost"]), deals["_closed"], None)
        deals = deals.mutate(close_date=ibis.coalesce(day, deals["close_date"]))
    if "won_value" in given:
        won = ibis.ifelse(outcome == "won", deals["won_value"].cast("float64"), None)
        deals = deals.mutate(value=ibis.coalesce(won, deals["value"]))
    return deals


def _read_instant(table: ibis.Table, name: str) -> Any:
    column = table[name]
    kind = column.type()
    if not (kind.is_timestamp() or kind.is_date() or kind.is_string() or kind.is_null()):
        raise DataError(
            f"column {name!r} is of type {kind}, not a time; convert it in the table's query"
        )
    return (column.nullif("") if kind.is_string() else column).cast(_INSTANT)


def _is_marked(table: ibis.Table, name: str) -> Any:
    """Mark the rows in which a column says yes; none where the table has no such column."""
    if name not in table.columns:
        return ibis.literal(False)
    return table[name].cast("string").lower().isin(_YES).fill_null(False)


def list_changes(versions: ibis.Table, records: pd.DataFrame | None) -> ibis.Table:
    """List the change rows of versions.

    There is a row where a version begins, and a deletion where one ends and none follows.

    Deals of before the first of given records begin with it.
    """
    every = versions.filter(
        ~missing(versions["unique_id"]),
        ~missing(versions["_begins"]),
        (versions["_gone"] | (versions["_ends"] > versions["_begins"])).fill_null(True),
    )
    if records is not None and len(records):
        first = ibis.literal(records.index.min().to_pydatetime(), type=_INSTANT)
        every = every.filter((every["_ends"] > first).fill_null(True))
        every = every.mutate(_begins=ibis.greatest(every["_begins"], first))
    ends = every["_ends"].fill_null(ibis.literal(_NO_END, type=_INSTANT))
    alike = ibis.window(group_by=["unique_id", "_begins"], order_by=ibis.desc(ends))
    every = every.filter(ibis.row_number().over(alike) == 0)
    deal = ibis.window(group_by="unique_id")
    own = ibis.window(group_by="unique_id", order_by="_begins")
    there = ibis.ifelse(every["_gone"], None, every["_begins"])
    every = every.mutate(
        _born=there.min().over(deal),
        _was_there=(~every["_gone"]).lag().over(own).fill_null(False),
        _ended=every["_ends"].lag().over(own),
        _next=every["_begins"].lead().over(own),
    )
    begins, ends, gone = every["_begins"], every["_ends"], every["_gone"]
    pause = ibis.interval(seconds=_PAUSE)
    follows = every["_was_there"] & (begins <= every["_ended"] + pause).fill_null(True)
    operation = ibis.cases(
        (gone, rows.DELETED),
        (begins == every["_born"], "new"),
        (follows, "changed"),
        else_="returned",
    )
    ended = ~gone & ~missing(ends) & (every["_next"] > ends + pause).fill_null(True)
    names = [name for name in versions.columns if not name.startswith("_")]
    changes = (
        every.filter(~gone | follows)
        .select(*names, seen_at=begins, operation=operation)
        .union(
            every.filter(ended).select(*names, seen_at=ends, operation=ibis.literal(rows.DELETED))
        )
    )
    return _add_seen_after(changes, records)


def _add_seen_after(changes: ibis.Table, records: pd.DataFrame | None) -> ibis.Table:
    """Add ``seen_after``, the record before each change.

    It is a given record, else one that has a change.
    """
    at = changes.select("seen_at").distinct()
    if records is None:
        looks = at.mutate(_look=at["seen_at"])
    else:
        told = ibis.memtable(pa.table({"seen_at": pa.array(records.index, rows.INSTANT)}))
        looks = at.mutate(_look=ibis.null(_INSTANT)).union(told.mutate(_look=told["seen_at"]))
        looks = looks.group_by("seen_at").agg(_look=looks["_look"].max())
    before = ibis.window(order_by="seen_at", rows=(None, -1))
    looks = looks.select(_at="seen_at", seen_after=looks["_look"].max().over(before))
    joined = changes.join(looks, changes["seen_at"] == looks["_at"])
    first = ["seen_after", "seen_at", "operation"]
    return joined.select(*first, *(name for name in changes.columns if name not in first))
