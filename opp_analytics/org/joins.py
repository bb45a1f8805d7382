"""Columns that frames and histories gain at reading, from people and joined tables.

An org file joins the tables to the deals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pyarrow as pa

from opp_analytics import inputs
from opp_analytics.arrays import Series
from opp_analytics.errors import DataError, DataWarning, OrgError, OrgProblem
from opp_analytics.org.people import DERIVED, add_teams
from opp_analytics.org.presets import LIKELY, PRESETS, list_names, list_spellings
from opp_analytics.periods import to_dates
from opp_analytics.schema import COLUMNS, TEXT, BadCell, Json, is_among
from opp_analytics.table_files import read_table
from opp_analytics.text import joined

LAST_TOUCH = "last_touch"
"""The column that a table of activities gives: the newest day on or before the moment."""
_KEYS = {"accounts": ("account_id", "account_name"), "activities": ("unique_id",)}
"""Columns of the deals by which a table of this name is joined, unless its key says another; the
first that it has."""
_DAYS = ("date", "activity_date", "activitydate")
"""Names of the column of days, in reports and in Salesforce's API."""
_TAKEN = {*COLUMNS, "owner_name", "owner_id", "account_name", "currency", "pipeline", "category"}
"""Names that the columns of deals have for us."""
_NO_NUMBER = re.compile(r"\D*0\d|.*\d{16}")
"""A number with a zero in front, as of a postal code, or with more digits than a float holds, is
text."""
_HEAD = 50
"""Cells that tell whether the rest of a column may be numbers or days; a column of names ends
there."""
_MOST_NAMED = 5
"""Cells that are named of those that are no day."""


@dataclass(frozen=True)
class Join:
    """A table beside the org file whose columns deals gain by a key."""

    name: str
    """Its name under ``[join]``, such as ``accounts``."""
    settings: Json = field(hash=False)
    """Its settings in the org file, with the whole path of its file."""
    keys: tuple[str, ...]
    """Names of the column of the deals, of which the first that is there counts."""
    table: pd.DataFrame = field(repr=False, compare=False)
    """Its columns by the text of the key; of activities, ``last_touch`` for each day of a deal,
    oldest first."""
    _noted: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def file(self) -> str:
        """Name of its file."""
        return Path(self.settings["file"]).name

    @property
    def columns(self) -> list[str]:
        """The columns that deals gain."""
        return list(self.table.columns)

    def find_key(self, columns: Iterable[Any]) -> str | None:
        """Find the key among the columns of the deals; None without one."""
        there = set(columns)
        return next((key for key in self.keys if key in there), None)

    def take(self, day: pd.Timestamp) -> pd.DataFrame:
        """Take the one row of each key; of activities, the last one on or before a day."""
        if self.columns != [LAST_TOUCH]:
            return self.table
        touched = self.table[self.table[LAST_TOUCH] <= day]
        return touched[~touched.index.duplicated(keep="last")]

    def to_arrow(self, day: pd.Timestamp) -> pa.Table:
        """Write the row of each key for the query engine.

        With the key as ``_key``, and days as dates.
        """
        table = pa.Table.from_pandas(
            self.take(day).rename_axis("_key").reset_index(), preserve_index=False
        )
        fields = [pa.field(f.name, _ARROW.get(str(f.type), f.type)) for f in table.schema]
        return table.cast(pa.schema(fields))

    def find(self, keys: Series, day: pd.Timestamp) -> pd.DataFrame:
        """Find the row of each deal by its key, and say once how many have none."""
        table, texts = self.take(day), inputs.as_texts(keys)
        asked = texts.dropna()
        lacking = asked[~is_among(asked, self.table.index)]
        # A deal without an activity is no mistake, unless all are.
        if (
            len(lacking)
            and not self._noted
            and (self.columns != [LAST_TOUCH] or len(lacking) == len(asked))
        ):
            self._noted.append(
                f"{self.file} has no row for {len(lacking):,} of {len(asked):,} deals' "
                f"{self.name}, by {keys.name}: such as {str(lacking.iloc[0])!r}"
            )
            DataWarning.warn(self._noted[0])
        return table.reindex(pd.Index(texts))


_ARROW = {"timestamp[us]": pa.date32(), "large_string": pa.string(), "null": pa.string()}
"""Types in a history, by those of a frame."""


def derive_columns(
    frame: pd.DataFrame,
    people: pd.DataFrame,
    joins: Sequence[Join],
    gained: Sequence[str],
    days: Series,
    today: pd.Timestamp,
) -> pd.DataFrame:
    """Add the derived columns: teams on each deal's own day, joined values as of `today`.

    `gained` are columns that an org added before: they are replaced. A column of the frame's own is
    refused.
    """
    columns: Json = {}
    if len(people) and "owner_name" in frame:
        teams = add_teams(frame[["owner_name"]], people, days)
        columns = {name: teams[name].array for name in teams.columns[1:]}
    sources: dict[str, Join] = {}
    for join in joins:
        key = join.find_key(frame.columns)
        if key is not None:
            rows = join.find(frame[key], today)
            columns |= {name: rows[name].array for name in join.columns}
            sources |= dict.fromkeys(join.columns, join)
    for name, column in columns.items():
        if name in frame and name not in gained and not _are_same(frame[name], column):
            refuse_own(name, "frame", sources.get(name))
    derived = frame.drop(columns=list(columns), errors="ignore")
    # Not by `assign`, which takes no column called `self`.
    for name, column in columns.items():
        derived[name] = column
    return derived


