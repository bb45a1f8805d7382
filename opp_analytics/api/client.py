"""The eight calls of the Opportunities API, one method each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

from opp_analytics.api import wire
from opp_analytics.api.config import Secret, Settings, cache_folder
from opp_analytics.api.frame_cache import Storage
from opp_analytics.api.transport import Transport
from opp_analytics.errors import ArgumentTypeError, DataError, UnexpectedResponse
from opp_analytics.schema import READ_ONLY, BadCell

_T = TypeVar("_T")
_N = TypeVar("_N", int, float)
LIST_PARAMS = {
    "status": "status",
    "account_id": "account_unique_id",
    "account_unique_id": "account_unique_id",
    "contact_unique_id": "contact_unique_id",
    "owner_unique_id": "owner_unique_id",
    "search": "search",
    "sort": "sort",
}
"""Names that `Client.list` takes beside page and page_size → their names on the wire."""
_LIST = "/opportunities/"
_TRASH = "/opportunities/trash/show"


@dataclass(frozen=True)
class Page:
    """One page of a list answer."""

    rows: list[dict[str, Any]]
    """The opportunities as flat dicts, each holding ``unique_id``."""
    page: int
    """Number of this page, from 1."""
    total_pages: int | None
    """Pages at the server's page size, None when it does not say."""
    total_records: int | None
    """Opportunities over all pages, None when it does not say."""

    def __len__(self) -> int:
        return len(self.rows)


