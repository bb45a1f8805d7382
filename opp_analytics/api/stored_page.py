"""A stored page as plain bytes: what came and when it expires, and no types that reading it could run."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from requests.structures import CaseInsensitiveDict
from requests_cache.models.request import CachedRequest
from requests_cache.models.response import CachedResponse

_KEPT_HEADERS = frozenset(
    {"content-type", "etag", "last-modified", "cache-control", "expires", "date", "age"}
)
"""What a page is read and revalidated by; a cookie or an echoed key is not stored."""


class _Stored(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    status: int
    reason: str
    url: str
    headers: dict[str, str]
    created_at: float
    expires: float | None
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode


def dump_page(page: CachedResponse) -> bytes:
    """The page's status, headers, body and times, as MessagePack."""
    return _encode(
        _Stored(
            status=page.status_code,
            reason=page.reason or "",
            url=page.url,
            headers={name: text for name, text in page.headers.items() if name.lower() in _KEPT_HEADERS},
            created_at=page.created_at.timestamp(),
            expires=None if page.expires is None else page.expires.timestamp(),
            body=page.content or b"",
        )
    )


def load_page(stored: object) -> CachedResponse | None:
    """The page that the bytes hold; None when they hold anything else, such as a pickle of an earlier build."""
    try:
        page = _decode(stored)  # type: ignore[arg-type]
        return CachedResponse(
            content=page.body,
            created_at=_instant(page.created_at),
            expires=None if page.expires is None else _instant(page.expires),
            headers=CaseInsensitiveDict(page.headers),
            reason=page.reason,
            request=CachedRequest(method="GET", url=page.url),
            status_code=page.status,
            url=page.url,
        )
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, OSError):
        return None


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
