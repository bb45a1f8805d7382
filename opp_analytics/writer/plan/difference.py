"""The difference between two frames of opportunities, and between these and the server now.

It is told as steps to make, with every problem in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, org, schema
from opp_analytics.arrays import Series
from opp_analytics.errors import ArgumentTypeError, DataError, MissingColumnError
from opp_analytics.org import Org
from opp_analytics.writer.cells import (
    find_problem,
    fit_column,
    list_rows,
    normalize,
    read_number,
    same,
)
from opp_analytics.writer.steps import EditedCell, PlanProblem, Step

_TOTALS = ("total", "totals", "sum", "subtotal", "grand total")
"""Names of rows that people add below a sheet; none of them is a deal to create."""
_A_TOTAL = ("looks like a row of totals", "remove the row, or give the deal another name")
_REPEATED = (
    "is in more than one edited row",
    "keep one of them; to make a copy, leave unique_id blank",
)
UNKNOWN_ID = "is not an id of the table before the edits"
_NO_NEW_ID = (
    "ids can't be edited: put the old one back. To create an opportunity, leave unique_id blank; "
    "to recover a deleted one, compare the plan with the server"
)


def require_ids(opportunities: pd.DataFrame, name: str) -> pd.DataFrame:
    """Give the frame ``unique_id`` as a text column, also if it was the index.

    Blank ids become missing.
    """
    arguments.refuse_foreign(opportunities, name)
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
    unnamed = [column for column in list[Any](frame.columns) if not isinstance(column, str)]
    if unnamed:
        raise DataError(f"the name of column {unnamed[0]!r} in {name} is not text; rename it")
    frame = schema.as_plain(frame)
    ids = schema.as_text(frame["unique_id"]).str.strip()
    return frame.assign(unique_id=ids.mask(ids == ""))


def find_difference(
    before: pd.DataFrame, after: pd.DataFrame
) -> tuple[list[Step], list[PlanProblem]]:
    """Find the steps that turn `before` into `after`, and the problems in them.

    Both frames come from `require_ids`.
    """
    meaning = Org.of(before)
    problems: list[PlanProblem] = []
    after = _read_aliases(after, meaning)
    labels = after.index
    named = labels.is_unique and labels.nlevels == 1 and not labels.hasnans
    rows = labels.tolist() if named else list(range(len(after)))
    after = after.set_axis(pd.RangeIndex(len(after)))
    if org.is_converted(before):
        after, before = _take_originals(before, after, rows, problems), meaning.bare(before)
    ids = before["unique_id"]
    lost = "is missing in the table before the edits", "load or export again, and edit that"
    _note_ids(problems, before.index, ids, ids.isna(), lost)
    twice = "is in more than one row before the edits", "keep one of them, or load or export again"
    _note_ids(problems, before.index, ids, _are_repeated(ids), twice)
    usable_before = before[ids.notna().to_numpy() & ~ids.duplicated().to_numpy()]
    allowed = [
        c for c in after.attrs.get("new_columns", ()) if c in after and c not in usable_before
    ]
    usable_before = usable_before.assign(**dict.fromkeys(allowed))
    base = org.conform(usable_before).set_index("unique_id")
    ids = after["unique_id"]
    repeated, known = _are_repeated(ids), schema.is_among(ids, base.index)
    _note_ids(problems, rows, ids, repeated, _REPEATED)
    _note_ids(problems, rows, ids, ids.notna() & ~repeated & ~known, (UNKNOWN_ID, _NO_NEW_ID))
    shared = after[ids.notna() & ~repeated & known]
    created = after[ids.isna()]
    steps = [
        *_find_updates(base, shared, rows, meaning, problems),
        *_find_creates(created, rows, meaning, problems),
        *_find_deletes(base, after),
    ]
    if problems:
        place = {label: position for position, label in enumerate(rows)}
        problems.sort(key=lambda problem: place.get(problem.row, -1))
    return steps, problems


def _take_originals(
    before: pd.DataFrame, after: pd.DataFrame, rows: list[Any], problems: list[PlanProblem]
) -> pd.DataFrame:
    """Give the edited frame the CRM's values.

    These are ``value_original`` as edited, and in the org's own currency also ``value``.

    An edit of a converted ``value`` is a problem: what it would be in the CRM is not known.
    """
    held = before.dropna(subset=["unique_id"]).drop_duplicates("unique_id").set_index("unique_id")
    was = held.reindex(after["unique_id"].to_numpy()).set_axis(after.index)
    new = after["unique_id"].isna()
    names = ("value", org.VALUE_ORIGINAL)
    values, originals = (after.get(name, was[name]).astype("object") for name in names)
    codes = org.read_codes(was[org.CURRENCY].where(~new, after.get(org.CURRENCY)))
    foreign = (codes.notna() & (codes != Org.of(before).currency)).to_numpy()
    direct, edited = (
        _mark_edited(was["value"], values),
        _mark_edited(was[org.VALUE_ORIGINAL], originals),
    )
    twice = direct & edited & ~foreign
    twice[twice] = [
        not same("value", *pair) for pair in zip(values[twice], originals[twice], strict=True)
    ]
    for at in np.flatnonzero((direct & ~edited & foreign) | twice).tolist():
        wrong = f"is converted from {codes[at]}", f"put it back, and edit {org.VALUE_ORIGINAL}"
        if twice[at]:
            wrong = f"and {org.VALUE_ORIGINAL} were edited differently", "edit one of them"
        key = None if new[at] else after["unique_id"][at]
        problems.append(PlanProblem(rows[at], key, "value", values[at], *wrong))
    found = originals.mask(direct & ~edited & ~foreign, values).mask(twice, was[org.VALUE_ORIGINAL])
    return after.drop(columns=org.VALUE_ORIGINAL, errors="ignore").assign(value=found)


def _mark_edited(was: Series, now: Series) -> np.ndarray[Any, np.dtype[np.bool_]]:
    marked = np.zeros(len(now), dtype=bool)
    marked[_find_differing(was.rename("value"), now.rename("value"))] = True
    return marked


def find_joined_edits(before: pd.DataFrame, after: pd.DataFrame) -> list[PlanProblem]:
    """Find edits of columns of joined tables.

    They differ from `before`, and from what the edited deals would get.

    A team or a last touch is left out: it may differ because time went on.
    """
    meaning = Org.of(before)
    names = [
        name
        for name in meaning.derived
        if name not in (*org.DERIVED, org.LAST_TOUCH) and name in before and name in after
    ]
    if not names:
        return []
    ids = after["unique_id"]
    after = after[(ids.isin(before["unique_id"]) & ~ids.duplicated(keep=False)).to_numpy()]
    base = before.drop_duplicates("unique_id").set_index("unique_id").loc[after["unique_id"]]
    found = {
        name: _find_differing(base[name], fit_column(after[name], base[name].dtype))
        for name in names
    }
    if meaning.joins and any(map(len, found.values())):
        keys = {key for join in meaning.joins for key in join.keys}
        anew = meaning.apply(after[[name for name in after if name in keys]])
        for name in anew.columns.intersection(names):
            still = _find_differing(anew[name], fit_column(after[name], anew[name].dtype))
            found[name] = np.intersect1d(found[name], still)
    return [
        PlanProblem(
            after.index[place],
            after["unique_id"].iloc[place],
            name,
            after[name].iloc[place],
            f"comes from {meaning.find_source(name)} and is never written",
            f"change it there, and leave {name} as it was",
        )
        for name, places in found.items()
        for place in places
    ]


def _read_aliases(after: pd.DataFrame, meaning: Org) -> pd.DataFrame:
    """Replace each alias in the edited frame by its stage: only stages are sent."""
    aliases = meaning.stages.aliases
    if not aliases or "stage" not in after or not after["stage"].isin(list(aliases)).any():
        return after
    return after.assign(
        stage=after["stage"]
        .astype(object)
        .map(lambda cell: aliases.get(cell, cell), na_action="ignore")
    )


def _are_repeated(ids: Series) -> pd.Series[bool]:
    return ids.notna() & ids.duplicated(keep=False)


def _note_ids(
    problems: list[PlanProblem],
    rows: Iterable[Any],
    ids: Series,
    wrong: pd.Series[bool],
    said: tuple[str, str],
) -> None:
    """Add a problem for each row whose id is wrong."""
    problems += [
        PlanProblem(row, None if pd.isna(key) else key, "unique_id", key, *said)
        for row, key, bad in zip(rows, ids, wrong, strict=True)
        if bad
    ]


def _fit_dtype(column: Series) -> Series:
    """Convert a column to its dtype where it fits; categories become text."""
    name = str(column.name)
    try:
        fitted = org.conform(column.to_frame())[name]
    except (DataError, ValueError, TypeError, OverflowError):
        fitted = column.reset_index(drop=True)
    return fitted.astype(schema.TEXT) if isinstance(fitted.dtype, pd.CategoricalDtype) else fitted


def _find_differing(left: Series, right: Series) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Find the positions at which two columns may differ, for a closer look cell by cell."""
    one, other = _fit_dtype(left), _fit_dtype(right)
    missing = one.isna().to_numpy(), other.isna().to_numpy()
    if one.dtype == other.dtype and one.dtype != object:
        differ = np.asarray(one.ne(other).fillna(False), dtype=bool)
    else:
        pairs = zip(one.astype(object), other.astype(object), *missing, strict=True)
        differ = np.array([not (a or b) and _differ(x, y) for x, y, a, b in pairs], dtype=bool)
    return np.flatnonzero((differ & ~missing[0] & ~missing[1]) | (missing[0] ^ missing[1]))


