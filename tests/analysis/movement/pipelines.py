"""Windows of time of the waterfall's pipeline."""

from typing import Any

ALL: dict[str, Any] = {"start": "2026-01-05", "end": "2026-01-26"}
FEBRUARY = ("2026-02-01", "2026-02-28")
