"""Import of a change log from another system, with a list of its problems."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from opp_analytics import crm, org, schema
from opp_analytics.arguments import ArrowStream, as_frame
from opp_analytics.arrays import Flags, Places, Series
from opp_analytics.errors import ArgumentTypeError, DataError, DataWarning, MissingColumnError
from opp_analytics.history import rows
from opp_analytics.history.store import Note, RecordCounts
from opp_analytics.inputs import FIRST_YEAR, LAST_YEAR
from opp_analytics.progress import note
from opp_analytics.text import count

LONG, WIDE = ("unique_id", "changed_at", "field", "new_value"), ("unique_id", "seen_at")

_OUT_OF_ORDER = (
    "changes out of order in the file; they were sorted by time, and no number is affected"
)
_BOUNDS = f"times lie between {FIRST_YEAR} and {LAST_YEAR}"


@dataclass(frozen=True)
class Import:
    """An imported change log, ready to be appended."""

    rows: pa.Table
    """Change rows, in order."""
    moments: tuple[RecordCounts, ...]
    """The first and the last record; there is one at each distinct instant."""
    columns: Mapping[str, str]
    """Columns of the opportunities, with their dtypes."""
    notes: tuple[Note, ...]
    """Problems found: ``unique_id``, ``problem``."""

    @classmethod
    def of(cls, changes: pd.DataFrame, problems: Iterable[Note] = ()) -> Import:
        """Import a log in wide or long form, with the problems found before.

        See `History.from_changes`.
        """
        if not isinstance(changes, pd.DataFrame):
            raise ArgumentTypeError(
                f"changes is a {type(changes).__name__}, not a DataFrame or a path"
            )
        notes: list[Note] = list(problems)
        log = _widen(changes, notes) if set(LONG) <= set(changes.columns) else changes
        log = _add_seen_after(_add_operations(_sort(_cast(log), notes), notes))
        own = log.columns.intersection(list(rows.CHANGE_COLUMNS))
        opportunities = log.drop(columns=own)
        table = rows.to_rows(opportunities)
        opportunities = opportunities.drop(columns=schema.UNRECORDED, errors="ignore")
        for place, (name, dtype) in enumerate(rows.CHANGE_COLUMNS.items()):
            table = table.add_column(place, name, pa.array(log[name], from_pandas=True).cast(dtype))
        first, last = log["seen_at"].min(), log[["seen_at", "seen_after"]].max().max()
        moments = tuple(_count(log, at) for at in dict.fromkeys([first, last]) if len(log))
        return cls(table, moments, rows.list_dtypes(opportunities), tuple(notes))

    def warn(self) -> None:
        """Warn once about all problems."""
        if self.notes:
            said = " ".join(tell_problems(pd.DataFrame(self.notes)))
            DataWarning.warn(
                f"The log was imported with problems. {said} history.check() lists them."
            )


def _count(log: pd.DataFrame, at: pd.Timestamp) -> RecordCounts:
    """Count a log's operations at an instant, and its opportunities then."""
    then = log[log["seen_at"] <= at].drop_duplicates("unique_id", keep="last")["operation"]
    operations = log.loc[log["seen_at"] == at, "operation"]
    tally = {name: int((operations == name).sum()) for name in rows.OPERATIONS}
    return RecordCounts(at, int((then != rows.DELETED).sum()), **tally)


def tell_problems(problems: pd.DataFrame) -> list[str]:
    """Tell the problems of an import, each in a sentence."""
    return [
        (
            f"{count(len(ids))} (such as {ids.iloc[0]!r}) {'has' if len(ids) == 1 else 'have'} "
            f"{problem}."
        )
        for problem, ids in problems.groupby("problem", sort=False)["unique_id"]
    ]


def read_import(
    changes: pd.DataFrame | ArrowStream | str | PathLike[str] | crm.ChangeLog,
    known: org.Org | None,
    opportunities: pd.DataFrame | None = None,
    *,
    progress: bool | None = None,
    **written: Any,
) -> tuple[Import, org.Org | None]:
    """Read a change log or another CRM's field history, and its org; see `History.from_changes`."""
    alone = opportunities is None
    if isinstance(changes, crm.ChangeLog):
        if not alone:
            raise ArgumentTypeError(
                "changes is a log that was read already, and opportunities belong to its reading; "
                "pass the file of the log with them"
            )
        return Import.of(changes.changes, changes.problems), known
    source, opportunities = as_frame(changes), as_frame(opportunities)
    if opportunities is not None:
        org.refuse_repeated(opportunities["unique_id"])
    if isinstance(source, pd.DataFrame):
        source = org.Org.of(source).bare(source) if org.is_converted(source) else source
        ours = any(set(form) <= set(source.columns) for form in (LONG, WIDE))
        if alone and (known is None or ours):
            agreed = org.merge_orgs(org.get_org(source), known, names=("the log's org", "org="))
            return Import.of(source), agreed
    known = known or org.get_org(opportunities)
    log = crm.read_changes(source, known or org.DEFAULT, opportunities=opportunities, **written)
    note(progress, log.describe())
    return Import.of(log.changes, log.problems), known


