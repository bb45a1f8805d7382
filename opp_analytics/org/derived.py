"""Columns that frames and histories gain at reading: those of people, and of tables joined by a column of the deals."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pyarrow as pa

from opp_analytics.errors import DataError, DataWarning
from opp_analytics.inputs import as_texts
from opp_analytics.org.people import add_teams
from opp_analytics.schema import TEXT

LAST_TOUCH = "last_touch"
"""The column that a table of activities gives: the newest day on or before the moment."""


@dataclass(frozen=True)
class Join:
    """A table beside the org file whose columns deals gain by a key."""

    name: str
    """Its name under ``[join]``, such as ``accounts``."""
    settings: Mapping[str, Any] = field(hash=False)
    """Its settings in the org file, with the whole path of its file."""
    keys: tuple[str, ...]
    """Names of the column of the deals, of which the first that is there counts."""
    table: pd.DataFrame = field(repr=False, compare=False)
    """Its columns by the text of the key; of activities, ``last_touch`` for each day of a deal, oldest first."""
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
        known = set(columns)
        return next((key for key in self.keys if key in known), None)

    def take(self, day: pd.Timestamp) -> pd.DataFrame:
        """Take the one row of each key; of activities, the last one on or before a day."""
        if self.columns != [LAST_TOUCH]:
            return self.table
        touched = self.table[self.table[LAST_TOUCH] <= day]
        return touched[~touched.index.duplicated(keep="last")]

    def to_arrow(self, day: pd.Timestamp) -> pa.Table:
        """Write the row of each key for the query engine; with the key as ``_key``, and days as dates."""
        table = pa.Table.from_pandas(self.take(day).rename_axis("_key").reset_index(), preserve_index=False)
        fields = [pa.field(f.name, _ARROW.get(str(f.type), f.type)) for f in table.schema]
        return table.cast(pa.schema(fields))

    def find(self, keys: pd.Series[Any], day: pd.Timestamp) -> pd.DataFrame:
        """Find the row of each deal by its key, and say once how many have none."""
        table, texts = self.take(day), as_texts(keys)
        asked = texts.dropna()
        # `isin` takes seconds among a hundred thousand texts.
        lacking = int((self.table.index.drop_duplicates().get_indexer(pd.Index(asked)) < 0).sum())
        # A deal without an activity is no mistake, unless all are.
        if lacking and not self._noted and (self.columns != [LAST_TOUCH] or lacking == len(asked)):
            self._noted.append(
                f"{self.file} has no row for {lacking:,} of {len(asked):,} deals' {self.name}, by {keys.name}"
            )
            warnings.warn(self._noted[0], DataWarning, stacklevel=5)
        return table.reindex(pd.Index(texts))


_ARROW = {"timestamp[us]": pa.date32(), "large_string": pa.string(), "null": pa.string()}
"""Types in a history, by those of a frame."""


def derive_columns(
    frame: pd.DataFrame,
    people: pd.DataFrame,
    joins: Sequence[Join],
    gained: Sequence[str],
    days: pd.Series[Any],
    today: pd.Timestamp,
) -> pd.DataFrame:
    """Add the derived columns: the team of each deal on its own day, and what joined tables have of it `today`.

    `gained` are columns that an org added before: they are replaced. A column of the frame's own is refused.
    """
    found: dict[str, Any] = {}
    if len(people) and "owner_name" in frame:
        teams = add_teams(frame[["owner_name"]], people, days)
        found = {name: teams[name].array for name in teams.columns[1:]}
    sources: dict[str, Join] = {}
    for join in joins:
        key = join.find_key(frame.columns)
        if key is not None:
            rows = join.find(frame[key], today)
            found |= {name: rows[name].array for name in join.columns}
            sources |= dict.fromkeys(join.columns, join)
    for name, column in found.items():
        if name in frame and name not in gained and not _are_same(frame[name], column):
            refuse_own(name, "frame", sources.get(name))
    return frame.drop(columns=list(found), errors="ignore").assign(**found)


def _are_same(own: pd.Series[Any], found: Any) -> bool:
    """Tell whether two columns are the same as text: a file holds a column that it was written with as text."""
    one, other = own.astype(TEXT).reset_index(drop=True), pd.Series(found).astype(TEXT)
    return bool(((one == other) | (one.isna() & other.isna())).all())


def refuse_own(name: str, whose: str, join: Join | None) -> NoReturn:
    """Refuse a column that deals have of their own beside one that `join`, or without it the people, gives."""
    if join is None:
        raise DataError(
            f"the {whose} has a column {name!r} of its own, and [people] of the org has {name}s too; rename the "
            f'{whose}\'s in the org file, under [columns] or [api.columns]: {name} = "{name}_in_crm", or drop it'
        )
    raise DataError(
        f"the {whose} has a column {name!r} of its own, and {join.file} gives {name!r} too; under [join.{join.name}] of the "
        f'org file, rename the joined one, columns = {{"{name}" = "{join.name}_{name}"}}, or list the columns that you want'
    )
