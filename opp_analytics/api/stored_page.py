"""A stored page as plain bytes: what came and what validates it, and no types that reading it could run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
import pyarrow as pa

from opp_analytics.api.connection import LARGEST_BODY

_CODEC = "zstd"


@dataclass(frozen=True)
class StoredPage:
    """A page as it came."""

    body: bytes
    validators: Mapping[str, str]
    """Request headers by which the server tells whether the page is still current."""


class _Packed(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    validators: dict[str, str]
    size: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_BODY)]
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack(page: StoredPage) -> bytes:
    """The page as MessagePack, its body compressed."""
    packed = pa.compress(page.body, codec=_CODEC, asbytes=True)
    return _encode(_Packed(dict(page.validators), len(page.body), packed))


def unpack(stored: object) -> StoredPage | None:
    """The page that the bytes hold; None when they hold anything else, such as a pickle."""
    try:
        packed = _decode(stored)  # type: ignore[arg-type]
        body = pa.decompress(packed.body, decompressed_size=packed.size, codec=_CODEC, asbytes=True)
    except (msgspec.MsgspecError, TypeError, OSError):
        return None
    return StoredPage(body, packed.validators)
