"""The history of a pipeline: what changed, and between which two records."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

import pandas as pd

from opp_analytics import arguments, schema, text
from opp_analytics.crm import ChangeLog
from opp_analytics.errors import ArgumentTypeError, HistoryError
from opp_analytics.history.engine import Engine, ibis
from opp_analytics.history.from_changes import read_import
from opp_analytics.history.recorded_pipeline import RecordedPipeline
from opp_analytics.history.recording import add_import, add_record, is_recorded
from opp_analytics.history.sources import FolderSource, Memory, Source, TableSource
from opp_analytics.history.store import Recorded, Store
from opp_analytics.org import Org, check_org
from opp_analytics.periods import When


class History(RecordedPipeline):
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
        self.org = check_org(org)
        self._memory = Memory()
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
        decimal_comma: bool | None = None,
        unreadable: str = "refuse",
        progress: bool | None = None,
    ) -> History:
        """Make a history from the field history of another CRM, from a change log, or from `changes`.

        Parameters
        ----------
        changes : DataFrame or path
            A field history of Salesforce (OpportunityFieldHistory, OpportunityHistory, or the reports of both), HubSpot
            (property history, or deals with ``Date entered "…"``) or Pipedrive (change log), as a frame or a file; with its
            `org`. Or a log of your own.
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
            values of the tracked fields that never changed. A deal closed there, whose closing the log lacks, is open until its
            close date in the stage "(not recorded)"; `coverage` gives the share of such deals. Ids that differ only in spelling
            are matched, and unique names where the log has no ids of theirs.
        ids : mapping, optional
            Ids in `changes` to ids of the records that follow, where those come from another system.
        day_first, decimal_comma : bool, optional
            As in `read_export`.
        unreadable : {"refuse", "blank"}
            As in `read_export`; the time of a change is always needed.
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
            When a column is missing or a value does not fit: the row, the column and the value are named. When the
            opportunities hold fewer than half of the log's deals, or an id or a name of the log may be several of theirs.
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
        imported, known = read_import(
            changes,
            check_org(org),
            opportunities,
            ids=ids,
            day_first=day_first,
            decimal_comma=decimal_comma,
            unreadable=unreadable,
            progress=progress,
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
        """Make a read-only history over a change log in a warehouse, on Spark, or in any other Ibis backend.

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
        history.org = check_org(org)
        history._memory = Memory()
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
        facts: dict[str, object] = {"in": self._path or "a table", "records": f"{len(records):,}"}
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

    def record(
        self,
        opportunities: pd.DataFrame,
        *,
        at: When | None = None,
        allow_deleted: bool = False,
        allow_missing: str | Sequence[str] = (),
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
        allow_missing : str or list of str
            Columns that may be gone, or empty in every row, although the last record had values there: the values are
            recorded as missing. Otherwise a column of the API is refused, unless it is one cleared cell, and a
            further column raises a `DataWarning`.

        Returns
        -------
        Recorded

        Raises
        ------
        RecordRefused
            When the frame does not hold all opportunities (an incomplete, filtered or searched load, or rows dropped
            since, an export that looks partial), repeats an id, lost a column of the API, belongs to another tenant, or
            `at` is not after the last record. Nothing is stored. The error is also a `HistoryError` and a `DataError`.
        ArgumentTypeError, ArgumentValueError
            When `at` is not a time, or `allow_missing` names an unknown column.
        HistoryError
            When the folder cannot be written, or a file in it is a link; the message says why, and the history is
            unchanged.

        Notes
        -----
        A record is stored whole or not at all, even after a crash or a power failure. Two processes that record at
        the same time wait for each other.
        """
        source = self._own_folder("record into")
        return add_record(
            source,
            opportunities,
            at=at,
            allow_deleted=allow_deleted,
            allow_missing=allow_missing,
            org=self.org,
        )

    def check(self, *, set_aside: bool = False) -> pd.DataFrame:
        """List problems of the files, of a warehouse table's rows, and of the import that made the history.

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


def holds(history: History, opportunities: pd.DataFrame) -> bool:
    """Tell whether the last record of a folder's history holds the opportunities as they are."""
    return is_recorded(history._own_folder("compare with"), opportunities, history.org)