def _parse_instants(column: Series) -> Series:
    if pd.api.types.is_numeric_dtype(column.dtype) or (
        column.dtype == object
        and any(isinstance(v, numbers.Real) and not schema.is_blank(v) for v in column)
    ):
        raise DataError(
            f"column {column.name!r} has a number, not a time; write it as 2026-03-31T10:00:00Z"
        )
    try:
        # Without a zone, UTC is meant; text may or may not hold fractions of a second.
        form = None if pd.api.types.is_datetime64_any_dtype(column.dtype) else "ISO8601"
        instants = pd.to_datetime(column, utc=True, format=form).astype("datetime64[us, UTC]")
    except pd.errors.OutOfBoundsDatetime as error:  # pandas 2 holds three centuries
        first = str(error).partition("\n")[0]
        raise DataError(f"column {column.name!r}: {first}; {_BOUNDS}") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"column {column.name!r} has a value that is not a time: {error}") from None
    beyond = ~(instants.isna() | instants.dt.year.between(FIRST_YEAR, LAST_YEAR))
    if beyond.any():
        raise DataError(f"column {column.name!r} has {column[beyond].iloc[0]!r}; {_BOUNDS}")
    return instants


def _cast(log: pd.DataFrame) -> pd.DataFrame:
    missing = [c for c in WIDE if c not in log.columns]
    if missing:
        raise MissingColumnError(
            f"the log has no column {', '.join(missing)}; it has "
            f"{', '.join(map(str, log.columns))}. Wide: unique_id, seen_at, the opportunity's "
            f"columns; long: {', '.join(LONG)}; another CRM's field history needs org=, such as "
            "org=oa.Org.salesforce()"
        )
    typed = org.conform(log)
    typed = typed.assign(
        **{c: _parse_instants(typed[c]) for c in ("seen_after", "seen_at") if c in typed}
    )
    _check_filled(typed, "unique_id", "seen_at")
    return typed


def _check_filled(log: pd.DataFrame, *columns: str) -> None:
    for column in columns:
        if log[column].isna().any():
            raise DataError(
                f"row {int(log[column].isna().to_numpy().argmax())} of the log has no {column}"
            )


def _note(notes: list[Note], ids: Iterable[str], problem: str) -> None:
    notes.extend({"unique_id": unique_id, "problem": problem} for unique_id in dict.fromkeys(ids))


def _note_late(log: pd.DataFrame, at: str, notes: list[Note]) -> None:
    deals = pd.factorize(log["unique_id"])[0]
    late = log[at] < log.groupby(deals)[at].cummax()
    _note(notes, log.loc[late, "unique_id"], _OUT_OF_ORDER)


def _sort(log: pd.DataFrame, notes: list[Note]) -> pd.DataFrame:
    """Sort the log by time, and keep one row per opportunity and instant."""
    _note_late(log, "seen_at", notes)
    if not log["seen_at"].is_monotonic_increasing:
        log = log.sort_values("seen_at", kind="stable", ignore_index=True)
    twice = log.duplicated(["unique_id", "seen_at"], keep="last")
    several = (
        "several changes at one time; their order was taken from the file. Numbers by day are "
        "not affected"
    )
    _note(notes, log.loc[twice, "unique_id"], several)
    return log[~twice].reset_index(drop=True) if twice.any() else log


