"""Chats by Apprise: the text in each service's own mark-up, whole sentences alone, and a picture where a service takes files."""

from __future__ import annotations

import hashlib
import io
import logging
import re
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

from opp_analytics.api import Secret, read_secret
from opp_analytics.errors import ConfigError
from opp_analytics.report.delivery.receivers import Receiver, Unknown
from opp_analytics.report.digest import MARKDOWN, PLAIN, SLACK, Digest, Marks, write_chat
from opp_analytics.report.html import WHOLE

CHAT_URLS, CHAT_COMMAND = "OPP_ANALYTICS_CHAT_URLS", "OPP_ANALYTICS_CHAT_COMMAND"
_SECONDS = 60.0
"""A chat that takes longer has failed."""
_WAY_OUT = f"correct the address in {CHAT_URLS}, or run it again later"
_THREAD = "opp-analytics chat"
_ROUNDS = 200_000
"""Makes the checksum of an address slow, so that nobody finds a weak password by trying."""
_SHORTEST = 3
"""Letters of the shortest part of an address that is hidden in a message."""
_UNTITLED = ("Slack", "Discord")
"""Services that show a title in plain or above their own mark-up; they get the heading in bold
within the text."""
_SHOW_MARKDOWN = ("Mattermost", "Zulip")
"""Services that show Markdown, which Apprise takes for plain text."""
_LONGEST = {"Power Automate / Workflows (for MSTeams)": 4_000}
"""Letters that a service takes where Apprise's bound is not the service's: a card of Teams may have
28 KB."""


def find_chats() -> list[Receiver]:
    """Read the chats of the environment, which get the page of everybody.

    Each is checked, and none is shown.
    """
    found = read_secret(CHAT_URLS, CHAT_COMMAND, "chat")
    chats = [Secret(url) for url in dict.fromkeys(found.reveal().split())] if found else []
    receivers = []
    for place, chat in enumerate(chats, 1):
        service = _open(chat)
        if service is None:
            raise ConfigError(
                f"chat {place} of {len(chats)} in the environment ({CHAT_URLS} or "
                f"{CHAT_COMMAND}) has no address that Apprise can read: "
                "the service is unknown, a part is missing, or a library of that service is not "
                "installed; its form is at "
                "https://appriseit.com/services/"
            )
        receivers.append(Receiver(_name(chat, service), "chat", WHOLE, chat))
    return receivers


def send_chat(chat: Secret, digest: Digest, name: str) -> str:
    """Send a digest to a chat, and its picture under a name.

    Give why it failed, nothing where it was sent.
    """
    service, outcome, arrived = _open(chat), list[str](), list[Any]()
    # Text and picture are two messages to some services.
    service.mark_delivered = lambda *part, **_: arrived.append(part)
    heard = _import_apprise().LogCapture(level=logging.WARNING, fmt="%(message)s")
    with tempfile.TemporaryDirectory() as folder, heard as warned:
        message = _write(digest, service)
        # Apprise says of all of Slack that it takes files, but only a bot may send one.
        takes_files = service.attachment_support and (
            service.service_name != "Slack" or service.mode == "bot"
        )
        if takes_files and (picture := draw_first_screen(digest)):
            file = Path(folder, f"{name}.png")
            file.write_bytes(picture)
            message["attach"] = [str(file)]
        # Of its own, and not of Apprise's pool, which waits at the end for an answer that never
        # ends.
        thread = Thread(
            target=lambda: outcome.append(_try(service, message)), name=_THREAD, daemon=True
        )
        thread.start()
        thread.join(_SECONDS)
        said = " ".join(dict.fromkeys(warned.getvalue().splitlines()))
    if not outcome:
        return Unknown(f"no answer within {_SECONDS:g} seconds, so it may have arrived")
    # "Too many requests, error=429." ends as "Too many requests (429)".
    said = re.sub(r"[.,:\s]*\berror=(\w+)\.?", r" (\1)", said)
    why = outcome[0] and _redact(chat, said or outcome[0]).rstrip(".")
    return (
        Unknown(f"{why}; the text arrived, without its picture")
        if why and arrived
        else why and f"{why}; {_WAY_OUT}"
    )


