"""The difference between two frames of opportunities: changes to make, and every problem in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import org, schema
from opp_analytics.errors import ArgumentTypeError, DataError, MissingColumnError
from opp_analytics.org import DEFAULT, Org
from opp_analytics.writer.plan.cells import find_problem, fit_column, normalize, row_dicts, same
from opp_analytics.writer.plan.codec import number

__all__ = [
    "UNKNOWN_ID",
    "Difference",
    "changes_frame",
    "conflicts_frame",
    "difference",
    "problems_frame",
    "with_ids",
]

CHANGES = ("unique_id", "operation", "field", "before", "after", "status", "row", "name")
"""Columns of a plan's changes."""
PROBLEMS = ("row", "unique_id", "field", "value", "problem", "suggestion")
"""Columns of a plan's problems."""
CONFLICTS = ("unique_id", "operation", "field", "before", "after", "remote", "reason")
"""Columns of a plan's conflicts."""
_TOTALS = ("total", "totals", "sum", "subtotal", "grand total")
_A_TOTAL = ("looks like a row of totals", "remove the row, or give the deal another name")
UNKNOWN_ID = "is not an id of the frame before the edits"
_OBJECTS = ("before", "after", "remote", "value", "row")


@dataclass
class Difference:
    """Changes and problems found so far."""

    changes: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    meaning: Org = DEFAULT
    """The org whose stages may be written."""

    def change(self, operation: str, unique_id: str | None, column: str | None = None, **more: Any) -> None:
        """Add a change, not yet compared with the server."""
        noted = {
            "unique_id": unique_id,
            "operation": operation,
            "field": column,
            "status": "clean",
        }
        self.changes.append(dict.fromkeys(CHANGES) | noted | more)

    def problem(
        self, row: Any, unique_id: Any, column: str, value: Any, problem: str, suggestion: str
    ) -> None:
        """Add a problem."""
        self.problems.append(
            dict(zip(PROBLEMS, (row, unique_id, column, value, problem, suggestion), strict=True))
        )


