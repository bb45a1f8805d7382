"""The owner's routes on the server: state, faults, time, tenants, tokens, seeding."""

from __future__ import annotations

import asyncio
import hmac
import random
import sqlite3
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from opp_analytics.sandbox.arguments import SandboxError, SandboxTypeError, SandboxValueError
from opp_analytics.sandbox.clock import from_text, to_text
from opp_analytics.sandbox.faults import Faults, Gate
from opp_analytics.sandbox.jsonapi import make_unauthorized
from opp_analytics.sandbox.simulator import TEAM_TENANT, Simulator
from opp_analytics.sandbox.store import CORE, DealStore, Record, decode


@dataclass
class Control:
    """The owner's routes; `writing` is the lock around writes to the store."""

    store: DealStore
    simulator: Simulator
    faults: Faults
    writing: asyncio.Lock
    key: str
    gate: Gate | None = None

    async def __call__(self, request: Request) -> Response:
        """Answer a control request with JSON; a wrong argument gives a 422 with ``error`` and ``wrong``."""
        if not hmac.compare_digest(request.headers.get("X-Sandbox-Key", "").encode(), self.key.encode()):
            raise make_unauthorized("Only the sandbox's owner may use this route.")
        actions: dict[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]] = {
            "state": self.tell_state,
            "wait": self.wait_for_requests,
            "faults": self.change_faults,
            "advance": self.advance,
            "tenant": self.add_tenant,
            "token": self.add_token,
            "expire": self.expire_token,
            "seed": self.seed,
        }
        action = actions.get(request.path_params["action"])
        if action is None:
            raise HTTPException(404)
        try:
            return JSONResponse(await action(decode(await request.body() or b"{}")))
        except SandboxError as error:
            wrong = "kind" if isinstance(error, SandboxTypeError) else "value"
            return JSONResponse({"error": str(error), "wrong": wrong}, 422)

    async def tell_state(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Return the number of requests, the clock and the active faults."""
        return {
            "requests": self.gate.requests if self.gate else 0,
            "now": to_text(self.store.clock.now()),
            "faults": self.faults.settings,
        }

    async def wait_for_requests(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Answer once `count` requests have arrived, or after `timeout` seconds."""
        if self.gate:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.gate.wait_for_requests(asked["count"]), float(asked["timeout"]))
        return await self.tell_state({})

    async def change_faults(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Set faults."""
        self.faults.change({name: float(v) if isinstance(v, Decimal) else v for name, v in asked.items()})
        async with self.writing:
            self.store.follow(self.faults.settings["replica_lag"])
        return {}

    async def advance(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Let simulated time pass with the team at work."""
        async with self.writing:
            await run_in_threadpool(self.simulator.advance, asked["days"])
        return await self.tell_state({})

    async def add_tenant(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Add a tenant without data."""
        async with self.writing:
            tenant, api_key = self.store.add_tenant()
            return {"tenant": tenant, "token": self.store.add_token(tenant), "api_key": api_key}

    async def add_token(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Add a token to the first tenant."""
        async with self.writing:
            return {"token": self.store.add_token(TEAM_TENANT, read_only=asked["read_only"])}

    async def expire_token(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Replace an old token with a new one."""
        async with self.writing:
            return {"token": self.store.replace_token(asked["token"])}

    async def seed(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Insert rows unchanged; `done` marks the last of them."""
        async with self.writing:
            await run_in_threadpool(_insert_rows, self.store, asked["tenant"], asked["rows"])
            if asked["done"]:
                self.store.save_settings(complete=True)
        return {}


def _insert_rows(store: DealStore, tenant: int, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert all rows, or none if one of them cannot be stored."""
    with store.transaction():
        for row in rows:
            record = Record(_attributes(store, row))
            try:
                store.insert(tenant, [record])
            except sqlite3.IntegrityError:
                raise SandboxValueError(
                    f"duplicate unique_id {record.unique_id!r}: each opportunity needs its own id"
                ) from None


def _attributes(store: DealStore, row: Mapping[str, Any]) -> dict[str, Any]:
    attributes = dict.fromkeys(CORE) | dict(row)
    if attributes["unique_id"] is None:
        attributes["unique_id"] = _generate_id(store)
    attributes["unique_id"] = str(attributes["unique_id"])
    if attributes["account_id"] is not None:
        attributes["account_id"] = str(attributes["account_id"])
    if "status" not in row:
        attributes["status"] = store.stages.find_status(attributes["stage"])
    stamp = None
    for name in ("created_at", "updated_at"):
        if attributes[name] is None:
            stamp = stamp or to_text(store.clock.stamp())
            attributes[name] = stamp
        else:
            moment = _moment(name, attributes[name])
            store.clock.witness(moment)
            attributes[name] = to_text(moment)
    return attributes


def _generate_id(store: DealStore) -> str:
    """Generate an id, the same for the same rows in the same order."""
    dice = random.Random(f"{store.read_setting('seed')}/seeded/{store.next_row_number()}")  # noqa: S311
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))


def _moment(name: str, text: Any) -> Any:
    try:
        return from_text(text)
    except (TypeError, ValueError):
        raise SandboxValueError(
            f"{name}={text!r} is not a date and time; write it as 2026-01-10T10:30:00Z"
        ) from None
