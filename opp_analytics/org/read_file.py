"""Reading an org file and the tables beside it."""

from __future__ import annotations

import io
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from opp_analytics import inputs
from opp_analytics.arrays import Series
from opp_analytics.errors import DataError, OrgError, OrgProblem
from opp_analytics.files import SMALL, read_whole
from opp_analytics.org.check_file import check_settings, list_rows
from opp_analytics.org.joins import list_bad_cells, read_joins
from opp_analytics.org.people import AMOUNTS, DAYS, TABLES
from opp_analytics.org.presets import (
    TABLE_LABELS,
    find_labels,
    find_near,
    find_periods,
    list_columns,
    name_table,
)
from opp_analytics.periods import to_dates
from opp_analytics.schema import Json, is_blank
from opp_analytics.table_files import drop_totals, quote_labels, read_table
from opp_analytics.text import count, joined

_LARGEST = 2_000_000
"""Bytes of an org file: tens of thousands of people, and what its reader takes seconds for."""
_POINT = re.compile(r"\s*\d*\.\d+\s*")
_DEEP_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")


def read_settings(
    path: Path, text: str | None = None, beside: Mapping[str, Path] = MappingProxyType({})
) -> Json:
    """Read the checked settings of an org file, with the rows of the tables it names.

    `text` is its next content, and `beside` the next content of a table, by its kind.
    """
    try:
        return _read(path, _text(path) if text is None else text.removeprefix("\ufeff"), beside)
    except RecursionError:
        right = "lists or tables are too deep within each other; use lists of tables at most"
        raise OrgError(str(path), [OrgProblem("cannot be read", "", right)]) from None


def _read(path: Path, text: str, beside: Mapping[str, Path]) -> Json:
    raw = _parse(path, text)
    problems: list[OrgProblem] = []
    files: dict[str, tuple[str, Sequence[int]]] = {}
    left_out: dict[str, tuple[str, ...]] = {}
    for table in TABLES:
        inside = raw.get(table)
        if not isinstance(inside, dict) or not isinstance(inside.get("file"), str):
            continue
        name = inside["file"]
        if inside.get("rows"):
            problems.append(
                OrgProblem(
                    f"{table}.rows", "", f"{table} come from {name} already; keep one of both"
                )
            )
        try:
            rows, numbers, left_out[table] = _read_rows(
                beside.get(table, path.parent / name), table, raw, problems
            )
            raw[table] = {"file": name, "rows": rows}
            files[table] = (name, numbers)
        except OrgError as error:
            problems += error.problems
    raw, found = check_settings(raw, text)
    problems += [_place(problem, files) for problem in found]
    raw["joins"], mistakes = ([], []) if problems else read_joins(raw, path.parent)
    if problems := [*problems, *mistakes]:
        raise OrgError(str(path), sorted(problems, key=lambda one: (one.file or "", one.line or 0)))
    for table, (_, lines) in files.items():
        raw[table] |= {"lines": list(lines), "left_out": list(left_out[table])}
    return raw


def _parse(path: Path, text: str) -> Json:
    try:
        # The reader's time grows with the square of a key's parts, and no key of an org file has
        # more than three.
        if _DEEP_KEY.search(text) is None:
            return tomllib.loads(text)
        right = "a key has more than 64 parts; use keys such as report.by"
    except tomllib.TOMLDecodeError as error:
        right = str(error)
    raise OrgError(str(path), [OrgProblem("not TOML", "", right)])


def _text(path: Path) -> str:
    try:
        # As an open text file does, a line may end as on any system.
        return io.TextIOWrapper(io.BytesIO(read_whole(path, most=_LARGEST)), "utf-8-sig").read()
    except DataError as error:
        raise OrgError(str(path), [OrgProblem("cannot be read", "", str(error))]) from None
    except UnicodeDecodeError as error:
        raise OrgError(str(path), [OrgProblem("not UTF-8 text", "", str(error.reason))]) from None


