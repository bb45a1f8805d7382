"""The load certificate: the size, source and completeness of a load.

A frame carries it as plain JSON in ``attrs["load"]``, so that the frame can go to Parquet and be
copied; here it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
import pandas as pd

from opp_analytics import text
from opp_analytics.errors import DataError
from opp_analytics.schema import Json

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Record of one load; entries missing in a frame have their defaults."""

    fetched_at: _Instant | None = None
    """Time at which reading began, UTC, by the server's clock where it says one."""
    read_at: _Instant | None = None
    """The same by this computer's clock, which tells how old a kept load is."""
    pages: _Count | None = None
    """Pages read."""
    rows: _Count | None = None
    """Distinct opportunities read."""
    total: _Count | None = None
    """Opportunities that the server reported; None when it gives no total."""
    duplicates: _Count = 0
    """Rows that a later page repeated."""
    sweeps: _Count | None = None
    """Passes over all pages; 0 when only changes were read."""
    swept_at: _Instant | None = None
    """The instant at which the last full pass began, UTC; what came later is known from the changes
    only."""
    assumes_stamps_within: _Count | None = None
    """Minutes by which the server may stamp a change late and it is still seen; None when no stamp
    was relied on."""
    complete: bool = True
    """True when nothing can be missing: rows, totals, order and newest change agree."""
    reasons: tuple[str, ...] = ()
    """Reasons why the load may be incomplete."""
    unreadable: _Count = 0
    """Cells that could not be read, such as a number out of range, and are missing."""
    unreadable_cells: str = ""
    """The first of them, by column and deal."""
    source: str | None = None
    """Address of the API."""
    tenant: str | None = None
    """Hash of address and API key."""
    search: str | None = None
    """Text searched for."""
    deleted: bool = False
    """True when the trash was read instead of the list."""
    filters: Json = field(default_factory=dict)
    """Further filters, as `load` takes them."""
    limit: _Count | None = None
    """Size of the sample asked for; None for all."""
    state: Json = field(default_factory=dict)
    """The server's totals of list and trash, its newest change and its newest deletion."""

    @classmethod
    def of(cls, opportunities: pd.DataFrame | None) -> Certificate | None:
        """Read the certificate of a frame; None without one.

        Raises
        ------
        DataError
            When ``attrs["load"]`` is not a load certificate.

        Examples
        --------
        >>> frame = pd.DataFrame()
        >>> frame.attrs["load"] = {"rows": 0, "complete": False, "reasons": ["no trash"]}
        >>> Certificate.of(frame).reasons
        ('no trash',)
        """
        load = None if opportunities is None else opportunities.attrs.get("load")
        if load is None:
            return None
        try:
            return cls.from_json(load)
        except msgspec.ValidationError as error:
            raise DataError(
                f'attrs["load"] is not a load certificate ({error}); delete it, or load again'
            ) from None

    @classmethod
    def from_json(cls, written: Any) -> Certificate:
        """Read a certificate that `to_json` wrote."""
        return msgspec.convert(written, cls)

    @staticmethod
    def moment_of(opportunities: pd.DataFrame) -> datetime | str | None:
        """Find the moment of a frame: that of its load or its record; None where it is unknown.

        Examples
        --------
        >>> frame = pd.DataFrame()
        >>> frame.attrs["recorded_at"] = "2026-03-02T06:00:00+00:00"
        >>> Certificate.moment_of(frame)
        '2026-03-02T06:00:00+00:00'
        """
        load = Certificate.of(opportunities)
        return (
            load.fetched_at if load and load.fetched_at else opportunities.attrs.get("recorded_at")
        )

    @property
    def narrowed_by(self) -> Json:
        """The arguments that narrowed the load: search, deleted, filters, limit."""
        asked = {
            "search": self.search,
            "deleted": self.deleted,
            "filters": self.filters,
            "limit": self.limit,
        }
        return {name: value for name, value in asked.items() if value}

    def _repr_html_(self) -> str:
        facts = {
            "complete": "yes" if self.complete else f"no: {text.joined(self.reasons)}",
            "read at": self.fetched_at and f"{self.fetched_at:%Y-%m-%d %H:%M} UTC",
            "rows": self.rows,
            "total on the server": self.total,
            "unreadable": f"{text.count(self.unreadable, 'cell')}: {self.unreadable_cells}"
            if self.unreadable
            else None,
            "pages": self.pages,
            "sweeps": self.sweeps,
            "narrowed by": self.narrowed_by or None,
            "source": self.source,
        }
        return text.facts_html(
            "Load", {name: fact for name, fact in facts.items() if fact is not None}
        )

    def to_json(self) -> Json:
        """Write plain JSON, for ``attrs["load"]`` and files."""
        return dict(msgspec.json.decode(msgspec.json.encode(self)))
