"""The client: one method for each of the eight calls of the Opportunities API.

And the frame of a load, kept on disk.
"""

from __future__ import annotations

import io
import json
import os
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, Unpack

import msgspec
import pyarrow as pa

from opp_analytics import arguments
from opp_analytics.api import config, wire
from opp_analytics.api.decoder import PageDecoder, TablePage
from opp_analytics.api.page_cache import PageCache
from opp_analytics.api.wire import (
    LIST,
    TRASH,
    Fields,
    ListParams,
    Opportunity,
    Page,
    SearchParams,
    TenantNames,
)
from opp_analytics.arguments import number, whole
from opp_analytics.certificate import Certificate
from opp_analytics.errors import CacheError, DataWarning, UnexpectedResponse
from opp_analytics.files import make_private_folder, replace_file, set_aside
from opp_analytics.org import Org, check_org, read_folder_org
from opp_analytics.schema import Json

if TYPE_CHECKING:
    from opp_analytics.api.transport import Transport

_FORMAT = "opp_analytics frame 4"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, RecursionError, pa.ArrowException)
"""What a damaged file makes its readers stumble over, msgspec aside."""
_CHECKSUM = 4
"""Bytes of the checksum."""


@dataclass(frozen=True)
class Kept:
    """Opportunities as they were read, and the certificate of the load as plain JSON."""

    table: pa.Table
    certificate: Json


class FrameCache:
    """Opportunities in `folder`, which belongs to one tenant and token.

    The first write makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str, *, stale: bool = False) -> Kept | None:
        """Read the opportunities kept under `key`.

        `stale` allows a frame from before the last write to the API.
        """
        file = self._file(key)
        try:
            with file.open("rb") as source:
                header = json.loads(source.readline())
                if header["magic"] != _FORMAT or not (
                    stale or header["epoch"] == self.epoch().hex()
                ):
                    return None
                Certificate.from_json(header["certificate"])
                content = memoryview(source.read())
            stream, checksum = content[:-_CHECKSUM], content[-_CHECKSUM:]
            if _checksum(zlib.crc32(stream)) != checksum:
                raise ValueError("its checksum does not match")
            return Kept(pa.ipc.open_stream(pa.py_buffer(stream)).read_all(), header["certificate"])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (*_UNREADABLE, msgspec.ValidationError) as error:
            set_aside(file, str(error), "the data is fetched again")
            return None

    def write(self, key: str, kept: Kept, epoch: bytes) -> None:
        """Keep opportunities that were loaded in `epoch`.

        A folder that cannot be written is a warning.
        """
        header = {"magic": _FORMAT, "epoch": epoch.hex(), "certificate": kept.certificate}
        try:
            make_private_folder(self.folder)
            with (
                replace_file(self._file(key), private=True, durable=False) as staged,
                staged.open("wb") as out,
            ):
                out.write(json.dumps(header).encode() + b"\n")
                stream = _Summed(out)
                with pa.ipc.new_stream(stream, kept.table.schema) as writer:
                    writer.write_table(kept.table)
                out.write(_checksum(stream.crc32))
        except OSError as error:
            DataWarning.warn(
                f"the frame was loaded but could not be cached in {self.folder} "
                f"({error.strerror}); the next load fetches again"
            )

    def make_stale(self) -> None:
        """Begin a new epoch: a frame of an earlier one is only good for catching up from."""
        if not self.folder.is_dir():
            return
        # In place, since it comes twice with every write: other bytes are another epoch, also where
        # they are mixed.
        handle = os.open(self.folder / "epoch", os.O_WRONLY | os.O_CREAT | _NO_LINK, 0o600)
        try:
            os.write(handle, os.urandom(8))
        finally:
            os.close(handle)

    def epoch(self) -> bytes:
        """Read the bytes that change with every write to the API.

        They show that a load during a write is stale.
        """
        try:
            return (self.folder / "epoch").read_bytes()
        except OSError:
            return b""

    def _file(self, key: str) -> Path:
        return self.folder / f"frame-{key}.arrow"


class _Summed(io.RawIOBase):
    """A file that passes all bytes to `out` and into a checksum."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.crc32 = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.crc32 = zlib.crc32(content, self.crc32)
        return self._out.write(content)


