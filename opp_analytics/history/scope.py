"""Parts of a history: the deals of a team, region or person for as long as they belonged to it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import pandas as pd
import pyarrow as pa

from opp_analytics import text
from opp_analytics.arrays import Series
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import sources
from opp_analytics.history.engine import ibis, missing
from opp_analytics.history.rows import DELETED, MOVED, TRANSFERRED, TRANSFERRED_IN
from opp_analytics.history.store import Memory
from opp_analytics.org import Org, list_derived, list_stays, make_column_error, refuse_own
from opp_analytics.periods import as_date, as_instant
from opp_analytics.schema import NO_LABEL, NO_NAMES, Json, is_blank


def add_derived(changes: ibis.Table, org: Org, moments: Series) -> ibis.Table:
    """Add the columns of joined tables to change rows, at the values of today, and those of people.

    See `add_people`.
    """
    day = as_date(moments.iloc[-1] if len(moments) else pd.Timestamp.now("UTC"), tz=org.zone(None))
    for join in org.joins:
        key = join.find_key(changes.columns)
        if key is not None:
            for name in set(join.columns).intersection(changes.columns):
                refuse_own(name, "history", join)
            table = ibis.memtable(join.to_arrow(day))
            changes = changes.left_join(table, changes[key].cast("string") == table["_key"]).drop(
                "_key"
            )
    return add_people(changes, org, moments)


def add_people(changes: ibis.Table, org: Org, moments: Series) -> ibis.Table:
    """Add the ``team`` and ``region`` of each deal's owner to change rows.

    Unchanged without ``owner_name``.

    A closed deal has those of its close date, an open one those of the row's time: a move happens
    at the start of its day in the org's zone. Where an owner moves while a deal is open, the deal
    has a further row, `MOVED`, at the first of the records (`moments`) since then.
    """
    names = list_derived(org.people)
    if not names or "owner_name" not in changes.columns:
        return changes
    rows = changes.drop(*(name for name in names if name in changes.columns))
    moves = _find_moves(org, moments)
    if len(moves):
        rows = rows.union(_make_moves(rows, org, moves))
    closed = org.stages.outcome_expression(rows).isin(["won", "lost"])
    rows = rows.mutate(_dated=closed & ~missing(rows["close_date"]))
    stays = ibis.memtable(pa.Table.from_pandas(_list_stays(org, names), preserve_index=False))
    day, at = rows["close_date"], rows["seen_at"]
    found = rows.left_join(
        stays,
        [
            rows["owner_name"] == stays["_person"],
            ibis.ifelse(rows["_dated"], day >= stays["_from"].date(), at >= stays["_since"]),
            ibis.ifelse(rows["_dated"], day < stays["_until"].date(), at < stays["_before"]),
        ],
    )
    return found.select(*(name for name in rows.columns if name != "_dated"), *names)


def _find_moves(org: Org, moments: Series) -> pd.DataFrame:
    """List people's dated moves inside the history.

    Columns: the person, the record before, and the first one after.
    """
    people = org.people.dropna(subset=["from_date"])
    found = []
    for owner, date in zip(people["owner_name"], people["from_date"], strict=True):
        moved = as_instant(date, tz=org.zone(None))
        before, after = moments[moments < moved], moments[moments >= moved]
        if len(before) and len(after):
            found.append((owner, before.iloc[-1], after.iloc[0]))
    return pd.DataFrame(found, columns=["_person", "_last", "_moved"]).drop_duplicates(
        ["_person", "_moved"]
    )


def _make_moves(rows: ibis.Table, org: Org, moves: pd.DataFrame) -> ibis.Table:
    """Make a row for each move and each open deal of the person who moved.

    No row is made if the deal has one at that record.
    """
    own = ibis.window(group_by="unique_id", order_by="seen_at")
    outcome = org.stages.outcome_expression(rows)
    states = rows.mutate(_until=rows["seen_at"].lead().over(own), _outcome=outcome)
    states = states.filter(states["operation"] != DELETED, states["_outcome"] == "open")
    asked = ibis.memtable(pa.Table.from_pandas(moves, preserve_index=False))
    held = states.join(
        asked,
        [
            states["owner_name"] == asked["_person"],
            states["seen_at"] < asked["_moved"],
            missing(states["_until"]) | (states["_until"] > asked["_moved"]),
        ],
    )
    inserted = {
        "seen_after": held["_last"],
        "seen_at": held["_moved"],
        "operation": ibis.literal(MOVED),
    }
    return held.select(
        **{name: inserted.get(name, held[name]).cast(kind) for name, kind in rows.schema().items()}
    )


def _list_stays(org: Org, names: list[str]) -> pd.DataFrame:
    """List each person's stays in a team and region.

    Begin and end are given as days, and as instants in the org's zone.
    """
    stays = list_stays(org.people)[["owner_name", "from_date", *names, "until"]]
    stays = stays.rename(columns={"owner_name": "_person", "from_date": "_from", "until": "_until"})
    begun, ended = (
        pd.DatetimeIndex([as_instant(day, tz=org.zone(None)) for day in stays[name]], tz="UTC")
        for name in ("_from", "_until")
    )
    return stays.assign(_since=begun, _before=ended)


_MOST_NAMED = 8
"""Values named in the error of an unknown one."""
_MOST_WORDS = 50
"""Labels in the words of a query."""


def label_of(column: Any) -> Any:
    """Turn an Ibis column into group labels, as `schema.label_groups` does in a frame."""
    texts = column.cast("string")
    return texts.isin(NO_NAMES).ifelse(NO_LABEL, texts).fill_null(NO_LABEL)


class ScopedSource:
    """The change rows of a history's deals while they had the values of `conditions`.

    None and "(none)" mean a missing value. The whole history lives as long as its part.
    """

    def __init__(self, whole: Any, source: Source, conditions: Json) -> None:
        # A `History`, whose module imports this one.
        self.whole = whole
        self._source = source
        self._labels = {
            column: _find_labels(
                whole, column, list(value) if isinstance(value, (list, tuple, set)) else [value]
            )
            for column, value in conditions.items()
        }
        self._memory = Memory()

    def of(self, whole: Any) -> ScopedSource:
        """Copy this part, taken from another reading of its whole."""
        same = copy.copy(self)
        same.whole, same._memory = whole, Memory()
        return same

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {text.joined(held, last='or')}" for name, held in self._labels.items()
        )

    def within(self, log: ibis.Table) -> Any:
        """Mark the rows of `log` that belong to this part."""
        found = self.whole.within(log)
        for column, labels in self._labels.items():
            # A query of thousands of words compiles for seconds.
            few = len(labels) <= _MOST_WORDS
            among = labels if few else ibis.memtable(pa.table({"label": labels}))["label"]
            found = found & label_of(log[column]).isin(among)
        return found

    def keep(self, table: ibis.Table) -> ibis.Table:
        """Read a table of a small log into memory."""
        return self._source.keep(table)

    def log(self) -> ibis.Table:
        """Select all change rows of the deals that ever belonged to this part."""
        return self._memory.get(
            "log", self.version(), lambda: self.keep(self._select_log()), fact=True
        )

    def table(self) -> ibis.Table:
        """Select the rows of this part, with an added row each time a deal left it.

        The added row has the values of the deal before.
        """
        return self._memory.get(
            "table", self.version(), lambda: self.keep(self._mark_rows()), fact=True
        )

    def _select_log(self) -> ibis.Table:
        log = self.whole.log
        mine = log.filter(self.within(log)).select("unique_id").distinct()
        # Ibis writes a semi join for Postgres as other engines have it.
        return log.filter(log["unique_id"].isin(mine["unique_id"]))

    def _mark_rows(self) -> ibis.Table:
        log = self.log()
        own = ibis.window(group_by="unique_id", order_by="seen_at")
        marked = log.select(
            "unique_id",
            "seen_after",
            "seen_at",
            "operation",
            _there=self.within(log) & (log["operation"] != DELETED),
        )
        marked = marked.mutate(
            _before=marked["_there"].lag().over(own).fill_null(False),
            _was=marked["seen_at"].lag().over(own),
        )
        came, went = marked["_there"] & ~marked["_before"], marked["_before"] & ~marked["_there"]
        deleted = marked["operation"] == DELETED
        kept = marked.filter(marked["_there"] | (went & deleted)).select(
            "unique_id",
            "seen_at",
            _operation=ibis.ifelse(
                came & marked["operation"].isin(["changed", MOVED]) & ~missing(marked["_was"]),
                TRANSFERRED_IN,
                marked["operation"],
            ),
        )
        left = marked.filter(went & ~deleted).select(
            "unique_id", seen_at="_was", _after="seen_after", _at="seen_at"
        )
        inside = log.join(kept, ["unique_id", "seen_at"])
        gone = log.join(left, ["unique_id", "seen_at"])
        return (
            inside.mutate(operation=inside["_operation"])
            .select(log.columns)
            .union(
                gone.mutate(
                    seen_after=gone["_after"],
                    seen_at=gone["_at"],
                    operation=ibis.literal(TRANSFERRED),
                ).select(log.columns)
            )
        )

    def records(self) -> pd.DataFrame:
        """List the records of the whole, with the counts of this part."""
        records: pd.DataFrame = self._memory.get("records", self.version(), self._count)
        return records.copy()

    def version(self) -> tuple[str, ...]:
        """Tell what the whole has recorded."""
        return self._source.version()

    def _count(self) -> pd.DataFrame:
        whole = self.whole.records
        operations = sources.count_operations(self.table(), self.whole.collect)
        counts = sources.count_records(operations, pd.DatetimeIndex(whole["recorded_at"]))
        return sources.make_records(whole.assign(**counts.reset_index(drop=True)))

    def columns_at(self, recorded_at: pd.Timestamp) -> Mapping[str, str] | None:
        """List the columns of the frame recorded at that time."""
        return self._source.columns_at(recorded_at)

    def begins(self) -> Mapping[str, pd.Timestamp]:
        """Find the whole's first record with each column."""
        return self._source.begins()

    def check(self) -> list[Json]:
        """List the problems of the whole."""
        return self._source.check()

    def hold(self) -> AbstractContextManager[None]:
        """Show the same records of the whole to all that is read within the block."""
        return self._source.hold()

    def reset(self) -> None:
        """Reset the whole."""
        self._source.reset()


Source = sources.FolderSource | sources.TableSource | ScopedSource
"""Where a history's change rows come from."""


def _find_labels(whole: Any, column: str, values: list[Any]) -> list[str]:
    """Find the labels of values in a column, and check that some deal had each of them."""
    log = whole.log
    if column not in log.columns:
        raise make_column_error("history", [column], log.columns)
    asked = log.select(value=log[column], label=label_of(log[column])).distinct()
    held = whole.remember(("labels", column), lambda: whole.collect(asked), fact=True)
    known = dict(zip(held["label"], held["value"], strict=True))
    found = [_find_label(known, value) for value in values]
    for value, label in zip(values, found, strict=True):
        if label is None:
            raise ArgumentValueError(
                f"no deal ever had {column}={value!r}; the history has "
                f"{text.joined(sorted(known), most=_MOST_NAMED) or 'no deals'}"
            )
    return [str(label) for label in dict.fromkeys(found)]


def _find_label(known: Json, value: Any) -> str | None:
    if is_blank(value):
        value = NO_LABEL
    if isinstance(value, str):
        return next((name for name in (value, text.compose(value)) if name in known), None)
    return next(
        (label for label, held in known.items() if not is_blank(held) and held == value), None
    )
