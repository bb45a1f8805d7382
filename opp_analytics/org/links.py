"""The address of a deal in the CRM: http, https or a relative path.

An address that runs something, misleads or gives something away is refused.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

PLACE = "{unique_id}"
"""Where an org's ``record_url`` has the id of the deal."""


def record_link(record_url: str | None, unique_id: str) -> str | None:
    """Write the address of a deal, from the org's ``record_url``.

    None where the org has none that a page may link to.
    """
    if not record_url:
        return None
    # An id is the server's, and may hold half of a character.
    address = record_url.replace(PLACE, quote(unique_id, safe="", errors="surrogatepass"))
    return address if explain_refusal(record_url) is explain_refusal(address) is None else None


def explain_refusal(address: str) -> str | None:
    """Say why no page links to an address; None for http, https and a relative path."""
    if not address.isprintable() or re.search(r"[ \\]", address):
        return "it has a blank, a backslash or a control character; leave it out"
    try:
        parts = urlsplit(address)
        if PLACE in parts.netloc:
            return f"{PLACE} comes after the server"
        host, _ = parts.hostname, parts.port
    except ValueError:
        return (
            f"it is not an address; use one such as https://crm.example.com/{PLACE}, with a port "
            "of at most 65535"
        )
    if "@" in parts.netloc:
        return "it holds a user name or a password; leave it out"
    # What a browser takes as the scheme ends at the first colon, wherever Python sees none.
    relative = ":" not in re.split("[/?#]", address)[0] and not address.startswith("//")
    if not relative and parts.scheme not in ("http", "https"):
        return "a link begins with https:// or http://, or is a relative path"
    if relative or host:
        return None
    return f"it names no server; use an address such as https://crm.example.com/{PLACE}"
