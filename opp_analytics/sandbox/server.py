"""The server: the API's routes and credentials, and the owner's routes.

The owner's are for state, faults, time, tenants and seeding.
"""

from __future__ import annotations

import asyncio
import hmac
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from opp_analytics.sandbox import jsonapi
from opp_analytics.sandbox.arguments import Json, SandboxError, SandboxTypeError, SandboxValueError
from opp_analytics.sandbox.clock import from_text, to_text
from opp_analytics.sandbox.faults import CONTROL, Faults, Gate
from opp_analytics.sandbox.jsonapi import (
    Failure,
    Problem,
    fill_defaults,
    normalize,
    reshape,
    validate,
)
from opp_analytics.sandbox.simulator import Simulator
from opp_analytics.sandbox.store import CORE, Access, DealStore, Record, decode, encode

DEFAULT_PAGE_SIZE = 15
"""As in the API's reference."""
LARGEST_PAGE_SIZE = 1_000
"""The reference names no cap; real servers have one, so clients must believe what comes."""
LARGEST_BODY = 1_000_000
"""Largest body of a create or an update, in bytes."""

_KEY_HEADERS = ("AppId", "X-API-KEY")
_FILTERS = {
    name: name for name in ("status", "stage", "account_id", "owner_unique_id", "contact_unique_id")
}
_FILTERS |= {"account_unique_id": "account_id", "owner": "owner_unique_id"}
# Attributes of the vendor's client besides the reference: sortable even if no opportunity has them
# yet.
_FURTHER = (
    "account_unique_id",
    "contact_unique_id",
    "code",
    "notes",
    "budget",
    "total",
    "duration",
    "duration_unit",
    "duration_description",
    "next_action_at",
    "owner_unique_id",
    "owner_name",
    "owner_email",
    "enabled",
)


