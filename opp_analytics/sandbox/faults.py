"""What can go wrong on the way to a server, on demand: slow, refused, broken, cut off, or its answer lost.

The gate stands before the API: it counts requests, plays the faults and leaves everything else to the
application behind it. An order is fixed: wait, cut, limit, error, then the request itself, then perhaps the
loss of its answer.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from opp_analytics.sandbox.jsonapi import Failure, failure

__all__ = ["CONTROL", "Faults", "Gate", "TrackedProtocol"]

CONTROL = "/-/sandbox"
"""Where the control routes live: they pass the gate uncounted and unharmed."""


class Faults:
    """The faults in force, and the dice that they are rolled with.

    Parameters
    ----------
    seed
        Seeds the dice, so that the same requests in the same order meet the same faults.
    """

    NONE: ClassVar[Mapping[str, float]] = {
        "latency": 0.0,
        "error_rate": 0.0,
        "rate_limit": 0.0,
        "cut_rate": 0.0,
        "lose_answer_rate": 0.0,
    }

    def __init__(self, seed: int) -> None:
        self.settings = dict(self.NONE)
        self._dice = random.Random(seed)  # noqa: S311 - dice, not secrets
        self._credit = 0.0
        self._counted = time.monotonic()

    def change(self, settings: Mapping[str, Any]) -> None:
        """Put settings into force; raises ValueError, and changes nothing, when one is not possible."""
        for name, value in settings.items():
            if name not in self.NONE:
                raise ValueError(f"no fault is called {name!r}; there are {', '.join(self.NONE)}")
            number = not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value)
            if not number or value < 0 or (name.endswith("_rate") and value > 1):
                allowed = "between 0 and 1" if name.endswith("_rate") else "0 or more"
                raise ValueError(f"{name} must be a number {allowed}, not {value!r}")
        self.settings.update(settings)
        if "rate_limit" in settings:
            self._credit = max(1.0, self.settings["rate_limit"])

    def strikes(self, rate: str) -> bool:
        """Whether the fault of that name happens this time."""
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


class TrackedProtocol(H11Protocol):
    """uvicorn's HTTP protocol, remembering its connections so that one can be cut off without an answer."""

    transports: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection under the peer's address."""
        super().connection_made(transport)
        self.peer: tuple[str, int] = tuple(transport.get_extra_info("peername")[:2])
        self.transports[self.peer] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.transports.pop(self.peer, None)
        super().connection_lost(exc)


class Gate:
    """The ASGI application in front of the API.

    Parameters
    ----------
    app
        The application that answers.
    faults
        What goes wrong on the way.
    """

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app, self.faults = app, faults
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or not."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self.app(scope, receive, send)
            return
        self.requests += 1
        if self.faults.settings["latency"]:
            await asyncio.sleep(self.faults.settings["latency"])
        if self.faults.strikes("cut_rate"):
            await self._hang_up(scope, receive)
        elif refusal := self._refusal():
            await refusal.response()(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD") and self.faults.strikes("lose_answer_rate"):
            await self.app(scope, receive, _nowhere)
            await self._hang_up(scope, receive)
        else:
            await self.app(scope, receive, send)

    def _refusal(self) -> Failure | None:
        if wait := self.faults.seconds_to_wait():
            detail = f"The limit is {self.faults.settings['rate_limit']:g} requests a second; wait {wait} s."
            return failure(429, "rate_limited", "Too Many Requests", detail, {"Retry-After": str(wait)})
        if self.faults.strikes("error_rate"):
            return failure(
                500, "internal_error", "Internal Server Error", "Something went wrong; nothing was done."
            )
        return None

    @staticmethod
    async def _hang_up(scope: Scope, receive: Receive) -> None:
        TrackedProtocol.transports[tuple(scope["client"])].abort()
        # Returning before uvicorn knows that the client is gone would make it send a 500.
        while (await receive())["type"] != "http.disconnect":
            pass


async def _nowhere(message: Message) -> None:
    """Where lost answers go."""
