"""How far a sweep is, noted beside the stored pages, so that one that is cut off goes on from there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from opp_analytics.api import Client
from opp_analytics.loading.probe import Query
from opp_analytics.loading.sweep import Sweep
from opp_analytics.text import count

_NOTE_EVERY = 16
"""Pages between two progress notes of a sweep, so that an interrupted one resumes."""


@contextlib.contextmanager
def told(client: Client, key: str, before: dict[str, Any], query: Query, pass_: Sweep) -> Iterator[None]:
    """Note how far a sweep is that is stopped by Ctrl-C, and say it."""
    try:
        yield
    except KeyboardInterrupt:
        if not pass_.pages:
            raise
        _note(client, key, before, query, pass_.pages)
        of = f" of {pass_.total:,}" if pass_.total else ""
        message = (
            f"load stopped after {count(pass_.pages, 'page')}, {pass_.rows:,}{of} opportunities; "
            "they are kept, and the next load goes on from there unless something has changed"
        )
        raise KeyboardInterrupt(message) from None


def note_maker(client: Client, key: str, before: dict[str, Any], query: Query) -> Callable[[int], None]:
    """A function that notes every few pages how far the sweep is."""

    def on_page(pages: int) -> None:
        if pages % _NOTE_EVERY == 0:
            _note(client, key, before, query, pages)

    return on_page


def _note(client: Client, key: str, before: dict[str, Any], query: Query, pages: int) -> None:
    client.pages.note_progress(key, {"probe": before, "page_size": query.page_size, "pages": pages})


def resumable_pages(note: Any, before: dict[str, Any], query: Query) -> int:
    """Number of first pages of an interrupted sweep that are still current."""
    same = isinstance(note, dict) and note.get("probe") == before and note.get("page_size") == query.page_size
    return int(note["pages"]) if same else 0