@dataclass
class Api:
    """The endpoints of one store; `writing` is the lock around writes."""

    store: DealStore
    faults: Faults
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def collection(self, request: Request) -> Response:
        """Serve ``/opportunities``: list, create."""
        access = self._admit(request)
        if request.method != "POST":
            return self._page(request, access, deleted=False)
        body = await _body(request)
        fields, problems = self._validate(body)
        if problems:
            raise jsonapi.make_refusal(problems)
        async with self.writing:
            if self.faults.settings["duplicates"]:
                found = self.store.find_named(access.tenant, str(body["opportunity"]["name"]))
                if found is not None:
                    return self._answer(request, found.attributes)
            record = self.store.create(access.tenant, fields)
        # The reference's answer to a create has every attribute but this one.
        shown = {name: value for name, value in record.attributes.items() if name != "updated_at"}
        return self._answer(request, self._tell(body, shown), status=201)

    async def one(self, request: Request) -> Response:
        """Serve ``/opportunities/ID``: get, update, delete."""
        access = self._admit(request)
        if request.method in ("GET", "HEAD"):
            return self._answer(
                request, self._find(request, access, late=True).attributes, related=True
            )
        if request.method == "DELETE":
            async with self.writing:
                self.store.delete(access.tenant, self._find(request, access))
            return Response(status_code=204)
        body = await _body(request)
        async with self.writing:
            record = self._find(request, access)
            fields, problems = self._validate(body, record.attributes)
            if problems:
                raise jsonapi.make_refusal(problems)
            self.store.update(access.tenant, record, fields)
        told = {
            "unique_id": record.unique_id,
            **fields,
            "updated_at": record.attributes["updated_at"],
        }
        return self._answer(request, self._tell(body, told))

    async def recover(self, request: Request) -> Response:
        """Serve ``/opportunities/ID/recover``: take an opportunity out of the trash.

        No effect on others.
        """
        access = self._admit(request)
        async with self.writing:
            record = self.store.get(access.tenant, request.path_params["unique_id"])
            if record is None:
                raise jsonapi.make_not_found()
            if record.deleted_at is not None:
                self.store.recover(access.tenant, record)
        return self._answer(request, record.attributes, related=True)

    async def trash(self, request: Request) -> Response:
        """Serve ``/opportunities/trash/show``: list deleted opportunities."""
        return self._page(request, self._admit(request), deleted=True)

    def _validate(self, body: Any, current: Json | None = None) -> tuple[Json, list[Problem]]:
        """Find the fields to store and the problems of a body.

        Normalize them if the fault is on.
        """
        stages, normalizes = self.store.stages, self.faults.settings["normalize"]
        if isinstance(body, dict) and isinstance(body.get("opportunity"), dict):
            sent = {
                stages.columns.get(name, name): value for name, value in body["opportunity"].items()
            }
            sent = fill_defaults(sent, stages, is_new=current is None) if normalizes else sent
            body = {"opportunity": sent}
        fields, problems = validate(body, stages, current)
        theirs = {ours: name for name, ours in stages.columns.items()}
        problems = [
            problem._replace(attribute=theirs.get(problem.attribute, problem.attribute))
            for problem in problems
        ]
        if self.faults.settings["reshape"]:
            return reshape(fields), problems
        return normalize(fields) if normalizes else fields, problems

    def _tell(self, body: Any, told: Json) -> Json:
        """Give what an answer tells: what was stored, or with the fault what was sent."""
        return {**told, **body["opportunity"]} if self.faults.settings["echo"] else told

    def _answer(
        self,
        request: Request,
        attributes: Json,
        *,
        status: int = 200,
        related: bool = False,
    ) -> Response:
        """Answer with one opportunity, under the tenant's names."""
        body = jsonapi.render_resource(self._rename(attributes), related=related)
        return jsonapi.make_answer(request, body, status)

    def _rename(self, attributes: Json) -> Json:
        theirs = {ours: name for name, ours in self.store.stages.columns.items()}
        return {theirs.get(name, name): value for name, value in attributes.items()}

    def _admit(self, request: Request) -> Access:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise jsonapi.make_unauthorized("Send the header Authorization: Bearer TOKEN.")
        access = self.store.access.get(token.strip())
        if access is None:
            raise jsonapi.make_unauthorized("The token is unknown.")
        keys = [request.headers[name] for name in _KEY_HEADERS if name in request.headers]
        if not keys or not all(
            hmac.compare_digest(key.encode(), access.api_key.encode()) for key in keys
        ):
            raise jsonapi.make_unauthorized(
                "The API key (header AppId or X-API-KEY) does not fit the token."
            )
        return access

    def _find(self, request: Request, access: Access, *, late: bool = False) -> Record:
        record = self.store.get(access.tenant, request.path_params["unique_id"], late=late)
        if record is None or record.deleted_at is not None:
            raise jsonapi.make_not_found()
        return record

    def _page(self, request: Request, access: Access, *, deleted: bool) -> Response:
        asked = request.query_params
        number = _whole(asked, "page", 1)
        size = min(_whole(asked, "records", DEFAULT_PAGE_SIZE), LARGEST_PAGE_SIZE)
        sort = asked.get("sort") or "created_at"
        names = self.store.stages.columns
        attribute = names.get(sort.removeprefix("-"), sort.removeprefix("-"))
        # Ignoring it would return pages in an order that the reader does not expect.
        if attribute not in (*CORE, *_FURTHER) and not self.store.has_attribute(
            access.tenant, attribute
        ):
            raise _bad_parameter(
                "sort", f"No opportunity has an attribute {attribute!r} to sort by."
            )
        rows, total = self.store.read_page(
            access.tenant,
            deleted=deleted,
            filters={
                _FILTERS[names.get(name, name)]: value
                for name, value in asked.items()
                if names.get(name, name) in _FILTERS and value
            },
            search=asked.get("search", ""),
            sort=f"-{attribute}" if sort.startswith("-") else attribute,
            limit=size,
            offset=(number - 1) * size,
        )
        if names:
            rows = [(key, encode(self._rename(decode(text)))) for key, text in rows]
        return jsonapi.make_answer(
            request, jsonapi.render_page(rows, number=number, size=size, total=total)
        )


def _whole(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**9):
        raise _bad_parameter(name, f"{name} must be a whole number from 1 on, not {text!r}.")
    return int(text)


def _bad_parameter(name: str, detail: str) -> Failure:
    return jsonapi.make_failure(
        422, "invalid_parameter", "Unprocessable Entity", detail, parameter=name
    )


async def _body(request: Request) -> Any:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_BODY:
            detail = f"A body has at most {LARGEST_BODY:,} bytes."
            raise jsonapi.make_failure(413, "too_large", "Content Too Large", detail)
    try:
        return decode(content)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        detail = f"The body is not JSON: {error}."
    except ArithmeticError:
        detail = "The body has a number that is out of range."
    raise jsonapi.make_failure(400, "bad_request", "Bad Request", detail)


