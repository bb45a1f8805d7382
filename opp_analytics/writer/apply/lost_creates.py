"""Look for creates without an answer among the opportunities created since the run began.

The API has no key that makes a repeated create harmless, so a create is never repeated before a search, and "not
found yet" proves nothing: a server may commit late, and its nodes' clocks differ.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from opp_analytics import schema
from opp_analytics.writer.plan.cells import normalize, same
from opp_analytics.writer.plan.remote import PAGE
from opp_analytics.writer.plan.steps import Step

if TYPE_CHECKING:
    from opp_analytics.api import Client, Opportunity

__all__ = [
    "SHORTEST_WAIT",
    "LostCreate",
    "list_new_since",
    "mark_newest",
    "match_lost_creates",
    "settling_seconds",
]

SHORTEST_WAIT = 15.0
"""Minimum seconds before a create without an answer counts as not carried out."""
_OVERLAP = timedelta(minutes=15)
"""Allowance for clock differences between a server's nodes and for late timestamps."""
_FIRST = 100


def settling_seconds(client: Client) -> float:
    """Seconds after which a create without an answer, and without a trace, counts as not carried out."""
    return max(SHORTEST_WAIT, 2 * client.timeout)


def _created_at(record: dict[str, Any]) -> Any:
    return schema.parse_cell("created_at", record.get("created_at"))


def _newest_first(records: list[Opportunity]) -> bool:
    times = [_created_at(record) for record in records]
    return all(time is not None for time in times) and all(a >= b for a, b in pairwise(times))


def _pages(client: Client, page_size: int, **params: Any) -> Iterator[list[Opportunity]]:
    number = 1
    while True:
        page = client.list(page=number, page_size=page_size, **params)
        yield page.rows
        if not page.rows or number >= (page.total_pages or 1):
            return
        number += 1


@dataclass(frozen=True)
class Mark:
    """The server's newest opportunities at one moment."""

    since: Any = None
    """A quarter of an hour before the newest ``created_at``; None where the server does not sort by it, or is empty."""
    ids: frozenset[str] = frozenset()
    """Opportunities created since then; all of them if `since` is None."""

    @classmethod
    def read(cls, stored: dict[str, Any] | None) -> Mark:
        """A mark from what `stored` gave; None is that of an empty server."""
        if stored is None:
            return cls()
        return cls(schema.parse_cell("created_at", stored["since"]), frozenset(stored["ids"]))

    def stored(self) -> dict[str, Any]:
        """The mark as plain JSON."""
        return {"since": self.since.isoformat() if self.since else None, "ids": sorted(self.ids)}

    def is_new(self, record: dict[str, Any]) -> bool:
        """True if an opportunity was created after this moment."""
        at = _created_at(record)
        early = self.since is not None and at is not None and at < self.since
        return record["unique_id"] not in self.ids and not early


def mark_newest(client: Client) -> Mark:
    """Read the server's newest opportunities, just before the first create."""
    first = client.list(page=1, page_size=_FIRST, sort="-created_at")
    rows = first.rows
    if not rows or not _newest_first(rows):
        return Mark(
            ids=_ids(record for page in _pages(client, PAGE) for record in page) if rows else _ids([])
        )
    # A stamp far in the future (an import) must not hide what the server creates now.
    since = min(_created_at(rows[0]), datetime.now(UTC)) - _OVERLAP
    if _created_at(rows[-1]) >= since and (first.total_pages or 1) > 1:
        rows = _created_since(client, since)
    return Mark(since, _ids(rows))


def _ids(records: Iterable[dict[str, Any]]) -> frozenset[str]:
    return frozenset(record["unique_id"] for record in records)


def _created_since(client: Client, since: Any) -> list[Opportunity]:
    found: dict[str, Opportunity] = {}
    for page in _pages(client, PAGE, sort="-created_at"):
        recent = [r for r in page if (at := _created_at(r)) is None or at >= since]
        found |= {record["unique_id"]: record for record in recent}
        if len(recent) < len(page):
            break
    return list(found.values())


