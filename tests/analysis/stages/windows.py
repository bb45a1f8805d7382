"""Windows of time."""

ALL = {"start": "2026-01-05", "end": "2026-02-02"}
