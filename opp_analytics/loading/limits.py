"""The limits of one load, so that it ends whatever the server says."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from opp_analytics.errors import LoadError

MOST_PAGES = 100_000
"""Pages of list and trash together, repeats included."""
MOST_BYTES = 16 * 2**30
MOST_SECONDS = 4 * 3600.0
_SLACK = 10
"""Extra pages, beyond twice the announced number, before the pages are considered endless."""


@dataclass
class Limits:
    """What one load has read so far, and the bounds on it."""

    url: str
    pages: int = 0
    size: int = 0
    _first: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ends = time.monotonic() + MOST_SECONDS

    def count_page(self, size: int = 0) -> None:
        """Count a page of `size` bytes.

        Raises
        ------
        LoadError
            When a bound is passed.
        """
        self.pages += 1
        self.size += size
        if self.pages > MOST_PAGES:
            self._stop(f"{MOST_PAGES:,} pages")
        if self.size > MOST_BYTES:
            self._stop(f"{MOST_BYTES / 2**30:g} GB")
        if time.monotonic() > self._ends:
            self._stop(f"{MOST_SECONDS / 3600:g} hours")

    def first(self, what: str, announced: int) -> int:
        """The first announcement of the load: one that grows from reading to reading would never be reached."""
        return self._first.setdefault(what, announced)

    def _stop(self, bound: str) -> None:
        raise LoadError(
            f"{self.url} was still sending pages after {bound}, the most that one load reads; stopped. "
            "Load a part of it (search=, status=, owner_unique_id=), or ask who runs the API"
        )

    def check_end(self, number: int, announced: int, what: str) -> None:
        """Refuse a page `number` far beyond the `announced` ones.

        Raises
        ------
        LoadError
            When more than twice the announced pages came, and all of them brought something new.
        """
        if number > 2 * announced + _SLACK:
            raise LoadError(
                f"{self.url} announced {announced:,} pages, but page {number:,} is still full of new {what}; stopped. "
                "Either something creates opportunities this fast, or the server is broken"
            )


def announced_pages(total_records: int | None, total_pages: int | None, page_size: int) -> int:
    """The pages that the first one announces: by its total where it says one, else by its count of pages."""
    if total_records is not None and page_size:
        return max(1, math.ceil(total_records / page_size))
    return max(1, total_pages or 1)
