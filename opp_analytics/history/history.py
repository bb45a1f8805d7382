"""The history of a pipeline: what changed, and between which two records."""

from __future__ import annotations

import copy
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from opp_analytics import arguments, schema, text
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, HistoryError, NotEnoughHistory
from opp_analytics.history import rows
from opp_analytics.history.coverage import coverage
from opp_analytics.history.engine import Engine, arrow, collect, latest
from opp_analytics.history.entries import Recorded
from opp_analytics.history.from_changes import imported_from
from opp_analytics.history.people import with_people
from opp_analytics.history.recording import add_import, add_record
from opp_analytics.history.scope import ScopedSource
from opp_analytics.history.sources import FolderSource, Source, TableSource, as_frame
from opp_analytics.history.store import Store
from opp_analytics.history.timeline import timeline
from opp_analytics.org import ChangeLog, Org, checked_org, conform, record_link
from opp_analytics.periods import When, as_instant

if TYPE_CHECKING:
    import ibis

__all__ = ["History"]


class History:
    """A folder that keeps every recorded version of every opportunity; each `record` adds what changed.

    The API keeps no history, so yours starts with the first record. Cost and size grow with the changes, not with
    opportunities × days. A change happened after the previous record (``seen_after``) and by the record that shows it
    (``seen_at``); two edits between two records appear as one.

    Parameters
    ----------
    path : str or path
        Folder of the history. The first record makes it, with the permissions that the umask gives. Its own files
        must not be links.
    org : Org, optional
        What the stages mean. Records keep the spellings that they were given, and are read by this org; without it, by
        the API's six stages.
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
        self.org = checked_org(org)
        self._seen: tuple[Any, pd.DataFrame] | None = None
        store = Store(self._path, lock_timeout)
        self._source: Source = FolderSource(store, Engine.shared(memory_limit))
        store.entries()

    @classmethod
    def from_changes(
        cls,
        changes: pd.DataFrame | str | PathLike[str] | ChangeLog,
        *,
        path: str | PathLike[str] | None = None,
        org: Org | None = None,
        opportunities: pd.DataFrame | None = None,
        ids: Mapping[str, str] | None = None,
        day_first: bool | None = None,
        progress: bool | None = None,
    ) -> History:
        """A history from the field history of another CRM, from a change log, or from `changes`.

        Parameters
        ----------
        changes : DataFrame or path
            A field history of Salesforce (OpportunityFieldHistory, OpportunityHistory, or the reports of both), HubSpot
            (property history) or Pipedrive (change log), as a frame or a file; with its `org`. Or a log of your own.
            Wide, one row per opportunity and change, with the whole opportunity at that time:
            ``unique_id``, ``seen_at`` (instant), optional ``seen_after`` and ``operation`` (new, changed, deleted,
            returned), and the opportunity's columns. Long, one row per changed field: ``unique_id``,
            ``changed_at``, ``field``, ``new_value``, optional ``old_value``.
        path : str or path, optional
            New or empty folder for the history. Without it, the history and its `table` exist only as long as
            the object.
        org : Org, optional
            What the columns, fields and stages mean; default: the org of `changes`, if it has one.
        opportunities : DataFrame, optional
            The deals as they are now, from `read_export`. They tell when each was created, its name and account, and the
            values of the tracked fields that never changed.
        ids : mapping, optional
            Ids in `changes` to ids of the records that follow, where those come from another system.
        day_first : bool, optional
            As in `read_export`.
        progress : bool, optional
            If True, print what was mapped, guessed and dropped; if False, don't. Default: in a notebook or terminal.

        Returns
        -------
        History
            Its records are the distinct instants of the log. Rows out of order are sorted. If an opportunity has two
            rows at one instant, the later one is used. A second creation under one id counts as a change, and a deal whose
            creation nothing tells begins with its first change. A `DataWarning` and `check` report each of these.
            A field that the log lacks begins with the first record that has it.

        Raises
        ------
        DataError
            When a column is missing or a value does not fit; the row, the column and the value are named.
        HistoryError
            When `path` already contains records.

        Examples
        --------
        >>> import opp_analytics as oa
        >>> log = pd.DataFrame({
        ...     "OpportunityId": "001M000000qfPyS", "CreatedDate": ["2026-03-02T10:00:00Z", "2026-03-09T10:00:00Z"],
        ...     "Field": ["created", "StageName"], "OldValue": [None, "Prospecting"], "NewValue": [None, "Closed Won"]})
        >>> history = History.from_changes(log, org=oa.Org.salesforce(), progress=False)
        >>> history.as_of("2026-03-03")["stage"].tolist(), history.as_of("2026-03-10")["stage"].tolist()
        (['Prospecting'], ['Closed Won'])
        """
        imported, known = imported_from(
            changes, checked_org(org), opportunities, ids=ids, day_first=day_first, progress=progress
        )
        if path is None:
            folder = Path(tempfile.mkdtemp(prefix="opp-analytics-history-"))
            history = cls(folder, org=known)
            weakref.finalize(history, shutil.rmtree, folder, True)
        else:
            history = cls(path, org=known)
        add_import(history._own_folder("import into"), imported)
        imported.warn()
        return history

    @classmethod
    def from_table(
        cls, table: ibis.Table, records: pd.DataFrame | None = None, org: Org | None = None
    ) -> History:
        """A read-only history over a change log in a warehouse, on Spark, or in any other Ibis backend.

        Parameters
        ----------
        table : ibis.Table
            The wide form of `from_changes`: ``unique_id``, ``seen_at``, preferably ``seen_after`` and
            ``operation``, and the opportunity's columns. One row per opportunity and instant; `check` finds others.
        records : DataFrame, optional
            Column ``recorded_at`` with the time of every record, as in `records` of another history. Without it,
            the records are read from ``seen_at``, which misses records without a change.
        org : Org, optional
            What the stages mean.

        Examples
        --------
        >>> log = pd.DataFrame({"unique_id": "a", "seen_at": ["2026-03-02", "2026-03-09"], "value": [1.0, 2.0]})
        >>> warehouse = History.from_changes(log)
        >>> History.from_table(warehouse.table).as_of("2026-03-09")["value"].tolist()
        [2.0]
        """
        history = cls.__new__(cls)
        history._path = None
        history.org = checked_org(org)
        history._seen = None
        history._source = TableSource(table, records)
        return history

    def __repr__(self) -> str:
        records = self.records
        where = str(self._source) if self.is_part else str(self._path) if self._path else "a table"
        if records.empty:
            return f"<History {'of' if self.is_part else 'in'} {where}: no records yet>"
        first, last = records["recorded_at"].iloc[0], records["recorded_at"].iloc[-1]
        return f"<History {'of' if self.is_part else 'in'} {where}: {len(records)} records, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC>"

    def _repr_html_(self) -> str:
        records = self.records
        facts: dict[str, object] = {"in": self._path or "a table", "records": len(records)}
        if len(records):
            first, last = records["recorded_at"].iloc[0], records["recorded_at"].iloc[-1]
            facts |= {
                "from": f"{first:%Y-%m-%d %H:%M} UTC",
                "to": f"{last:%Y-%m-%d %H:%M} UTC",
                "opportunities in the last": f"{records['rows'].iloc[-1]:,}",
                "changes": f"{records['changed'].sum():,}",
                "complete": "yes" if records["complete"].all() else "no: see .records",
            }
        return text.facts_html("History", facts)

    # Writing

    def record(
        self, opportunities: pd.DataFrame, *, at: When | None = None, allow_deleted: bool = False
    ) -> Recorded:
        """Record all opportunities; only new, changed and deleted ones are stored.

        Parameters
        ----------
        opportunities : DataFrame
            All opportunities, as `load` returns them, or any frame with ``unique_id``. A new ``updated_at`` alone is not
            a change.
        at : str, date or datetime, optional
            Time that the frame shows; default: the time of the load (``attrs["load"]``), else now.
        allow_deleted : bool
            If True, a frame that was not loaded from the API (an export, for example) may lack more than 20% and more
            than 5 of the opportunities known so far: they are recorded as deleted. If False, such a frame is refused as a
            partial export.

        Returns
        -------
        Recorded

        Raises
        ------
        RecordRefused
            When the frame does not hold all opportunities (an incomplete, filtered or searched load, or rows dropped
            since, an export that looks partial), repeats an id, lacks a column of the last record, belongs to another
            tenant, or `at` is not after the last record. Nothing is stored. The error is also a `HistoryError` and a
            `DataError`.
        HistoryError
            When the folder cannot be written, or a file in it is a link; the message says why, and the history is
            unchanged.

        Notes
        -----
        A record is stored whole or not at all, even after a crash or a power failure. Two processes that record at
        the same time wait for each other.
        """
        source = self._own_folder("record into")
        return add_record(source, opportunities, at=at, allow_deleted=allow_deleted, org=self.org)

    # Reading

    @property
    def records(self) -> pd.DataFrame:
        """Every record, oldest first.

        Returns
        -------
        DataFrame
            ``recorded_at`` (instant, UTC), ``rows`` (opportunities then), ``changed`` (change rows added: the sum
            of ``new``, ``edited``, ``deleted``, ``returned``), ``complete`` (False where a damaged file was
            set aside, so that changes may be missing), ``certified`` (True with a load certificate).
            With no records, the same columns and no rows.
        """
        return self._source.records()

    @property
    def table(self) -> ibis.Table:
        """The change log as an Ibis table with the columns of `changes`; run your expressions with `collect`.

        An alias of the org is read as its stage. With people, each row has the ``team`` and ``region`` of its owner then.

        Raises
        ------
        HistoryError
            When a file is damaged; the message names it.
        """
        rows = self._rows()
        whole = self.org is None or self.is_part
        return rows if whole else with_people(rows, Org.of(self), self.records["recorded_at"])

    def _rows(self) -> ibis.Table:
        """The change log, an alias read as its stage."""
        table = self._source.table()
        aliases = self.org.stages.aliases if self.org else {}
        return table.mutate(stage=table["stage"].substitute(dict(aliases))) if aliases else table

    def stages_seen(self) -> pd.DataFrame:
        """Every pair of ``stage`` and ``status`` in the history (categories), with its number of ``deals``."""
        records = self.records["recorded_at"]
        state = (len(records), records.max())
        if self._seen is None or self._seen[0] != state:
            table = self._rows()
            counted = table.group_by(["stage", "status"]).agg(deals=table["unique_id"].nunique())
            self._seen = state, self._meant(self.collect(counted))
        return self._seen[1]

    def _meant(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame conformed to the org, which it keeps."""
        if self.org is None:
            return conform(frame)
        frame.attrs["org"] = self.org.facts
        return conform(frame)

    @property
    def is_part(self) -> bool:
        """True for a history made by `where`."""
        return isinstance(self._source, ScopedSource)

    @property
    def log(self) -> ibis.Table:
        """The change rows that analyses read: those of `table` and, after `where`, the same deals' rows of other times."""
        return self._source.log() if isinstance(self._source, ScopedSource) else self.table

    def within(self, log: ibis.Table) -> Any:
        """An Ibis expression: True for the rows of `log` that belong to this history."""
        import ibis

        return self._source.within(log) if isinstance(self._source, ScopedSource) else ibis.literal(True)

    def read_by(self, org: Org) -> History:
        """The same history, whose stages and dates an org tells."""
        same = copy.copy(self)
        same.org, same._seen = checked_org(org), None
        return same

    def where(self, **columns: Any) -> History:
        """The history of the opportunities with given values, each for as long as it had them.

        Parameters
        ----------
        **columns : value or list of values
            Columns of the history: ``where(owner_name="Ann")``, ``where(region=["East", "West"])``. None means a
            missing value.

        Returns
        -------
        History
            Read-only. What leaves is ``transferred``, never deleted or lost: its `changes` have the operations ``transferred``
            (with the values before) and ``transferred_in``, `waterfall` the movements ``transferred_out`` and
            ``transferred_in``, `slippage` the outcome ``transferred``.

        Raises
        ------
        MissingColumnError, ArgumentValueError
            When the history lacks a column, or no opportunity ever had a value.

        Examples
        --------
        >>> log = pd.DataFrame({"unique_id": "a", "seen_at": ["2026-03-02", "2026-03-09"], "owner_name": ["Ann", "Bo"]})
        >>> ann = History.from_changes(log).where(owner_name="Ann")
        >>> ann.changes()["operation"].tolist(), len(ann.as_of("2026-03-09"))
        (['new', 'transferred'], 0)
        """
        part = copy.copy(self)
        part._path, part._seen = None, None
        part._source = ScopedSource(self, self._source, columns)
        return part

    def changes(self) -> pd.DataFrame:
        """The change log: one wide row per changed opportunity and record.

        Returns
        -------
        DataFrame
            ``seen_after``, ``seen_at`` (instants: the change happened after the first and by the second; a
            first record has no ``seen_after``), ``operation`` (new, changed, deleted, returned), then the
            opportunity's columns at ``seen_at``; a deleted one keeps its last values.
            Rows are in order of ``seen_at``, then ``unique_id``. With no records, the same columns and no rows.
        """
        order = [("seen_at", "ascending"), ("unique_id", "ascending")]
        return self._meant(rows.to_frame(self._arrow(self._rows()).sort_by(order)))

    def as_of(self, when: When, *, tz: str | None = None) -> pd.DataFrame:
        """All opportunities in the last record at or before `when`.

        Parameters
        ----------
        when : str, date or datetime
            Time to look up; a date without a zone means the start of its day in `tz`.
        tz : str, optional
            Business time zone; default: the org's, else UTC.

        Returns
        -------
        DataFrame
            The recorded frame, in order of ``unique_id``: exact in every column but ``updated_at``, which is the time
            of the last tracked change. ``attrs["recorded_at"]`` is the time of the record. With an org, ``attrs["org"]``
            says what the stages mean, and its people give ``team`` and ``region``.

        Raises
        ------
        NotEnoughHistory
            When `when` is before the first record.
        """
        recorded_at = self.recorded_before(as_instant(when, tz=Org.of(self).zone(tz), name="when"))
        table = self._rows()
        then = latest(table.filter(table["seen_at"] <= recorded_at))
        frame = as_frame(self._arrow(then), self._source.columns_at(recorded_at))
        frame.attrs["recorded_at"] = recorded_at.isoformat()
        return frame if self.org is None else self.org.apply(frame)

    def deal(self, unique_id: str, *, own_writes: pd.DataFrame | None = None) -> pd.DataFrame:
        """The timeline of one opportunity: every change of a field, with its value before and after.

        Parameters
        ----------
        unique_id : str
            Id of the opportunity.
        own_writes : DataFrame, optional
            Writes of this package, from `own_writes`: ``unique_id``, ``written_at``, ``run_id``.

        Returns
        -------
        DataFrame
            One row per changed field, oldest first: ``seen_after``, ``seen_at`` (instants: it happened after the first
            and by the second), ``operation`` (new, changed, deleted, returned), ``field`` (str; missing where nothing
            but the operation changed), ``before``, ``after`` (object, at the field's type; None when blank), ``run_id``
            (str: the last run of this package that wrote to the opportunity between the two records). Attrs: ``unique_id``,
            ``name``, ``as_of`` (day of the last record), ``link`` (address in the CRM, from the org). A new ``updated_at`` alone adds no row.

        Raises
        ------
        ArgumentTypeError, ArgumentValueError
            When `unique_id` is not text, or the history has no such opportunity.

        Examples
        --------
        >>> log = pd.DataFrame({"unique_id": "a", "seen_at": ["2026-03-02", "2026-03-09"], "value": [1.0, 2.0]})
        >>> History.from_changes(log).deal("a")[["operation", "field", "before", "after"]].values.tolist()
        [['new', 'value', None, 1.0], ['changed', 'value', 1.0, 2.0]]
        """
        arguments.text(unique_id, "unique_id", example="opp-1")
        if own_writes is not None:
            needed = ("unique_id", "written_at", "run_id")
            arguments.frame(own_writes, "own_writes", *needed, made_by="own_writes")
        table = self._rows()
        own = self._arrow(table.filter(table["unique_id"] == unique_id))
        if not len(own):
            raise ArgumentValueError(f"unique_id={unique_id!r}: the history has no such opportunity")
        changes = self._meant(rows.to_frame(own.sort_by("seen_at")))
        found = timeline(changes, own_writes)
        name = changes["name"].dropna()
        found.attrs = {
            "unique_id": unique_id,
            "name": str(name.iloc[-1]) if len(name) else None,
            "as_of": str(self.records["recorded_at"].iloc[-1].date()),
            "link": record_link(self.org.record_url, unique_id) if self.org else None,
            **({"org": self.org.facts} if self.org else {}),
        }
        return found

    def recorded_before(self, instant: pd.Timestamp) -> pd.Timestamp:
        """Time of the last record at or before `instant`.

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
            f"the first record is from {moments.iloc[0]:%Y-%m-%d %H:%M} UTC"
            if len(moments)
            else "there are no records yet"
        )
        raise NotEnoughHistory(f"The history does not reach back to {instant:%Y-%m-%d %H:%M} UTC: {begins}")

    @property
    def begins(self) -> pd.Series[Any]:
        """The first record that has each column: a field that an import lacked begins with a later record.

        Returns
        -------
        Series
            ``begins`` (instant) by ``column`` (str), in order of time; empty for a history over a table.
        """
        found = self._source.begins()
        index = pd.Index(list(found), dtype=schema.TEXT, name="column")
        return pd.Series(list(found.values()), index=index, name="begins", dtype="datetime64[us, UTC]")

    def coverage(self, *, freq: str = "M") -> pd.DataFrame:
        """How well the records cover each period, and which questions they can answer.

        Parameters
        ----------
        freq : str
            Period alias, such as ``"M"``, ``"Q"`` (of the org's fiscal year) or ``"Q-DEC"``; periods are in UTC.

        Returns
        -------
        DataFrame
            Index ``period`` (str), from the period of the first record to that of the last. ``records`` (int64),
            ``opening_age_days`` (float64, age of the newest record at the period's start; missing where
            there was none), ``longest_gap_days`` (float64, longest time in the period without a record), ``closing_age_days``
            (float64, days from the last record to the period's end; missing while it runs), ``answers`` (str:
            "all"; "to date" while it runs; "from the first record on" where its start is unknown, so that slippage
            and waterfall must start later; "nothing" where it has no record), ``complete`` (bool, False where a
            damaged file was set aside, so that changes are missing or appear late). ``attrs``: ``cadence_days``
            (median time between records), ``next_due``. Without records, no rows.

        Raises
        ------
        ArgumentError, DataError
            When `freq` is not a period alias.
        """
        return coverage(self.records, Org.of(self).freq(freq))

    def collect(self, expression: Any) -> Any:
        """The result of an Ibis expression made from `table`, in pandas.

        Returns
        -------
        DataFrame, Series or scalar
            Text is str, whole numbers are Int64, calendar dates are naive midnights, instants are UTC.

        Raises
        ------
        HistoryError
            When the engine fails; its error is the cause.

        Examples
        --------
        >>> log = pd.DataFrame({"unique_id": ["a", "a"], "seen_at": ["2026-03-02T00:00Z", "2026-03-09T00:00Z"]})
        >>> history = History.from_changes(log)
        >>> history.collect(history.table.count())
        2
        """
        try:
            return collect(expression)
        except HistoryError:
            self._source.reset()
            raise

    def _arrow(self, expression: Any) -> pa.Table:
        try:
            return arrow(expression)
        except HistoryError:
            self._source.reset()
            raise

    def check(self, *, set_aside: bool = False) -> pd.DataFrame:
        """Problems of the files, of a warehouse table's rows, and of the import that made the history.

        Parameters
        ----------
        set_aside : bool
            If True, move damaged change files to ``damaged/`` and go on without them. Their changes appear only where
            a later record shows them, their records are no longer ``complete``, and every query warns.

        Returns
        -------
        DataFrame
            ``recorded_at`` (time of the record), ``file``, ``unique_id`` (for problems of an import), ``problem``.
            Empty when there are no problems.
        """
        if set_aside:
            self._own_folder("set files aside in").take_aside()
        frame = pd.DataFrame(self._source.check(), columns=["recorded_at", "file", "unique_id", "problem"])
        return frame.astype(
            {
                "recorded_at": "datetime64[us, UTC]",
                **dict.fromkeys(["file", "unique_id", "problem"], schema.TEXT),
            }
        )

    def _own_folder(self, purpose: str) -> FolderSource:
        if not isinstance(self._source, FolderSource):
            why = "it is a part of another one" if self.is_part else "its table belongs to another system"
            raise HistoryError(
                f"This history is read-only, because {why}. To {purpose} a history, open one with History(path)."
            )
        return self._source
