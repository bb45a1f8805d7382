"""Attributes on the wire and their names in the package, where a tenant has other ones; used in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opp_analytics.arguments import text
from opp_analytics.errors import UnexpectedResponse

__all__ = ["Names"]


@dataclass(frozen=True)
class Names:
    """The attributes that a tenant calls otherwise."""

    ours: Mapping[str, str] = field(default_factory=dict)
    """Theirs to ours, as ``[api.columns]`` of an org file has them."""

    @property
    def theirs(self) -> dict[str, str]:
        """Ours to theirs."""
        return {ours: theirs for theirs, ours in self.ours.items()}

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """An opportunity under our names.

        Raises
        ------
        UnexpectedResponse
            When both names hold a value, and not the same one.

        Examples
        --------
        >>> Names({"total": "value"}).row({"unique_id": "a", "total": 5})
        {'unique_id': 'a', 'value': 5}
        """
        if not self.ours:
            return row
        named = {name: value for name, value in row.items() if name not in self.ours}
        for theirs, ours in self.ours.items():
            if theirs in row:
                named[ours] = _one(row["unique_id"], theirs, row[theirs], ours, named.get(ours))
        return named

    def cells(self, cells: dict[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """Cells by attribute under our names; see `row`."""
        named = {name: column for name, column in cells.items() if name not in self.ours}
        for theirs, ours in self.ours.items():
            if theirs in cells:
                there = named.get(ours, ())
                if any(value is not None for value in there):
                    named[ours] = [
                        _one(key, theirs, one, ours, other)
                        for key, one, other in zip(cells["unique_id"], cells[theirs], there, strict=True)
                    ]
                else:
                    named[ours] = cells[theirs]
        return named

    def sent(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields to write, under their names.

        Examples
        --------
        >>> Names({"total": "value"}).sent({"value": 5, "stage": "Demo"})
        {'total': 5, 'stage': 'Demo'}
        """
        theirs = self.theirs
        return {theirs.get(name, name): value for name, value in fields.items()}

    def sort(self, order: str) -> str:
        """A `sort` parameter under their names; a leading minus stays."""
        name = text(order, "sort", example="-updated_at").removeprefix("-")
        return order[: len(order) - len(name)] + self.theirs.get(name, name)


def _one(unique_id: Any, theirs: str, one: Any, ours: str, other: Any) -> Any:
    if one is None or other is None or one == other:
        return other if one is None else one
    raise UnexpectedResponse(
        f"opportunity {unique_id!r} holds {theirs}={one!r} and {ours}={other!r}, and the org reads {theirs} as {ours}; "
        f"correct one of them on the server, or name another column under [api.columns]"
    )
