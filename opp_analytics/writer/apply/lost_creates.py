"""Creates whose answer was lost: found again among the opportunities that are new since the run began.

The API has no key that makes a repeated create harmless, so a create is never repeated before it was looked up.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from opp_analytics import schema
from opp_analytics.writer.plan.cells import normalize, same
from opp_analytics.writer.plan.remote import PAGE
from opp_analytics.writer.plan.steps import Step

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["list_new_since", "mark_newest", "match_lost_creates"]


_FIRST = 100


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
    """The server's newest opportunities, by the server's own clock.

    Returns
    -------
    dict
        ``newest``, the latest ``created_at`` as text, None where the server does not sort by it or holds
        nothing; ``ids``, the opportunities that are there already.
    """
    first = client.list(page=1, page_size=_FIRST, sort="-created_at").rows
    if first and _newest_first(first):
        return {"newest": str(first[0]["created_at"]), "ids": [record["unique_id"] for record in first]}
    return {"newest": None, "ids": [record["unique_id"] for page in _pages(client, PAGE) for record in page]}


def list_new_since(client: Client, mark: dict[str, Any]) -> list[dict[str, Any]]:
    """The opportunities created since `mark_newest` gave `mark`."""
    known = set(mark["ids"])
    if mark["newest"] is None:
        return [r for page in _pages(client, PAGE) for r in page if r["unique_id"] not in known]
    since = schema.parse_cell("created_at", mark["newest"])
    found: dict[str, dict[str, Any]] = {}
    for page in _pages(client, PAGE, sort="-created_at"):
        found |= {r["unique_id"]: r for r in page if _created_at(r) >= since and r["unique_id"] not in known}
        if any(_created_at(record) < since for record in page):
            break
    return list(found.values())


def _is_of(step: Step, record: dict[str, Any]) -> bool:
    for field, value in step.fields.items():
        theirs = normalize(field, record.get(field))
        if isinstance(theirs, str) and isinstance(value, str):
            theirs, value = theirs.strip(), value.strip()
        if not same(field, theirs, value):
            return False
    return True


def match_lost_creates(
    steps: dict[int, Step], candidates: list[dict[str, Any]], taken: set[str]
) -> dict[int, dict[str, Any]]:
    """Which of the new opportunities each lost create made; every opportunity is claimed once.

    Parameters
    ----------
    steps : dict of int to Step
        Creates whose outcome is unknown, by their number.
    candidates : list of dict
        As `list_new_since` gives them.
    taken : set of str
        Ids that other creates are known to have been given.

    Examples
    --------
    >>> from opp_analytics.writer.plan.steps import Cell
    >>> lost = {n: Step("create", None, (Cell(n, "name", None, "Acme"),), {}) for n in (4, 7)}
    >>> match_lost_creates(lost, [{"unique_id": "x", "name": "Acme"}, {"unique_id": "y", "name": "Acme"}], {"x"})
    {4: {'unique_id': 'y', 'name': 'Acme'}}
    """
    free = [record for record in candidates if record["unique_id"] not in taken]
    claimed: dict[int, dict[str, Any]] = {}
    for number, step in steps.items():
        match = next((record for record in free if _is_of(step, record)), None)
        if match is not None:
            claimed[number] = match
            free.remove(match)
    return claimed
