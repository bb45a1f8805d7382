"""The wire format: paths and fields of calls, answers as flat rows, cells as JSON.

Answers are JSON:API.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypedDict, overload
from urllib.parse import quote

import msgspec
import numpy as np

from opp_analytics import schema
from opp_analytics.arguments import text, whole
from opp_analytics.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DataWarning,
    UnexpectedResponse,
)
from opp_analytics.schema import Json
from opp_analytics.text import is_whole, joined


@dataclass(frozen=True)
class TenantNames:
    """The attributes that a tenant calls otherwise."""

    ours: Mapping[str, str] = field(default_factory=dict)
    """Theirs to ours, as ``[api.columns]`` of an org file has them."""

    @property
    def theirs(self) -> dict[str, str]:
        """Ours to theirs."""
        return {ours: theirs for theirs, ours in self.ours.items()}

    def row(self, row: Json) -> Json:
        """Rename the attributes of an opportunity to our names."""
        cells = self.cells({name: [value] for name, value in row.items()}) if self.ours else {}
        return {name: value for name, (value,) in cells.items()} if self.ours else row

    def cells(self, cells: dict[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """Rename cells by attribute to our names; see `row`."""
        named = {name: column for name, column in cells.items() if name not in self.ours}
        for theirs, ours in self.ours.items():
            if theirs in cells:
                there = named.get(ours, ())
                if any(value is not None for value in there):
                    named[ours] = [
                        _one(key, theirs, one, ours, other)
                        for key, one, other in zip(
                            cells["unique_id"], cells[theirs], there, strict=True
                        )
                    ]
                else:
                    named[ours] = cells[theirs]
        return named

    def sent(self, fields: Json) -> Json:
        """Rename the fields of a write to the tenant's names."""
        theirs = self.theirs
        return {theirs.get(name, name): value for name, value in fields.items()}

    def sort(self, order: str) -> str:
        """Rename a `sort` parameter to the tenant's names; a leading minus stays."""
        name = text(order, "sort", example="-updated_at").removeprefix("-")
        return order[: len(order) - len(name)] + self.theirs.get(name, name)


def names_id(name: str) -> bool:
    """Return True if an attribute holds an id: text here, a whole number on some servers."""
    return name == "account_id" or name.endswith("unique_id")


def _as_id(name: str, value: Any) -> Any:
    return str(value) if type(value) is int and names_id(name) else value


def _one(unique_id: Any, theirs: str, one: Any, ours: str, other: Any) -> Any:
    one, other = _as_id(ours, one), _as_id(ours, other)
    if one is None or other is None or one == other:
        return other if one is None else one
    raise UnexpectedResponse(
        f"opportunity {unique_id!r} holds {theirs}={one!r} and {ours}={other!r}, and the org reads "
        f"{theirs} as {ours}; correct one of them on the server, or name another column under "
        "[api.columns]"
    )


class _Resource(msgspec.Struct):
    attributes: Json
    id: Any = None
    relationships: Json | None = None


class Meta(msgspec.Struct):
    """The totals in the head of a list answer, in either spelling."""

    totalPages: int | None = None  # noqa: N815  the reference's spelling
    totalRecords: int | None = None  # noqa: N815
    total_pages: int | None = None
    total_count: int | None = None

    def pages(self) -> int | None:
        """Read the number of pages at the server's page size.

        None when the answer does not report it.
        """
        return self.total_pages if self.totalPages is None else self.totalPages

    def records(self) -> int | None:
        """Read the number of rows on all pages; None when the answer does not report it."""
        return self.total_count if self.totalRecords is None else self.totalRecords


class _SomeRows(msgspec.Struct):
    data: list[_Resource]
    meta: Meta | None = None


class _OneRow(msgspec.Struct):
    data: _Resource


UNREADABLE = "(unreadable)"
"""Entry of a row, and column of a table: the list of attributes that could not be read and are
missing."""
_MOST_DIGITS = 400
"""More digits are beyond every number that JSON's readers know."""

_DECODE = {kind: msgspec.json.Decoder(kind).decode for kind in (_SomeRows, _OneRow)}

