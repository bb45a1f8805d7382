"""The API over HTTP: routes, credentials, and the control routes that only the sandbox's owner knows."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from opp_analytics.sandbox import seeding
from opp_analytics.sandbox.clock import to_text
from opp_analytics.sandbox.faults import CONTROL, Faults, Gate
from opp_analytics.sandbox.jsonapi import Failure, answer, failure, not_found, page, refused, resource
from opp_analytics.sandbox.simulator import Simulator
from opp_analytics.sandbox.store import CORE, Access, Query, Record, Store, decode
from opp_analytics.sandbox.validation import check

__all__ = ["DEFAULT_RECORDS", "MOST_RECORDS", "Api", "build"]

DEFAULT_RECORDS = 15
MOST_RECORDS = 1_000

_FILTERS = {
    "status": "status",
    "stage": "stage",
    "account_id": "account_id",
    "account_unique_id": "account_id",
    "owner": "owner_unique_id",
    "owner_unique_id": "owner_unique_id",
    "contact_unique_id": "contact_unique_id",
}
# What the vendor's client knows besides the reference: sortable although no opportunity may carry it yet.
_FURTHER = (
    "account_unique_id", "contact_unique_id", "code", "notes", "budget", "total", "duration", "duration_unit",
    "duration_description", "next_action_at", "owner_unique_id", "owner_name", "owner_email", "enabled",
)  # fmt: skip


@dataclass
class Api:
    """The endpoints over one store; `writing` is held by whoever writes."""

    store: Store
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def collection(self, request: Request) -> Response:
        """``/opportunities``: list, create."""
        access = self._admit(request)
        if request.method != "POST":
            return self._page(request, access, deleted=False)
        body = await _body(request)
        fields, problems = check(body)
        if problems:
            raise refused(problems)
        async with self.writing:
            record = self.store.create(access.tenant, fields)
        # The reference's answer to a create has every attribute but this one.
        return answer(
            request, resource({k: v for k, v in record.attributes.items() if k != "updated_at"}), 201
        )

    async def one(self, request: Request) -> Response:
        """``/opportunities/ID``: get, update, delete."""
        access = self._admit(request)
        if request.method in ("GET", "HEAD"):
            return answer(request, resource(self._find(request, access).attributes, related=True))
        if request.method == "DELETE":
            async with self.writing:
                self.store.delete(access.tenant, self._find(request, access))
            return Response(status_code=204)
        body = await _body(request)
        async with self.writing:
            record = self._find(request, access)
            fields, problems = check(body, record.attributes)
            if problems:
                raise refused(problems)
            self.store.update(access.tenant, record, fields)
        told = {"unique_id": record.unique_id, **fields, "updated_at": record.attributes["updated_at"]}
        return answer(request, resource(told))

    async def recover(self, request: Request) -> Response:
        """``/opportunities/ID/recover``: out of the trash; one that is not in it stays as it is."""
        access = self._admit(request)
        async with self.writing:
            record = self.store.get(access.tenant, request.path_params["unique_id"])
            if record is None:
                raise not_found()
            if record.deleted_at is not None:
                self.store.recover(access.tenant, record)
        return answer(request, resource(record.attributes, related=True))

    async def trash(self, request: Request) -> Response:
        """``/opportunities/trash/show``: list what is deleted."""
        return self._page(request, self._admit(request), deleted=True)

    def _admit(self, request: Request) -> Access:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("Send the header Authorization: Bearer TOKEN.")
        access = self.store.access(token.strip())
        if access is None:
            raise _unauthorized("The token is not known.")
        if not hmac.compare_digest(request.headers.get("AppId", "").encode(), access.api_key.encode()):
            raise _unauthorized("The header AppId does not fit the token.")
        if access.read_only and request.method not in ("GET", "HEAD"):
            raise failure(403, "forbidden", "Forbidden", "This token may read but not write.")
        return access

    def _find(self, request: Request, access: Access) -> Record:
        record = self.store.get(access.tenant, request.path_params["unique_id"])
        if record is None or record.deleted_at is not None:
            raise not_found()
        return record

    def _page(self, request: Request, access: Access, *, deleted: bool) -> Response:
        asked = request.query_params
        number = _whole(asked, "page", 1)
        size = min(_whole(asked, "records", DEFAULT_RECORDS), MOST_RECORDS)
        sort = asked.get("sort") or "created_at"
        attribute = sort.removeprefix("-")
        # Ignoring it would hand out pages in another order than the reader believes to have.
        if attribute not in (*CORE, *_FURTHER) and not self.store.knows(access.tenant, attribute):
            raise _bad_parameter("sort", f"No opportunity has an attribute {attribute!r} to sort by.")
        query = Query(
            access.tenant,
            deleted=deleted,
            filters={column: asked[name] for name, column in _FILTERS.items() if asked.get(name)},
            search=asked.get("search", ""),
            sort=attribute,
            descending=sort.startswith("-"),
            limit=size,
            offset=(number - 1) * size,
        )
        rows, total = self.store.page(query)
        return answer(request, page(rows, number=number, size=size, total=total))


def _whole(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**9):
        raise _bad_parameter(name, f"{name} must be a whole number from 1 on, not {text!r}.")
    return int(text)


def _bad_parameter(name: str, detail: str) -> Failure:
    return failure(422, "invalid_parameter", "Unprocessable Entity", detail, parameter=name)


def _unauthorized(detail: str) -> Failure:
    return failure(401, "unauthorized", "Unauthorized", detail, {"WWW-Authenticate": "Bearer"})


async def _body(request: Request) -> Any:
    try:
        return decode(await request.body())
    except msgspec.ValidationError:
        return None
    except msgspec.DecodeError as error:
        raise failure(400, "bad_request", "Bad Request", f"The body is not JSON: {error}.") from None


@dataclass
class Control:
    """The owner's routes: state, faults, time, tenants, seeding."""

    api: Api
    faults: Faults
    simulator: Simulator
    key: str
    gate: Gate | None = None

    async def __call__(self, request: Request) -> Response:
        """Answer one control request with JSON; what was wrong comes back as ``{"error": text}``."""
        if not hmac.compare_digest(request.headers.get("X-Sandbox-Key", "").encode(), self.key.encode()):
            raise _unauthorized("This route is the sandbox owner's.")
        actions = {"state": self.state, "faults": self.change, "advance": self.advance, "tenant": self.tenant}
        actions |= {"token": self.token, "seed": self.seed}
        action = actions.get(request.path_params["action"])
        if action is None:
            raise HTTPException(404)
        try:
            return JSONResponse(await action(decode(await request.body() or b"{}")))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)

    async def state(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Requests served, the clock, the faults in force."""
        served = self.gate.requests if self.gate else 0
        return {
            "requests": served,
            "now": to_text(self.api.store.clock.now()),
            "faults": self.faults.settings,
        }

    async def change(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Put faults into force."""
        self.faults.change(
            {name: float(v) if not isinstance(v, (bool, str)) else v for name, v in asked.items()}
        )
        return {}

    async def advance(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Let the team work on."""
        async with self.api.writing:
            await run_in_threadpool(self.simulator.advance, asked["days"])
        return await self.state({})

    async def tenant(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Another tenant, without data."""
        async with self.api.writing:
            tenant, api_key = self.api.store.add_tenant()
            return {"tenant": tenant, "token": self.api.store.add_token(tenant), "api_key": api_key}

    async def token(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Another token of the first tenant."""
        async with self.api.writing:
            return {"token": self.api.store.add_token(1, read_only=asked["read_only"])}

    async def seed(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Insert rows as they are; `done` marks the last of them."""
        async with self.api.writing:
            await run_in_threadpool(seeding.insert, self.api.store, asked["tenant"], asked["rows"])
            if asked["done"]:
                self.api.store.keep(complete=True)
        return {}


async def _on_failure(request: Request, error: Exception) -> Response:
    assert isinstance(error, Failure)
    return error.response()


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        detail = f"{request.method} is not possible here."
        return failure(405, "method_not_allowed", "Method Not Allowed", detail, error.headers).response()
    detail = f"Nothing lives at {request.url.path}."
    return failure(error.status_code, "not_found", "Not Found", detail).response()


def build(store: Store, simulator: Simulator, faults: Faults, key: str) -> Gate:
    """The whole application."""
    api = Api(store)
    control = Control(api, faults, simulator, key)

    def both(path: str, endpoint: Any, methods: list[str]) -> list[Route]:
        """The path with and without its trailing slash: a redirect would turn a PUT into a GET."""
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
    control.gate = Gate(app, faults)
    return control.gate
