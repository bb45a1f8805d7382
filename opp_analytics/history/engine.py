"""The query engine: DuckDB over change files, with a memory limit.

Its errors become a `HistoryError`.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
import warnings
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from opp_analytics import schema
from opp_analytics.errors import HistoryError, OppAnalyticsError
from opp_analytics.escaping import escape_pattern
from opp_analytics.history import rows


class _Later(ModuleType):
    """A module that is imported when it is first used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


if TYPE_CHECKING:
    import ibis as ibis
else:
    # It takes longer to import than most analyses take.
    ibis = _Later("ibis")


class Engine:
    """An embedded DuckDB, started at the first query.

    What exceeds `memory` is spilled to a private folder.
    """

    def __init__(self, memory: str) -> None:
        self._memory = memory
        self._backend: Any = None
        self._unused: list[str] = []
        self.resets = 0
        """Times that the connection was dropped, with every table kept in it."""

    def read(self, files: Sequence[Path], kinds: dict[str, str]) -> ibis.Table:
        """Read the change rows of files as one table, with every column of any file."""
        if not files:
            return ibis.memtable(rows.change_schema({}).empty_table())
        with _as_ours("read"):
            if self._backend is None:
                self._backend = self._connect()
            # Which column types it takes must not depend on which file comes first, nor a column
            # vanish.
            names = [escape_pattern(file) for file in files]
            table = self._backend.read_parquet(names, union_by_name=True)
            wanted = rows.change_schema(kinds)
            return take(
                table, cast_columns(table, dict(zip(wanted.names, wanted.types, strict=True)))
            )

    def keep(self, table: ibis.Table) -> ibis.Table:
        """Read a table made from `read` into memory, for as long as somebody has it."""
        with _as_ours("read"):
            while self._unused:
                # Ibis 12's `drop_table` loses the name with sqlglot 30.30.
                self._backend.raw_sql(f"DROP TABLE IF EXISTS {self._unused.pop()}")
            name = ibis.util.gen_name("changes")
            kept: ibis.Table = self._backend.create_table(name, table, temp=True)
            # Dropped by a later call: the connection may be in use when Python finds that nobody
            # has the table.
            weakref.finalize(kept.op(), self._unused.append, name)
            return kept

    def _connect(self) -> Any:
        backend = ibis.duckdb.connect(memory_limit=self._memory)
        # Rows that are spilled are as private as the history: a folder that only its owner can
        # enter.
        spill = tempfile.mkdtemp(prefix="opp-analytics-spill-")
        atexit.register(shutil.rmtree, spill, ignore_errors=True)
        backend.raw_sql(f"SET temp_directory = '{spill.replace(chr(39), chr(39) * 2)}'")
        backend.raw_sql("SET TimeZone = 'UTC'")
        # Change files are never altered: their footers need to be read once, not once a query.
        backend.raw_sql("SET parquet_metadata_cache = true")
        return backend

    def reset(self) -> None:
        """Drop the connection, which may be unusable after a failed query."""
        with _one_at_a_time:
            self._backend = None
            self.resets += 1


@cache
def share_engine(memory: str, process: int) -> Engine:
    """Get a process's engine for a memory limit: starting one takes longer than most queries.

    A connection does not survive a fork.
    """
    return Engine(memory)


_one_at_a_time = threading.RLock()
"""A connection refuses a second call while it answers the first, and a widget's callbacks come from
other threads."""


def take(table: ibis.Table, columns: Mapping[str, Any]) -> ibis.Table:
    """Select columns under names that may be those of an argument of Ibis, such as self."""
    return table.select([column.name(name) for name, column in columns.items()])


def cast_columns(table: ibis.Table, types: Mapping[str, pa.DataType]) -> dict[str, Any]:
    """Cast columns of a table; those that it lacks are empty."""
    import ibis.expr.datatypes as dt

    wanted = {name: dt.DataType.from_pyarrow(kind) for name, kind in types.items()}
    return {
        name: table[name].cast(kind) if name in table.columns else ibis.null(kind)
        for name, kind in wanted.items()
    }


@contextmanager
def _as_ours(what: str) -> Iterator[None]:
    """Turn an engine's error into a `HistoryError` that names the operation."""
    try:
        with _one_at_a_time, warnings.catch_warnings():
            # What an engine's adapter finds deprecated or experimental does not concern the caller.
            warnings.simplefilter("ignore")
            fused, ibis.options.sql.fuse_selects = ibis.options.sql.fuse_selects, False
            try:
                # Engines merge nested selects themselves; by Ibis it takes a seventh of a
                # question's time.
                yield
            finally:
                ibis.options.sql.fuse_selects = fused
    except OppAnalyticsError:
        raise
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        hint = (
            "; give History a larger memory_limit, or free disk space"
            if "Out of Memory" in first
            else ""
        )
        raise HistoryError(f"the history could not be {what}: {first}{hint}") from error


def arrow(expression: Any) -> Any:
    """Run an expression; its result as an Arrow table, array or scalar."""
    with _as_ours("queried"):
        return expression.to_pyarrow()


def stream(expression: Any) -> Iterator[pa.RecordBatch]:
    """Run an expression; its rows in batches, so that they are never in memory all at once."""
    with _as_ours("queried"):
        backend = expression.get_backend()
        if backend.name == "duckdb":
            # Ibis 12 streams from a cursor, which in DuckDB 2 holds the whole result, and by a
            # method that is gone.
            yield from backend._to_duckdb_relation(expression).to_arrow_reader(_BATCH_ROWS)
        else:
            yield from expression.to_pyarrow_batches(chunk_size=_BATCH_ROWS)


_BATCH_ROWS = 30_000


def collect(expression: Any) -> Any:
    """Run an expression; its result as a frame, series or scalar, at the dtypes of `schema`."""
    result = arrow(expression)
    if isinstance(result, pa.Table):
        return schema.to_plain(result)
    if isinstance(result, (pa.Array, pa.ChunkedArray)):
        name = expression.get_name()
        return schema.to_plain(pa.table({name: result}))[name]
    return result.as_py()


def missing(column: Any) -> Any:
    """Mark missing values in an Ibis column."""
    return column.isnull()


def latest(table: ibis.Table) -> ibis.Table:
    """Select each opportunity's newest change row, by a flag that every engine can compute."""
    newest = ibis.window(group_by="unique_id", order_by=ibis.desc("seen_at"))
    # DuckDB keeps one row a deal instead of sorting all of them, but not for Ibis's ROW_NUMBER() -
    # 1 = 0.
    duckdb = table.get_backend().name == "duckdb"
    # A name that no column of a CRM has, whatever its case.
    place = "_place" + "_" * max(map(len, table.columns))
    number = _number_rows().over(newest) if duckdb else ibis.row_number().over(newest) + 1
    placed = table.mutate(**{place: number})
    return placed.filter(placed[place] == 1).drop(place)


def _number_rows() -> Any:
    def row_number() -> int:
        """Number rows from 1 on."""
        raise NotImplementedError

    return ibis.udf.agg.builtin(row_number)()