class Client:
    """The Opportunities API of one tenant.

    Parameters
    ----------
    url : str
        Address of the API; https, except on this machine.
    token, api_key : str
        Bearer token and API key (``AppId``). Never shown, logged or stored.
    timeout : float
        Seconds to wait for a connection and for each part of an answer.
    retries : int
        How often a failed read is repeated (429, 5xx, lost connections; Retry-After is honoured). A write is
        repeated only on 429 or when the server was never reached; its outcome is never guessed.
    concurrency : int
        Connections open at a time.
    cache_dir : path, optional
        Folder for pages and frames; the user's cache folder by default. Files are readable by the user alone.

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
        url: str,
        token: str | Secret,
        api_key: str | Secret,
        *,
        timeout: float = 30,
        retries: int = 5,
        concurrency: int = 8,
        cache_dir: str | Path | None = None,
    ) -> None:
        self.settings = Settings.of(url, token, api_key)
        self.concurrency = _positive(concurrency, "concurrency")
        self.transport = Transport(
            self.settings,
            timeout=_positive(timeout, "timeout"),
            retries=_positive(retries, "retries", least=0),
            connections=self.concurrency,
        )
        self.storage = Storage(
            Path(cache_dir) if cache_dir is not None else cache_folder(), self.settings.cache_key
        )

    @classmethod
    def from_env(cls, **options: Any) -> Client:
        """A client from BLOCKS_API_URL, BLOCKS_AUTH_TOKEN and BLOCKS_API_KEY; `options` as for the class.

        Raises
        ------
        ConfigError
            Naming every variable that is missing, and how to set it.
        """
        settings = Settings.from_env()
        return cls(settings.url, settings.token, settings.api_key, **options)

    def __repr__(self) -> str:
        return f"Client({self.settings.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections and the page store; the client may be used again."""
        self.transport.close()
        self.storage.close()

    def list(self, page: int = 1, page_size: int | None = None, **params: Any) -> Page:
        """One page of opportunities.

        Parameters
        ----------
        page : int
            From 1.
        page_size : int, optional
            Rows asked for; the server may send fewer (its default is 15).
        **params
            ``status account_id contact_unique_id owner_unique_id search sort``; sort is an attribute, a leading
            minus is descending.
        """
        return self._page(_LIST, page, page_size, params)

    def search(self, text: str, page: int = 1, page_size: int | None = None) -> Page:
        """One page of the opportunities that match `text`.

        Parameters
        ----------
        text : str
            What to look for, as the server understands it.
        page, page_size : int
            As for `list`.

        Returns
        -------
        Page
        """
        return self._page(_LIST, page, page_size, {"search": text})

    def list_deleted(self, page: int = 1, page_size: int | None = None) -> Page:
        """One page of the trash.

        Parameters
        ----------
        page, page_size : int
            As for `list`.

        Returns
        -------
        Page
        """
        return self._page(_TRASH, page, page_size, {})

    def get(self, unique_id: str) -> dict[str, Any]:
        """One opportunity as a flat dict.

        Parameters
        ----------
        unique_id : str
            The opportunity's id.

        Raises
        ------
        NotFoundError
            When there is none, or it is deleted.
        """
        return self._decoded(wire.decode_one, self.transport.read(_path(unique_id)), _path(unique_id))

    def create(self, **fields: Any) -> dict[str, Any]:
        """Create an opportunity; the answer holds its ``unique_id``.

        Parameters
        ----------
        **fields
            Its attributes, as the columns of the frame are named: ``name="Acme renewal", value=12_000, stage="proposal"``.

        Raises
        ------
        DataError
            When a value does not fit its field; nothing is sent.
        ValidationError
            When the server refuses; every problem is in ``.problems``.
        ConnectionFailed, ServerError
            The outcome is unknown: look it up before trying again.
        """
        return self._write("POST", _LIST, _body(fields))

    def update(self, unique_id: str, **fields: Any) -> dict[str, Any]:
        """Change the given fields; the answer may hold only what changed.

        Parameters
        ----------
        unique_id : str
            The opportunity's id.
        **fields
            What to change, as for `create`; nothing else is sent.

        Raises
        ------
        DataError
            When a value does not fit its field; nothing is sent.
        NotFoundError, ValidationError
            When the server refuses; nothing is changed.
        ConnectionFailed, ServerError
            The outcome is unknown: read it back.
        """
        return {"unique_id": unique_id} | self._write("PUT", _path(unique_id) + "/", _body(fields))

    def delete(self, unique_id: str) -> None:
        """Move an opportunity to the trash, from where `recover` brings it back.

        Parameters
        ----------
        unique_id : str
            The opportunity's id.
        """
        self._writing("DELETE", _path(unique_id) + "/", None)

    def recover(self, unique_id: str) -> dict[str, Any]:
        """Bring a deleted opportunity back.

        Parameters
        ----------
        unique_id : str
            The opportunity's id.

        Returns
        -------
        dict
            The opportunity.
        """
        return self._write("PUT", _path(unique_id) + "/recover", b"{}")

    def fetch_page(
        self, page: int, page_size: int, *, deleted: bool = False, stored: bool = False, **params: Any
    ) -> bytes:
        """The undecoded body of one page of a sweep, by way of the page store.

        Parameters
        ----------
        page, page_size : int
            As for `list`.
        deleted : bool
            Whether the trash is swept.
        stored : bool
            Whether a stored copy may answer unasked; otherwise the server is asked, with the stored copy's
            validator, and a 304 lets the copy stand.
        **params
            Query parameters of the list, as for `list`.
        """
        path = _TRASH if deleted else _LIST
        return self.storage.read_page(self.transport, path, _query(page, page_size, params), stored=stored)

    def decode_page(self, body: bytes) -> wire.WirePage:
        """A fetched body decoded.

        Raises
        ------
        UnexpectedResponse
            When it is not a list answer of this API.
        """
        return self._decoded(wire.decode_page, body, _LIST)

    def _page(self, path: str, page: int, page_size: int | None, params: dict[str, Any]) -> Page:
        answer = self._decoded(
            wire.decode_page, self.transport.read(path, _query(page, page_size, params)), path
        )
        return Page(answer.rows, page, answer.total_pages, answer.total_records)

    def _write(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        return self._decoded(wire.decode_one, self._writing(method, path, body), path)

    def _writing(self, method: str, path: str, body: bytes | None) -> bytes:
        # Before, so that a crash right after the write leaves nothing stale; after, for a sweep that ran meanwhile.
        self.storage.invalidate()
        try:
            return self.transport.write(method, path, body)
        finally:
            self.storage.invalidate()

    def _decoded(self, decode: Callable[[bytes], _T], body: bytes, path: str) -> _T:
        try:
            return decode(body)
        except UnexpectedResponse as error:
            url = self.settings.url + path
            raise UnexpectedResponse(f"{url}: {error}", url=url) from None


def _positive(number: _N, name: str, *, least: int = 1) -> _N:
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise ArgumentTypeError(f"{name}={number!r} is not a number")
    if number < least and not (least == 1 and number > 0 and isinstance(number, float)):
        raise DataError(f"{name}={number!r} is too small; the least is {least}")
    return number


def _path(unique_id: str) -> str:
    if not isinstance(unique_id, str):
        raise ArgumentTypeError(f"unique_id={unique_id!r} is not text")
    if unique_id.strip() in ("", ".", ".."):
        raise DataError(f"unique_id={unique_id!r} names no opportunity")
    return "/opportunities/" + quote(unique_id, safe="")


def _query(page: int, page_size: int | None, params: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(params) - set(LIST_PARAMS))
    if unknown:
        raise ArgumentTypeError(
            f"list() knows no parameter {unknown[0]!r}; it takes page, page_size, {', '.join(LIST_PARAMS)}"
        )
    query: dict[str, Any] = {"page": _positive(page, "page")}
    if page_size is not None:
        query["records"] = _positive(page_size, "page_size")
    return query | {LIST_PARAMS[name]: value for name, value in params.items() if value is not None}


def _body(fields: dict[str, Any]) -> bytes:
    if not fields:
        raise DataError("no fields given; name at least one, such as stage='proposal'")
    read_only = sorted(set(fields) & set(READ_ONLY))
    if read_only:
        raise DataError(f"{read_only[0]} is set by the server and cannot be written")
    values = {}
    for name, value in fields.items():
        try:
            values[name] = wire.to_wire(name, value)
        except BadCell as reason:
            raise DataError(f"{name}={value!r} {reason}") from None
    return wire.encode(values)