def _place(problem: OrgProblem, files: dict[str, tuple[str, Sequence[int]]]) -> OrgProblem:
    """Move a problem in a table's row to the table's own file and line."""
    table, _, rest = problem.key.partition(".rows[")
    if table not in files or not rest:
        return problem
    row, _, column = rest.partition("]")
    name, numbers = files[table]
    return replace(problem, key=column.lstrip(".") or table, file=name, line=numbers[int(row)])


def _read_rows(
    path: Path, table: str, raw: Json, problems: list[OrgProblem]
) -> tuple[list[Json], list[int], tuple[str, ...]]:
    """Read the rows of a table without empty cells.

    Also returns their numbers in the file, and what was left out.

    A sheet of targets may have a column for each period. A date that cannot be read stays text, and
    the check names it; a row with an amount that cannot is left out. What nothing in the file
    settles, the country of the org does; but the month is not first in a file with semicolons.
    """
    # The check names what is no table.
    said = each if isinstance(each := raw.get("columns"), dict) else {}
    try:
        found = read_table(path, lambda label: bool(name_table(table, [label], said)), most=SMALL)
    except DataError as error:
        right = (
            f"{error}; use a CSV file or workbook with the columns {', '.join(list_columns(table))}"
        )
        raise OrgError(str(path), [OrgProblem(f"{table}.file", repr(path.name), right)]) from None
    found = drop_totals(found)
    names = name_table(table, found.labels, said)
    periods = (
        find_periods(found.labels) if table == "targets" and "period" not in names.values() else {}
    )
    if periods:
        names = {label: ours for label, ours in names.items() if ours != "target"}
    unread = [label for label in found.labels if label and label not in {**names, **periods}]
    problems += _check_labels(path, table, found.labels, unread, names, periods)
    left_out = found.left_out + (
        (f"the column{'s' * (len(unread) > 1)} {joined(unread)}",) if unread else ()
    )
    columns = {
        label: found.cells[place].mask(found.cells[place].map(inputs.is_mark_of_blank))
        for place, label in reversed(list(enumerate(found.labels)))
    }
    cells = {label: inputs.Cells.of(column, label) for label, column in columns.items()}
    amounts = [label for label in columns if label in periods or names.get(label) in AMOUNTS]
    comma, _ = inputs.find_decimal_comma(
        [cells[label] for label in amounts],
        str(path),
        semicolons=found.semicolons,
        dots=inputs.has_dotted_dates(cells.values()),
    )
    currency, zone = (
        one if isinstance(one := raw.get(name), str) else None for name in ("currency", "timezone")
    )
    day_first, usual = inputs.find_habits(zone, currency)
    usual_order = day_first or (None if found.semicolons else day_first)
    try:
        ZoneInfo(zone := zone or "UTC")
    except (KeyError, ValueError, OSError):  # the check names it
        zone = "UTC"
    bad: list[inputs.BadValue] = []
    read: dict[str, Series] = {}
    for label, column in columns.items():
        ours = names.get(label, periods.get(label))
        if ours in DAYS:
            order = inputs.find_day_order([cells[label]])
            order = usual_order if order is None else order
            days = _read_days(cells[label], order, zone if ours == "made_on" else None)
            read[ours] = column.astype("object").mask(days.notna(), days.dt.date)
        elif label in amounts:
            is_rate = ours == "rate"
            one = _keep_points(column, label) if is_rate and not comma else cells[label]
            habit = usual or None if comma is None and not is_rate else comma
            read[str(ours)], wrong = inputs.read_amounts(
                one, None if is_rate else currency, None if is_rate and not comma else habit
            )
            bad += wrong
        elif ours is not None:
            read[ours] = inputs.as_texts(column).astype("object")
    problems += list_bad_cells(path, bad)
    skipped = {one.row for one in bad}
    if "period" in read:
        labels = find_periods(read["period"].dropna().unique(), months=table == "calls")
        read["period"] = read["period"].map(lambda text: labels.get(text, text))
    read |= _own_calls(read, raw) if table == "calls" else {}
    left_out += _drop_managers(read) if table != "people" else ()
    rows, numbers = [], []
    for number, row in zip(found.cells.index, zip(*read.values(), strict=True), strict=True):
        if number in skipped:
            continue
        filled = {label: cell for label, cell in zip(read, row, strict=True) if not is_blank(cell)}
        whose = {name: cell for name, cell in filled.items() if name not in periods.values()}
        named = [label for label in periods.values() if label in filled]
        parts = [{"period": label, **whose, "target": filled[label]} for label in named]
        for each in parts if periods else [filled] * bool(filled):
            rows.append(each)
            numbers.append(int(number))
    return rows, numbers, left_out


