"""The history of a pipeline: what changed, and between which two records."""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from os import PathLike
from pathlib import Path
from typing import Any, Self, TypeVar

import pandas as pd
import pyarrow as pa

from opp_analytics import arguments, schema
from opp_analytics.arrays import Series
from opp_analytics.certificate import Certificate
from opp_analytics.crm import ChangeLog
from opp_analytics.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DataWarning,
    HistoryError,
    NotEnoughHistory,
)
from opp_analytics.history import rows
from opp_analytics.history.convert import convert_changes, find_rates, list_needed, select_closings
from opp_analytics.history.coverage import KNOWN, LEAST_KNOWN, coverage, share_known
from opp_analytics.history.engine import arrow, collect, ibis, latest, share_engine, stream
from opp_analytics.history.from_changes import read_import
from opp_analytics.history.recording import add_import, add_record, is_recorded, looks_partial
from opp_analytics.history.scope import ScopedSource, Source, add_derived
from opp_analytics.history.snapshots import (
    DailySource,
    SnapshotSource,
    read_daily,
    read_versions,
)
from opp_analytics.history.sources import (
    EarlierSource,
    FolderSource,
    TableSource,
    read_given,
    read_log,
)
from opp_analytics.history.store import Memory, Recorded, Store
from opp_analytics.note import TableNote
from opp_analytics.org import (
    CURRENCY,
    DEFAULT,
    NOT_RECORDED,
    VALUE_ORIGINAL,
    Org,
    check_org,
    conform,
    list_derived,
    record_link,
)
from opp_analytics.periods import Freq, When, as_date, as_instant

_T = TypeVar("_T")
_CLOSED = ("won", "lost", "conflict")
_TIMELINE = ["seen_after", "seen_at", "operation", "field", "before", "after", "run_id"]
_INSTANTS = ("seen_after", "seen_at")
_TEXTS = ("operation", "field", "run_id")
_NOT_RECORDED = (*rows.CHANGE_COLUMNS, schema.UNRECORDED)
_NO_FIELDS = ("unique_id", *_NOT_RECORDED, *rows.UNTRACKED, VALUE_ORIGINAL)


def _timeline(changes: pd.DataFrame, own_writes: pd.DataFrame | None) -> pd.DataFrame:
    """List every change of a field from one deal's change rows, oldest first, and our writes.

    See `History.deal`.
    """
    fields = [name for name in changes.columns if name not in _NO_FIELDS]
    rows: list[dict[str, Any]] = []
    known = dict.fromkeys(fields)
    for _, change in changes.iterrows():
        said = {name: change[name] for name in ("seen_after", "seen_at", "operation")}
        now = {name: None if schema.is_blank(change[name]) else change[name] for name in fields}
        moved = [name for name in fields if now[name] != known[name]]
        run = {"run_id": _run_between(change, own_writes)}
        rows += [
            {**said, "field": name, "before": known[name], "after": now[name], **run}
            for name in moved
        ]
        if not moved:
            rows.append({**said, "before": None, "after": None, **run})
        known = now
    dtypes = dict.fromkeys(_INSTANTS, "datetime64[us, UTC]") | dict.fromkeys(_TEXTS, schema.TEXT)
    return pd.DataFrame(rows, columns=_TIMELINE, dtype="object").astype(dtypes)


def _run_between(change: pd.Series[Any], own_writes: pd.DataFrame | None) -> str | None:
    """Find the last of our runs that wrote the opportunity between the two records of a change."""
    if own_writes is None or pd.isna(change["seen_after"]):
        return None
    ours = own_writes[own_writes["unique_id"] == change["unique_id"]]
    written = pd.to_datetime(ours["written_at"], utc=True)
    inside = ours[(written > change["seen_after"]) & (written <= change["seen_at"])]
    return None if inside.empty else str(inside["run_id"].iloc[-1])


