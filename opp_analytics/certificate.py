"""The load certificate: what a load read, and whether that is all there was.

A frame carries it as plain JSON in ``attrs["load"]``, so that the frame can go to Parquet and be copied; here it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
import pandas as pd

from opp_analytics.errors import DataError

__all__ = ["Certificate"]

_Count = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What one load read. Whoever wrote the frame may have left entries out: those have their defaults."""

    fetched_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """The instant at which reading began, UTC."""
    pages: _Count | None = None
    """Pages read."""
    rows: _Count | None = None
    """Distinct opportunities read."""
    total: _Count | None = None
    """Opportunities that the server announced, None when it does not say."""
    duplicates: _Count = 0
    """Rows that came again on a later page."""
    sweeps: _Count | None = None
    """Passes over all pages; 0 when only changes were read."""
    complete: bool = True
    """Whether nothing can be missing: rows, totals, order and newest change add up."""
    reasons: tuple[str, ...] = ()
    """Why the load may be incomplete, in words."""
    source: str | None = None
    """Address of the API."""
    tenant: str | None = None
    """Hash of address and API key."""
    search: str | None = None
    """The text that was searched for."""
    deleted: bool = False
    """Whether the trash was read instead of the list."""
    filters: dict[str, Any] = field(default_factory=dict)
    """Further filters, as `load` takes them."""
    limit: _Count | None = None
    """Rows that were asked for as a sample, None for all."""
    state: dict[str, Any] = field(default_factory=dict)
    """What the server said of its data: totals of list and trash, newest change, newest deletion."""

    @classmethod
    def of(cls, opportunities: pd.DataFrame | None) -> Certificate | None:
        """The certificate of a frame, None where it carries none.

        Raises
        ------
        DataError
            When ``attrs["load"]`` is something else.

        Examples
        --------
        >>> frame = pd.DataFrame()
        >>> frame.attrs["load"] = {"rows": 0, "complete": False, "reasons": ["the trash cannot be read"]}
        >>> Certificate.of(frame).reasons
        ('the trash cannot be read',)
        """
        said = None if opportunities is None else opportunities.attrs.get("load")
        if said is None:
            return None
        try:
            return msgspec.convert(said, cls)
        except msgspec.ValidationError as error:
            raise DataError(
                f'attrs["load"] is not a load certificate ({error}); delete it, or load again'
            ) from None

    @property
    def narrowed_by(self) -> dict[str, Any]:
        """What kept the load from all opportunities: search, deleted, filters, limit, where given."""
        asked = {
            "search": self.search,
            "deleted": self.deleted,
            "filters": self.filters,
            "limit": self.limit,
        }
        return {name: value for name, value in asked.items() if value}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for ``attrs["load"]`` and files."""
        return dict(msgspec.json.decode(msgspec.json.encode(self)))