NO_IDS = frozenset({"", ".", ".."})
"""Texts that are not an id: none can be a segment of a path."""


def _flat(resource: _Resource) -> Json:
    attributes = {name: _as_id(name, value) for name, value in resource.attributes.items()}
    attributes["unique_id"] = unique_id(attributes.get("unique_id"), resource.id)
    account = account_id(
        attributes.get("account_id"), attributes.get("account_unique_id"), resource.relationships
    )
    if account is not None:
        attributes["account_id"] = account
    return attributes


def unique_id(attribute: Any, resource_id: Any) -> str:
    """Find the id of an opportunity among the attributes or beside them, as text."""
    found = resource_id if attribute is None else attribute
    unique_id = _as_id("unique_id", found)
    if isinstance(unique_id, str) and unique_id.strip() not in NO_IDS:
        return unique_id
    what = "no id" if found is None else f"unique_id={repr(found)[:60]}, which is not an id"
    raise UnexpectedResponse(f"an opportunity in the answer has {what}")


def account_id(attribute: Any, other_attribute: Any, relationships: Any) -> Any:
    """Find the account's id, which an answer has under one of two names or as a relationship."""
    if attribute is not None:
        return attribute
    account = _find_related(relationships, "account") or other_attribute
    return None if account is None else str(account)


def _find_related(relationships: Any, name: str) -> Any:
    link = relationships.get(name) if isinstance(relationships, dict) else None
    data = link.get("data") if isinstance(link, dict) else None
    return data.get("id") if isinstance(data, dict) else None


