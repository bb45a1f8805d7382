"""What was last made from a history's records, so that several questions to the same records make it once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

__all__ = ["Memory"]

_MOST = 8


class Memory:
    """The last results, by key, of one state of the records."""

    def __init__(self) -> None:
        self._records: pd.DataFrame | None = None
        self._made: dict[Any, Any] = {}

    def get(self, key: Any, records: pd.DataFrame, make: Callable[[], Any]) -> Any:
        """What `make` gives for a key; made anew once the records are others."""
        if self._records is None or not self._records.equals(records):
            self._records, self._made = records, {}
        found = self._made.pop(key) if key in self._made else make()
        self._made[key] = found
        while len(self._made) > _MOST:
            del self._made[next(iter(self._made))]
        return found