def _add_operations(log: pd.DataFrame, notes: list[Note]) -> pd.DataFrame:
    """Add the operation of every row, consistent with the rows before it.

    A deleted deal keeps its last known values.
    """
    operations = pd.Series(index=log.index, dtype=schema.TEXT)
    operations = schema.as_text(log["operation"]) if "operation" in log else operations
    unknown = operations[operations.notna() & ~operations.isin(rows.OPERATIONS)]
    if len(unknown):
        raise DataError(
            f"operation={unknown.iloc[0]!r} is unknown; use one of {', '.join(rows.OPERATIONS)}"
        )
    places = pd.Series(log.index)
    before = places.groupby(pd.factorize(log["unique_id"])[0]).shift(fill_value=-1)
    deleted = operations == rows.DELETED
    was_deleted = deleted.reindex(before, fill_value=False).to_numpy()
    first = before < 0
    again = (operations == "new") & ~first & ~was_deleted
    _note(
        notes,
        log.loc[again, "unique_id"],
        "two creations under one ID; the second counts as a change",
    )
    filled = np.select([deleted, first, was_deleted], [rows.DELETED, "new", "returned"], "changed")
    log = log.assign(operation=pd.Series(filled, index=log.index, dtype=schema.TEXT))
    last_values = log.reindex(before[deleted]).set_axis(places[deleted])
    further = (
        log.columns.difference(["unique_id", *rows.CHANGE_COLUMNS]) if len(last_values) else ()
    )
    # Not by `assign`, which takes no column called `self`.
    for name in further:
        log[name] = log[name].mask(deleted & log[name].isna(), last_values[name])
    return log


def _add_seen_after(log: pd.DataFrame) -> pd.DataFrame:
    """Add ``seen_after``: where the log lacks it, the previous instant in the log."""
    codes, instants = pd.factorize(log["seen_at"])
    earlier = pd.Series(instants).shift().reindex(codes).set_axis(log.index)
    return log.assign(
        seen_after=log["seen_after"].fillna(earlier) if "seen_after" in log else earlier
    )


def _widen(events: pd.DataFrame, notes: list[Note]) -> pd.DataFrame:
    """Make one row per opportunity and instant, each field filled forward from its last change."""
    events = pd.DataFrame(schema.as_plain(events))
    schema.refuse_halves(events)
    if events["new_value"].dtype == "object":
        for place, cell in enumerate(events["new_value"].tolist()):
            if isinstance(cell, int) and abs(cell) >= 2**1023:
                raise DataError(f"row {place}: new_value is a number out of range; correct it")
    events = events.assign(
        changed_at=_parse_instants(events["changed_at"]),
        unique_id=schema.as_text(events["unique_id"]),
        field=schema.as_text(events["field"]).replace("", None),
    )
    _check_filled(events, "unique_id", "changed_at", "field")
    _note_late(events, "changed_at", notes)
    events = events.sort_values("changed_at", kind="stable", ignore_index=True)
    births = events.loc[events["field"] == "created_at", "unique_id"]
    _note(notes, births[births.duplicated()], "two creations under one ID; two deals may be mixed")
    deals, ids = pd.factorize(events["unique_id"], sort=True)
    times, instants = pd.factorize(events["changed_at"])
    keys, places = np.unique(times * len(ids) + deals, return_inverse=True)
    deals = keys % len(ids)
    wide: dict[str, Any] = {"seen_at": instants[keys // len(ids)], "unique_id": ids[deals]}
    fields, names = pd.factorize(events["field"], sort=True)
    for code, name in enumerate(names):
        # Of two changes of a field at one time, the later line counts.
        last = np.full(len(keys), -1)
        lines = np.flatnonzero(fields == code)
        last[places[lines]] = lines
        is_set = last >= 0
        cells = events.loc[last[is_set], ["unique_id", "new_value"]].reset_index(drop=True)
        cells = cells.rename(columns={"new_value": name})
        if name in ("value", "probability"):
            try:
                cells[name] = pd.to_numeric(cells[name])
            except (ValueError, TypeError, OverflowError) as error:
                raise DataError(f"{name}: {error}") from None
        wide[name] = org.conform(cells)[name].reindex(_find_before(is_set, deals)).array
    return pd.DataFrame(wide)


def _find_before(is_set: Flags, deals: Places) -> Places:
    """Find each row's latest set row of the same deal, by its place among all set rows.

    The latest one may be the row itself; −1 if none is set yet. Rows are in order of time.
    """
    order, rows = np.argsort(deals, kind="stable"), np.arange(len(deals))
    begins = np.maximum.accumulate(np.where(np.diff(deals[order], prepend=-1) > 0, rows, 0))
    before = np.maximum.accumulate(np.where(is_set[order], rows, -1))
    places = np.empty(len(deals), dtype=np.intp)
    places[order] = np.where(before >= begins, (np.cumsum(is_set) - 1)[order][before], -1)
    return places
