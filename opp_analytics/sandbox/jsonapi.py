"""The bodies of the API: a create or an update, validated with every problem.

Resources, pages and errors in JSON:API form.

Attributes outside the reference are stored unchanged, unless a number in them is beyond a JSON
reader's range. `value` has no lower bound, because the reference only calls it a decimal.
"""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from opp_analytics.sandbox.arguments import Json
from opp_analytics.sandbox.store import encode
from opp_analytics.sandbox.team import TenantStages

STATUSES = ("active", "inactive", "won", "lost")
_READ_ONLY = ("id", "unique_id", "created_at", "updated_at")
_LARGEST = Decimal(10) ** 15
_MOST_DECIMALS = 6
_LARGEST_NUMBER = Decimal(sys.float_info.max)
"""Readers of JSON take a larger number for infinite, or refuse the whole answer."""


class Problem(NamedTuple):
    """One problem of a body: its place (an attribute, or "" for the body), description and code."""

    attribute: str
    detail: str
    code: str = "invalid"


class _RefusedValue(ValueError):
    """The reason why a value is refused; it completes a sentence that names the attribute."""


def _decimal(value: Any) -> int | Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        raise _RefusedValue("is not a number")
    if isinstance(value, str) and not re.fullmatch(r"-?\d+(\.\d+)?", value, re.ASCII):
        raise _RefusedValue("is not a number")
    number = Decimal(value)
    if not -_LARGEST < number < _LARGEST:
        raise _RefusedValue("must be less than 10^15 in size")
    if number == number.to_integral_value():
        return int(number)
    if number != round(number, _MOST_DECIMALS):
        raise _RefusedValue(f"has more than {_MOST_DECIMALS} decimals")
    return Decimal(format(number.normalize(), "f"))


def _further(value: Any) -> Any:
    inner = [value]
    while inner:
        item = inner.pop()
        inner += item if isinstance(item, list) else item.values() if isinstance(item, dict) else ()
        if isinstance(item, (int, Decimal)) and not -_LARGEST_NUMBER <= item <= _LARGEST_NUMBER:
            raise _RefusedValue("has a number out of range")
    return value


def _check(kind: Any, wrong: str = "") -> Callable[[Any], Any]:
    """Make the check of a type; what is wrong is said in the words of msgspec by default."""

    def check(value: Any) -> Any:
        whole = isinstance(value, Decimal) and value == value.to_integral_value()
        sent = int(value) if whole else float(value) if isinstance(value, Decimal) else value
        try:
            found = msgspec.convert(sent, kind)
        except msgspec.ValidationError as error:
            raise _RefusedValue(wrong or f"is not valid: {error}") from None
        return found.isoformat() if isinstance(found, date) else found

    return check


_TEXT = _check(str | None)
_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "name": _check(Annotated[str, msgspec.Meta(pattern=r"\S")], "can't be blank"),
    "account_id": _TEXT,
    "account_unique_id": _TEXT,
    "value": _decimal,
    "close_date": _check(date | None),
    "probability": _check(Annotated[int, msgspec.Meta(ge=0, le=100)] | None),
    "status": _check(Literal[STATUSES]),
}


def validate(
    body: Any, stages: TenantStages, current: Json | None = None
) -> tuple[Json, list[Problem]]:
    """Find the attributes to store, and every problem of a body ``{"opportunity": {...}}``.

    `current` has the attributes before an update; it is None for a create.
    """
    fields = body.get("opportunity") if isinstance(body, dict) else None
    if not isinstance(fields, dict):
        return {}, [Problem("", 'The body must be {"opportunity": {…}}', "invalid_body")]
    if current is not None and not fields:
        return {}, [Problem("", "The opportunity has no attribute to change", "invalid_body")]
    checks = {**_CHECKS, "stage": _check(Literal[stages.names])}
    clean: Json = {}
    problems: list[Problem] = []
    for attribute, value in fields.items():
        if attribute in _READ_ONLY:
            # A record may be sent back unchanged.
            if current is None or value != current["unique_id" if attribute == "id" else attribute]:
                problems.append(
                    Problem(attribute, f"{attribute} is set by the server", "read_only")
                )
            continue
        try:
            clean[attribute] = checks.get(attribute, _further)(value)
        except _RefusedValue as refused:
            problems.append(Problem(attribute, f"{attribute} {refused}", "invalid"))
    if current is None and "name" not in fields:
        problems.insert(0, Problem("name", "name can't be blank", "required"))
    if "account_unique_id" in clean:
        account = clean.setdefault("account_id", clean["account_unique_id"])
        if account != clean["account_unique_id"]:
            problems.append(
                Problem("account_unique_id", "account_unique_id differs from account_id")
            )
    elif "account_id" in clean and "account_unique_id" in (current or {}):
        clean["account_unique_id"] = clean["account_id"]
    return clean, problems


_CENT = Decimal("0.01")