@dataclass
class Control:
    """The owner's routes; `writing` is the lock around writes to the store."""

    store: DealStore
    simulator: Simulator
    faults: Faults
    writing: asyncio.Lock
    key: str
    gate: Gate = field(init=False)

    async def __call__(self, request: Request) -> Response:
        """Answer a control request with JSON.

        A wrong argument gives a 422 with ``error`` and ``wrong``.
        """
        if not hmac.compare_digest(
            request.headers.get("X-Sandbox-Key", "").encode(), self.key.encode()
        ):
            raise jsonapi.make_unauthorized("Only the sandbox's owner may use this route.")
        action = getattr(self, f"do_{request.path_params['action']}", None)
        if action is None:
            raise HTTPException(404)
        try:
            return JSONResponse(await action(decode(await request.body() or b"{}")))
        except SandboxError as error:
            wrong = "kind" if isinstance(error, SandboxTypeError) else "value"
            return JSONResponse({"error": str(error), "wrong": wrong}, 422)

    async def do_state(self, _: Json) -> Json:
        """Return the number of requests, the clock and the active faults."""
        now = to_text(self.store.clock.now())
        return {"requests": self.gate.requests, "now": now, "faults": self.faults.settings}

    async def do_faults(self, asked: Json) -> Json:
        """Set faults."""
        self.faults.change(
            {name: float(v) if isinstance(v, Decimal) else v for name, v in asked.items()}
        )
        async with self.writing:
            self.store.follow(self.faults.settings["replica_lag"])
        return {}

    async def do_advance(self, asked: Json) -> Json:
        """Let simulated time pass with the team at work."""
        async with self.writing:
            await run_in_threadpool(self.simulator.advance, asked["days"])
        return await self.do_state({})

    async def do_tenant(self, _: Json) -> Json:
        """Add a tenant without data."""
        async with self.writing:
            made = self.store.add_tenant()
        return dict(zip(("tenant", "token", "api_key"), made, strict=True))

    async def do_seed(self, asked: Json) -> Json:
        """Insert rows unchanged; `done` marks the last of them."""
        async with self.writing:
            await run_in_threadpool(_insert_rows, self.store, asked["tenant"], asked["rows"])
            if asked["done"]:
                self.store.save_settings(complete=True)
        return {}


def _insert_rows(store: DealStore, tenant: int, rows: Iterable[Json]) -> None:
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


def _attributes(store: DealStore, row: Json) -> Json:
    attributes = dict.fromkeys(CORE) | dict(row)
    if attributes["unique_id"] is None:
        attributes["unique_id"] = store.make_id()
    attributes["unique_id"] = str(attributes["unique_id"])
    if attributes["account_id"] is not None:
        attributes["account_id"] = str(attributes["account_id"])
    if "status" not in row:
        attributes["status"] = store.stages.find_status(attributes["stage"])
    stamp = None
    for name in ("created_at", "updated_at"):
        if attributes[name] is None:
            attributes[name] = stamp = stamp or to_text(store.clock.stamp())
        else:
            moment = _moment(name, attributes[name])
            store.clock.witness(moment)
            attributes[name] = to_text(moment)
    return attributes


def _moment(name: str, text: Any) -> Any:
    try:
        return from_text(text)
    except (TypeError, ValueError):
        raise SandboxValueError(
            f"{name}={text!r} is not a date and time; write it as 2026-01-10T10:30:00Z"
        ) from None


async def _on_failure(request: Request, error: Exception) -> Response:
    assert isinstance(error, Failure)
    return error.response()


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        detail = f"{request.method} is not allowed here."
        return jsonapi.make_failure(
            405, "method_not_allowed", "Method Not Allowed", detail, error.headers
        ).response()
    detail = f"There is no resource at {request.url.path}."
    return jsonapi.make_failure(error.status_code, "not_found", "Not Found", detail).response()


def build(store: DealStore, simulator: Simulator, faults: Faults, key: str) -> Gate:
    """Build the whole application."""
    api = Api(store, faults)
    store.stamp_error = faults.stamp_error
    control = Control(store, simulator, faults, api.writing, key)

    def both(path: str, endpoint: Any, methods: list[str]) -> list[Route]:
        """Make routes with and without a trailing slash.

        A redirect would turn a PUT into a GET.
        """
        return [Route(path + slash, endpoint, methods=methods) for slash in ("", "/")]

    app = Starlette(
        routes=[
            *both("/opportunities", api.collection, ["GET", "POST"]),
            *both("/opportunities/trash/show", api.trash, ["GET"]),
            *both("/opportunities/{unique_id}/recover", api.recover, ["PUT"]),
            *both("/opportunities/{unique_id}", api.one, ["GET", "PUT", "DELETE"]),
            Route(CONTROL + "/{action}", control.__call__, methods=["POST"]),
        ],
        exception_handlers={Failure: _on_failure, HTTPException: _on_http_error},
    )
    app.router.redirect_slashes = False
    control.gate = Gate(app, faults, store.clock)
    return control.gate
