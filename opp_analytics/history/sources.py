"""Sources of a history's change rows: its own folder, or a table in any Ibis backend."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa

from opp_analytics.crm import name_columns
from opp_analytics.errors import DataError, DataWarning, HistoryError, MissingColumnError
from opp_analytics.history import rows
from opp_analytics.history.engine import Engine, arrow, cast_columns, collect, ibis, latest, take
from opp_analytics.history.store import Damage, Entry, Memory, Store
from opp_analytics.org import Org
from opp_analytics.schema import Json


def make_records(records: list[Json] | pd.DataFrame) -> pd.DataFrame:
    """Make the frame of records, every column at its dtype even without rows."""
    whole = ("rows", "changed", "new", "edited", "deleted", "returned")
    names = ["recorded_at", "rows", "changed", "complete", *whole[2:], "certified"]
    frame = pd.DataFrame(records, columns=names)
    return frame.astype(
        {
            "recorded_at": "datetime64[us, UTC]",
            **dict.fromkeys(whole, "int64"),
            "complete": "bool",
            "certified": "bool",
        }
    )


_SMALL = 4_000_000
"""Bytes of change files that are read once, not with each query: up to 200,000 rows, which take 30
MB. Opening two years of small files takes longer than a question about some hundred deals. Opening
a longer log takes little beside the question, and its rows would fill the memory."""


class FolderSource:
    """The rows of a history's own folder."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self.store = store
        self._engine = engine
        self._memory = Memory()

    def table(self) -> ibis.Table:
        """Read all change rows, and check that every file is intact."""
        entries = self.store.entries()
        files = self.store.change_files(entries)
        aside = self.store.set_aside()
        for entry in entries:
            if entry.name in aside:
                DataWarning.warn(
                    f"{self.store.change_file(entry)} was damaged and set aside: changes seen by "
                    f"the record of {entry.last.recorded_at:%Y-%m-%d %H:%M} UTC appear only where "
                    "a later record shows them"
                )
        kinds = dict(entries[-1].kinds) if entries else {}
        state = files, self._engine.resets
        return self._memory.get("table", state, lambda: self.keep(self._engine.read(files, kinds)))

    def keep(self, table: ibis.Table) -> ibis.Table:
        """Read a table of a small log into memory.

        So no query opens its files or derives its columns again.
        """
        small = 0 < sum(entry.size for entry in self.store.entries()) <= _SMALL
        return self._engine.keep(table) if small else table

    def records(self) -> pd.DataFrame:
        """List all records, in order of time."""
        return self._memory.get("records", self.version(), self._read_records).copy()

    def version(self) -> tuple[str, ...]:
        """Tell what is recorded: it changes with each record, and with each file set aside.

        It changes, too, when the engine is reset, for this history or another: no kept table is
        left then.
        """
        entries, resets = self.store.entries(), str(self._engine.resets)
        # The last entry's digest covers those before it.
        return (entries[-1].digest if entries else "", *self.store.set_aside(), resets)

    def _read_records(self) -> pd.DataFrame:
        entries, aside = self.store.entries(), self.store.set_aside()
        for entry in entries:
            # Without the note that it was set aside, a lost file would leave all records looking
            # complete.
            if entry.name not in aside and not self.store.change_file(entry).exists():
                raise Damage(self.store.change_file(entry), str(self.store.find_problem(entry)))
        doubtful = {n for name, until in aside.items() for n in range(int(name), until + 1)}
        records = make_records(
            [
                {
                    "recorded_at": moment.recorded_at,
                    "rows": moment.rows,
                    "changed": moment.changes,
                    "complete": entry.sequence not in doubtful,
                    "new": moment.new,
                    "edited": moment.changed,
                    "deleted": moment.deleted,
                    "returned": moment.returned,
                    "certified": entry.certificate is not None,
                }
                for entry in entries
                for moment in entry.moments
            ]
        )
        # Only the first append may be an import; set aside, of its records only the first and the
        # last are known.
        imported = [
            entry for entry in entries[:1] if len(entry.moments) > 1 and entry.name not in aside
        ]
        for entry in imported:
            log = self._engine.read(self.store.change_files(imported), dict(entry.kinds))
            counts = count_operations(log, collect)
            after = pd.Index(collect(log.select("seen_after").distinct())["seen_after"].dropna())
            moments = counts.index.union(after[after >= counts.index.min()]).sort_values()
            counted = count_records(counts, moments).rename_axis("recorded_at").reset_index()
            counted = make_records(counted.assign(complete=True, certified=False))
            records = pd.concat([counted, records[len(entry.moments) :]], ignore_index=True)
        return records

    def columns_at(self, recorded_at: pd.Timestamp) -> Mapping[str, str] | None:
        """List the columns of the frame recorded at that time."""
        for entry in self.store.entries():
            if entry.last.recorded_at >= recorded_at:
                return entry.columns
        raise HistoryError(f"the history has no record of {recorded_at}")

    def begins(self) -> Mapping[str, pd.Timestamp]:
        """Find the first record with each column."""
        found: dict[str, pd.Timestamp] = {}
        for entry in self.store.entries():
            for column in entry.columns:
                found.setdefault(column, entry.moments[0].recorded_at)
        return found

    def state(self, entries: list[Entry]) -> pa.Table | None:
        """Read the last change row of every opportunity, from the kept state or the log."""
        if not entries:
            return None
        kept = self.store.state(entries)
        return kept if kept is not None else arrow(latest(self.table()))

    def hold(self) -> AbstractContextManager[None]:
        """Show the same records to all that is read within the block."""
        return self.store.hold()

    def reset(self) -> None:
        """Reset the engine."""
        self._engine.reset()

    def check(self) -> list[Json]:
        """List problems, as rows of `History.check`."""
        try:
            entries, aside = self.store.entries(), self.store.set_aside()
        except Damage as damage:
            return [{"file": str(damage.file), "problem": damage.damage}]
        found: list[Json] = []
        for entry in entries:
            place = {
                "recorded_at": entry.last.recorded_at,
                "file": str(self.store.change_file(entry)),
            }
            problem = (
                "was damaged and set aside"
                if entry.name in aside
                else self.store.find_problem(entry)
            )
            if problem:
                found.append({**place, "problem": problem})
            found += [{**place, **note} for note in entry.notes]
        return found

    def take_aside(self) -> None:
        """Set every damaged change file aside; the next record finds their changes again."""
        with self.store.writing():
            entries = self.store.entries()
            aside = self.store.set_aside()
            for entry in entries:
                if entry.name not in aside and self.store.find_problem(entry):
                    self.store.take_aside(entry, entries)