def _differ(left: Any, right: Any) -> bool:
    try:
        equal = left == right
    except ArithmeticError:  # a Decimal that signals
        return True
    return not (isinstance(equal, (bool, np.bool_)) and equal)


def _normalize_cell(column: str, value: Any) -> Any:
    """Normalize a checked cell; a decimal that a float cannot hold exactly stays a Decimal."""
    cell = normalize(column, value)
    if isinstance(value, Decimal) and isinstance(cell, (float, Decimal)):
        return read_number(str(value))
    return cell.item() if isinstance(cell, np.generic) else cell


def _round_amount(column: str, value: Any) -> Any:
    """Round an amount to six decimals, the most that servers take: a share of one has more."""
    return round(value, 6) if column == "value" and isinstance(value, float) else value


def _read_name(value: Any) -> str | None:
    """Read a deal's name for people.

    Half of a character, which no text column holds, becomes a question mark.
    """
    return None if schema.is_blank(value) else str(value).encode(errors="replace").decode()


def _find_updates(
    base: pd.DataFrame,
    shared: pd.DataFrame,
    rows: list[Any],
    meaning: Org,
    problems: list[PlanProblem],
) -> Iterator[Step]:
    aligned = base.loc[shared["unique_id"]]
    ids = shared["unique_id"].to_numpy()
    names = aligned["name"].to_numpy() if "name" in aligned else [None] * len(aligned)
    pipelines = _list_pipelines(aligned, shared)
    edits: dict[int, list[EditedCell]] = {}
    for column in map(str, shared.columns):
        if column == "unique_id":
            continue
        if column not in base.columns:
            _check_new_column(shared[column], column, problems)
            continue
        old, new = aligned[column], shared[column]
        if column not in schema.COLUMNS:
            new = fit_column(new, old.dtype)
        places = _find_differing(old, new)
        for at, was, now in zip(places.tolist(), old.iloc[places], new.iloc[places], strict=True):
            now = _round_amount(column, now)
            if same(column, was, now):
                continue
            wrong = find_problem(column, now, meaning, pipeline=pipelines[at])
            if column == org.PIPELINE and not wrong:
                wrong = _check_move(aligned, shared, at, meaning)
            if wrong:
                problems.append(PlanProblem(rows[shared.index[at]], ids[at], column, now, *wrong))
            else:
                cell = EditedCell(
                    column, _normalize_cell(column, was), _normalize_cell(column, now)
                )
                edits.setdefault(at, []).append(cell)
    for at, cells in sorted(edits.items()):
        yield Step("update", ids[at], tuple(cells), _read_name(names[at]), rows[shared.index[at]])


