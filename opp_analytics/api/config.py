"""Settings: the API's address, the credentials, and the folders for files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from opp_analytics.api.credentials import Secret, checked_secret, checked_token, token_command
from opp_analytics.api.sealed import attempt
from opp_analytics.arguments import one_of
from opp_analytics.errors import ArgumentTypeError, ConfigError

VARIABLES = {
    "BLOCKS_API_URL": "the API's address, such as https://crm.api.us.23blocks.com",
    "BLOCKS_AUTH_TOKEN": "your bearer token, or BLOCKS_TOKEN_COMMAND=… with a command that prints one",
    "BLOCKS_API_KEY": "your API key (AppId, X-API-KEY)",
}
"""The environment variables of the settings, with a description of each."""
TOKEN_COMMAND = "BLOCKS_TOKEN_COMMAND"  # noqa: S105  a variable's name
"""The environment variable with a command that prints the token."""
KEY_HEADERS = {"both": ("AppId", "X-API-KEY"), "AppId": ("AppId",), "X-API-KEY": ("X-API-KEY",)}
"""The headers of the API key, by the client's `key_header`; the vendor is renaming AppId to X-API-KEY."""
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
        key_header: str = "both",
    ) -> Settings:
        """Checked settings.

        Raises
        ------
        ConfigError
            When the address does not use https (http is for loopback only), or a secret is blank or cannot
            be sent as a header.
        """
        # A traceback with locals must find no secret in this frame.
        address, source, key = Secret.of(url), Secret.of(token), Secret.of(api_key)
        del url, token, api_key
        return cls(
            _checked_url(address),
            checked_token(source),
            checked_secret(key, "api_key"),
            KEY_HEADERS[one_of(key_header, "key_header", KEY_HEADERS)],
        )

    @classmethod
    def from_env(cls, *, key_header: str = "both") -> Settings:
        """Settings from the ``BLOCKS_*`` variables.

        Raises
        ------
        ConfigError
            When a variable is missing; the message names each one and how to set it.
        """
        return cls.of(*read_environment(), key_header=key_header)

    @property
    def tenant(self) -> str:
        """A short hash of address and API key: safe to store, and unchanged by a new token."""
        return _hashed(self.url, self.api_key.reveal())

    @property
    def cache_key(self) -> str:
        """A short hash of address, API key and token, so that each token has its own cache.

        All tokens of one callable share a cache.
        """
        token = self.token.reveal()
        # No text that a header can carry holds a NUL.
        return _hashed(self.url, self.api_key.reveal(), "\0renewed" if callable(token) else token)


def read_environment() -> tuple[Secret, Secret, Secret]:
    """Address, token (or a callable that runs a command) and key from the environment.

    Raises
    ------
    ConfigError
        When a variable is missing; the message names each one and how to set it.
    """
    missing = [name for name in VARIABLES if not _variable(name).reveal()]
    command = _variable(TOKEN_COMMAND)
    if command.reveal():
        if "BLOCKS_AUTH_TOKEN" not in missing:
            raise ConfigError(f"BLOCKS_AUTH_TOKEN and {TOKEN_COMMAND} are both set; unset one of them")
        missing.remove("BLOCKS_AUTH_TOKEN")
    if missing:
        lines = "\n".join(f"  export {name}=…   # {VARIABLES[name]}" for name in missing)
        raise ConfigError(
            f"{', '.join(missing)} not set. Set:\n{lines}\n"
            "or start a practice server that prints all three: opp-analytics sandbox"
        )
    url, token, key = map(_variable, VARIABLES)
    return url, token_command(command) if command.reveal() else token, key


def _variable(name: str) -> Secret:
    return Secret(os.environ.get(name, "").strip())


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _checked_url(url: Secret) -> str:
    if problem := _url_problem(url.reveal()):
        raise problem
    return str(url.reveal()).strip().rstrip("/")


def _url_problem(url: object) -> Exception | None:
    if not isinstance(url, str):
        return ArgumentTypeError(f"url is {type(url).__name__}, not text; give an address such as {_EXAMPLE}")
    clean = url.strip().rstrip("/")
    # What follows one of these may be a secret.
    named = "the url" if set(clean) & set("@?#=;") else f"url={url!r}"
    read = attempt(lambda: (urlsplit(clean), urlsplit(clean).port))
    if isinstance(read, BaseException):
        return ConfigError(f"{named} is not an address such as {_EXAMPLE}")
    parts, _ = read
    if "@" in parts.netloc:
        return ConfigError(
            "the url contains a user name or password; remove it, because the token and the key are the login"
        )
    if parts.query or parts.fragment or "?" in clean or "#" in clean:
        return ConfigError(
            f"the url contains a query; remove it and use an address such as {_EXAMPLE}. A token belongs in token= or "
            "BLOCKS_AUTH_TOKEN"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ConfigError(f"{named} is not an address such as {_EXAMPLE}")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return ConfigError(
            f"{named} would send your token unencrypted; use https:// (http is for this machine only)"
        )
    return None


def cache_folder() -> Path:
    """Default folder for cached pages and frames; read from the environment at each call."""
    return Path(platformdirs.user_cache_dir("opp-analytics"))


def state_folder() -> Path:
    """Folder for journals of applied plans; read from the environment (XDG_STATE_HOME) at each call."""
    return Path(platformdirs.user_state_dir("opp-analytics"))