class TableSource:
    """The rows of a table in a warehouse, on Spark, or in any other Ibis backend.

    See `History.from_table`.
    """

    def __init__(self, table: ibis.Table, records: pd.DataFrame | None) -> None:
        self._table = table
        self._given = records

    def table(self) -> ibis.Table:
        """Return all change rows, at the types of the change log."""
        return self._table

    def keep(self, table: ibis.Table) -> ibis.Table:
        """Return a table as it is: its rows stay in the warehouse."""
        return table

    def records(self) -> pd.DataFrame:
        """List the records found in the rows and those given; the rows are read once."""
        return self._records.copy()

    @cached_property
    def _records(self) -> pd.DataFrame:
        counted = count_operations(self._table, collect)
        # The given ones include those without a change and incomplete ones.
        given = pd.DataFrame(index=counted.index) if self._given is None else self._given
        frame = count_records(counted, counted.index.union(given.index).sort_values())
        for name, unknown in (("complete", True), ("certified", False)):
            frame[name] = (
                given[name].reindex(frame.index, fill_value=unknown) if name in given else unknown
            )
        return make_records(frame.rename_axis("recorded_at").reset_index())

    def version(self) -> tuple[str, ...]:
        """Return the same at any time: the rows are read once."""
        return ()

    def check(self) -> list[Json]:
        """List invalid rows: two of one opportunity at one instant, and rows without id or time."""
        table = self._table
        counted = table.group_by(["unique_id", "seen_at"]).agg(times=table.count().cast("int64"))
        nameless = counted["unique_id"].isnull() | counted["seen_at"].isnull()  # noqa: PD003  Ibis has no isna
        found = collect(
            counted.filter((counted["times"] > 1) | nameless).order_by(["seen_at", "unique_id"])
        )
        named = found["unique_id"].notna() & found["seen_at"].notna()
        return [
            {
                "recorded_at": row.seen_at,
                "unique_id": row.unique_id,
                "problem": "several rows at one instant (the order is unknown)"
                if known
                else "a row without unique_id or seen_at",
            }
            for row, known in zip(found.itertuples(index=False), named, strict=True)
        ]

    def columns_at(self, recorded_at: pd.Timestamp) -> None:
        """Return None for all columns: a table does not tell those of one record."""

    def begins(self) -> Mapping[str, pd.Timestamp]:
        """Return nothing: when a column began is not known."""
        return {}

    def hold(self) -> AbstractContextManager[None]:
        """Do nothing: the rows are read once."""
        return nullcontext()

    def reset(self) -> None:
        """Do nothing: the engine belongs to the caller."""


