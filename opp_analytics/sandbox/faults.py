"""The active faults of the server, and their random numbers."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from opp_analytics.sandbox.fault_settings import FAULTS, check_faults

__all__ = ["Faults"]


class Faults:
    """The active faults.

    Parameters
    ----------
    seed
        Random seed; the same requests in the same order get the same faults.
    """

    def __init__(self, seed: int) -> None:
        self.settings: dict[str, float | bool] = {name: limits.off for name, limits in FAULTS.items()}
        self._dice = random.Random(seed)  # noqa: S311 - dice, not secrets
        self._credit = 0.0
        self._counted = time.monotonic()
        self._stamps = 0
        self.endless_pages = 0
        self._changed = asyncio.Event()

    def change(self, settings: Mapping[str, Any]) -> None:
        """Set faults; if one of them is wrong, nothing changes and an error is raised."""
        self.settings.update(check_faults(settings))
        self._changed.set()
        self._changed = asyncio.Event()
        if "rate_limit" in settings:
            self._credit = max(1.0, self.settings["rate_limit"])
        if "endless" in settings:
            self.endless_pages = 0

    async def wait_out_commit_delay(self) -> None:
        """Wait for the commit delay; a shorter delay set in between applies at once."""
        began = time.monotonic()
        while (left := began + self.settings["commit_delay"] - time.monotonic()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    def strikes(self, rate: str) -> bool:
        """True if the fault of that name happens this time (random)."""
        chance = self.settings[rate]
        return chance > 0 and self._dice.random() < chance

    def seconds_to_wait(self) -> int:
        """Seconds until the rate limit lets the next request pass; 0 when it may pass now."""
        limit = self.settings["rate_limit"]
        if not limit:
            return 0
        now = time.monotonic()
        self._credit = min(max(1.0, limit), self._credit + (now - self._counted) * limit)
        self._counted = now
        if self._credit >= 1:
            self._credit -= 1
            return 0
        return math.ceil((1 - self._credit) / limit)

    def stamp_error(self) -> timedelta:
        """Error of the next timestamp: the second node's skew for every second one, minus the lateness."""
        self._stamps += 1
        skew = self.settings["clock_skew"] if self._stamps % 2 == 0 else 0.0
        return timedelta(seconds=skew - self.settings["late_stamps"])
