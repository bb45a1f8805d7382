"""Windows of time."""

JANUARY = {"start": "2026-01-05", "end": "2026-01-31"}
