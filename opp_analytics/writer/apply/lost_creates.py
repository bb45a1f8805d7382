"""Look for creates without an answer among the opportunities created since the run began.

The API has no key that makes a repeated create harmless, so a create is never repeated before a search, and "not
found yet" proves nothing: a server may commit late, and its nodes' clocks differ.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from opp_analytics import schema
from opp_analytics.writer.plan.cells import normalize, same
from opp_analytics.writer.plan.remote import PAGE
from opp_analytics.writer.plan.steps import Step

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["SHORTEST_WAIT", "list_new_since", "mark_newest", "match_lost_creates", "settling_seconds"]

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


def _newest_first(records: list[dict[str, Any]]) -> bool:
    times = [_created_at(record) for record in records]
    return all(time is not None for time in times) and all(a >= b for a, b in pairwise(times))


def _pages(client: Client, page_size: int, **params: Any) -> Iterator[list[dict[str, Any]]]:
    number = 1
    while True:
        page = client.list(page=number, page_size=page_size, **params)
        yield page.rows
        if not page.rows or number >= (page.total_pages or 1):
            return
        number += 1


def mark_newest(client: Client) -> dict[str, Any]:
    """The server's newest opportunities, read just before the first create.

    Returns
    -------
    dict
        ``since``, a quarter of an hour before the newest ``created_at``, as text, None where the server does not sort
        by it or holds nothing; ``ids``, the opportunities since then that are there already.
    """
    first = client.list(page=1, page_size=_FIRST, sort="-created_at")
    rows = first.rows
    if not rows or not _newest_first(rows):
        known = [record["unique_id"] for page in _pages(client, PAGE) for record in page] if rows else []
        return {"since": None, "ids": known}
    # A stamp far in the future (an import) must not hide what the server creates now.
    since = min(_created_at(rows[0]), datetime.now(UTC)) - _OVERLAP
    if _created_at(rows[-1]) >= since and (first.total_pages or 1) > 1:
        rows = _created_since(client, since)
    return {"since": since.isoformat(), "ids": [record["unique_id"] for record in rows]}


def _created_since(client: Client, since: Any) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for page in _pages(client, PAGE, sort="-created_at"):
        recent = [r for r in page if (at := _created_at(r)) is None or at >= since]
        found |= {record["unique_id"]: record for record in recent}
        if len(recent) < len(page):
            break
    return list(found.values())


def list_new_since(client: Client, mark: dict[str, Any]) -> list[dict[str, Any]]:
    """The opportunities created since `mark_newest` gave `mark`."""
    known = set(mark["ids"])
    if mark["since"] is None:
        return [r for page in _pages(client, PAGE) for r in page if r["unique_id"] not in known]
    since = schema.parse_cell("created_at", mark["since"])
    return [record for record in _created_since(client, since) if record["unique_id"] not in known]


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


def _is_of(step: Step, record: dict[str, Any]) -> bool:
    return all(_agrees(field, value, record.get(field)) for field, value in step.fields.items())


def match_lost_creates(
    steps: dict[int, Step], candidates: list[dict[str, Any]], taken: set[str]
) -> dict[int, dict[str, Any]]:
    """Match each lost create to its new opportunity, where that is certain.

    Creates and opportunities that fit each other are settled when there are as many of the one as of the other.

    Parameters
    ----------
    steps : dict of int to Step
        Creates whose outcome is unknown, by their number.
    candidates : list of dict
        New opportunities from `list_new_since`.
    taken : set of str
        Ids that belong to other creates.

    Examples
    --------
    >>> from opp_analytics.writer.plan.steps import Cell
    >>> lost = {n: Step("create", None, (Cell(n, "name", None, "Acme  Ltd"),), {}) for n in (4, 7)}
    >>> new = [{"unique_id": i, "name": "Acme Ltd"} for i in "xyz"]
    >>> {n: record["unique_id"] for n, record in match_lost_creates(lost, new, {"x"}).items()}
    {4: 'y', 7: 'z'}
    >>> match_lost_creates(lost, new, set())
    {}
    """
    free = {r["unique_id"]: r for r in candidates if r["unique_id"] not in taken}
    fits = {n: {i for i, record in free.items() if _is_of(step, record)} for n, step in steps.items()}
    claimed: dict[int, dict[str, Any]] = {}
    left = {number for number, ids in fits.items() if ids}
    while left:
        group, ids = _related(min(left), fits)
        left -= group
        pairs = _pairs(sorted(group, key=lambda n: (len(fits[n]), n)), fits)
        if len(group) == len(ids) == len(pairs):
            claimed |= {number: free[unique_id] for number, unique_id in pairs.items()}
    return claimed


def _related(number: int, fits: dict[int, set[str]]) -> tuple[set[int], set[str]]:
    """Creates that share candidate opportunities with one, directly or indirectly, and those opportunities."""
    group, ids = {number}, set(fits[number])
    while more := {n for n, theirs in fits.items() if theirs & ids} - group:
        group |= more
        ids = ids.union(*(fits[n] for n in more))
    return group, ids


def _pairs(numbers: list[int], fits: dict[int, set[str]]) -> dict[int, str]:
    pairs: dict[int, str] = {}
    for number in numbers:
        free = sorted(fits[number] - set(pairs.values()))
        if free:
            pairs[number] = free[0]
    return pairs
