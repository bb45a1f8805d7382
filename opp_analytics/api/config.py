"""Settings: the API's address, the credentials, and the folders for files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from opp_analytics.errors import ArgumentTypeError, ConfigError

VARIABLES = {
    "BLOCKS_API_URL": "the API's address, such as https://crm.api.us.23blocks.com",
    "BLOCKS_AUTH_TOKEN": "your bearer token",
    "BLOCKS_API_KEY": "your API key (AppId)",
}
"""The environment variables of the settings, with a description of each."""
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Secret:
    """Text that no repr, log, traceback or pickle shows; only `reveal` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never pickled")


@dataclass(frozen=True)
class Settings:
    """The API's address and the credentials."""

    url: str
    """Origin of the API, https except on loopback, without a trailing slash."""
    token: Secret
    """Bearer token."""
    api_key: Secret
    """API key, sent as ``AppId``."""

    @classmethod
    def of(cls, url: str, token: str | Secret, api_key: str | Secret) -> Settings:
        """Checked settings.

        Raises
        ------
        ConfigError
            When the address does not use https (http is for loopback only), or a secret is blank or cannot
            be sent as a header.
        """
        return cls(_checked_url(url), _checked_secret(token, "token"), _checked_secret(api_key, "api_key"))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Settings from the three ``BLOCKS_*`` variables.

        Raises
        ------
        ConfigError
            When a variable is missing; the message names each one and how to set it.
        """
        env = os.environ if environ is None else environ
        missing = [name for name in VARIABLES if not env.get(name, "").strip()]
        if missing:
            lines = "\n".join(f"  export {name}=…   # {VARIABLES[name]}" for name in missing)
            raise ConfigError(
                f"{', '.join(missing)} not set. Set:\n{lines}\n"
                "or start a practice server that prints all three: opp-analytics sandbox"
            )
        return cls.of(*(env[name].strip() for name in VARIABLES))

    @property
    def tenant(self) -> str:
        """A short hash of address and API key: safe to store, and unchanged by a new token."""
        return _hashed(self.url, self.api_key.reveal())

    @property
    def cache_key(self) -> str:
        """A short hash of address, API key and token, so that each token has its own cache."""
        return _hashed(self.url, self.api_key.reveal(), self.token.reveal())


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _checked_url(url: str) -> str:
    if not isinstance(url, str):
        raise ArgumentTypeError(
            f"url={url!r} is not text; give an address such as https://crm.api.us.23blocks.com"
        )
    clean = url.strip().rstrip("/")
    try:
        parts = urlsplit(clean)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"url={url!r} is not an address ({error})") from None
    if parts.username or parts.password:
        raise ConfigError(
            "the url contains a user name or password; remove it, because the token and the key are the login"
        )
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ConfigError(f"url={url!r} is not an address such as https://crm.api.us.23blocks.com")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ConfigError(
            f"url={url!r} would send your token unencrypted; use https:// (http is for this machine only)"
        )
    return clean


def _checked_secret(secret: str | Secret, name: str) -> Secret:
    text = secret.reveal() if isinstance(secret, Secret) else secret
    if not isinstance(text, str):
        raise ArgumentTypeError(f"{name} is {type(text).__name__}, not text")
    text = text.strip()
    if not text:
        raise ConfigError(f"{name} is blank")
    if not text.isascii() or not text.isprintable():
        raise ConfigError(
            f"{name} contains a character that an HTTP header cannot carry; copy it again without line breaks"
        )
    return Secret(text)


def cache_folder() -> Path:
    """Default folder for cached pages and frames; read from the environment at each call."""
    return Path(platformdirs.user_cache_dir("opp-analytics"))


def state_folder() -> Path:
    """Folder for journals of applied plans; read from the environment (XDG_STATE_HOME) at each call."""
    return Path(platformdirs.user_state_dir("opp-analytics"))