class History:
    """A folder that keeps every recorded version of every opportunity.

    Each `record` adds what changed.

    The API keeps no history, so yours starts with the first record. Cost and size grow with the
    changes, not with opportunities × days. A change happened after the previous record
    (``seen_after``) and by the record that shows it (``seen_at``); two edits between two records
    appear as one.

    Parameters
    ----------
    path : str or path
        Folder of the history. The first record makes it, with the permissions that the umask gives.
        Its own files must not be links.
    org : Org, optional
        What the stages mean. Records keep the spellings that they were given, and are read by this
        org; without it, by the API's six stages.
    memory_limit : str
        Most memory that a query may use. The rest goes to a private temporary folder.
    lock_timeout : float
        Seconds to wait for another process to finish its record.

    Examples
    --------
    >>> import tempfile
    >>> monday = pd.DataFrame({"unique_id": ["a", "b"], "stage": ["proposal", "discovery"]})
    >>> history = History(tempfile.mkdtemp())
    >>> history.record(monday, at="2026-03-02").new
    2
    >>> history.record(monday.assign(stage=["closed_won", "discovery"]), at="2026-03-09").changed
    1
    >>> history.as_of("2026-03-05")["stage"].tolist()
    ['proposal', 'discovery']
    """

    _rated_at: pd.Timestamp | None = None
    """The record whose day's rates open deals have; None for the last one."""

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        org: Org | None = None,
        memory_limit: str = "2GB",
        lock_timeout: float = 30.0,
    ) -> None:
        if not isinstance(path, (str, PathLike)):
            raise ArgumentTypeError(f"path={path!r} is not a path; give the folder of the history")
        self._path: Path | None = arguments.path(path)
        self.org = check_org(org)
        self._memory = Memory()
        # A notebook that moves to another folder keeps its history.
        store = Store(self._path.absolute(), lock_timeout)
        self._source: Source = FolderSource(store, share_engine(memory_limit, os.getpid()))
        store.entries()

    @classmethod
    def from_changes(
        cls,
        changes: pd.DataFrame | arguments.ArrowStream | str | PathLike[str] | ChangeLog,
        *,
        path: str | PathLike[str] | None = None,
        org: Org | None = None,
        opportunities: pd.DataFrame | None = None,
        day_first: bool | None = None,
        decimal_comma: bool | None = None,
        unreadable: str = "refuse",
        progress: bool | None = None,
    ) -> History:
        """Make a history from another CRM's field history, a change log, or `changes`.

        Parameters
        ----------
        changes : DataFrame or path
            A field history of Salesforce (OpportunityFieldHistory, OpportunityHistory, or the
            reports of both), HubSpot (property history) or Pipedrive
            (change log), as a frame or a file; with its `org`. Or a log of your own.
            Wide, one row per opportunity and change, with the whole opportunity at that time:
            ``unique_id``, ``seen_at`` (instant), optional ``seen_after`` and ``operation`` (new,
            changed, deleted, returned), and the opportunity's columns. Long, one row per changed
            field: ``unique_id``, ``changed_at``, ``field``, ``new_value``, optional ``old_value``.
        path : str or path, optional
            New or empty folder for the history. Without it, the history and its `table` exist only
            as long as the object.
        org : Org, optional
            What the columns, fields and stages mean; default: the org of `changes`, if it has one.
        opportunities : DataFrame, optional
            The deals as they are now, from `read_export`. They tell when each was created, its name
            and account, and the values of the tracked fields that never changed. A deal closed
            there, whose closing the log lacks, is open until its close date in the stage "(not
            recorded)"; `coverage` gives the share of such deals. Ids that differ only in spelling
            are matched, and unique names where the log has no ids of theirs.
        day_first, decimal_comma : bool, optional
            As in `read_export`.
        unreadable : {"refuse", "blank"}
            As in `read_export`; the time of a change is always needed.
        progress : bool, optional
            If True, print what was mapped, guessed and dropped; if False, don't. Default: in a
            notebook or terminal.

        Returns
        -------
        History
            Its records are the distinct instants of the log. Rows out of order are sorted. If an
            opportunity has two rows at one instant, the later one is used. A second creation under
            one id counts as a change, and a deal whose creation nothing tells begins with its first
            change. A `DataWarning` and `check` report each of these. A field that the log lacks
            begins with the first record that has it.

        Raises
        ------
        DataError
            When a column is missing or a value does not fit: the row, the column and the value are
            named. When the opportunities hold fewer than half of the log's deals, or an id or a
            name of the log may be several of theirs.
        HistoryError
            When `path` already contains records.

        Examples
        --------
        >>> import opp_analytics as oa
        >>> log = pd.DataFrame(
        ...     {
        ...         "OpportunityId": "001M000000qfPyS",
        ...         "CreatedDate": ["2026-03-02T10:00:00Z", "2026-03-09T10:00:00Z"],
        ...         "Field": ["created", "StageName"],
        ...         "OldValue": [None, "Prospecting"],
        ...         "NewValue": [None, "Closed Won"],
        ...     }
        ... )
        >>> history = History.from_changes(log, org=oa.Org.salesforce(), progress=False)
        >>> [history.as_of(day)["stage"].item() for day in ("2026-03-03", "2026-03-10")]
        ['Prospecting', 'Closed Won']
        """
        imported, known = read_import(
            changes,
            check_org(org),
            opportunities,
            progress=progress,
            day_first=day_first,
            decimal_comma=decimal_comma,
            unreadable=unreadable,
        )
        if path is None:
            folder = Path(tempfile.mkdtemp(prefix="opp-analytics-history-"))
            history = cls(folder, org=known)
            weakref.finalize(history._source, shutil.rmtree, folder, True)
        else:
            history = cls(path, org=known)
        add_import(history._own_folder("import into"), imported)
        imported.warn()
        return history

    @classmethod
    def from_table(
        cls, table: ibis.Table, records: pd.DataFrame | None = None, org: Org | None = None
    ) -> History:
        """Make a read-only history over a change log in a warehouse or on Spark.

        Any other Ibis backend works too.

        Parameters
        ----------
        table : ibis.Table
            The wide form of `from_changes`: ``unique_id``, ``seen_at``, preferably ``seen_after``
            and ``operation``, and the opportunity's columns. One row per opportunity and instant;
            `check` finds others.
        records : DataFrame, optional
            Column ``recorded_at`` with the time of every record, as in `records` of another
            history. Without it, the records are read from ``seen_at``, which misses records without
            a change.
        org : Org, optional
            What the columns and stages mean; a column that it does not name keeps its label.

        Raises
        ------
        DataError
            When `table` is not an Ibis table, or lacks a column.

        See Also
        --------
        History.from_snapshots : the same over a dbt snapshot or another table of versions.

        Examples
        --------
        >>> seen = ["2026-03-02", "2026-03-09"]
        >>> log = pd.DataFrame({"unique_id": "a", "seen_at": seen, "value": [1.0, 2.0]})
        >>> warehouse = History.from_changes(log)
        >>> History.from_table(warehouse.table).as_of("2026-03-09")["value"].tolist()
        [2.0]
        """
        return cls._over(
            TableSource(read_log(table, check_org(org) or DEFAULT), read_given(records)), org
        )

    @classmethod
    def from_snapshots(
        cls,
        table: ibis.Table,
        *,
        key: str | None = None,
        valid_from: str = "dbt_valid_from",
        valid_to: str = "dbt_valid_to",
        records: pd.DataFrame | None = None,
        org: Org | None = None,
    ) -> History:
        """Make a read-only history over a dbt snapshot or a similar table, through Ibis.

        A similar table has one row per version of a deal.

        Parameters
        ----------
        table : ibis.Table
            Versions of all opportunities, in any Ibis backend: the deal's columns, and from when to
            when each version was current. Text, dates and times without a zone are read as UTC. A
            version that dbt marks with ``dbt_is_deleted``, or the CRM with ``is_deleted`` or the
            status ``deleted``, is a deletion. Lists and structures are left out.
        key : str, optional
            Column with the deal's id; default: ``unique_id``, or the column that the org calls so.
        valid_from, valid_to : str
            Columns with the beginning and the end of each version. A current version has no end, or
            one in 2099 or later. A version that begins up to one second after the end of another
            follows it; after a longer gap the deal is ``returned``, and ``deleted`` in between.
        records : DataFrame, optional
            Column ``recorded_at`` with the time of every run, as in `from_table`; the history
            begins with the first one. Without it, the records are the distinct times at which a
            version begins or ends.
        org : Org, optional
            What the columns and stages mean, as in `read_export`: with ``Org.salesforce()``,
            ``Amount`` or ``amount`` is ``value``, and ``StageName`` or ``stage_name`` is ``stage``.
            A column that it does not name keeps its label.

        Returns
        -------
        History
            Its `table` is an expression: the engine reads the versions at each question, and
            nothing is copied. `check` lists versions without an id or beginning, with an end before
            it, and those that overlap.

        Raises
        ------
        DataError
            When `table` is not an Ibis table, lacks a column, has two columns that differ only in
            case, or a time is stored as a number.

        Notes
        -----
        Changes between two runs are not in a snapshot, and with ``hard_deletes: ignore`` neither
        are deletions: a deal that was deleted stays open. With dbt's strategy ``timestamp``,
        versions of the first run begin when the deal was last edited; give `records`, so that the
        history begins with that run.

        See Also
        --------
        History.from_table : the same over a change log.

        Examples
        --------
        >>> import ibis
        >>> snapshot = ibis.memtable(
        ...     pa.table(
        ...         {
        ...             "Id": ["a", "a", "b"],
        ...             "Amount": [1.0, 2.0, 5.0],
        ...             "dbt_valid_from": ["2026-03-02", "2026-03-09", "2026-03-02"],
        ...             "dbt_valid_to": ["2026-03-09", None, "2026-03-09"],
        ...         }
        ...     )
        ... )
        >>> history = History.from_snapshots(snapshot, org=Org.salesforce())
        >>> history.changes()[["unique_id", "operation", "value"]].values.tolist()
        [['a', 'new', 1.0], ['b', 'new', 5.0], ['a', 'changed', 2.0], ['b', 'deleted', 5.0]]
        """
        meaning = check_org(org) or DEFAULT
        versions = read_versions(table, meaning, key=key, valid_from=valid_from, valid_to=valid_to)
        return cls._over(SnapshotSource(versions, read_given(records)), org)

    @classmethod
    def from_daily(
        cls, table: ibis.Table, *, key: str | None = None, day: str, org: Org | None = None
    ) -> History:
        """Make a read-only history over a table with a row a deal a day, through Ibis.

        Parameters
        ----------
        table : ibis.Table
            Every day's deals, in any Ibis backend, with columns as in `from_snapshots`.
        key : str, optional
            Column with the deal's id; default: ``unique_id``, or the column that the org calls so.
        day : str
            Column with the day of a row. Of a time its day in UTC counts, and of several rows of a
            deal on one day the last.
        org : Org, optional
            What the columns and stages mean; its time zone tells when a day begins.

        Returns
        -------
        History
            Its records are the days that have rows, and each is compared with the one before. A
            deal that has no row on a day is ``deleted`` from then on; on a day without any row
            nobody looked. `check` lists rows without an id or a day, and two of a deal at one time.

        Raises
        ------
        DataError
            As in `from_snapshots`.

        See Also
        --------
        History.from_snapshots : the same over a table with a row for each version of a deal.

        Examples
        --------
        >>> import ibis
        >>> daily = ibis.memtable(
        ...     pa.table(
        ...         {
        ...             "day": ["2026-03-02", "2026-03-02", "2026-03-03", "2026-03-06"],
        ...             "Id": ["a", "b", "a", "a"],
        ...             "Amount": [1.0, 5.0, 1.0, 2.0],
        ...         }
        ...     )
        ... )
        >>> history = History.from_daily(daily, key="Id", day="day", org=Org.salesforce())
        >>> history.changes()[["unique_id", "operation", "value"]].values.tolist()
        [['a', 'new', 1.0], ['b', 'new', 5.0], ['b', 'deleted', 5.0], ['a', 'changed', 2.0]]
        """
        meaning = check_org(org) or DEFAULT
        daily = read_daily(table, meaning, key=key, day=day)
        return cls._over(DailySource(daily, meaning.zone(None)), org)

    @classmethod
    def _over(cls, source: TableSource, org: Org | None) -> History:
        history = cls.__new__(cls)
        history._path = None
        history.org = org
        history._memory = Memory()
        history._source = source
        return history

    def __repr__(self) -> str:
        records = self.records
        where = f"of {self._source}" if self.is_part else f"in {self._path or 'a table'}"
        if records.empty:
            return f"<History {where}: no records yet>"
        first, last = records["recorded_at"].iloc[0], records["recorded_at"].iloc[-1]
        return (
            f"<History {where}: {len(records)} records, {first:%Y-%m-%d %H:%M} to "
            f"{last:%Y-%m-%d %H:%M} UTC>"
        )

    def record(
        self,
        opportunities: pd.DataFrame | arguments.ArrowStream,
        *,
        at: When | None = None,
        allow_deleted: bool = False,
        allow_missing: str | Sequence[str] = (),
    ) -> Recorded:
        """Record all opportunities; only new, changed and deleted ones are stored.

        Parameters
        ----------
        opportunities : DataFrame
            All opportunities, as `load` returns them, or any frame with ``unique_id``. A new
            ``updated_at`` alone is not a change.
        at : str, date or datetime, optional
            Time that the frame shows, in the org's time zone unless it names another; default: the
            time of the load (``attrs["load"]``), else now.
        allow_deleted : bool
            If True, a frame that was not loaded from the API (an export, for example) may lack more
            than 20% and more than 5 of the opportunities known so far: they are recorded as
            deleted. If False, such a frame is refused as a partial export.
        allow_missing : str or list of str
            Columns that may be gone, or empty in every row, although the last record had values
            there: the values are recorded as missing. Otherwise a column of the API is refused,
            unless it is one cleared cell, and a further column raises a `DataWarning`.

        Returns
        -------
        Recorded

        Raises
        ------
        RecordRefused
            When the frame does not hold all opportunities (an incomplete, filtered or searched
            load, or rows dropped since, an export that looks partial), repeats an id, lost a column
            of the API, belongs to another tenant, or `at` is not after the last record. Nothing is
            stored. The error is also a `HistoryError` and a `DataError`.
        ArgumentTypeError, ArgumentValueError
            When `at` is not a time, or `allow_missing` names an unknown column.
        HistoryError
            When the folder cannot be written, or a file in it is a link; the message says why, and
            the history is unchanged.

        Notes
        -----
        A record is stored whole or not at all, even after a crash or a power failure. Two processes
        that record at the same time wait for each other.
        """
        source = self._own_folder("record into")
        return add_record(
            source,
            opportunities,
            at=at,
            org=self.org,
            allow_deleted=allow_deleted,
            allow_missing=allow_missing,
        )

    def check(self, *, set_aside: bool = False) -> pd.DataFrame:
        """List problems of the files, of warehouse rows, and of the history's import.

        Parameters
        ----------
        set_aside : bool
            If True, move damaged change files to ``damaged/`` and go on without them. Their changes
            appear only where a later record shows them, their records are no longer ``complete``,
            and every query warns.

        Returns
        -------
        DataFrame
            ``recorded_at`` (time of the record), ``file``, ``unique_id`` (for problems of an
            import), ``problem``. Empty when there are no problems.
        """
        if set_aside:
            self._own_folder("set files aside in").take_aside()
        frame = pd.DataFrame(
            self._source.check(), columns=["recorded_at", "file", "unique_id", "problem"]
        )
        return frame.astype(
            {
                "recorded_at": "datetime64[us, UTC]",
                **dict.fromkeys(["file", "unique_id", "problem"], schema.TEXT),
            }
        )

    def _own_folder(self, purpose: str) -> FolderSource:
        if not isinstance(self._source, FolderSource):
            why = (
                "it is a part of another one"
                if self.is_part
                else "its table belongs to another system"
            )
            raise HistoryError(
                f"This history is read-only, because {why}. To {purpose} a history, open one "
                "with History(path)."
            )
        return self._source

    @property
    def records(self) -> pd.DataFrame:
        """Every record, oldest first.

        Returns
        -------
        DataFrame
            ``recorded_at`` (instant, UTC), ``rows`` (opportunities then), ``changed`` (change rows
            added: the sum of ``new``, ``edited``, ``deleted``, ``returned``), ``complete`` (False
            where a damaged file was set aside, so that changes may be missing), ``certified`` (True
            with a load certificate). With no records, the same columns and no rows.
        """
        return self._source.records()

    @property
    def table(self) -> ibis.Table:
        """The change log as an Ibis table with the columns of `changes`.

        Run your expressions with `collect`.

        An alias of the org is read as its stage. With people, each row has the ``team`` and
        ``region`` of its owner then, and an open deal a row ``moved`` where its owner changed them;
        columns of joined tables have their values of today. With rates, ``value`` is in the org's
        currency and ``value_original`` is the CRM's; see `at_rates_of`.

        Raises
        ------
        HistoryError
            When a file is damaged; the message names it.
        """
        if self.org is None or isinstance(self._source, ScopedSource):
            return self._read_values()
        source, rows = self._source, self._source.table()

        def derive() -> ibis.Table:
            table = add_derived(self._read_values(), Org.of(self), self.records["recorded_at"])
            # Those at the rates of a day serve one question.
            return table if table is rows or self._rated_at is not None else source.keep(table)

        state = self._rated_at is None and (source.version(), rows.op())
        return self._memory.get("table", state, derive, fact=True) if state else derive()

    def at_rates_of(self, record: pd.Timestamp) -> Self:
        """Read the values of this history at the rates of one question's later day.

        Without rates, the history itself.

        A deal that is won or lost as of a record has the rate of its close date at all times, any
        other that of the record's day: so no movement is exchange. By default it is the last
        record.

        Parameters
        ----------
        record : Timestamp
            Time of the record. A history that has such rates already keeps them.
        """
        if not self._converts or self._rated_at is not None:
            return self
        same = copy.copy(self)
        same._rated_at = record
        if isinstance(self._source, ScopedSource):
            same._source = self._source.of(self._source.whole.at_rates_of(record))
        return same

    @property
    def _converts(self) -> bool:
        org = Org.of(self)
        return org.converts and not org.currency_rates.empty

    @property
    def _rating(self) -> pd.Timestamp:
        return pd.Timestamp(self._rated_at or self.records["recorded_at"].iloc[-1])

    def _read_values(self) -> ibis.Table:
        table, org = self._source.table() if self.is_part else self._read_log(), Org.of(self)
        if (
            self.is_part
            or not self._converts
            or CURRENCY not in table.columns
            or self.records.empty
        ):
            return table
        rates = self._memory.get(
            ("rates",),
            self._source.version(),
            lambda: find_rates(self.collect(list_needed(table, org)), org),
            fact=True,
        )
        return convert_changes(table, org, rates, self._rating)

    def _list_days(self, ids: Series) -> Series:
        """List the day of each deal's rate, as `at_rates_of` has it."""
        org = Org.of(self)

        def read_closings() -> Series:
            whole = (
                self._source.whole.log
                if isinstance(self._source, ScopedSource)
                else self._read_log()
            )
            last = latest(whole.filter(whole["seen_at"] <= self._rating))
            closed = last.select("unique_id", day=select_closings(last, org))
            closings: Series = self.collect(closed).set_index("unique_id")["day"].dropna()
            return closings

        days = self.remember(("closing days",), read_closings).reindex(ids).set_axis(ids.index)
        return pd.Series(days).fillna(as_date(self._rating, tz=org.zone(None)))

    def _read_log(self) -> ibis.Table:
        """Read the change log with the CRM's values, and aliases as their stages."""
        table = self._source.table()
        if self.is_part and self._converts and VALUE_ORIGINAL in table.columns:
            table = table.mutate(value=table[VALUE_ORIGINAL]).drop(VALUE_ORIGINAL)
        aliases = self.org.stages.aliases if self.org else {}
        return table.mutate(stage=table["stage"].substitute(dict(aliases))) if aliases else table

    def stages_seen(self) -> pd.DataFrame:
        """Count the ``deals`` of each ``stage`` and ``status`` (categories) in history."""

        def count_deals() -> pd.DataFrame:
            table = self._read_log()
            counted = table.group_by(["stage", "status"]).agg(deals=table["unique_id"].nunique())
            return self._conform(self.collect(counted))

        return self.remember(("stages seen",), count_deals)

    def _conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Conform a frame to the org, and note the org in its attrs."""
        if self.org is None:
            return conform(frame)
        frame.attrs["org"] = self.org.facts
        return conform(frame)

    def remember(self, key: tuple[Any, ...], make: Callable[[], _T], *, fact: bool = False) -> _T:
        """Call `make` once per key until a record is added.

        The last eight results are kept, and every `fact`.
        """
        return self._memory.get((self._rated_at, *key), self._source.version(), make, fact=fact)

    @property
    def is_part(self) -> bool:
        """True for a history made by `where`."""
        return isinstance(self._source, ScopedSource)

    @property
    def log(self) -> ibis.Table:
        """Change rows that analyses read: those of `table`.

        After `where`, the same deals' rows of other times are added.
        """
        return self._source.log() if isinstance(self._source, ScopedSource) else self.table

    def within(self, log: ibis.Table) -> Any:
        """Mark the rows of `log` that belong to this history (an Ibis expression)."""
        return (
            self._source.within(log)
            if isinstance(self._source, ScopedSource)
            else ibis.literal(True)
        )

    def read_by(self, org: Org) -> Self:
        """Copy this history with another org."""
        same = copy.copy(self)
        same.org, same._memory = check_org(org), Memory()
        return same

    def hold_teams(self, day: pd.Timestamp) -> Self:
        """Copy this history with people in their teams of a day at all times.

        Where nobody ever moved, nobody was in a team that day, or it is a part, it is itself.
        """
        org = Org.of(self)
        if self.is_part or not org.people["from_date"].notna().any():
            return self
        held = org.hold_teams(day)
        if list_derived(held.people) != list_derived(org.people):
            return self
        return self.remember(("teams", day), lambda: self.read_by(held))

    def until(self, record: pd.Timestamp) -> Self:
        """Copy this history as it was after one of its records, read-only."""
        same = copy.copy(self)
        same._path, same._memory = None, Memory()
        source = self._source
        same._source = (
            source.of(source.whole.until(record))
            if isinstance(source, ScopedSource)
            else EarlierSource(source, record)
        )
        return same

    def where(self, **columns: Any) -> Self:
        """Select the part of the history in which opportunities had given values.

        Parameters
        ----------
        **columns : value or list of values
            Columns of the history: ``where(owner_name="Ann")``, ``where(region=["East", "West"])``.
            None means a missing value.

        Returns
        -------
        History
            Read-only. What leaves is ``transferred``, never deleted or lost: its `changes` have the
            operations ``transferred`` (with the values before) and ``transferred_in``, `waterfall`
            the movements ``transferred_out`` and ``transferred_in``, `slippage` the outcome
            ``transferred``. Where the owner moved and the deal stayed, it is ``moved``.

        Raises
        ------
        MissingColumnError, ArgumentValueError
            When the history lacks a column, or no opportunity ever had a value.

        Examples
        --------
        >>> log = pd.DataFrame(
        ...     {
        ...         "unique_id": "a",
        ...         "seen_at": ["2026-03-02", "2026-03-09"],
        ...         "owner_name": ["Ann", "Bo"],
        ...     }
        ... )
        >>> ann = History.from_changes(log).where(owner_name="Ann")
        >>> ann.changes()["operation"].tolist(), len(ann.as_of("2026-03-09"))
        (['new', 'transferred'], 0)
        """
        part = copy.copy(self)
        part._path, part._memory = None, Memory()
        part._source = ScopedSource(self, self._source, columns)
        return part

    def changes(self) -> pd.DataFrame:
        """Read the change log: one wide row per changed opportunity and record.

        Returns
        -------
        DataFrame
            ``seen_after``, ``seen_at`` (instants: the change happened after the first and by the
            second; a first record has no ``seen_after``), ``operation`` (new, changed, deleted,
            returned), then the opportunity's columns at ``seen_at``; a deleted one keeps its last
            values. Values are the CRM's, but those of a history `at_rates_of` a record are
            converted. Rows are in order of ``seen_at``, then ``unique_id``. With no records, the
            same columns and no rows.
        """
        order = [("seen_at", "ascending"), ("unique_id", "ascending")]
        table = self._read_log() if self._rated_at is None else self._read_values()
        return self._conform(rows.to_frame(self.collect_arrow(table).sort_by(order)))

    def as_of(self, when: When, *, tz: str | None = None) -> pd.DataFrame:
        """Rebuild all opportunities of the last record at or before `when`.

        Parameters
        ----------
        when : str, date or datetime
            Time to look up; a date without a zone means the end of its day in `tz`.
        tz : str, optional
            Business time zone; default: the org's, else UTC.

        Returns
        -------
        DataFrame
            The recorded frame, in order of ``unique_id``: exact in every column but ``updated_at``,
            which is the time of the last tracked change. ``attrs["recorded_at"]`` is the time of
            the record. With an org, ``attrs["org"]`` says what the stages mean, and its people give
            ``team`` and ``region``.

        Raises
        ------
        NotEnoughHistory
            When `when` is before the first record.
        """
        zone = Org.of(self).zone(tz)
        recorded_at = self.recorded_before(as_instant(when, tz=zone, end=True, name="when"))
        table = self._read_log()
        then = latest(table.filter(table["seen_at"] <= recorded_at))
        then = then.drop(
            *(name for name in _NOT_RECORDED if name in then.columns and name != "operation")
        )
        # Here, because engines sort text each in their own way.
        found = rows.present(self.collect_arrow(then).sort_by("unique_id")).drop_columns(
            "operation"
        )
        frame = rows.to_frame(found, self._source.columns_at(recorded_at))
        frame.attrs["recorded_at"] = recorded_at.isoformat()
        if self.org is None:
            return frame
        rated = self._rated_at is not None and "unique_id" in frame
        return self.org.apply_on(frame, self._list_days(frame["unique_id"]) if rated else None)

    def deal(self, unique_id: str, *, own_writes: pd.DataFrame | None = None) -> pd.DataFrame:
        """List the timeline of an opportunity: each change, with its before and after.

        Parameters
        ----------
        unique_id : str
            Id of the opportunity.
        own_writes : DataFrame, optional
            Writes of this package, from `own_writes`: ``unique_id``, ``written_at``, ``run_id``.

        Returns
        -------
        DataFrame
            One row per changed field, oldest first: ``seen_after``, ``seen_at`` (instants: it
            happened after the first and by the second), ``operation`` (new, changed, deleted,
            returned), ``field`` (str; missing where nothing but the operation changed), ``before``,
            ``after`` (object, at the field's type; None when blank), ``run_id`` (str: the last run
            of this package that wrote to the opportunity between the two records). Note:
            ``unique_id``, ``name``, ``day`` (day of the last record), ``link`` (address in the
            CRM, from the org). A new ``updated_at`` alone adds no row.

        Raises
        ------
        ArgumentTypeError, ArgumentValueError
            When `unique_id` is not text, or the history has no such opportunity.

        Examples
        --------
        >>> seen = ["2026-03-02", "2026-03-09"]
        >>> log = pd.DataFrame({"unique_id": "a", "seen_at": seen, "value": [1.0, 2.0]})
        >>> columns = ["operation", "field", "before", "after"]
        >>> History.from_changes(log).deal("a")[columns].values.tolist()
        [['new', 'value', None, 1.0], ['changed', 'value', 1.0, 2.0]]
        """
        arguments.text(unique_id, "unique_id", example="opp-1")
        if own_writes is not None:
            needed = ("unique_id", "written_at", "run_id")
            arguments.frame(own_writes, "own_writes", *needed, made_by="own_writes")
        table = self._read_values()
        own = self.collect_arrow(table.filter(table["unique_id"] == unique_id))
        if not len(own):
            raise ArgumentValueError(
                f"unique_id={unique_id!r}: the history has no such opportunity"
            )
        changes = self._conform(rows.to_frame(own.sort_by("seen_at")))
        found = _timeline(changes, own_writes)
        name = changes["name"].dropna()
        return TableNote(
            "history.deal",
            str(self.records["recorded_at"].iloc[-1].date()),
            org=self.org.facts if self.org else None,
            figures={
                "unique_id": unique_id,
                "name": str(name.iloc[-1]) if len(name) else None,
                "link": record_link(self.org.record_url, unique_id) if self.org else None,
            },
        ).write(found)

    def recorded_before(self, instant: pd.Timestamp) -> pd.Timestamp:
        """Find the time of the last record at or before `instant`.

        Raises
        ------
        NotEnoughHistory
            When there is no such record; the message says when the history begins.
        """
        moments = self.records["recorded_at"]
        known = moments[moments <= instant]
        if len(known):
            return pd.Timestamp(known.iloc[-1])
        begins = (
            (
                f"the first record is from {moments.iloc[0]:%Y-%m-%d %H:%M} UTC; choose "
                f"{moments.iloc[0].ceil('D'):%Y-%m-%d} or later"
            )
            if len(moments)
            else "there are no records yet"
        )
        raise NotEnoughHistory(
            f"The history does not reach back to {instant:%Y-%m-%d %H:%M} UTC: {begins}"
        )

    @property
    def begins(self) -> Series:
        """First record that has each column.

        A field that an import lacked begins with a later record.

        Returns
        -------
        Series
            ``begins`` (instant) by ``column`` (str), in order of time; empty for a history over a
            table.
        """
        found = self._source.begins()
        index = pd.Index(list(found), dtype=schema.TEXT, name="column")
        return pd.Series(
            list(found.values()), index=index, name="begins", dtype="datetime64[us, UTC]"
        )

    def coverage(self, *, freq: Freq = "M") -> pd.DataFrame:
        """Show how well the records cover each period, and which questions they can answer.

        Parameters
        ----------
        freq : str
            Period alias, such as ``"M"``, ``"Q"`` (of the org's fiscal year) or ``"Q-DEC"``;
            periods are in UTC.

        Returns
        -------
        DataFrame
            Index ``period`` (str), from the period of the first record to that of the last.
            ``records`` (int64), ``answers`` (str: "all"; "to date" while it runs; "from the first
            record on" where its start is unknown, so that slippage and waterfall must start later;
            "nothing" where it has no record; ": no stages", ": no dates" where too few are known),
            ``complete`` (bool, False where a damaged file was set aside), ``stage_known``,
            ``date_known``, ``value_known`` (float64, share of the deals closed in the period whose
            stage, planned date and value are known from their creation on: an imported field
            history may lack them; 1 without such deals). Note: ``cadence_days``
            (median time between records), ``next_due``. Without records, no rows.

        Raises
        ------
        ArgumentError, DataError
            When `freq` is not a period alias.
        """
        return coverage(self.records, Org.of(self).freq(freq), self.list_closings())

    def list_closings(self) -> pd.DataFrame:
        """List the closed deals, and what is known of each from its creation to its closing.

        Returns
        -------
        DataFrame
            ``closed_on`` (date), ``stage``, ``close_date``, ``value`` (bool, True where the column
            is known). A part of a history has those of the whole. Without an import that lacks any
            of them, no rows.
        """
        if self.is_part:
            return whole_of(self).list_closings()
        return self.remember(("closings",), self._read_closings, fact=True)

    def _read_closings(self) -> pd.DataFrame:
        begins, first = self.begins, self.records["recorded_at"].min()
        # A column that an import lacks is known from the first record with it, if there is one.
        late = begins.reindex(list(KNOWN)) if len(begins) else begins
        late = late[~(late <= first)].dt.tz_localize(None).dt.normalize()
        # Which files are damaged is told by `complete`, and by every other question.
        with DataWarning.muted():
            table, seen = self._read_log(), self.stages_seen()
        marked = schema.UNRECORDED in table.columns
        if pd.isna(first) or not (marked or len(late) or (seen["stage"] == NOT_RECORDED).any()):
            return pd.DataFrame({"closed_on": pd.DatetimeIndex([]), **dict.fromkeys(KNOWN, True)})
        mark = table[schema.UNRECORDED].fill_null("") if marked else table["unique_id"].substr(0, 0)
        lacks = {
            "_stage": table["stage"].fill_null("") == NOT_RECORDED,
            "_close_date": mark.contains("close_date"),
            "_value": mark.contains("value"),
        }
        # A window rather than a join with the newest rows, which DuckDB 1.5.0 answers with no row.
        deal = ibis.window(group_by="unique_id")
        last = latest(
            table.mutate(
                _outcome=Org.of(self).stages.outcome_expression(table),
                **{name: lacking.ifelse(1, 0).max().over(deal) for name, lacking in lacks.items()},
            )
        ).filter(lambda row: row["_outcome"].isin(_CLOSED))
        day = last["close_date"].fill_null(last["seen_at"].date())
        shares = {name: last[f"_{name}"] for name in KNOWN}
        found = self.collect(last.select("unique_id", closed_on=day, **shares))
        known = {name: found[name] == 0 for name in KNOWN}
        closings: pd.DataFrame = found.assign(
            **known | {name: known[name] & (found["closed_on"] >= at) for name, at in late.items()}
        )
        return closings

    def find_gaps(self, *columns: str) -> pd.PeriodIndex:
        """List the months with any of `columns` known for under 90% of closed deals.

        The columns are among ``stage``, ``close_date`` and ``value``.

        The deals open in a month without closings close later: it is as known as the next one with
        some.
        """
        closings = self.list_closings()
        if closings.empty:
            return pd.PeriodIndex([], freq="M")
        shares = share_known(closings, "M")
        begins = self.records["recorded_at"].iloc[0].tz_localize(None).to_period("M")
        months = pd.period_range(min(begins, shares.index[0]), shares.index[-1], freq="M")
        shares = shares.reindex(months).bfill()
        unknown = (shares[[KNOWN[name] for name in columns]] < LEAST_KNOWN).any(axis=1)
        return pd.PeriodIndex(shares.index[unknown])

    def collect(self, expression: Any) -> Any:
        """Run an Ibis expression made from `table`; its result in pandas.

        Returns
        -------
        DataFrame, Series or scalar
            Text is str, whole numbers are Int64, calendar dates are naive midnights, instants are
            UTC.

        Raises
        ------
        HistoryError
            When the engine fails; its error is the cause.

        Examples
        --------
        >>> seen = ["2026-03-02T00:00Z", "2026-03-09T00:00Z"]
        >>> log = pd.DataFrame({"unique_id": ["a", "a"], "seen_at": seen})
        >>> history = History.from_changes(log)
        >>> history.collect(history.table.count())
        2
        """
        with self._reset_on_error():
            return collect(expression)

    def collect_arrow(self, expression: Any) -> pa.Table:
        """Run an Ibis expression; its result as an Arrow table. Otherwise like `collect`."""
        with self._reset_on_error():
            found: pa.Table = arrow(expression)
        return found

    def stream_arrow(self, expression: Any) -> Iterator[pa.RecordBatch]:
        """Run an Ibis expression; its rows as Arrow batches, which are never in memory all at once.

        Otherwise like `collect`.
        """
        with self._reset_on_error():
            yield from stream(expression)

    @contextmanager
    def _reset_on_error(self) -> Iterator[None]:
        try:
            yield
        except HistoryError:
            self._source.reset()
            raise


def whole_of(history: History) -> History:
    """Return the history that one is a part of; a whole one itself."""
    source = history._source
    return whole_of(source.whole) if isinstance(source, ScopedSource) else history


def list_owners(history: History) -> frozenset[str]:
    """List everybody who ever owned a deal, those outside of a part too."""
    log = whole_of(history).log
    if "owner_name" not in log.columns:
        return frozenset()
    return frozenset(history.collect(log.select("owner_name").distinct())["owner_name"].dropna())


def hold(history: History | None) -> AbstractContextManager[None]:
    """Hold a history still for a block: all reads see the same records.

    What is recorded during the block is not seen.
    """
    return nullcontext() if history is None else history._source.hold()


def holds(history: History, opportunities: pd.DataFrame) -> bool:
    """Tell whether the last record of a folder's history holds the opportunities as they are."""
    return is_recorded(history._own_folder("compare with"), opportunities, history.org)


def holds_part(opportunities: pd.DataFrame, history: History | None) -> bool:
    """Tell whether a frame holds only a part of its pipeline.

    Its load certificate tells, else the record of its time.

    A few missing deals are no part, as for a record: people drop or delete them.
    """
    certificate = Certificate.of(opportunities)
    if certificate is not None and certificate.rows is not None:
        lacking = certificate.rows - len(opportunities)
        return bool(certificate.narrowed_by) or looks_partial(lacking, certificate.rows)
    known = _list_known(opportunities, history)
    return known is not None and looks_partial(
        int((~schema.is_among(known, opportunities["unique_id"])).sum()), len(known)
    )


def find_rest(opportunities: pd.DataFrame, history: History | None) -> pd.DataFrame | None:
    """Find the rest of the pipeline when a frame holds only a part of it.

    The rest is as in the record of the frame's time.

    None where the frame is whole or nothing tells the rest; ``attrs["recorded_at"]`` is the time of
    the record.
    """
    known = _list_known(opportunities, history)
    if history is None or known is None or not holds_part(opportunities, history):
        return None
    here = schema.is_among(known, opportunities["unique_id"])
    if here.all() or not (here.any() or opportunities.empty):
        return None
    then = history.as_of(_find_record(opportunities, history))
    return then[~schema.is_among(then["unique_id"], opportunities["unique_id"])]


def add_rest(opportunities: pd.DataFrame, rest: pd.DataFrame | None) -> pd.DataFrame:
    """Complete a part of a pipeline by the rest of it, which `find_rest` found."""
    if rest is None:
        return opportunities
    # As objects, since a column may be empty in one of them.
    parts = [part.astype("object") for part in (opportunities, rest)]
    whole = pd.concat(parts, ignore_index=True)
    whole.attrs = opportunities.attrs
    return conform(whole)


def _find_record(opportunities: pd.DataFrame, history: History) -> Any:
    """Find the time of the last record by a frame's moment; NaT if there is none."""
    moments, moment = history.records["recorded_at"], Certificate.moment_of(opportunities)
    return (moments if moment is None else moments[moments <= pd.Timestamp(moment)]).max()


def _list_known(opportunities: pd.DataFrame, history: History | None) -> Series | None:
    """List the ids of the record of a frame's time; None without one."""
    if history is None or "unique_id" not in opportunities:
        return None
    last = _find_record(opportunities, history)
    return (
        None
        if pd.isna(last)
        else history.remember(("known ids", last), lambda: history.as_of(last)["unique_id"])
    )