def list_new_since(client: Client, mark: Mark) -> list[Opportunity]:
    """The opportunities created since `mark_newest` gave `mark`."""
    if mark.since is None:
        records = [record for page in _pages(client, PAGE) for record in page]
    else:
        records = _created_since(client, mark.since)
    return [record for record in records if mark.is_new(record)]


@dataclass(frozen=True)
class LostCreate:
    """A create whose outcome is unknown."""

    step: Step
    mark: Mark
    """The newest opportunities before it was sent."""

    def may_be(self, record: dict[str, Any]) -> bool:
        """True if an opportunity may be what it created."""
        fits = (_agrees(field, value, record.get(field)) for field, value in self.step.fields.items())
        return self.mark.is_new(record) and all(fits)


def _folded(value: str) -> str:
    return unicodedata.normalize("NFC", " ".join(value.split()))


def _agrees(field: str, ours: Any, theirs: Any) -> bool:
    """True if `theirs` may be the server's version of `ours`: rounded, trimmed, composed or filled in."""
    if schema.is_blank(ours) or (isinstance(ours, str) and not ours.strip()):
        return True
    try:
        theirs = normalize(field, theirs)
    except schema.BadCell:
        return False
    if same(field, theirs, ours):
        return True
    if isinstance(ours, str) and isinstance(theirs, str):
        return _folded(ours) == _folded(theirs)
    numbers = (int, float, Decimal)
    return isinstance(ours, numbers) and isinstance(theirs, numbers) and abs(float(theirs) - float(ours)) < 1


def match_lost_creates(
    lost: Mapping[Any, LostCreate], candidates: list[Opportunity], taken: set[str]
) -> dict[Any, dict[str, Any]]:
    """Match each lost create to its new opportunity, where that is certain.

    Creates and opportunities that fit each other are settled when there are as many of the one as of the other.

    Parameters
    ----------
    lost : mapping to LostCreate
        Creates whose outcome is unknown, by any key.
    candidates : list of dict
        New opportunities from `list_new_since`.
    taken : set of str
        Ids that belong to other creates.

    Examples
    --------
    >>> from opp_analytics.writer.plan.steps import Cell
    >>> create = Step("create", None, (Cell(4, "name", None, "Acme  Ltd"),), {})
    >>> lost = {number: LostCreate(create, Mark()) for number in (4, 7)}
    >>> new = [{"unique_id": i, "name": "Acme Ltd"} for i in "xyz"]
    >>> {n: record["unique_id"] for n, record in match_lost_creates(lost, new, {"x"}).items()}
    {4: 'y', 7: 'z'}
    >>> match_lost_creates(lost, new, set())
    {}
    """
    free = {r["unique_id"]: r for r in candidates if r["unique_id"] not in taken}
    fits = {n: {i for i, record in free.items() if create.may_be(record)} for n, create in lost.items()}
    claimed: dict[Any, dict[str, Any]] = {}
    left = [key for key, ids in fits.items() if ids]
    while left:
        group, ids = _related(left[0], fits)
        left = [key for key in left if key not in group]
        pairs = _pairs(sorted(group, key=lambda n: len(fits[n])), fits)
        if len(group) == len(ids) == len(pairs):
            claimed |= {number: free[unique_id] for number, unique_id in pairs.items()}
    return claimed


def _related(key: Any, fits: dict[Any, set[str]]) -> tuple[list[Any], set[str]]:
    """Creates that share candidate opportunities with one, directly or indirectly, and those opportunities."""
    group, ids = [key], set(fits[key])
    while more := [n for n, theirs in fits.items() if theirs & ids and n not in group]:
        group += more
        ids = ids.union(*(fits[n] for n in more))
    return group, ids


def _pairs(keys: list[Any], fits: dict[Any, set[str]]) -> dict[Any, str]:
    pairs: dict[Any, str] = {}
    for key in keys:
        free = sorted(fits[key] - set(pairs.values()))
        if free:
            pairs[key] = free[0]
    return pairs