def _are_same(own: Series, gained: Any) -> bool:
    """Tell whether two columns are the same as text.

    A column that was written to a file is text there.
    """
    one, other = own.astype(TEXT).reset_index(drop=True), pd.Series(gained).astype(TEXT)
    return bool(((one == other) | (one.isna() & other.isna())).all())


def refuse_own(name: str, whose: str, join: Join | None) -> NoReturn:
    """Refuse a column of the deals' own that `join`, or else the people, gives too."""
    if join is None:
        raise DataError(
            f"the {whose} has a column {name!r} of its own, and [people] of the org has {name}s "
            "too; rename the "
            f"{whose}'s in the org file, under [columns] or [api.columns]: {name} = "
            f'"{name}_in_crm", or drop it'
        )
    raise DataError(
        f"the {whose} has a column {name!r} of its own, and {join.file} gives {name!r} too; "
        f"under [join.{join.name}] of the "
        f'org file, rename the joined one, columns = {{"{name}" = "{join.name}_{name}"}}, or '
        "list the columns that you want"
    )


# Reading


def read_joins(raw: Json, folder: Path) -> tuple[list[Join], list[OrgProblem]]:
    """Read the joined tables that checked settings of an org name, with every mistake in them."""
    joins: list[Join] = []
    problems: list[OrgProblem] = []
    people = DERIVED if raw.get("people") else ()
    given = dict.fromkeys(_TAKEN, "every deal") | dict.fromkeys(people, "[people]")
    for name, settings in raw.get("join", {}).items():
        try:
            join = _Reader(name, settings, raw, folder).read()
        except OrgError as error:
            problems += error.problems
            continue
        for column in join.columns:
            if column in given:
                others = [other for other in join.columns if other not in given]
                right = (
                    f"{given[column]} gives {column!r} already; rename it, columns = "
                    f'{{"{column}" = "{name}_{column}"}}, or '
                    f"list the columns that you want, columns = {others}"
                )
                problems.append(OrgProblem(f"join.{name}.columns", repr(column), right))
        given |= dict.fromkeys(join.columns, join.file)
        joins.append(join)
    return joins, problems


def list_bad_cells(path: Path, bad: Iterable[inputs.BadValue]) -> list[OrgProblem]:
    """List bad cells of a table beside an org file, each with its row."""
    return [
        OrgProblem(one.column, repr(one.value), str(one.reason), one.row, path.name) for one in bad
    ]