def _list_pipelines(aligned: pd.DataFrame, shared: pd.DataFrame) -> list[Any]:
    """List the pipeline of each deal after the edits; None where there are no pipelines."""
    if org.PIPELINE not in aligned:
        return [None] * len(aligned)
    return (shared if org.PIPELINE in shared else aligned)[org.PIPELINE].astype(object).tolist()


def _check_move(
    aligned: pd.DataFrame, shared: pd.DataFrame, at: int, meaning: Org
) -> tuple[str, str] | None:
    """Find the problem of a deal that moves to another pipeline but keeps its old stage."""
    if "stage" not in aligned:
        return None
    was = aligned["stage"].iloc[at]
    if "stage" in shared and not same("stage", was, shared["stage"].iloc[at]):
        return None
    stage = meaning.stages.aliases.get(was, was)
    wrong = find_problem("stage", stage, meaning, pipeline=shared[org.PIPELINE].iloc[at])
    return wrong and (
        f"has no stage {stage!r}, in which the deal is",
        f"change its stage too: {wrong[1]}",
    )


def _check_new_column(column: Series, name: str, problems: list[PlanProblem]) -> None:
    filled = column[column.notna()]
    if len(filled):
        problem = "is a new column"
        way_out = "remove the column, or name it in new_columns= of read_csv or read_excel"
        problems.append(PlanProblem(None, None, name, filled.iloc[0], problem, way_out))


def _find_creates(
    created: pd.DataFrame, rows: list[Any], meaning: Org, problems: list[PlanProblem]
) -> Iterator[Step]:
    columns = [c for c in map(str, created.columns) if c not in schema.READ_ONLY]
    for position, record in zip(created.index, list_rows(created[columns]), strict=True):
        row = rows[position]
        filled = {c: v for c, v in record.items() if not schema.is_blank(v)}
        pipeline = filled.get(org.PIPELINE)
        wrong = {
            c: bad
            for c, v in ({"name": None} | filled).items()
            if (bad := find_problem(c, v, meaning, pipeline=pipeline))
        }
        if str(filled.get("name", "")).strip().lower() in _TOTALS:
            wrong["name"] = _A_TOTAL
        problems += [PlanProblem(row, None, c, filled.get(c), *bad) for c, bad in wrong.items()]
        cells = tuple(
            EditedCell(c, None, _normalize_cell(c, _round_amount(c, v)))
            for c, v in filled.items()
            if c not in wrong
        )
        if cells:
            yield Step("create", None, cells, _read_name(filled.get("name")), row)


def _find_deletes(base: pd.DataFrame, after: pd.DataFrame) -> Iterator[Step]:
    removed = base.index[~schema.is_among(base.index, after["unique_id"])]
    names = base["name"] if "name" in base else pd.Series(index=base.index, dtype="object")
    for unique_id in removed:
        yield Step("delete", unique_id, (EditedCell(),), _read_name(names[unique_id]))