class EarlierSource(TableSource):
    """The rows of another source up to one of its records."""

    def __init__(self, source: FolderSource | TableSource, until: pd.Timestamp) -> None:
        rows, records = source.table(), source.records()
        super().__init__(rows.filter(rows["seen_at"] <= until), None)
        self._records = records[records["recorded_at"] <= until]
        self._whole, self._until = source, until

    def columns_at(self, recorded_at: pd.Timestamp) -> Any:
        """List the columns of the frame recorded at that time."""
        return self._whole.columns_at(recorded_at)

    def begins(self) -> Mapping[str, pd.Timestamp]:
        """Find the first record with each column, up to the last record here."""
        begins = self._whole.begins()
        return {name: first for name, first in begins.items() if first <= self._until}


def read_log(table: Any, org: Org) -> ibis.Table:
    """Read a table that is a change log, its columns under the names that the org gives them."""
    log = read_columns(table, org, rows.CHANGE_COLUMNS)
    require_columns(log, "unique_id", "seen_at")
    columns = cast_columns(log, {**rows.CHANGE_COLUMNS, **rows.KNOWN})
    if "operation" not in log.columns:
        columns["operation"] = ibis.literal("changed")
    return take(log, {**columns, **cast_further(log, columns)})


def read_columns(table: Any, org: Org, own: Iterable[str]) -> ibis.Table:
    """Read a table's columns under our names, by the org and by `own`.

    Other columns keep their names.
    """
    if not isinstance(table, ibis.expr.types.Table):
        raise DataError(f"table is a {type(table).__name__}, not an Ibis table")
    found = name_columns(table.columns, org.columns, own)
    return take(table, {ours: table[theirs] for ours, theirs in found.items()})


def require_columns(table: ibis.Table, *names: str) -> None:
    """Refuse a table that lacks a column."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise MissingColumnError(
            f"the table has no column {', '.join(missing)}; it has {', '.join(table.columns)}"
        )


def cast_further(table: ibis.Table, known: Container[str]) -> Json:
    """Cast the further columns of a table to the kinds of the change log.

    A list or a structure is left out.
    """
    kinds = {name: _find_kind(kind) for name, kind in table.schema().items() if name not in known}
    return {name: table[name].cast(kind) for name, kind in kinds.items() if kind is not None}


def _find_kind(kind: Any) -> Any:
    if kind.is_timestamp():
        return "timestamp" if kind.timezone is None else "timestamp('UTC', 6)"
    if kind.is_string() or kind.is_boolean() or kind.is_date():
        return kind
    if kind.is_numeric():
        return "int64" if kind.is_integer() else "float64"
    return "string" if kind.is_uuid() or kind.is_json() else None


def read_given(records: pd.DataFrame | None) -> pd.DataFrame | None:
    """Read records that the caller gives, by their time; see `History.from_table`."""
    if records is None:
        return None
    if "recorded_at" not in records:
        raise MissingColumnError(
            f"records has no column recorded_at; it has {', '.join(map(str, records.columns))}"
        )
    moments = pd.to_datetime(records["recorded_at"], utc=True).astype("datetime64[us, UTC]")
    return records.assign(recorded_at=moments).set_index("recorded_at")


_COUNTED = {
    "new": ("new", rows.TRANSFERRED_IN),
    "edited": ("changed",),
    "deleted": (rows.DELETED, rows.TRANSFERRED),
    "returned": ("returned",),
}
"""The counts of `History.records`, and the operations that each holds."""


def count_operations(table: ibis.Table, run: Callable[[Any], Any]) -> pd.DataFrame:
    """Count the operations of change rows at each ``seen_at``.

    A record without a change leaves no row.
    """
    tallies = {
        name: table["operation"].isin(kinds).ifelse(1, 0).sum().cast("int64")
        for name, kinds in _COUNTED.items()
    }
    counts: pd.DataFrame = run(table.group_by("seen_at").agg(**tallies)).set_index("seen_at")
    return counts.fillna(0).astype("int64")


def count_records(operations: pd.DataFrame, moments: pd.Index) -> pd.DataFrame:
    """Count the operations at each record, all that ``changed``, and the ``rows`` then."""
    counts = operations.reindex(moments, fill_value=0)
    counts["changed"] = counts.sum(axis=1)
    counts["rows"] = (counts["new"] + counts["returned"] - counts["deleted"]).cumsum()
    return counts
