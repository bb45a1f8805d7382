"""Paths, parameters and fields of the API's calls, and the page that a list returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypedDict, overload
from urllib.parse import quote

from opp_analytics.api import wire
from opp_analytics.api.wire import TenantNames
from opp_analytics.arguments import text, whole
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.schema import READ_ONLY, BadCell
from opp_analytics.text import is_whole

_Known = Literal[
    "name", "account_id", "value", "stage", "close_date", "probability", "status", "created_at", "updated_at"
]


class Opportunity(dict[str, Any]):
    """A flat dict of the attributes that the server sent, under our names: the known ones and any further ones.

    Values are as they came: dates and instants as text, numbers perhaps as text. `load` gives them their types. A value that no JSON
    holds, such as a number out of range, is None; a `DataWarning` names it, and the entry ``(unreadable)`` lists such attributes.

    >>> deal = Opportunity(unique_id="opp-1", name="Acme renewal", seats=40)
    >>> deal["name"], deal["seats"]
    ('Acme renewal', 40)
    """

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, key: Literal["unique_id"]) -> str: ...
        @overload
        def __getitem__(self, key: _Known) -> Any: ...
        @overload
        def __getitem__(self, key: str) -> Any: ...
        def __getitem__(self, key: str) -> Any: ...


LIST = "/opportunities/"
TRASH = "/opportunities/trash/show"


class Filters(TypedDict, total=False):
    """Filters of a list, besides its search."""

    status: str | None
    account_id: str | None
    account_unique_id: str | None
    contact_unique_id: str | None
    owner_unique_id: str | None


class ListParams(Filters, total=False):
    """Parameters of a list, besides page and page size."""

    search: str | None
    sort: str | None


class Fields(TypedDict, total=False):
    """The attributes of an opportunity that can be written."""

    name: str | None
    account_id: str | None
    value: float | Decimal | None
    stage: str | None
    close_date: str | date | None
    probability: int | None
    status: str | None


@dataclass(frozen=True)
class Page:
    """One page of a list of opportunities."""

    rows: list[Opportunity]
    """The opportunities as flat dicts, each with its ``unique_id``."""
    page: int
    """Number of this page, from 1."""
    total_pages: int | None
    """Number of pages at the server's page size; None when the server does not report it."""
    total_records: int | None
    """Number of opportunities on all pages; None when the server does not report it."""

    def __len__(self) -> int:
        return len(self.rows)


def encode_path(unique_id: str) -> str:
    """Encode the path of one opportunity, its id as one segment."""
    if text(unique_id, "unique_id", example="opp-1").strip() in wire.NO_IDS or not is_whole(unique_id):
        raise ArgumentValueError(
            f"unique_id={unique_id!r} is not an opportunity's id; use its unique_id as text"
        )
    return LIST + quote(unique_id, safe="")


_WIRE_NAMES = {"account_id": "account_unique_id"}
"""Parameters whose name on the wire differs."""


def encode_query(
    page: int, page_size: int | None, params: dict[str, Any], names: TenantNames
) -> dict[str, Any]:
    """Check the query of a list, and encode it under the names of the wire."""
    known = ListParams.__annotations__ | Filters.__annotations__
    for name in params:
        if name not in known:
            raise ArgumentTypeError(
                f"list() has no parameter {name!r}; it takes page, page_size, {', '.join(sorted(known))}"
            )
    query: dict[str, Any] = {"page": whole(page, "page", example=1)}
    if page_size is not None:
        query["records"] = whole(page_size, "page_size", example=100)
    if params.get("sort") is not None:
        params = {**params, "sort": names.sort(params["sort"])}
    return query | {_WIRE_NAMES.get(name, name): value for name, value in params.items() if value is not None}


def encode_body(fields: dict[str, Any], names: TenantNames, *, creates: bool = False) -> bytes:
    """Check each value of a create or an update, and encode the body under the names of the wire."""
    if not fields:
        raise ArgumentTypeError("no attribute given; name at least one, such as stage='proposal'")
    values = {}
    for name, value in fields.items():
        if name in READ_ONLY:
            raise ArgumentValueError(
                f"{name}={value!r} cannot be written, because the server sets {name}; leave it out"
            )
        try:
            values[name] = wire.to_wire(name, value)
        except BadCell as reason:
            raise ArgumentValueError(f"{name}={value!r} {reason}") from None
    if creates:
        text(fields.get("name"), "name", example="Acme renewal")
    return wire.encode(names.sent(values))
