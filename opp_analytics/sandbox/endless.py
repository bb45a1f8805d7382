"""The fault `endless`: lists whose pages are always full and whose totals keep growing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from opp_analytics.sandbox.clock import EPOCH, from_text, to_text
from opp_analytics.sandbox.store import CORE, Query, Store, decode, encode

__all__ = ["fill_page"]

_A_MICROSECOND = timedelta(microseconds=1)


def fill_page(
    store: Store, query: Query, rows: Sequence[tuple[str, str]], total: int
) -> list[tuple[str, str]]:
    """The page, filled with made-up rows.

    A made-up row is a copy of the last real one with a new id and slightly later timestamps in the requested order,
    so that neither id nor order distinguishes it from a real row.
    """
    last = store.read_page(replace(query, limit=1, offset=max(0, total - 1)))[0]
    attributes: dict[str, Any] = dict.fromkeys(CORE, None)
    attributes |= decode(last[0][1]) if last else {"unique_id": "row", "name": "Row"}
    step = -_A_MICROSECOND if query.descending else _A_MICROSECOND
    filled = list(rows)
    for number in range(query.offset + len(filled), query.offset + query.limit):
        further = step * (number - total + 1)
        key = f"{attributes['unique_id']}-{number + 1}"
        stamps = {
            name: to_text((from_text(attributes[name]) if attributes[name] else EPOCH) + further)
            for name in ("created_at", "updated_at")
        }
        filled.append((key, encode({**attributes, "unique_id": key, **stamps})))
    return filled
