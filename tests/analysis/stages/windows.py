"""Windows of time."""

from typing import Any

ALL: dict[str, Any] = {"start": "2026-01-05", "end": "2026-02-02"}
