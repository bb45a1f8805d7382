"""Histories small enough to work by hand."""

from tests.history.logs import recorded, row

ROWS = [
    row("a", "2026-01-01", "proposal", probability=30),
    row("b", "2026-01-01", "proposal", probability=35),
    row("c", "2026-01-01", "discovery", probability=80),
    row("d", "2026-01-01", "discovery", probability=100),
    row("e", "2026-01-01", "proposal", probability=None),
    row("f", "2026-03-20", "proposal", probability=10),
    row("a", "2026-01-15", "closed_won", probability=100, close_date="2026-01-15"),
    row("b", "2026-01-15", "closed_lost", probability=0, close_date="2026-01-15"),
    row("c", "2026-01-20", "negotiation", probability=90),
    row("c", "2026-03-15", "closed_won", probability=100, close_date="2026-03-15"),
    row("d", "2026-01-10", "discovery", deleted=True),
]
PAST = recorded(ROWS, ["2026-01-01T12:00Z", "2026-01-15T12:00Z", "2026-02-15T12:00Z", "2026-04-05T12:00Z"])
_MONTHS = [
    row("a", "2026-01-02", "proposal", close_date="2026-02-20", value=100.0),
    row("a", "2026-02-20", "closed_won", close_date="2026-02-20", value=100.0),
    row("n", "2026-02-15", "closed_won", close_date="2026-02-15", value=30.0),
    row("m", "2026-03-15", "closed_won", close_date="2026-03-15", value=50.0),
    row("z", "2026-04-01", "proposal", close_date="2026-04-25", value=80.0),
]
MONTHS = recorded(_MONTHS)
MONTHS_TO_MARCH = recorded(_MONTHS[:4])
EARLY = ["2025-11-14T12:00Z", "2025-12-14T12:00Z"]
LONGER = recorded(_MONTHS, EARLY)
"""The same months, after two in which nothing was known."""
LONGER_TO_MARCH = recorded(_MONTHS[:4], EARLY)
"""What was known of them by the record of 15 March."""
