"""What the server holds of a deal by now, and who last changed it, where that is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd

from opp_analytics import text
from opp_analytics.errors import NotFoundError
from opp_analytics.schema import BadCell
from opp_analytics.writer import normalize

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["Held", "read_held"]

_AUTHORS = ("updated_by_name", "updated_by", "modified_by_name", "modified_by", "last_modified_by")
"""Attributes in which an API may name the author of the last change."""


@dataclass(frozen=True)
class Held:
    """A deal on the server."""

    cells: dict[str, Any]
    """Its values, by field."""
    changed: str
    """Who last changed it and when, in words; what is not known is left out."""


def read_held(
    client: Client, unique_id: str, fields: Iterable[str], ours: pd.DataFrame, zone: str
) -> Held | None:
    """Read a deal; None if it was deleted.

    Parameters
    ----------
    client : Client
        Where it is read.
    unique_id : str
        Its id.
    fields : iterable of str
        The wanted fields.
    ours : DataFrame
        Our own writes, from `own_writes`.
    zone : str
        The business time zone.
    """
    try:
        remote = client.get(unique_id)
    except NotFoundError:
        return None
    cells = {field: _read(field, remote[field]) for field in fields if field in remote}
    at = pd.to_datetime(str(remote.get("updated_at") or ""), utc=True, errors="coerce")
    mine = ours[(ours["unique_id"] == unique_id) & (ours["updated_after"] == at)]
    who = f"your run {mine['run_id'].iloc[-1]}" if len(mine) else _author(remote)
    when = _moment(at, zone) if isinstance(at, pd.Timestamp) else ""
    return Held(cells, ", ".join(part for part in (who, when) if part))


def _read(field: str, value: Any) -> Any:
    try:
        return normalize(field, value)
    except BadCell:
        return value


def _author(remote: dict[str, Any]) -> str:
    named = (remote.get(name) for name in _AUTHORS)
    return next((text.printable(name) for name in named if isinstance(name, str) and name.strip()), "")


def _moment(at: pd.Timestamp, zone: str) -> str:
    local, now = at.tz_convert(zone), datetime.now(UTC).astimezone(ZoneInfo(zone))
    day = "today" if local.date() == now.date() else text.day(local, year=local.year != now.year)
    return f"{day}, {local:%I:%M %p}".replace(" 0", " ")