def _frame(records: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    made = pd.DataFrame(records, columns=list(columns), dtype="object")
    return made.astype({column: schema.TEXT for column in columns if column not in _OBJECTS})


def changes_frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Changes as a frame with the columns of `CHANGES`; before, after and row are objects, the rest str."""
    return _frame(records, CHANGES)


def problems_frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Problems as a frame with the columns of `PROBLEMS`; row and value are objects, the rest str."""
    return _frame(records, PROBLEMS)


def conflicts_frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Conflicts as a frame with the columns of `CONFLICTS`; before, after and remote are objects, the rest str."""
    return _frame(records, CONFLICTS)


def with_ids(opportunities: pd.DataFrame, name: str) -> pd.DataFrame:
    """The frame with ``unique_id`` as a text column, also when it was the index; blank ids are missing.

    Raises
    ------
    ArgumentTypeError
        If it is not a frame.
    MissingColumnError
        If ``unique_id`` is neither a column nor the index.
    DataError
        If it has a duplicate column.
    """
    if not isinstance(opportunities, pd.DataFrame):
        raise ArgumentTypeError(
            f"{name} is a {type(opportunities).__name__}, not a DataFrame of opportunities"
        )
    frame = opportunities
    if "unique_id" not in frame.columns and "unique_id" in frame.index.names:
        frame = frame.reset_index()
    if "unique_id" not in frame.columns:
        columns = ", ".join(map(str, frame.columns))
        raise MissingColumnError(
            f"{name} has no column 'unique_id' to match rows by; its columns are {columns}"
        )
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise DataError(f"duplicate column {twice[0]!r} in {name}: drop one of them")
    unnamed = [column for column in frame.columns if not isinstance(column, str)]
    if unnamed:
        raise DataError(f"the name of column {unnamed[0]!r} in {name} is not text; rename it")
    ids = schema.as_text(frame["unique_id"]).str.strip()
    return frame.assign(unique_id=ids.mask(ids == ""))


def difference(before: pd.DataFrame, after: pd.DataFrame) -> Difference:
    """Find the changes that turn `before` into `after`, and the problems in them.

    Parameters
    ----------
    before, after : DataFrame
        Frames from `with_ids`.
    """
    found = Difference(meaning=Org.of(before))
    after = _read_aliases(after, found.meaning)
    labels = after.index
    named = labels.is_unique and labels.nlevels == 1 and not labels.hasnans
    rows = labels if named else pd.RangeIndex(len(after))
    after = after.set_axis(pd.RangeIndex(len(after)))
    usable_before = _check_before(before, found)
    allowed = [c for c in after.attrs.get("new_columns", ()) if c in after and c not in usable_before]
    usable_before = usable_before.assign(**dict.fromkeys(allowed))
    base = org.conform(usable_before).set_index("unique_id")
    usable = _check_ids(after, base, rows, found)
    shared = after[usable & _among(after["unique_id"], base.index)]
    _updates(base, shared, rows, found)
    created = after[after["unique_id"].isna()]
    _creates(created, rows, found)
    _deletes(base, after, found)
    if found.problems:
        place = {label: position for position, label in enumerate(rows)}
        found.problems.sort(key=lambda problem: place.get(problem["row"], -1))
    return found


def _read_aliases(after: pd.DataFrame, meaning: Org) -> pd.DataFrame:
    """The edited frame with each alias as its stage, which is what is sent."""
    aliases = meaning.stages.aliases
    if not aliases or "stage" not in after or not after["stage"].isin(list(aliases)).any():
        return after
    return after.assign(
        stage=after["stage"].astype(object).map(lambda cell: aliases.get(cell, cell), na_action="ignore")
    )


def _among(ids: Iterable[Any], known: Iterable[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mark the ids that are known; `isin` on text columns takes a second for 100,000."""
    known = set(known)
    return np.array([unique_id in known for unique_id in ids], dtype=bool)


def _check_before(before: pd.DataFrame, found: Difference) -> pd.DataFrame:
    ids = before["unique_id"]
    for label in before.index[ids.isna()]:
        found.problem(
            label,
            None,
            "unique_id",
            None,
            "is missing in the frame before the edits",
            "load or export again, and edit that",
        )
    repeated = ids.notna() & ids.duplicated(keep=False)
    for label, unique_id in zip(before.index[repeated], ids[repeated], strict=True):
        problem = "is in more than one row before the edits"
        way_out = "keep one of them, or load or export again"
        found.problem(label, unique_id, "unique_id", unique_id, problem, way_out)
    return before[ids.notna().to_numpy() & ~ids.duplicated().to_numpy()]


def _check_ids(after: pd.DataFrame, base: pd.DataFrame, rows: pd.Index, found: Difference) -> pd.Series[bool]:
    """Mark the rows of `after` with a usable id."""
    ids = after["unique_id"]
    repeated = ids.notna() & ids.duplicated(keep=False)
    for position in np.flatnonzero(repeated).tolist():
        unique_id = ids[position]
        problem = "is in more than one edited row"
        way_out = "keep one of them; to make a copy, leave unique_id blank"
        found.problem(rows[position], unique_id, "unique_id", unique_id, problem, way_out)
    unknown = ids.notna() & ~repeated & ~_among(ids, base.index)
    for position in np.flatnonzero(unknown).tolist():
        unique_id = ids[position]
        way_out = (
            "ids can't be edited: put the old one back. To create an opportunity, leave unique_id blank; "
            "to recover a deleted one, compare the plan with the server"
        )
        found.problem(rows[position], unique_id, "unique_id", unique_id, UNKNOWN_ID, way_out)
    return ids.notna() & ~repeated


def _vector(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column at its dtype where it fits, else as it is; categories as text."""
    name = str(column.name)
    try:
        fitted = org.conform(column.to_frame())[name]
    except (DataError, ValueError, TypeError, OverflowError):
        fitted = column.reset_index(drop=True)
    return fitted.astype(schema.TEXT) if isinstance(fitted.dtype, pd.CategoricalDtype) else fitted


def _differing(left: pd.Series[Any], right: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Positions at which two columns may differ: a whole-column sieve before cells are looked at one by one."""
    one, other = _vector(left), _vector(right)
    missing = one.isna().to_numpy(), other.isna().to_numpy()
    if one.dtype == other.dtype and one.dtype != object:
        differ = np.asarray(one.ne(other).fillna(False), dtype=bool)
    else:
        pairs = zip(one.astype(object), other.astype(object), *missing, strict=True)
        differ = np.array([not (a or b) and _unlike(x, y) for x, y, a, b in pairs], dtype=bool)
    return np.flatnonzero((differ & ~missing[0] & ~missing[1]) | (missing[0] ^ missing[1]))


def _unlike(left: Any, right: Any) -> bool:
    try:
        equal = left == right
    except ArithmeticError:  # a Decimal that signals
        return True
    return not (isinstance(equal, (bool, np.bool_)) and equal)


def _cell(column: str, value: Any) -> Any:
    """Normalize a checked cell; a decimal that a float cannot hold exactly stays a Decimal."""
    cell = normalize(column, value)
    if isinstance(value, Decimal) and isinstance(cell, (float, Decimal)):
        return number(str(value))
    return cell.item() if isinstance(cell, np.generic) else cell


def _updates(base: pd.DataFrame, shared: pd.DataFrame, rows: pd.Index, found: Difference) -> None:
    aligned = base.loc[shared["unique_id"]]
    ids = shared["unique_id"].to_numpy()
    names = aligned["name"].to_numpy() if "name" in aligned else [None] * len(aligned)
    pipelines = _pipelines(aligned, shared)
    edits: list[tuple[int, dict[str, Any]]] = []
    for column in map(str, shared.columns):
        if column == "unique_id":
            continue
        if column not in base.columns:
            _check_new_column(shared[column], column, found)
            continue
        old, new = aligned[column], shared[column]
        if column not in schema.COLUMNS:
            new = fit_column(new, old.dtype)
        for at in _differing(old, new):
            was, now = old.iloc[at], new.iloc[at]
            if same(column, was, now):
                continue
            row = rows[shared.index[at]]
            wrong = find_problem(column, now, found.meaning, pipeline=pipelines[at])
            if column == org.PIPELINE and not wrong:
                wrong = _left_behind(aligned, shared, at, found.meaning)
            if wrong:
                found.problem(row, ids[at], column, now, *wrong)
                continue
            cell = _cell(column, now)
            more = {
                "before": _cell(column, was),
                "after": cell,
                "row": row,
                "name": names[at],
            }
            edits.append((int(at), {"unique_id": ids[at], "column": column} | more))
    for _, edit in sorted(edits, key=lambda pair: pair[0]):
        found.change("update", **edit)


def _pipelines(aligned: pd.DataFrame, shared: pd.DataFrame) -> list[Any]:
    """The pipeline of each deal after the edits; None where there are no pipelines."""
    if org.PIPELINE not in aligned:
        return [None] * len(aligned)
    return (shared if org.PIPELINE in shared else aligned)[org.PIPELINE].astype(object).tolist()


def _left_behind(
    aligned: pd.DataFrame, shared: pd.DataFrame, at: np.intp, meaning: Org
) -> tuple[str, str] | None:
    """The problem of a deal that goes to another pipeline, but stays in a stage of the old one."""
    if "stage" not in aligned:
        return None
    was = aligned["stage"].iloc[at]
    if "stage" in shared and not same("stage", was, shared["stage"].iloc[at]):
        return None
    stage = meaning.stages.aliases.get(was, was)
    wrong = find_problem("stage", stage, meaning, pipeline=shared[org.PIPELINE].iloc[at])
    return wrong and (f"has no stage {stage!r}, in which the deal is", f"change its stage too: {wrong[1]}")


def _check_new_column(column: pd.Series[Any], name: str, found: Difference) -> None:
    filled = column[column.notna()]
    if len(filled):
        problem = "is a new column"
        way_out = "remove the column, or name it in new_columns= of read_csv or read_excel"
        found.problem(None, None, name, filled.iloc[0], problem, way_out)


def _creates(created: pd.DataFrame, rows: pd.Index, found: Difference) -> None:
    columns = [c for c in map(str, created.columns) if c not in schema.READ_ONLY]
    for position, record in zip(created.index, row_dicts(created[columns]), strict=True):
        row = rows[position]
        filled = {c: v for c, v in record.items() if not schema.is_blank(v)}
        pipeline = filled.get(org.PIPELINE)
        wrong = {
            c: bad
            for c, v in ({"name": None} | filled).items()
            if (bad := find_problem(c, v, found.meaning, pipeline=pipeline))
        }
        if str(filled.get("name", "")).strip().lower() in _TOTALS:
            wrong["name"] = _A_TOTAL
        for column, bad in wrong.items():
            found.problem(row, None, column, filled.get(column), *bad)
        for column, value in filled.items():
            if column not in wrong:
                more = {"before": None, "after": _cell(column, value), "row": row, "name": filled.get("name")}
                found.change("create", None, column, **more)


def _deletes(base: pd.DataFrame, after: pd.DataFrame, found: Difference) -> None:
    removed = base.index[~_among(base.index, after["unique_id"])]
    names = base["name"] if "name" in base else pd.Series(index=base.index, dtype="object")
    for unique_id in removed:
        found.change("delete", unique_id, before=None, after=None, name=names[unique_id])
