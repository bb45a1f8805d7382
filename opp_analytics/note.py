"""`TableNote`: what a result table is, beside its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import pandas as pd

KEY = "opp_analytics"
"""Key of ``attrs`` that holds the note of a result table."""

_Table = TypeVar("_Table", bound=pd.DataFrame)


class _Written(dict[str, Any]):
    """A note in attrs, which every copy of a table shares: nobody changes it.

    Pandas copies attrs deeply with each step of a frame.
    """

    def __deepcopy__(self, memo: object) -> _Written:
        return self

    def __reduce__(self) -> Any:
        return dict, (dict(self),)  # A pickled table is read without this package.


@dataclass(frozen=True)
class TableNote:
    """The kind and settings of a result table; all but its figures hold for each row.

    It is plain JSON in ``attrs["opp_analytics"]``, so that a table keeps it in a Parquet file.
    """

    kind: str = ""
    """Function that returned the table; empty for a table without a note."""
    day: Any = None
    """Date that the table is as of."""
    freq: Any = None
    tz: str | None = None
    org: Mapping[str, Any] | None = None
    """What the stages mean, the currency and the fiscal year."""
    method: Any = None
    why: str = ""
    """Why the forecast is by this method."""
    confidence: Any = None
    opening_at: Any = None
    """Time of the first record that was compared."""
    closing_at: Any = None
    """Time of the last record that was compared."""
    then_at: Any = None
    """Time of the first forecast of a change."""
    now_at: Any = None
    """Time of the second forecast of a change."""
    due: list[str] | None = None
    """First and last close date of the deals in question."""
    age_days: int | None = None
    lead: Any = None
    seen_on: str | None = None
    """Last date that its deals are known of, where that is before `day`."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Figures of the whole table, such as ``n`` and ``left_out``: wrong for some of its rows."""

    @property
    def known_day(self) -> Any:
        """Last date that the table knows of: none of its periods that end later is over."""
        return self.seen_on or self.day

    def change(self, **told: Any) -> TableNote:
        """Change some fields; any other name is a figure."""
        own = {one.name: told.pop(one.name) for one in fields(self) if one.name in told}
        return replace(self, **{"figures": {**self.figures, **told}, **own})

    def to_dict(self) -> dict[str, Any]:
        """Write plain JSON: the fields that are known."""
        return {name: value for name, value in vars(self).items() if value not in (None, "", {})}

    def write(self, table: _Table) -> _Table:
        """Put the note on a table, in place of any other, and return the table."""
        table.attrs = {KEY: _Written(self.to_dict())}
        return table


def note_of(table: pd.DataFrame) -> TableNote:
    """Read the note of a table; an empty one if it has none."""
    return TableNote(**table.attrs.get(KEY, {}))
