"""Messages between the grid and its front end, small enough for a notebook server.

A server drops messages above some megabytes per second, so cells with the same result share one entry, and all
messages to the browser are compressed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

from opp_analytics.widgets.sheet import Answer

__all__ = ["deflate", "encode_answer", "list_cells"]

_FAST = 1


def deflate(content: bytes) -> bytes:
    """Compressed content for the browser's ``DecompressionStream("deflate")``."""
    return zlib.compress(content, _FAST)


def encode_answer(answer: Answer, **more: Any) -> bytes:
    """An answer as compressed JSON: ``cells`` as (field, value, state, note, rows), ``rows``, ``said``, and further entries."""
    alike: dict[tuple[str, Any, str, str], list[int]] = {}
    for row, name, value, state, note in answer.cells:
        alike.setdefault((name, value, state, note), []).append(row)
    cells = [(*fate, rows) for fate, rows in alike.items()]
    content = {"cells": cells, "rows": answer.rows, "said": answer.said} | more
    return deflate(json.dumps(content).encode())


def list_cells(
    rows: list[int], fields: list[str], block: list[list[str | None]]
) -> Iterator[tuple[int, str, str | None]]:
    """The cells of an edit: a block repeated over rows and fields.

    Examples
    --------
    >>> list(list_cells([4, 7, 9], ["value"], [["10"], ["20"]]))
    [(4, 'value', '10'), (7, 'value', '20'), (9, 'value', '10')]
    """
    for down, row in enumerate(rows):
        line = block[down % len(block)]
        for across, name in enumerate(fields):
            yield row, name, line[across % len(line)]
