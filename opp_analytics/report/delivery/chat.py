"""Chats by Apprise, which turns the text into the mark-up of each service."""

from __future__ import annotations

import hashlib
import logging
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

from opp_analytics.api import Secret, read_secret
from opp_analytics.errors import ConfigError
from opp_analytics.report.delivery.receivers import Receiver, Unknown
from opp_analytics.report.digest import MARKDOWN, PLAIN, Digest, write_chat
from opp_analytics.report.html import WHOLE
from opp_analytics.schema import Json

CHAT_URLS = "OPP_ANALYTICS_CHAT_URLS"
_SECONDS = 60.0
"""Of a chat that takes longer nobody knows whether it has the message."""
_ANSWER = 50.0
"""Seconds that one request of a chat may take; Apprise itself gives up after 4."""
_WAY_OUT = f"correct the address in {CHAT_URLS}, or run it again later"
_THREAD = "opp-analytics chat"
_ROUNDS = 200_000
"""Makes the checksum of an address slow, so that nobody finds a weak password by trying."""
_SLACK = Path(__file__).parent.parent / "templates" / "slack.json"
_SLACK_LONGEST = 3000
"""Letters of a block of Slack, which refuses more."""
_SHORTEST = 3
"""Letters of the shortest part of an address that is hidden in a message."""


def find_chats() -> list[Receiver]:
    """Read the chats of the environment, which get the page of everybody.

    Each is checked, and none is shown.
    """
    found = read_secret(CHAT_URLS)
    chats = [Secret(url) for url in dict.fromkeys(found.reveal().split())] if found else []
    receivers = []
    for place, chat in enumerate(chats, 1):
        service = _open(chat)
        if service is None:
            raise ConfigError(
                f"chat {place} of {len(chats)} in the environment ({CHAT_URLS}) "
                "has no address that Apprise can read: the service is unknown, a part is missing, "
                "or a library of that service is not installed; its form is at "
                "https://appriseit.com/services/"
            )
        receivers.append(Receiver(_name(chat, service), "chat", WHOLE, chat))
    return receivers


def prepare_chat(chat: Secret, digest: Digest) -> Callable[[], str]:
    """Write a digest for a chat; give what sends it and says why that failed, nothing if not."""
    service = _open(chat)
    if service.socket_read_timeout == type(service).socket_read_timeout:
        service.socket_read_timeout = _ANSWER
    return partial(_send, chat, service, _write(digest, service))


def _send(chat: Secret, service: Any, message: Json) -> str:
    outcome = list[str]()
    with _import_apprise().LogCapture(level=logging.DEBUG, fmt="%(levelno)s %(message)s") as log:
        # Of its own, and not of Apprise's pool, which waits at the end for an answer that never
        # ends.
        thread = Thread(
            target=lambda: outcome.append(_try(service, message)), name=_THREAD, daemon=True
        )
        thread.start()
        thread.join(_SECONDS)
        logged = log.getvalue()
    if not outcome:
        return Unknown(f"no answer within {_SECONDS:g} seconds, so it may have arrived")
    if not outcome[0]:
        return ""
    said = " ".join(dict.fromkeys(re.findall(r"(?m)^[34]0 (.*)", logged)))
    # "Too many requests, error=429." ends as "Too many requests (429)".
    said = re.sub(r"[.,:\s]*\berror=(\w+)\.?", r" (\1)", said) or outcome[0]
    why = f"{_redact(chat, said).rstrip('.')}; {_WAY_OUT}"
    # Requests says "Max retries exceeded" where it could not connect; a gateway's answer is none.
    lost = re.search(r"Socket Exception(?!.*Max retries exceeded)|\berror=50[24]", logged)
    return Unknown(why) if lost or isinstance(outcome[0], Unknown) else why


def _try(service: Any, message: Json) -> str:
    """Send a message.

    Nothing where it was sent, else the kind of error, whose text may name an address.
    """
    try:
        return "" if service.notify(**message) else "Apprise does not say why"
    except Exception as error:
        return Unknown(f"{type(error).__name__} within Apprise")


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
        service = apprise.Apprise.instantiate(chat.reveal(), asset=asset)
    if (
        service
        and service.service_name == "Slack"
        and not service.mode.endswith(("workflow", "trigger"))
    ):
        _unfold(service)
    return service


def _unfold(slack: Any) -> None:
    """Let Slack show all of a message.

    It folds the text of an attachment beyond five lines or 700 letters, before what to do today.
    """
    if not slack.use_blocks:
        slack.use_blocks = slack.template.add(str(_SLACK))
        slack.body_maxlen = _SLACK_LONGEST


def _name(chat: Secret, service: Any) -> str:
    """Name a chat by its kind and a checksum of its address."""
    kind = chat.reveal().partition("://")[0].lower()
    if kind in ("http", "https"):
        protocol = service.secure_protocol or service.protocol
        kind = protocol if isinstance(protocol, str) else protocol[0]
    checksum = hashlib.pbkdf2_hmac("sha256", chat.reveal().encode(), b"opp-analytics chat", _ROUNDS)
    return f"{kind} {checksum.hex()[:6]}"


def _write(digest: Digest, service: Any) -> Json:
    """Write title and text of a message for a service, as Apprise takes them."""
    from apprise.conversion import convert_between

    titled = service.title_maxlen > 0
    target = service.resolve_format("markdown")
    form, marks = ("text", PLAIN) if target == "text" else ("markdown", MARKDOWN)

    def fits(words: str) -> bool:
        shown = service.dialect_convert(convert_between(form, target, words), target)  # type: ignore[no-untyped-call]
        return len(shown) <= int(service.body_maxlen)

    body = write_chat(replace(digest, heading="") if titled else digest, marks, fits)
    return {"title": digest.heading if titled else "", "body": body, "body_format": form}


def _redact(chat: Secret, words: str) -> str:
    """Hide each part of an address in a text."""
    address = chat.reveal().partition("://")[2]
    parts = re.split(r"[/:@?&=#,+]+", f"{address}/{unquote(address)}")
    for part in sorted({part for part in parts if len(part) >= _SHORTEST}, key=len, reverse=True):
        words = re.sub(re.escape(part), "***", words, flags=re.IGNORECASE)
    return words
