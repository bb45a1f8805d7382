"""Mail by SMTP, with the login of the environment."""

from __future__ import annotations

import base64
import re
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from select import select
from typing import TypeVar
from urllib.parse import quote, unquote

from opp_analytics.api import Secret, attempt, read_secret
from opp_analytics.errors import ConfigError
from opp_analytics.report.delivery.receivers import Unknown
from opp_analytics.text import one_line

URL = "OPP_ANALYTICS_SMTP_URL"
"""The variable with the address and login of the mail server."""
EXAMPLE = "smtps://user:password@mail.example.com"
_PORTS = {"smtps": 465, "smtp": 587}
_PLACE = re.compile(
    r"(?P<host>[\w-]{1,63}(\.[\w-]{1,63})*|\[[\da-f:.]+\])(:(?P<port>\d{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SECONDS = 60.0
"""Seconds that the server may be silent."""
_QUOTED = 200
"""Letters of a server's answer that are quoted."""
_GO_ON = 354
"""What a server says when it is ready for the message."""
_DATA = "the message's text"
_CLOSING = 421
"""What a server says before it hangs up."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Server:
    """A mail server and the login to it."""

    scheme: str
    host: str
    port: int
    user: Secret
    password: Secret

    @property
    def name(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    def quote(self, code: int, answer: str | bytes) -> str:
        """Quote what the server said, without the login."""
        said = one_line(answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer)
        user, password = self.user.reveal(), self.password.reveal()
        secrets = [password, quote(password, safe=""), f"\0{user}\0{password}"] if password else []
        for secret in [*secrets, *(base64.b64encode(one.encode()).decode() for one in secrets)]:
            said = said.replace(secret, "***")
        return f"({code} {said if len(said) <= _QUOTED else f'{said[:_QUOTED]}…'})"


def read_server() -> Server | None:
    """Read the mail server of the environment; None without one."""
    url = read_secret(URL)
    if url is None:
        return None
    outcome = attempt(lambda: _parse(url.reveal()))
    if outcome is None:
        raise ConfigError(
            f"{URL} is not an address such as {EXAMPLE}, or smtp:// and so on: write a : in the "
            "user as %3A and a % as %25, nothing beyond ASCII, and a port after the host where "
            "needed"
        )
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _parse(url: str) -> Server | None:
    """Parse a URL; None where it is no address of a mail server."""
    scheme, _, rest = url.partition("://")
    # Not by urlsplit, for which a / or # of the password ends the host.
    login, at, place = rest.rpartition("@")
    user, password = (unquote(part) for part in login.partition(":")[::2])
    found, scheme = _PLACE.fullmatch(place), scheme.lower()
    if found is None or scheme not in _PORTS or bool(at) != bool(user and password):
        return None
    port = int(found["port"] or _PORTS[scheme])
    if (
        not (user + password).isascii()
        or not (user + password).isprintable()
        or not 0 < port < 65536
    ):
        return None
    host = found["host"].strip("[]").lower()
    return Server(scheme, host, port, Secret(user), Secret(password))


def check_mail() -> tuple[str, str] | None:
    """Log in to the environment's mail server; give its name, and why the login failed.

    The reason is empty if it did not fail. None without a server.
    """
    server = read_server()
    if server is None:
        return None
    mailer = Mailer(server)
    failure = mailer.connect()
    mailer.close()
    return server.name, failure


class Mailer:
    """One connection to a mail server, made for the first message.

    It is made again where the server ended it.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: smtplib.SMTP | None = None
        self._broken = ""
        """Why there is none to be had: a password that was refused is not tried again for the next
        receiver."""

    def open(self) -> None:
        """Connect, unless that is done; it is an error of ours where that failed."""
        if self._connection is None and not self._broken:
            self._broken = self.connect()
        if self._broken:
            raise ConfigError(self._broken)

    def send(self, message: bytes, sender: str, receiver: str) -> str:
        """Send a message to one receiver; give why it failed, nothing where it was sent."""
        for _ in range(2):
            try:
                self.open()
            except ConfigError as error:
                return str(error)
            outcome = _run(lambda: self._hand_over(message, sender, receiver))
            if isinstance(outcome, str):
                return outcome
            # The server hung up before it took the message, as some do after so many or so long.
            self.close()
        return f"{self._server.name} hung up before it took the message; run it again later"

    def connect(self) -> str:
        """Connect and log in; give why that failed, nothing where it did not."""
        outcome = _run(self._connect)
        if outcome is None:
            return ""
        self.close()
        return self._explain(outcome)

    def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            attempt(connection.quit)
            connection.close()

    def _connect(self) -> None:
        server, context = self._server, ssl.create_default_context()
        encrypted, user = server.scheme == "smtps", server.user.reveal()
        begin = partial(smtplib.SMTP_SSL, context=context) if encrypted else smtplib.SMTP
        self._connection = begin(server.host, server.port, timeout=_SECONDS)
        if not encrypted and server.host not in _LOOPBACK:
            self._connection.starttls(context=context)
        self._connection.ehlo_or_helo_if_needed()
        if user:
            self._connection.login(user, server.password.reveal())

    def _hand_over(self, message: bytes, sender: str, receiver: str) -> str:
        connection, name = self._connection, self._server.name
        assert connection is not None
        steps: tuple[tuple[str, Callable[[], tuple[int, bytes]], str], ...] = (
            (
                "the sender",
                lambda: connection.mail(sender),
                "use a mail_from that the login may send as",
            ),
            ("the receiver", lambda: connection.rcpt(receiver), "correct the address"),
            ("the message", lambda: _send_data(connection, message), "ask who runs the server"),
            (_DATA, connection.getreply, "ask who runs the server"),
        )
        said: str | bytes
        for what, step, way in steps:
            try:
                code, said = step()
            except OSError:
                if what != _DATA:
                    raise
                code, said = 0, ""
            if what == _DATA and not 200 <= code < 600:
                return Unknown(f"{name} did not confirm the message, so it may have arrived")
            if code == _CLOSING:
                raise smtplib.SMTPServerDisconnected
            if code != _GO_ON if what == "the message" else not 200 <= code < 300:
                attempt(connection.rset)
                way = way if code >= 500 else "run it again later"
                return f"{name} refused {what} {self._server.quote(code, said)}; {way}"
        return ""

    def _explain(self, error: OSError) -> str:
        """Say why there is no connection, and the way out."""
        name, why = self._server.name, str(error.strerror or error)
        if isinstance(error, smtplib.SMTPResponseException):
            said = self._server.quote(error.smtp_code, error.smtp_error)
            if isinstance(error, smtplib.SMTPAuthenticationError):
                return (
                    f"{name} refused the login {said}; correct user and password in {URL}, where "
                    "many providers ask for an app password"
                )
            return f"{name} refused the connection {said}; run it again later"
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"the certificate of {name} is not trusted ({error.verify_message}); use the "
                "name that it is for, or name your authority's file in SSL_CERT_FILE"
            )
        if isinstance(error, smtplib.SMTPNotSupportedError):
            why = f"{why.rstrip('.')}; use smtps:// or a port for mail programs"
        return f"cannot use {name} ({why}); correct the address in {URL}, or run it again later"


def _send_data(connection: smtplib.SMTP, message: bytes) -> tuple[int, bytes]:
    """Send the message once ``DATA`` is agreed to, the dots that begin a line doubled.

    Without its end, which makes it the server's, where the server spoke or hung up before.
    """
    code, said = connection.docmd("DATA")
    if code == _GO_ON:
        lines = re.sub(rb"(?m)^\.", b"..", message)
        connection.send(lines + (b"" if lines.endswith(b"\r\n") else b"\r\n"))
        if connection.sock and select([connection.sock], [], [], 0)[0]:
            return connection.getreply()
        connection.send(b".\r\n")
    return code, said


def _run(step: Callable[[], _T]) -> _T | OSError:
    """Run a step; give its failure without a traceback, which would show the login."""
    outcome = attempt(step)
    if isinstance(outcome, BaseException) and not isinstance(outcome, OSError):
        raise outcome
    return outcome
