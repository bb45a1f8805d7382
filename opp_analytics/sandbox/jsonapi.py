"""Bodies of the API's answers: resources, pages and errors in JSON:API form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from opp_analytics.sandbox.store import encode
from opp_analytics.sandbox.validation import Problem

_MEDIA_TYPE = "application/vnd.api+json"


class Failure(Exception):
    """An error answer, raised where the error is found."""

    def __init__(
        self, status: int, errors: Sequence[Mapping[str, Any]], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status, self.errors, self.headers = status, errors, headers

    def response(self) -> Response:
        """Make the HTTP answer."""
        body = encode({"errors": self.errors})
        return Response(body, self.status, self.headers, _MEDIA_TYPE)


def make_failure(
    status: int, code: str, title: str, detail: str, headers: Mapping[str, str] | None = None, **source: str
) -> Failure:
    """Make a failure with a single error."""
    error: dict[str, Any] = {"status": str(status), "code": code, "title": title, "detail": detail}
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


def render_resource(attributes: Mapping[str, Any], *, related: bool = False) -> str:
    """Render a document with one opportunity; `related` adds the relationship to its account."""
    data: dict[str, Any] = {"id": attributes["unique_id"], "type": "opportunity", "attributes": attributes}
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
    data = ",".join(f'{{"id":{encode(key)},"type":"opportunity","attributes":{text}}}' for key, text in rows)
    return f'{{"data":[{data}],"meta":{encode(meta)}}}'


def make_answer(request: Request, body: str, status: int = 200) -> Response:
    """Make the HTTP answer; a read has an ETag, and is a 304 when the client already has the same body."""
    if request.method not in ("GET", "HEAD"):
        return Response(body, status, media_type=_MEDIA_TYPE)
    content = body.encode()
    etag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "max-age=0, private, must-revalidate"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, status, headers, _MEDIA_TYPE)