def _try(service: Any, message: dict[str, Any]) -> str:
    """Send a message.

    Nothing where it was sent, else the kind of error, whose text may name an address.
    """
    try:
        return "" if service.notify(**message) else "Apprise does not say why"
    except Exception as error:
        return f"{type(error).__name__} within Apprise"


def draw_first_screen(digest: Digest) -> bytes | None:
    """Draw headline, tiles and the forecast over time as a PNG.

    None where the page does not draw the forecast.
    """
    if digest.chart is None:
        return None
    # Here: its library takes long to import.
    from opp_analytics.plots import first_screen

    tiles = [(name, figure, change or note) for name, figure, change, note in digest.tiles]
    figure, buffer = (
        first_screen(digest.heading, digest.sentence, tiles, digest.chart),
        io.BytesIO(),
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(buffer, format="png", dpi=figure.dpi, metadata={"Software": None})
    return buffer.getvalue()


def _import_apprise() -> Any:
    try:
        import apprise
    except ImportError:
        raise ConfigError(
            "chats need Apprise; install it with: pip install 'opp-analytics[deliver]'"
        ) from None
    # What they log may name an address.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logging.getLogger("urllib3.connectionpool").addFilter(_hide)
    return apprise


def _hide(record: logging.LogRecord) -> bool:
    return record.threadName != _THREAD


def _open(chat: Secret) -> Any:
    """Open a chat; None where Apprise cannot read its address."""
    apprise = _import_apprise()
    # Without pictures that a reader's program would fetch, and to nowhere else than the address
    # says.
    asset = apprise.AppriseAsset(
        app_id="opp-analytics",
        app_desc="Weekly forecast",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        image_path_mask="",
        http_redirects=False,
    )
    with warnings.catch_warnings(action="ignore"):
        return apprise.Apprise.instantiate(chat.reveal(), asset=asset)


def _name(chat: Secret, service: Any) -> str:
    """Name a chat by its kind and a checksum of its address."""
    kind = chat.reveal().partition("://")[0].lower()
    if kind in ("http", "https"):
        protocol = service.secure_protocol or service.protocol
        kind = protocol if isinstance(protocol, str) else protocol[0]
    checksum = hashlib.pbkdf2_hmac("sha256", chat.reveal().encode(), b"opp-analytics chat", _ROUNDS)
    return f"{kind} {checksum.hex()[:6]}"


def _write(digest: Digest, service: Any) -> dict[str, Any]:
    """Write title and text of a message for a service, as Apprise takes them."""
    from apprise.conversion import convert_between

    titled = service.title_maxlen > 0 and service.service_name not in _UNTITLED
    marks, form = _choose_marks(service)
    target = service.resolve_format(form)

    def fits(words: str) -> bool:
        if form is not None:
            words = service.dialect_convert(convert_between(form, target, words), target)  # type: ignore[no-untyped-call]
        return len(words) <= int(_LONGEST.get(service.service_name, service.body_maxlen))

    body = write_chat(replace(digest, heading="") if titled else digest, marks, fits)
    return {"title": digest.heading if titled else "", "body": body, "body_format": form}


def _choose_marks(service: Any) -> tuple[Marks, str | None]:
    """Choose the mark-up, and its name where Apprise is to turn it into that of the service."""
    if service.service_name in _SHOW_MARKDOWN:
        return MARKDOWN, None
    if service.resolve_format("markdown") == "text":
        return PLAIN, "text"
    if service.service_name == "Slack":
        # Apprise would leave backslashes, which Slack shows.
        service.dialect_convert = lambda body, *_: body
        return SLACK, "markdown"
    return MARKDOWN, "markdown"


def _redact(chat: Secret, words: str) -> str:
    """Hide each part of an address in a text."""
    address = chat.reveal().partition("://")[2]
    parts = re.split(r"[/:@?&=#,+]+", f"{address}/{unquote(address)}")
    for part in sorted({part for part in parts if len(part) >= _SHORTEST}, key=len, reverse=True):
        words = re.sub(re.escape(part), "***", words, flags=re.IGNORECASE)
    return words
