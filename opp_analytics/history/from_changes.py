"""Import of a change log from another system, with a list of its problems."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import pandas as pd
import pyarrow as pa

from opp_analytics import crm, org, schema
from opp_analytics.errors import ArgumentTypeError, DataError, DataWarning, MissingColumnError
from opp_analytics.history import rows
from opp_analytics.history.store import RecordCounts
from opp_analytics.inputs import FIRST_YEAR, LAST_YEAR
from opp_analytics.progress import note
from opp_analytics.text import count

LONG, WIDE = ("unique_id", "changed_at", "field", "new_value"), ("unique_id", "seen_at")

_OUT_OF_ORDER = "changes out of order in the file; they were sorted by time, and no number is affected"
_BOUNDS = f"times lie between {FIRST_YEAR} and {LAST_YEAR}"


@dataclass(frozen=True)
class Import:
    """An imported change log, ready to be appended."""

    rows: pa.Table
    """Change rows, in order."""
    moments: tuple[RecordCounts, ...]
    """One record for each distinct instant."""
    columns: Mapping[str, str]
    """Columns of the opportunities, with their dtypes."""
    notes: tuple[Mapping[str, str], ...]
    """Problems found: ``unique_id``, ``problem``."""

    @classmethod
    def of(cls, changes: pd.DataFrame, problems: Iterable[Mapping[str, str]] = ()) -> Import:
        """Import a log in wide or long form, with the problems found before; see `History.from_changes`."""
        if not isinstance(changes, pd.DataFrame):
            raise ArgumentTypeError(f"changes is a {type(changes).__name__}, not a DataFrame or a path")
        notes: list[Mapping[str, str]] = list(problems)
        log = _widen(changes, notes) if set(LONG) <= set(changes.columns) else changes
        log = _sort(_cast(log), notes)
        log = _fill_tombstones(_add_operations(log, notes))
        log = _add_seen_after(log)
        own = log.columns.intersection(list(rows.CHANGE_COLUMNS))
        opportunities = log.drop(columns=own)
        table = rows.to_rows(opportunities)
        opportunities = opportunities.drop(columns=schema.UNRECORDED, errors="ignore")
        for place, (name, dtype) in enumerate(rows.CHANGE_COLUMNS.items()):
            table = table.add_column(place, name, pa.array(log[name], from_pandas=True).cast(dtype))
        return cls(table, _count_records(log), rows.list_dtypes(opportunities), tuple(notes))

    def warn(self) -> None:
        """Warn once about all problems."""
        if self.notes:
            said = " ".join(tell_problems(pd.DataFrame(self.notes)))
            warnings.warn(
                f"The log was imported with problems. {said} history.check() lists them.",
                DataWarning,
                stacklevel=3,
            )


def tell_problems(problems: pd.DataFrame) -> list[str]:
    """Tell the problems of an import, each in a sentence."""
    return [
        f"{count(len(ids))} (such as {ids.iloc[0]!r}) {'has' if len(ids) == 1 else 'have'} {problem}."
        for problem, ids in problems.groupby("problem", sort=False)["unique_id"]
    ]


def read_import(
    changes: pd.DataFrame | str | PathLike[str] | crm.ChangeLog,
    known: org.Org | None,
    opportunities: pd.DataFrame | None = None,
    *,
    ids: Mapping[str, str] | None = None,
    progress: bool | None = None,
    **written: Any,
) -> tuple[Import, org.Org | None]:
    """Read a change log or another CRM's field history, and its org; see `History.from_changes`."""
    if isinstance(changes, crm.ChangeLog):
        return Import.of(changes.changes, changes.problems), known
    if isinstance(changes, pd.DataFrame):
        changes = org.Org.of(changes).bare(changes) if org.is_converted(changes) else changes
        ours = any(set(form) <= set(changes.columns) for form in (LONG, WIDE))
        if known is None or (ours and opportunities is None and ids is None):
            agreed = org.merge_orgs(org.get_org(changes), known, names=("the log's org", "org="))
            return Import.of(changes), agreed
    log = crm.read_changes(changes, known or org.DEFAULT, opportunities=opportunities, ids=ids, **written)
    note(progress, log.describe())
    return Import.of(log.changes, log.problems), known


def _parse_instants(column: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_numeric_dtype(column.dtype) or (
        column.dtype == object and any(isinstance(v, numbers.Real) and not schema.is_blank(v) for v in column)
    ):
        raise DataError(f"column {column.name!r} has a number, not a time; write it as 2026-03-31T10:00:00Z")
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
            f"the log has no column {', '.join(missing)}; it has {', '.join(map(str, log.columns))}. "
            f"Wide: unique_id, seen_at, the opportunity's columns; long: {', '.join(LONG)}; another CRM's field history "
            "needs org=, such as org=oa.Org.salesforce()"
        )
    typed = org.conform(log)
    typed = typed.assign(**{c: _parse_instants(typed[c]) for c in ("seen_after", "seen_at") if c in typed})
    _check_filled(typed, "unique_id", "seen_at")
    return typed


def _check_filled(log: pd.DataFrame, *columns: str) -> None:
    for column in columns:
        if log[column].isna().any():
            raise DataError(f"row {int(log[column].isna().to_numpy().argmax())} of the log has no {column}")


def _note(notes: list[Mapping[str, str]], ids: Iterable[str], problem: str) -> None:
    notes.extend({"unique_id": unique_id, "problem": problem} for unique_id in dict.fromkeys(ids))


