"""Messages between widgets and their front ends: compressed JSON, since a notebook server drops large ones."""

from __future__ import annotations

import json
import zlib
from typing import Any

__all__ = ["deflate", "encode"]

_FAST = 1


def deflate(content: bytes) -> bytes:
    """Compressed content for the browser's ``DecompressionStream("deflate")``."""
    return zlib.compress(content, _FAST)


def encode(content: dict[str, Any]) -> bytes:
    """A message as compressed JSON."""
    return deflate(json.dumps(content).encode())