class _Reader:
    """Reads one table; a mistake is an `OrgError`."""

    def __init__(self, name: str, settings: Json, raw: Json, folder: Path) -> None:
        self.name, self.settings = name, settings
        self.path = folder / settings["file"]
        self.ours: Json = {
            **PRESETS.get(str(raw.get("preset")), {}).get("columns", {}),
            **raw.get("columns", {}),
        }
        self.currency, self.zone = raw.get("currency"), raw.get("timezone") or "UTC"
        self.habits = inputs.find_habits(raw.get("timezone"), self.currency)
        key: Any = settings.get("key")
        self.label: str | None = next(iter(key)) if isinstance(key, dict) else None
        named = key[self.label] if self.label else key
        self.keys: Sequence[str] = (named,) if named else _KEYS.get(name, ())
        self.days: Sequence[str] = (settings["date"],) if "date" in settings else _DAYS
        self.is_dated = "date" in settings or name == "activities"

    def read(self) -> Join:
        """Read the table."""
        if not self.keys:
            self._refuse(
                "key", "", 'missing; name the column of the deals, such as key = "account_id"'
            )
        wanted = {*self.keys, self.label, *self.days, *self.settings.get("columns", ())}
        try:
            self.table = read_table(
                self.path, lambda label: not wanted.isdisjoint(self._list_names(label))
            )
        except DataError as error:
            self._refuse("file", self.settings["file"], str(error))
        column = self._find(self.label) if self.label else self._find(*self.keys)
        if column is None:
            example = f'key = {{"Its label" = "{self.keys[0]}"}}'
            self._refuse(
                "key",
                self.label or "",
                (
                    f"{self._say_labels()}; name the one with {joined(self.keys, last='or')}: "
                    f"{example}"
                ),
            )
        self.cells = self.table.cells[self.table.cells[column].notna()]
        heads = [inputs.Cells.of(self.cells[at].head(_HEAD), "") for at in self.cells]
        self.dots, order = inputs.has_dotted_dates(heads), inputs.find_day_order(heads)
        self.day_first = self.habits[0] if order is None else order
        ids = inputs.as_ids(self.cells[column])
        table = self._read_days(ids) if self.is_dated else self._read_columns(column, ids)
        settings = {**self.settings, "file": str(self.path.resolve())}
        return Join(self.name, settings, self._list_keys(self.table.labels[column]), table)

    def _list_keys(self, label: str) -> tuple[str, ...]:
        """List the names that deals may have the key under.

        They are ours, the label, and likely readings of the label.
        """
        if self.label:
            return tuple(self.keys)
        ours = [key for key in self.keys if self._find(key) == self._find(label)]
        likely = [
            name
            for name, labels in LIKELY.items()
            if not {*labels}.isdisjoint(list_spellings(label))
        ]
        return tuple(dict.fromkeys((*ours, label, *likely)))

    def _refuse(self, key: str, value: str, right: str) -> NoReturn:
        raise OrgError(
            str(self.path),
            [OrgProblem(f"join.{self.name}.{key}", repr(value) if value else "", right)],
        )

    def _list_names(self, label: str) -> list[str]:
        """List the names of a label: its own, the org's, and our spelling of it.

        So ``Account ID`` is account_id.
        """
        spelled = [inputs.make_key(label), *list_spellings(label)]
        return [label, *list_names(self.ours.get(label, ())), *spelled]

    def _say_labels(self) -> str:
        return f"the file has {joined([repr(label) for label in self.table.labels if label])}"

    def _find(self, *names: str) -> int | None:
        """Find the column of the first name that a label equals or means."""
        labels = [self._list_names(label) for label in self.table.labels]
        wanted = [spelled for name in names for spelled in (name, *LIKELY.get(name, ()))]
        return next(
            (
                column
                for one in wanted
                for column, spellings in enumerate(labels)
                if one in spellings
            ),
            None,
        )

    def _read_days(self, ids: Series) -> pd.DataFrame:
        column = self._find(*self.days)
        if column is None:
            self._refuse(
                "date",
                self.settings.get("date", ""),
                f"{self._say_labels()}; name its column of days",
            )
        cells = inputs.Cells.of(self.cells[column], self.table.labels[column])
        order = inputs.find_day_order([cells])
        order = self.day_first if order is None else order
        instants, bad = inputs.read_instants(cells, order, self.zone)
        if bad:
            raise OrgError(str(self.path), list_bad_cells(self.path, bad[:_MOST_NAMED]))
        days = to_dates(instants, tz=self.zone)
        table = pd.DataFrame({LAST_TOUCH: days.array}, index=pd.Index(ids)).dropna()
        return table.sort_values(LAST_TOUCH, kind="stable")

    def _read_columns(self, key: int, ids: Series) -> pd.DataFrame:
        twice = ids.duplicated()
        if twice.any():
            row = ids.index[int(twice.to_numpy().argmax())]
            first = ids.index[int((ids == ids[row]).to_numpy().argmax())]
            reason = BadCell(f"is also in row {first}", "keep one row for each")
            one = inputs.BadValue(row, self.table.labels[key], ids[row], reason)
            raise OrgError(str(self.path), list_bad_cells(self.path, [one]))
        columns = {name: self._read_column(column).array for column, name in self._choose(key)}
        return pd.DataFrame(columns, index=pd.Index(ids))

    def _choose(self, key: int) -> list[tuple[int, str]]:
        """Choose the columns that deals gain, each by number and name."""
        labels, wanted = self.table.labels, self.settings.get("columns")
        if wanted is None:
            return [
                (column, label) for column, label in enumerate(labels) if label and column != key
            ]
        chosen = []
        for label in wanted:
            column = self._find(label)
            if column is None:
                near = inputs.did_you_mean(label, labels, write=str)
                self._refuse("columns", label, f"{near} {self._say_labels()}".strip())
            chosen.append((column, wanted[label] if isinstance(wanted, dict) else label))
        return chosen

    def _read_column(self, number: int) -> Series:
        """Read a column as numbers or days where all its cells are, else as text."""
        column, label = self.cells[number], self.table.labels[number]
        kind: Any = column.dtype
        if not pd.api.types.is_object_dtype(kind) and not isinstance(
            kind, (pd.StringDtype, pd.CategoricalDtype)
        ):
            # A deal without a row has no value, which NumPy's own whole numbers and flags cannot
            # say.
            return column.astype({"i": "Int64", "b": "boolean"}.get(kind.kind, kind))
        for read in (self._read_numbers, self._read_dates) if column.notna().any() else ():
            head, whole = (inputs.Cells.of(part, label) for part in (column.head(_HEAD), column))
            if read(head) is not None and (found := read(whole)) is not None:
                return found
        return inputs.as_texts(column)

    def _read_numbers(self, cells: inputs.Cells) -> Series | None:
        if any(isinstance(cell, str) and _NO_NUMBER.match(cell) for cell in cells.distinct):
            return None
        comma, _ = inputs.find_decimal_comma(
            [cells], semicolons=self.table.semicolons, dots=self.dots
        )
        amounts, bad = inputs.read_amounts(
            cells, self.currency, self.habits[1] if comma is None else comma
        )
        if bad:
            return None
        return amounts.astype("Int64") if (amounts.dropna() % 1 == 0).all() else amounts

    def _read_dates(self, cells: inputs.Cells) -> Series | None:
        days, bad = inputs.read_dates(cells, self.day_first)
        return None if bad else days