def fill_defaults(fields: Json, stages: TenantStages, *, is_new: bool) -> Json:
    """Fill a blank or null stage or status of a request with its default.

    A new row also gets a default for a missing stage, and its missing status follows from the
    stage. An update changes only the fields it sends.
    """
    filled = dict(fields)
    if _is_empty(filled, "stage") and (is_new or "stage" in filled):
        filled["stage"] = stages.first
    if _is_empty(filled, "status") and (is_new or "status" in filled):
        filled["status"] = stages.find_status(filled.get("stage"))
    return filled


def normalize(fields: Json) -> Json:
    """Bring valid fields into the form that the database stores."""
    return {name: _normalize_value(name, value) for name, value in fields.items()}


def _normalize_value(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", " ".join(value.split()))
    if name == "value" and isinstance(value, Decimal):
        return value.quantize(_CENT, ROUND_HALF_UP)
    return value


_CUT = 30
"""Letters of a name that `reshape` keeps."""
_OWN_PROBABILITY = 35
"""The probability that `reshape` sets beside a stage."""


def reshape(fields: Json) -> Json:
    """Bring valid fields into another form than they were sent in."""
    formed = normalize({name: value for name, value in fields.items() if name != "notes"})
    if isinstance(formed.get("name"), str):
        formed["name"] = formed["name"].lower()[:_CUT].strip()
    if isinstance(formed.get("value"), (int, float, Decimal)):
        formed["value"] = int(Decimal(str(formed["value"])).to_integral_value(ROUND_HALF_UP))
    if isinstance(formed.get("close_date"), str):
        day = date.fromisoformat(formed["close_date"][:10]) + timedelta(days=1)
        formed["close_date"] = day.isoformat()
    if "stage" in formed and "probability" in formed:
        formed["probability"] = _OWN_PROBABILITY
    return formed


def _is_empty(fields: Json, name: str) -> bool:
    value = fields.get(name)
    return value is None or (isinstance(value, str) and not value.strip())


_MEDIA_TYPE = "application/vnd.api+json"


class Failure(Exception):
    """An error answer, raised where the error is found."""

    def __init__(
        self,
        status: int,
        errors: Sequence[Json],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status)
        self.status, self.errors, self.headers = status, errors, headers

    def response(self) -> Response:
        """Make the HTTP answer."""
        body = encode({"errors": self.errors})
        return Response(body, self.status, self.headers, _MEDIA_TYPE)


def make_failure(
    status: int,
    code: str,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **source: str,
) -> Failure:
    """Make a failure with a single error."""
    error: Json = {"status": str(status), "code": code, "title": title, "detail": detail}
    if source:
        error["source"] = source
    return Failure(status, [error], headers)


def make_not_found() -> Failure:
    """Make a 404 answer with the text of the reference."""
    return make_failure(
        404, "not_found", "Opportunity Not Found", "The requested opportunity could not be found."
    )


def make_unauthorized(detail: str) -> Failure:
    """Make a 401 answer: credentials are missing or not accepted."""
    return make_failure(401, "unauthorized", "Unauthorized", detail, {"WWW-Authenticate": "Bearer"})


def make_refusal(problems: Iterable[Problem]) -> Failure:
    """Make a 422 answer with one error per problem; each points into the request's body."""
    errors = []
    for name, detail, code in problems:
        pointer = f"/opportunity/{name.replace('~', '~0').replace('/', '~1')}".rstrip("/")
        error = {"status": "422", "code": code, "title": "Unprocessable Entity", "detail": detail}
        errors.append(error | {"source": {"pointer": pointer}})
    return Failure(422, errors)


def render_resource(attributes: Json, *, related: bool = False) -> str:
    """Render a document with one opportunity; `related` adds the relationship to its account."""
    data: Json = {
        "id": attributes["unique_id"],
        "type": "opportunity",
        "attributes": attributes,
    }
    if related:
        account = attributes.get("account_id")
        linkage = None if account is None else {"id": account, "type": "account"}
        data["relationships"] = {"account": {"data": linkage}}
    return encode({"data": data})


def render_page(rows: Sequence[tuple[str, str]], *, number: int, size: int, total: int) -> str:
    """Render one page of (unique_id, attributes as JSON); its meta uses both known spellings."""
    pages = -(-total // size)
    meta = {"totalPages": pages, "totalRecords": total, "total_pages": pages, "total_count": total}
    meta |= {"current_page": number, "per_page": size}
    data = ",".join(
        f'{{"id":{encode(key)},"type":"opportunity","attributes":{text}}}' for key, text in rows
    )
    return f'{{"data":[{data}],"meta":{encode(meta)}}}'


def make_answer(request: Request, body: str, status: int = 200) -> Response:
    """Make the HTTP answer.

    A read has an ETag, and is a 304 when the client already has the same body.
    """
    if request.method not in ("GET", "HEAD"):
        return Response(body, status, media_type=_MEDIA_TYPE)
    content = body.encode()
    etag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "max-age=0, private, must-revalidate"}
    known = {
        tag.strip().removeprefix("W/")
        for tag in request.headers.get("If-None-Match", "").split(",")
    }
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, status, headers, _MEDIA_TYPE)