def _decoded(decode: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what = "is empty" if not body.strip() else f"cannot be read as this API's JSON ({error})"
        raise UnexpectedResponse(f"the answer {what}; it begins {body[:60]!r}") from None


def _decode_rows(kind: type[_SomeRows | _OneRow], body: bytes) -> tuple[Any, list[Json]]:
    """Decode an answer, and its resources as flat rows.

    A cell that cannot be read is missing, see `UNREADABLE`.
    """
    try:
        answer, tidy = _decoded(_DECODE[kind], body), False
    except UnexpectedResponse as refused:
        try:
            # The standard library also reads numbers out of range, and half of a character.
            answer, tidy = (
                msgspec.convert(json.loads(body.decode(), parse_int=_read_whole), kind),
                True,
            )
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise refused from None
    resources = answer.data if isinstance(answer, _SomeRows) else [answer.data]
    rows = [_flat(resource) for resource in resources]
    return answer, [_drop_unreadable(row) for row in rows] if tidy else rows


def _read_whole(digits: str) -> int | float:
    return int(digits) if len(digits) < _MOST_DIGITS else float(digits)


def _drop_unreadable(row: Json) -> Json:
    clean, unreadable = {}, []
    for name, value in row.items():
        try:
            schema.check_encodable([name, value])
            clean[name] = value
        except schema.BadCell:
            clean[_replace_halves(name)] = None
            unreadable.append(_replace_halves(name))
    if "unique_id" in unreadable:
        # Nothing names a deal without an id.
        clean["unique_id"] = _replace_halves(str(row["unique_id"]))
        unreadable.remove("unique_id")
    return clean | ({UNREADABLE: unreadable} if unreadable else {})


def _replace_halves(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def list_unreadable(row: Json) -> list[tuple[str, str]]:
    """List the cells of a row that could not be read, each by its deal and column."""
    return [(row["unique_id"], column) for column in row.get(UNREADABLE, ())]


def say_unreadable(cells: Iterable[tuple[str, str]]) -> str:
    """Name cells that could not be read, each by its deal and column."""
    return joined([f"{column} of {unique_id!r}" for unique_id, column in cells], most=3)


def warn_of_unreadable(cells: Sequence[tuple[str, str]]) -> None:
    """Warn of cells that could not be read, each by its deal and column."""
    if cells:
        DataWarning.warn(
            f"{say_unreadable(cells)} can't be read (a number out of range, half of a character, "
            "or not what the column holds) and so is missing; correct it on the server"
        )


def decode_page(body: bytes) -> tuple[list[Json], Meta]:
    """Decode a list answer: the opportunities as flat dicts, and the paging meta.

    Each opportunity has its ``unique_id``.
    """
    answer, rows = _decode_rows(_SomeRows, body)
    return rows, answer.meta or Meta()


def decode_one(body: bytes) -> Json:
    """Decode the answer of one opportunity as a flat dict with its ``unique_id``."""
    _, (row,) = _decode_rows(_OneRow, body)
    return row


def to_wire(column: str, value: Any) -> Any:
    """Turn a frame's cell into the API's JSON value of `column`; a blank cell is None.

    Decimals stay exact, whole amounts are sent without a fraction, dates as ``2026-03-31``.
    """
    schema.check_encodable(value)
    cell = schema.parse_cell(column, value)
    if cell is None:
        return None
    if isinstance(value, Decimal) and column not in ("probability", "close_date"):
        return value
    if isinstance(cell, (date, datetime)):
        return cell.strftime("%Y-%m-%d") if column == "close_date" else cell.isoformat()
    if isinstance(cell, np.generic):
        cell = cell.item()
    return (
        int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell
    )


_Known = Literal[
    "name",
    "account_id",
    "value",
    "stage",
    "close_date",
    "probability",
    "status",
    "created_at",
    "updated_at",
]


class Opportunity(Json):
    """A flat dict of the attributes that the server sent, under our names.

    It holds the known attributes and any further ones.

    Values are as they came: dates and instants as text, numbers perhaps as text. `load` gives them
    their types. A value that no JSON holds, such as a number out of range, is None; a `DataWarning`
    names it, and the entry ``(unreadable)`` lists such attributes.

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


_encode = msgspec.json.Encoder(decimal_format="number").encode  # decimals stay exact

LIST = "/opportunities/"
TRASH = "/opportunities/trash/show"


class Filters(TypedDict, total=False):
    """Filters of a list, besides its search."""

    status: str | None
    account_id: str | None
    account_unique_id: str | None
    contact_unique_id: str | None
    owner_unique_id: str | None


class SearchParams(Filters, total=False):
    """Parameters of a search, besides its text, page and page size."""

    sort: str | None


class ListParams(SearchParams, total=False):
    """Parameters of a list, besides page and page size."""

    search: str | None


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
    if text(unique_id, "unique_id", example="opp-1").strip() in NO_IDS or not is_whole(unique_id):
        raise ArgumentValueError(
            f"unique_id={unique_id!r} is not an opportunity's id; use its unique_id as text"
        )
    return LIST + quote(unique_id, safe="")


_WIRE_NAMES = {"account_id": "account_unique_id"}
"""Parameters whose name on the wire differs."""


def encode_query(page: int, page_size: int | None, params: Json, names: TenantNames) -> Json:
    """Check the query of a list, and encode it under the names of the wire."""
    known = ListParams.__optional_keys__
    for name in params:
        if name not in known:
            raise ArgumentTypeError(
                f"list() has no parameter {name!r}; it takes page, page_size, "
                f"{', '.join(sorted(known))}"
            )
    query: Json = {"page": whole(page, "page", example=1)}
    if page_size is not None:
        query["records"] = whole(page_size, "page_size", example=100)
    if params.get("sort") is not None:
        params = {**params, "sort": names.sort(params["sort"])}
    return query | {
        _WIRE_NAMES.get(name, name): value for name, value in params.items() if value is not None
    }


def encode_body(fields: Json, names: TenantNames, *, creates: bool = False) -> bytes:
    """Check each value of a create or update, and encode the body under the wire's names."""
    if not fields:
        raise ArgumentTypeError("no attribute given; name at least one, such as stage='proposal'")
    values = {}
    for name, value in fields.items():
        if name in schema.READ_ONLY:
            raise ArgumentValueError(
                f"{name}={value!r} cannot be written, because the server sets {name}; leave it out"
            )
        try:
            values[name] = to_wire(name, value)
        except schema.BadCell as reason:
            raise ArgumentValueError(f"{name}={value!r} {reason}") from None
    if creates:
        text(fields.get("name"), "name", example="Acme renewal")
    return _encode({"opportunity": names.sent(values)})
