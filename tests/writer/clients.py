"""Clients to which something happens in the middle of a run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opp_analytics.api import Client, Opportunity

__all__ = ["Dying", "Expiring", "Meddled", "dying"]


class Dying(Client):
    """A client whose process dies at the nth write: before it is sent, or after the server has
    carried it out."""

    def die_at(self, write: int, *, after: bool) -> None:
        self.left, self.after, self.one_at_a_time = write, after, threading.Lock()

    def create(self, **fields: Any) -> Opportunity:
        return self._die(lambda: super(Dying, self).create(**fields))

    def update(self, unique_id: str, **fields: Any) -> Opportunity:
        return self._die(lambda: super(Dying, self).update(unique_id, **fields))

    def delete(self, unique_id: str) -> None:
        self._die(lambda: super(Dying, self).delete(unique_id))

    def _die(self, write: Callable[[], Any]) -> Any:
        with self.one_at_a_time:
            self.left -= 1
            if self.left < 0 or (self.left == 0 and not self.after):
                raise SystemExit
            answer = write()
            if self.left == 0:
                raise SystemExit
            return answer


def dying(client: Client, folder: Path) -> Dying:
    """A client of the same tenant, with one connection."""
    settings = client.settings
    return Dying(
        settings.url, settings.token, settings.api_key, concurrency=1, cache_dir=folder / "dying"
    )


class Expiring(Client):
    """A client whose token the server refuses from the nth update on."""

    def expire_at(self, update: int) -> None:
        settings = self.settings
        self.left, self.one_at_a_time = update, threading.Lock()
        self.refused = Client(settings.url, "expired", settings.api_key)

    def update(self, unique_id: str, **fields: Any) -> Opportunity:
        with self.one_at_a_time:
            self.left -= 1
        return (super() if self.left > 0 else self.refused).update(unique_id, **fields)

    def close(self) -> None:
        self.refused.close()
        super().close()


class Meddled(Client):
    """A client behind whose back somebody acts between its reading of an opportunity and its
    writing."""

    meddle: Callable[[str], object] = staticmethod(lambda unique_id: None)

    def get(self, unique_id: str) -> Opportunity:
        record = super().get(unique_id)
        self.meddle(unique_id)
        return record
