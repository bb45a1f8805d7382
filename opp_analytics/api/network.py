"""The network around a client: its proxy and its certificates.

The environment is read once, when a client is made: not on each request, as `requests` would.
"""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from opp_analytics.api.credentials import Secret
from opp_analytics.api.sealed import attempt
from opp_analytics.errors import ConfigError

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


class Network:
    """The proxy and the certificates for one address, as the environment or the caller has them.

    Parameters
    ----------
    url : str
        Address of the API.
    proxy : Secret
        Address of the proxy to use, or None. Then an https address takes that of the environment; an http one, which is
        on this machine, takes none: the proxy would read the key.

    Raises
    ------
    ConfigError
        When the proxy's address cannot be used.
    """

    def __init__(self, url: str, proxy: Secret) -> None:
        self.proxy = proxy
        if proxy.reveal() is None and url.startswith("https://"):
            self.proxy = Secret(_proxy_of_environment(url))
        elif not _is_proxy(proxy.reveal()):
            raise ConfigError("proxy is not an address such as http://proxy.example.com:3128")
        self.certificates = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True

    def proxies(self) -> dict[str, str]:
        """The proxy as `requests` takes it."""
        proxy = self.proxy.reveal()
        return {"http": proxy, "https": proxy} if proxy else {}


def _proxy_of_environment(url: str) -> str | None:
    # Only the others have settings of the whole system; the import takes longer than a cached frame to read.
    if sys.platform == "linux" and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from requests.utils import get_environ_proxies, select_proxy

    return select_proxy(url, get_environ_proxies(url))


def _is_proxy(address: object) -> bool:
    if address is None:
        return True
    parts = attempt(lambda: urlsplit(str(address)))
    return not isinstance(parts, BaseException) and parts.scheme in _PROXY_SCHEMES and bool(parts.hostname)