def _checksum(crc32: int) -> bytes:
    return crc32.to_bytes(_CHECKSUM, "big")


_T = TypeVar("_T")


class Client:
    """The Opportunities API of one tenant.

    Parameters
    ----------
    url : str
        Address of the API; https, except on this machine.
    token : str or callable
        Bearer token, or a callable that returns one. It is called for the first request, and again
        when the server refuses the token (401). Token and key are never shown, logged or stored.
    api_key : str
        API key.
    timeout : float
        Seconds to wait for a connection and for each part of an answer. A whole request takes at
        most five times that.
    retries : int
        Repeats of a failed read (429, 5xx, lost connections). Retry-After is honored up to 120
        seconds in all. A write is repeated only after 429 or when the server was not reached, never
        when its outcome is unknown.
    concurrency : int
        Largest number of open connections.
    cache_dir : path, optional
        Folder for pages and frames; default: the user's cache folder. Only the user can read the
        files. One that others can write to is not used: a warning names it, and a private temporary
        folder serves instead.
    org : Org, optional
        What the organization means by its data: `load` reads its stages, and its ``api_columns``
        name the attributes on the wire, in both directions. It is never looked for.
    key_header : {"both", "AppId", "X-API-KEY"}
        Header that carries the API key; the vendor is renaming the first to the second.
    proxy : str, optional
        Address of a proxy. By default an https address takes the proxy of the environment, as it is
        when the client is made, and an http one, which is on this machine, none.

    Raises
    ------
    ConfigError
        When the address or a secret cannot be used.

    Examples
    --------
    >>> Client("https://crm.example.com", "token", "key")
    Client('https://crm.example.com')
    """

    def __init__(
        self,
        url: str | config.Secret,
        token: str | config.Secret | Callable[[], str],
        api_key: str | config.Secret,
        *,
        timeout: float = 30,
        retries: int = 5,
        concurrency: int = 8,
        cache_dir: str | Path | None = None,
        org: Org | None = None,
        key_header: config.KeyHeader = "both",
        proxy: str | config.Secret | None = None,
    ) -> None:
        # A traceback with locals must find no secret in this frame.
        secrets = config.Secret.of(url), config.Secret.of(token), config.Secret.of(api_key)
        hidden_proxy = config.Secret.of(proxy)
        del url, token, api_key, proxy
        self.settings = config.Settings.of(*secrets, key_header=key_header)
        self.org = check_org(org)
        self.names = TenantNames({} if self.org is None else self.org.api_columns)
        self.concurrency = whole(concurrency, "concurrency", high=256, example=8)
        self.timeout = number(timeout, "timeout", low=0.001, high=86_400, example=30)
        self.retries = whole(retries, "retries", low=0, example=5)
        self._network = config.Network(self.settings.url, hidden_proxy)
        self._transport: Transport | None = None
        self._making_transport = threading.Lock()
        key = self.settings.cache_key
        root = (
            config.cache_folder() if cache_dir is None else arguments.path(cache_dir, "cache_dir")
        )
        self.cache_folder = config.private_cache(self, root, key)
        self.pages = PageCache(self.cache_folder, key)
        self.frames = FrameCache(self.cache_folder)

    @classmethod
    def from_env(
        cls,
        *,
        timeout: float = 30,
        retries: int = 5,
        concurrency: int = 8,
        cache_dir: str | Path | None = None,
        org: Org | None = None,
        key_header: config.KeyHeader = "both",
        proxy: str | config.Secret | None = None,
    ) -> Client:
        """Make a client from BLOCKS_API_URL, BLOCKS_AUTH_TOKEN and BLOCKS_API_KEY.

        The options are those of the class.

        Without `org`, an ``opp-analytics.toml`` in the working folder is read, which the log says.

        Raises
        ------
        ConfigError
            When a variable is missing; the message names each one and how to set it.
        """
        hidden_proxy = config.Secret.of(proxy)
        del proxy
        settings = config.read_environment()
        return cls(
            *settings,
            org=read_folder_org() if org is None else org,
            timeout=timeout,
            retries=retries,
            concurrency=concurrency,
            cache_dir=cache_dir,
            key_header=key_header,
            proxy=hidden_proxy,
        )

    def __repr__(self) -> str:
        org = "" if self.org is None else f", org={self.org!r}"
        return f"Client({self.settings.url!r}{org})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def transport(self) -> Transport:
        """Transport of all requests, made for the first one.

        A warm load makes no request, and so imports no HTTP.
        """
        from opp_analytics.api.transport import Transport

        with self._making_transport:
            if self._transport is None:
                self._transport = Transport(
                    self.settings,
                    timeout=self.timeout,
                    retries=self.retries,
                    connections=self.concurrency,
                    network=self._network,
                )
            return self._transport

    def server_time(self) -> datetime | None:
        """Tell the time by the clock of the server that answered last.

        None where no answer has said it.
        """
        return None if self._transport is None else self._transport.server_time()

    def clock_agrees(self, now: datetime, within: float) -> bool:
        """Check whether the server's clock may tell `now`, give or take `within` seconds."""
        return self._transport is None or self._transport.agrees(now, within)

    def close(self) -> None:
        """Close idle connections and the page cache; the client may be used again."""
        if self._transport is not None:
            self._transport.close()
        self.pages.close()

    def list(
        self, page: int = 1, page_size: int | None = None, **params: Unpack[ListParams]
    ) -> Page:
        """Get one page of opportunities.

        Parameters
        ----------
        page : int
            Number of the page, from 1.
        page_size : int, optional
            Rows asked for; the server may send fewer (its default is 15).
        **params
            ``status account_id contact_unique_id owner_unique_id search sort``. `sort` is an
            attribute; a leading minus sorts descending.
        """
        return self._page(LIST, page, page_size, dict(params))

    def search(
        self, text: str, page: int = 1, page_size: int | None = None, **params: Unpack[SearchParams]
    ) -> Page:
        """Get one page of the opportunities that match `text`, as the server decides.

        `page`, `page_size` and `params` are as for `list`.
        """
        return self._page(LIST, page, page_size, {"search": text, **params})

    def list_deleted(
        self, page: int = 1, page_size: int | None = None, **params: Unpack[ListParams]
    ) -> Page:
        """Get one page of the trash; `page`, `page_size` and `params` are as for `list`."""
        return self._page(TRASH, page, page_size, dict(params))

    def get(self, unique_id: str) -> Opportunity:
        """Get the opportunity `unique_id` as a flat dict.

        Raises
        ------
        NotFoundError
            When no opportunity has this id, or it is deleted.
        """
        path = wire.encode_path(unique_id)
        return self._decoded(
            partial(self._decode_asked, unique_id), self.transport.read(path), path
        )

    def create(
        self, *, fields: Mapping[str, Any] | None = None, **attributes: Unpack[Fields]
    ) -> Opportunity:
        """Create an opportunity; the answer holds its ``unique_id``.

        Parameters
        ----------
        fields : mapping, optional
            Custom attributes, with or instead of the named ones.
        **attributes
            Attributes, named as the columns of the frame: ``name="Acme renewal", value=12_000,
            stage="proposal"``.

        Raises
        ------
        ArgumentError
            When a value does not fit its attribute; nothing is sent.
        ValidationError
            When the server refuses; every problem is in ``.problems``.
        ConnectionFailed, ServerError
            When the outcome is unknown: look for the opportunity before trying again.
        """
        body = wire.encode_body({**attributes, **(fields or {})}, self.names, creates=True)
        return self._decoded(self._decode_one, self._send_write("POST", LIST, body), LIST)

    def update(
        self,
        unique_id: str,
        *,
        fields: Mapping[str, Any] | None = None,
        **attributes: Unpack[Fields],
    ) -> Opportunity:
        """Change some attributes of the opportunity `unique_id`; the answer may hold only those.

        Parameters
        ----------
        fields, **attributes
            Attributes to change, as for `create`; nothing else is sent.

        Raises
        ------
        ArgumentError
            When a value does not fit its attribute; nothing is sent.
        NotFoundError, ValidationError
            When the server refuses; nothing is changed.
        ConnectionFailed, ServerError
            When the outcome is unknown: read the opportunity back.
        """
        body = wire.encode_body({**attributes, **(fields or {})}, self.names)
        return self._put(unique_id, "/", body)

    def delete(self, unique_id: str) -> None:
        """Move the opportunity `unique_id` to the trash, from where `recover` brings it back."""
        self._send_write("DELETE", wire.encode_path(unique_id) + "/", None)

    def recover(self, unique_id: str) -> Opportunity:
        """Bring the deleted opportunity `unique_id` back; the answer is the opportunity."""
        return self._put(unique_id, "/recover", b"{}")

    def fetch_page(
        self,
        page: int,
        page_size: int,
        *,
        deleted: bool = False,
        stored: bool = False,
        **params: Unpack[ListParams],
    ) -> bytes:
        """Fetch one undecoded page of the list, or of the trash with `deleted`.

        It is read through the page cache.

        `page`, `page_size` and `params` go into the query. With `stored`, a stored copy is used
        without a request; else the server may answer that it is current (304).
        """
        query = wire.encode_query(page, page_size, dict(params), self.names)
        return self.pages.read(self.transport, TRASH if deleted else LIST, query, stored=stored)

    def decode_page(self, body: bytes, decoder: PageDecoder) -> TablePage:
        """Decode a fetched body with the decoder of its sweep."""
        return self._decoded(decoder.decode, body, LIST)

    def _page(self, path: str, page: int, page_size: int | None, params: Json) -> Page:
        query = wire.encode_query(page, page_size, params, self.names)
        rows, meta = self._decoded(wire.decode_page, self.transport.read(path, query), path)
        deals = self._decoded(
            lambda _: [Opportunity(self.names.row(row)) for row in rows], b"", path
        )
        wire.warn_of_unreadable([cell for row in rows for cell in wire.list_unreadable(row)])
        return Page(deals, page, meta.pages(), meta.records())

    def _put(self, unique_id: str, action: str, body: bytes) -> Opportunity:
        path = wire.encode_path(unique_id) + action
        return self._decoded(
            partial(self._decode_asked, unique_id), self._send_write("PUT", path, body), path
        )

    def _decode_one(self, body: bytes) -> Opportunity:
        row = wire.decode_one(body)
        wire.warn_of_unreadable(wire.list_unreadable(row))
        return Opportunity(self.names.row(row))

    def _decode_asked(self, unique_id: str, body: bytes) -> Opportunity:
        """Decode the answer about one opportunity; one about another proves nothing."""
        opportunity = self._decode_one(body)
        # A server may write the letters of an id as it likes.
        if opportunity["unique_id"].casefold() != unique_id.casefold():
            raise UnexpectedResponse(
                f"the answer is opportunity {opportunity['unique_id']!r}, not {unique_id!r} as "
                "asked"
            )
        return opportunity

    def _send_write(self, method: str, path: str, body: bytes | None) -> bytes:
        # Before, so that a crash right after the write leaves nothing outdated; after, for a sweep
        # that ran at the time.
        self._make_stale()
        try:
            return self.transport.write(method, path, body)
        finally:
            self._make_stale()

    def _make_stale(self) -> None:
        try:
            self.frames.make_stale()
            self.pages.clear()
        except OSError as error:
            raise CacheError(
                f"cannot mark the outdated cached opportunities in {self.cache_folder} "
                f"({error.strerror}); delete the folder"
            ) from None

    def _decoded(self, decode: Callable[[bytes], _T], body: bytes, path: str) -> _T:
        try:
            return decode(body)
        except UnexpectedResponse as error:
            url = self.settings.url + path
            raise UnexpectedResponse(self.transport.redact(f"{url}: {error}"), url=url) from None
