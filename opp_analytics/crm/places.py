"""The place of a column in the table of a file."""

from __future__ import annotations

from opp_analytics.crm.mapping import Mapped
from opp_analytics.crm.tables.table import Table
from opp_analytics.errors import MissingColumnError

__all__ = ["place_of"]


def place_of(name: str, matched: list[Mapped], table: Table) -> int:
    """Place of the column that became `name`.

    Raises
    ------
    MissingColumnError
        When there is none.
    """
    places = [place for place, line in enumerate(matched) if line.ours == name and line.how != "dropped"]
    if not places:
        raise MissingColumnError(
            f"{table.file} has no column for {name}; add it to the report, or say under [columns] of the org file which one "
            f"it is. The file has {', '.join(filter(None, table.labels))}"
        )
    return places[0]
