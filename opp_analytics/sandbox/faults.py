"""The active faults of the server, and their random numbers."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, ClassVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from opp_analytics.sandbox.clock import Clock
from opp_analytics.sandbox.handle import OFF, check_faults
from opp_analytics.sandbox.jsonapi import Failure, make_failure


class Faults:
    """The active faults; with one seed, the same requests in the same order get the same faults."""

    def __init__(self, seed: int) -> None:
        self.settings = dict(OFF)
        self._dice = random.Random(seed)  # noqa: S311 - dice, not secrets
        self._credit = 0.0
        self._counted = time.monotonic()
        self._stamps = 0
        self._changed = asyncio.Event()

    def change(self, settings: Mapping[str, Any]) -> None:
        """Set faults; if one of them is wrong, nothing changes and an error is raised."""
        self.settings.update(check_faults(settings))
        self._changed.set()
        self._changed = asyncio.Event()
        if "rate_limit" in settings:
            self._credit = max(1.0, self.settings["rate_limit"])

    async def wait_out_commit_delay(self) -> None:
        """Wait for the commit delay; a shorter delay set in between applies at once."""
        began = time.monotonic()
        while (left := began + self.settings["commit_delay"] - time.monotonic()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    def strikes(self, rate: str) -> bool:
        """Draw whether the fault of that name happens this time."""
        chance = self.settings[rate]
        return chance > 0 and self._dice.random() < chance

    def seconds_to_wait(self) -> int:
        """Count the seconds until the rate limit lets the next request pass, 0 if now."""
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
        """Compute the error of the next timestamp: the skew minus the lateness.

        The skew is the second node's, and applies to every second timestamp.
        """
        self._stamps += 1
        skew = self.settings["clock_skew"] if self._stamps % 2 == 0 else 0.0
        return timedelta(seconds=skew - self.settings["late_stamps"])


CONTROL = "/-/sandbox"
"""Path of the control routes, which are not counted and have no faults."""

_LARGEST_BODY = 2_000_000
"""Largest number of bytes read of a body; the API's limit is half of it."""


class TrackedProtocol(H11Protocol):
    """uvicorn's HTTP protocol with a register of connections.

    So one of them can be cut off without an answer.
    """

    transports: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register the connection under the peer's address."""
        super().connection_made(transport)
        self.peer: tuple[str, int] = tuple(transport.get_extra_info("peername")[:2])
        self.transports[self.peer] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from the register."""
        self.transports.pop(self.peer, None)
        super().connection_lost(exc)


class Gate:
    """The ASGI application in front of the API."""

    def __init__(self, app: ASGIApp, faults: Faults, clock: Clock) -> None:
        self.app, self.faults, self.clock = app, faults, clock
        self.requests = 0
        self._late_writes: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, with faults."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self.app(scope, receive, send)
            return
        self.requests += 1
        if self.faults.settings["latency"]:
            await asyncio.sleep(self.faults.settings["latency"])
        if self.faults.strikes("cut_rate"):
            await self._hang_up(scope, receive)
            return
        send = self._date(send)
        if refusal := self._refuse():
            await refusal.response()(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
        else:
            await self._write(scope, receive, send)

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry out a write, late or without an answer if the faults say so."""
        loses_answer = self.faults.strikes("lose_answer_rate")
        body = await _read_body(receive)
        if not loses_answer:
            await self.faults.wait_out_commit_delay()
            await self.app(scope, _replay(body, receive), send)
        elif self.faults.settings["commit_delay"]:
            late = asyncio.create_task(self._write_later(scope, body))
            self._late_writes.add(late)
            late.add_done_callback(self._late_writes.discard)
            await self._hang_up(scope, receive)
        else:
            await self.app(scope, _replay(body, receive), _drop)
            await self._hang_up(scope, receive)

    async def _write_later(self, scope: Scope, body: Message) -> None:
        await self.faults.wait_out_commit_delay()
        await self.app(scope, _replay(body, _wait_forever), _drop)

    def _refuse(self) -> Failure | None:
        if wait := self.faults.seconds_to_wait():
            limit = self.faults.settings["rate_limit"]
            detail = f"The limit is {limit:g} requests per second; wait {wait} s."
            return make_failure(
                429, "rate_limited", "Too Many Requests", detail, {"Retry-After": str(wait)}
            )
        if self.faults.strikes("error_rate"):
            detail = "Something went wrong; nothing was done."
            return make_failure(500, "internal_error", "Internal Server Error", detail)
        return None

    def _date(self, send: Send) -> Send:
        """Add the header ``Date`` by the sandbox's clock."""

        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(self.clock.now(), usegmt=True).encode()
                message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
            await send(message)

        return send_dated

    @staticmethod
    async def _hang_up(scope: Scope, receive: Receive) -> None:
        if transport := TrackedProtocol.transports.get(scope["client"]):
            transport.abort()
        # If this returned before uvicorn knows that the client has left, uvicorn would send a 500.
        while (await receive())["type"] != "http.disconnect":
            pass


async def _read_body(receive: Receive) -> Message:
    """Read the body as one message, until the client leaves or the body is too large."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False) and len(body) <= _LARGEST_BODY
    return {"type": "http.request", "body": body, "more_body": False}


def _replay(body: Message, receive: Receive) -> Receive:
    """Make a `receive` that returns the stored body first.

    So a request outlives its connection.
    """
    waiting = [body]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


async def _wait_forever() -> Message:
    await asyncio.Event().wait()
    return {"type": "http.disconnect"}


async def _drop(message: Message) -> None:
    """Discard an answer."""
