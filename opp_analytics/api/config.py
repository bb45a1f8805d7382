"""Settings: the API's address, hidden secrets, renewed tokens, and folders for files."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import platformdirs

from opp_analytics.arguments import one_of
from opp_analytics.errors import (
    ArgumentTypeError,
    AuthError,
    ConfigError,
    DataWarning,
    OppAnalyticsError,
)

_T = TypeVar("_T")


def attempt(call: Callable[[], _T]) -> _T | BaseException:
    """Return the result of `call`, or its exception (Ctrl-C too) without traceback and context.

    The caller raises it after this has returned, so that it becomes no other error's context
    either.
    """
    try:
        return call()
    except BaseException as error:
        failure = error
    failure.__traceback__ = failure.__cause__ = failure.__context__ = None
    return failure


_SHORTEST_REDACTED = 6
"""Length of the shortest secret that is redacted; shorter ones occur in ordinary words."""


class Secret:
    """A value that no repr, log, traceback or pickle shows; only `reveal` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    @classmethod
    def of(cls, value: Any) -> Secret:
        """Hide a value; a secret is returned as is."""
        return value if isinstance(value, Secret) else cls(value)

    def reveal(self) -> Any:
        """Return the secret value."""
        return self._value

    def redact(self, text: str) -> str:
        """Replace this secret in a text with asterisks."""
        too_short = not isinstance(self._value, str) or len(self._value) < _SHORTEST_REDACTED
        return text if too_short else text.replace(self._value, "***")

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(other._value == self._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never pickled")


class HiddenText(str):
    """A text for a header, whose repr does not show it: tracebacks and debuggers print reprs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class Token:
    """The bearer token: a fixed text, or the result of a callable.

    The callable is called again when the server refuses its token.
    """

    def __init__(self, source: Secret) -> None:
        self._source = source if callable(source.reveal()) else None
        self._now = None if self._source else source
        self._lock = threading.Lock()

    def current(self) -> Secret:
        """Get the token to send."""
        with self._lock:
            if self._now is None:
                self._now = self._fetch()
            return self._now

    def renew(self, refused: Secret) -> bool:
        """Get another token than the refused one, if the source is a callable.

        True if there is one.
        """
        if self._source is None:
            return False
        with self._lock:
            # Another thread may have been refused, and have renewed it, at the same time.
            if self._now == refused:
                self._now = self._fetch()
            return self._now != refused

    def redact(self, text: str) -> str:
        """Replace the token in a text with asterisks."""
        return self._now.redact(text) if self._now else text

    def _fetch(self) -> Secret:
        source = self._source
        assert source is not None
        outcome = attempt(lambda: Secret.of(source.reveal()()))
        if isinstance(outcome, Secret):
            return check_secret(outcome, "the token that the function returned")
        if isinstance(outcome, OppAnalyticsError) or not isinstance(outcome, Exception):
            raise outcome
        kind = type(outcome).__name__
        # Its message may hold what no traceback may show.
        del outcome
        raise AuthError(f"no token: the token function raised {kind}; call it by itself to see why")


def check_secret(secret: Secret, name: str) -> Secret:
    """Check a secret, and strip blanks around it."""
    if not isinstance(secret.reveal(), str):
        raise ArgumentTypeError(f"{name} is {type(secret.reveal()).__name__}, not text")
    if problem := _problem(secret.reveal().strip()):
        raise ConfigError(f"{name} {problem}")
    return Secret(secret.reveal().strip())


def _problem(text: str) -> str | None:
    if not text:
        return "is blank"
    if not text.isascii() or not text.isprintable():
        return (
            "contains a character that an HTTP header cannot carry; copy it again without line "
            "breaks"
        )
    return None


_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


class Network:
    """The proxy and the certificates for one address, as the environment or the caller has them.

    Without a proxy, an https address takes that of the environment; an http one, which is on this
    machine, takes none: the proxy would read the key.
    """

    def __init__(self, url: str, proxy: Secret) -> None:
        self.proxy = proxy
        if proxy.reveal() is None and url.startswith("https://"):
            self.proxy = Secret(_read_proxy(url))
        elif not _is_proxy(proxy.reveal()):
            raise ConfigError("proxy is not an address such as http://proxy.example.com:3128")
        named = (os.environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
        self.certificates = next(filter(None, named), True)

    def proxies(self) -> dict[str, str]:
        """Give the proxy as `requests` takes it."""
        proxy = self.proxy.reveal()
        return {"http": proxy, "https": proxy} if proxy else {}


def _read_proxy(url: str) -> str | None:
    # Only the others have settings of the whole system; the import takes longer than a cached frame
    # to read.
    if sys.platform == "linux" and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from requests.utils import get_environ_proxies, select_proxy

    return select_proxy(url, get_environ_proxies(url))


def _is_proxy(address: object) -> bool:
    if address is None:
        return True
    parts = attempt(lambda: urlsplit(str(address)))
    return (
        not isinstance(parts, BaseException)
        and parts.scheme in _PROXY_SCHEMES
        and bool(parts.hostname)
    )


_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def private_cache(owner: object, root: Path, name: str) -> Path:
    """Choose the folder `name` in `root`; neither needs to exist.

    If others can write to `root`, the folder or a file in it, the result is a temporary folder that
    is removed with `owner`, and a warning says why.
    """
    unsafe = find_unsafe(root, root / name)
    if unsafe is None:
        return root / name
    temporary = Path(tempfile.mkdtemp(prefix="opp-analytics-"))
    weakref.finalize(owner, shutil.rmtree, temporary, ignore_errors=True)
    DataWarning.warn(
        f"the cache is not used, because others could change it: {unsafe}. This client keeps its "
        f"pages in a private temporary folder; remove {root / name}, or make {root} writable by "
        "you only (chmod go-w)"
    )
    return temporary / name


def find_unsafe(root: Path, folder: Path) -> str | None:
    """Find the part of a cache that others could change, and say how.

    None when only this user can.
    """
    try:
        # A link to the root is the user's own choice; one below it is not ours.
        reason = _unsafe(root, root.stat()) or _unsafe(folder, folder.lstat())
        inside = () if reason else (_unsafe(entry, entry.lstat()) for entry in folder.iterdir())
        return reason or next(filter(None, inside), None)
    except OSError:
        return None  # Missing or unreadable: the later use reports it.


def _unsafe(path: Path, found: os.stat_result) -> str | None:
    if stat.S_ISLNK(found.st_mode):
        return f"{path} is a link"
    # Windows has no modes, and keeps a user's folders from other users by itself.
    if os.name == "nt":
        return None
    if found.st_uid not in (os.geteuid(), 0):
        return f"{path} belongs to another user"
    if found.st_mode & _OTHERS_MAY_WRITE:
        return f"{path} has mode {stat.S_IMODE(found.st_mode):04o}"
    return None


VARIABLES = {
    "BLOCKS_API_URL": "the API's address, such as https://crm.api.us.23blocks.com",
    "BLOCKS_AUTH_TOKEN": "your bearer token",
    "BLOCKS_API_KEY": "your API key (AppId, X-API-KEY)",
}
"""The environment variables of the settings, with a description of each."""
KeyHeader = Literal["both", "AppId", "X-API-KEY"]
"""Which headers carry the API key."""
KEY_HEADERS = {"both": ("AppId", "X-API-KEY"), "AppId": ("AppId",), "X-API-KEY": ("X-API-KEY",)}
"""The headers of the API key, by the client's `key_header`; the vendor is renaming AppId to
X-API-KEY."""
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_EXAMPLE = "https://crm.api.us.23blocks.com"


@dataclass(frozen=True)
class Settings:
    """The API's address and the credentials."""

    url: str
    """Origin of the API, https except on loopback, without a trailing slash."""
    token: Secret
    """Bearer token, or the callable that returns it."""
    api_key: Secret
    """API key."""
    key_headers: tuple[str, ...] = KEY_HEADERS["both"]
    """Headers that carry the API key."""

    @classmethod
    def of(
        cls,
        url: str | Secret,
        token: str | Secret | Callable[[], str],
        api_key: str | Secret,
        *,
        key_header: KeyHeader = "both",
    ) -> Settings:
        """Check the settings."""
        # A traceback with locals must find no secret in this frame.
        address, source, key = Secret.of(url), Secret.of(token), Secret.of(api_key)
        del url, token, api_key
        return cls(
            _check_url(address),
            source if callable(source.reveal()) else check_secret(source, "token"),
            check_secret(key, "api_key"),
            KEY_HEADERS[one_of(key_header, "key_header", KEY_HEADERS)],
        )

    @property
    def tenant(self) -> str:
        """A short hash of address and API key: safe to store, and unchanged by a new token."""
        return _hash(self.url, self.api_key.reveal())

    @property
    def cache_key(self) -> str:
        """Short hash of address, API key and token.

        Each token has a cache; all tokens of a callable share one.
        """
        token = self.token.reveal()
        # No text that a header can carry holds a NUL.
        return _hash(self.url, self.api_key.reveal(), "\0renewed" if callable(token) else token)


def read_environment() -> tuple[Secret, Secret, Secret]:
    """Read address, token and key from the environment."""
    url, token, key = map(_variable, VARIABLES)
    if missing := [
        name for name, value in zip(VARIABLES, (url, token, key), strict=True) if not value.reveal()
    ]:
        from opp_analytics.sandbox import write_setting

        lines = "\n".join(f"  {write_setting(name, '…')}   # {VARIABLES[name]}" for name in missing)
        raise ConfigError(
            f"{', '.join(missing)} not set. Set:\n{lines}\n"
            "or start a practice server that prints all three: opp-analytics sandbox"
        )
    return url, token, key


def read_secret(name: str) -> Secret | None:
    """Read a secret from a variable; None where it is not set."""
    found = _variable(name)
    return found if found.reveal() else None


def _variable(name: str) -> Secret:
    return Secret(os.environ.get(name, "").strip())


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _check_url(url: Secret) -> str:
    if problem := _url_problem(url.reveal()):
        raise problem
    return str(url.reveal()).strip().rstrip("/")


def _url_problem(url: object) -> Exception | None:
    if not isinstance(url, str):
        return ArgumentTypeError(
            f"url is {type(url).__name__}, not text; give an address such as {_EXAMPLE}"
        )
    clean = url.strip().rstrip("/")
    # What follows one of these may be a secret.
    named = "the url" if set(clean) & set("@?#=;") else f"url={url!r}"
    read = attempt(lambda: (urlsplit(clean), urlsplit(clean).port))
    if isinstance(read, BaseException):
        return ConfigError(f"{named} is not an address such as {_EXAMPLE}")
    parts, _ = read
    if "@" in parts.netloc:
        return ConfigError(
            "the url contains a user name or password; remove it, because the token and the key "
            "are the login"
        )
    if parts.query or parts.fragment or "?" in clean or "#" in clean:
        return ConfigError(
            f"the url contains a query; remove it and use an address such as {_EXAMPLE}. A token "
            "belongs in token= or BLOCKS_AUTH_TOKEN"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ConfigError(f"{named} is not an address such as {_EXAMPLE}")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return ConfigError(
            f"{named} would send your token unencrypted; use https:// (http is for this machine "
            "only)"
        )
    return None


_NAME = "opp-analytics"


def cache_folder() -> Path:
    """Find the default folder for cached pages and frames; the environment is read at each call."""
    return _find_own_folder("XDG_CACHE_HOME", platformdirs.user_cache_dir)


def state_folder() -> Path:
    """Find the folder for journals of applied plans.

    The environment (XDG_STATE_HOME) is read at each call.
    """
    return _find_own_folder("XDG_STATE_HOME", platformdirs.user_state_dir)


def _find_own_folder(variable: str, usual: Callable[[str], str]) -> Path:
    """Find our folder, inside the folder that the environment names, else inside the system's.

    Windows does not know the variable by itself.
    """
    home = os.environ.get(variable, "").strip()
    return Path(home) / _NAME if Path(home).is_absolute() else Path(usual(_NAME))
