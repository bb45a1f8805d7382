"""How many examples each property tries: all of them where everything runs, a fifth in the fast
tier."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

__all__ = ["FAST", "FULL", "examples"]

FULL, FAST = "full", "fast"

# How fast the machine is today must not decide a test.
settings.register_profile(
    FULL, max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(FAST, settings.get_profile(FULL), max_examples=10)


def examples(count: int) -> settings:
    """Give a property a count of its own, for one whose example costs more than most; a fifth in
    the fast tier."""
    return settings(max_examples=max(2, count * settings().max_examples // 100))