def _sort(log: pd.DataFrame, notes: list[Mapping[str, str]]) -> pd.DataFrame:
    """Sort the log by time, and keep one row per opportunity and instant."""
    late = log["seen_at"] < log.groupby("unique_id")["seen_at"].cummax()
    _note(notes, log.loc[late, "unique_id"], _OUT_OF_ORDER)
    log = log.sort_values("seen_at", kind="stable", ignore_index=True)
    twice = log.duplicated(["unique_id", "seen_at"], keep="last")
    several = (
        "several changes at one time; their order was taken from the file. Numbers by day are not affected"
    )
    _note(notes, log.loc[twice, "unique_id"], several)
    return log[~twice].reset_index(drop=True)


def _add_operations(log: pd.DataFrame, notes: list[Mapping[str, str]]) -> pd.DataFrame:
    """Add the operation of every row, consistent with the rows before it."""
    said = (
        schema.as_text(log["operation"])
        if "operation" in log
        else pd.Series(index=log.index, dtype=schema.TEXT)
    )
    unknown = said[said.notna() & ~said.isin(rows.OPERATIONS)]
    if len(unknown):
        raise DataError(f"operation={unknown.iloc[0]!r} is unknown; use one of {', '.join(rows.OPERATIONS)}")
    first = ~log.duplicated("unique_id")
    deleted = said == rows.DELETED
    was_deleted = deleted.groupby(log["unique_id"]).shift(fill_value=False).astype(bool)
    again = (said == "new") & ~first & ~was_deleted
    _note(notes, log.loc[again, "unique_id"], "two creations under one ID; the second counts as a change")
    found = pd.Series("changed", index=log.index, dtype=schema.TEXT)
    found = found.mask(was_deleted, "returned").mask(first, "new").mask(deleted, rows.DELETED)
    return log.assign(operation=found)


def _fill_tombstones(log: pd.DataFrame) -> pd.DataFrame:
    """Fill the empty cells of deleted opportunities with their last known values."""
    further = [c for c in log.columns if c not in ("unique_id", *rows.CHANGE_COLUMNS)]
    before = log.groupby("unique_id")[further].shift()
    deleted = log["operation"] == rows.DELETED
    return log.assign(**{c: log[c].mask(deleted & log[c].isna(), before[c]) for c in further})


def _add_seen_after(log: pd.DataFrame) -> pd.DataFrame:
    """Add ``seen_after``: where the log lacks it, the previous instant in the log."""
    instants = log["seen_at"].drop_duplicates()
    earlier = instants.shift().reindex(log.index).groupby(log["seen_at"]).transform("first")
    given = (
        log["seen_after"] if "seen_after" in log else pd.Series(pd.NaT, index=log.index, dtype=earlier.dtype)
    )
    return log.assign(seen_after=given.fillna(earlier))


def _count_records(log: pd.DataFrame) -> tuple[RecordCounts, ...]:
    """Count the changes at each record of the log: every ``seen_at`` and ``seen_after``."""
    counted = pd.DataFrame(
        {name: (log["operation"] == name).groupby(log["seen_at"]).sum() for name in rows.OPERATIONS}
    ).astype("int64")
    instants = counted.index.union(pd.DatetimeIndex(log["seen_after"].dropna().unique()))
    if len(counted.index):
        instants = instants[instants >= counted.index[0]]
    counted = counted.reindex(instants, fill_value=0)
    there = (counted["new"] + counted["returned"] - counted[rows.DELETED]).cumsum()
    return tuple(
        RecordCounts(at, int(count), *(int(n) for n in tally))
        for at, count, *tally in zip(
            counted.index, there, *(counted[o] for o in rows.OPERATIONS), strict=True
        )
    )


def _widen(events: pd.DataFrame, notes: list[Mapping[str, str]]) -> pd.DataFrame:
    """Make one row per opportunity and instant, each field filled forward from its last change."""
    events = schema.as_plain(events)
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
    late = events["changed_at"] < events.groupby("unique_id")["changed_at"].cummax()
    _note(notes, events.loc[late, "unique_id"], _OUT_OF_ORDER)
    events = events.sort_values("changed_at", kind="stable")
    birth = events["field"] == "created_at"
    reborn = events[birth & events[birth].duplicated("unique_id").reindex(events.index, fill_value=False)]
    _note(notes, reborn["unique_id"], "two creations under one ID; two deals may be mixed")
    events = events.drop_duplicates(["unique_id", "changed_at", "field"], keep="last")
    # A cleared field must stay empty, not be filled forward, so a mark says that the cell was set.
    cells = events.set_index(["changed_at", "unique_id", "field"])["new_value"].to_frame()
    cells["is_set"] = True
    grid = cells.unstack("field")  # noqa: PD010  pivot_table would drop the cleared fields
    values = grid["new_value"]
    age = grid["is_set"].notna().groupby(level="unique_id").cumsum()
    filled = {
        field: values[field]
        .groupby([values.index.get_level_values("unique_id"), age[field]])
        .transform("first")
        for field in values.columns
    }
    wide = pd.DataFrame(filled, index=values.index).reset_index().rename(columns={"changed_at": "seen_at"})
    numeric = [c for c in ("value", "probability") if c in wide]
    # pandas 2.3 has what is only text as objects.
    texts = [c for c in wide.columns.difference(numeric) if pd.api.types.infer_dtype(wide[c]) == "string"]
    return wide.astype(dict.fromkeys(texts, schema.TEXT)).assign(
        **{c: _parse_numbers(wide[c]) for c in numeric}
    )


def _parse_numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    try:
        return pd.to_numeric(column)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{column.name}: {error}") from None