def _drop_managers(read: dict[str, Series]) -> tuple[str, ...]:
    """Drop the team of each row that is a person's: a sheet may name managers; what, in words."""
    if not {"owner_name", "team"} <= set(read):
        return ()
    both = read["owner_name"].notna() & read["team"].notna()
    read["team"] = read["team"].mask(both)
    return (f"the team beside a person in {count(int(both.sum()), 'row')}",) if both.any() else ()


def _own_calls(read: Mapping[str, Series], raw: Json) -> dict[str, Series]:
    """Take the calls of a file as their caller's own, for people of the org.

    The file has no column for the owner of a call's number. One that tells only whose it is was
    submitted by each.
    """
    if "caller" not in read:
        return {"caller": read["owner_name"]}
    people = [row.get("owner_name") for _, row in list_rows(raw, "people")]
    own = read["caller"].where(read["caller"].isin(people))
    return {} if {"owner_name", "team"} & set(read) else {"owner_name": own}


def _read_days(cells: inputs.Cells, day_first: bool | None, zone: str | None) -> Series:
    """Read days; a time counts as its day in `zone`.

    A call is of the day that it was where the org is.
    """
    if zone:
        return to_dates(inputs.read_instants(cells, day_first, zone)[0], tz=zone)
    return inputs.read_dates(cells, day_first)[0]


def _keep_points(column: Series, label: str) -> inputs.Cells:
    """Keep the point of a rate such as 1.085, which sets off no thousands.

    A comma in 1,085 may do either.
    """
    point = column.astype("object").map(
        lambda cell: float(cell) if _POINT.fullmatch(str(cell)) else cell
    )
    return inputs.Cells.of(point, label)


def _check_labels(
    path: Path,
    table: str,
    labels: Sequence[str],
    unread: Sequence[str],
    names: Mapping[str, str],
    periods: Mapping[str, str],
) -> list[OrgProblem]:
    """Refuse a table that lacks a column it needs, and find a misspelled label.

    All lacking columns are one mistake.
    """
    absent = [name for name in list_columns(table) if name not in names.values()]
    near = [f'is "{label}" the {name}?' for label in unread if (name := find_near(label, absent))]
    whose = periods and {"owner_name", "team"} <= set(absent)
    # People need neither a team nor a region, by which a file of theirs is recognized.
    must = [names[0] for names in TABLE_LABELS[table] if "region" not in names]
    met = {names[0] for names in TABLE_LABELS[table] if not set(names) <= set(absent)}
    absent = [name for name in must if name not in met and not periods]
    needed = (
        ["owner_name or team"] if whose else [f"{name} (or {find_labels(name)})" for name in absent]
    )
    twice = [label for label, times in Counter(periods.values()).items() if times > 1]
    if not (needed or twice or near) or (near and periods and not twice):
        return []
    wrong = (
        f"two columns for {joined(twice)}"
        if twice
        else f"no column for {joined(needed)}"
        if needed
        else ""
    )
    right = "; ".join([*([wrong] if wrong else []), f"the file has {quote_labels(labels)}", *near])
    problem = OrgProblem(f"{table}.file", repr(path.name), right)
    if needed or twice:
        raise OrgError(str(path), [problem])
    return [problem]
