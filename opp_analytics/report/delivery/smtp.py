"""Mail by SMTP, with the login of the environment."""

from __future__ import annotations

import base64
import contextlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, unquote

from opp_analytics.api import Secret, attempt, read_secret
from opp_analytics.errors import ConfigError
from opp_analytics.report.delivery.receivers import Unknown
from opp_analytics.text import one_line

URL, COMMAND = "OPP_ANALYTICS_SMTP_URL", "OPP_ANALYTICS_SMTP_COMMAND"
"""The variables with the address and login of the mail server, and with a command that prints
it."""
EXAMPLE = "smtps://user:password@mail.example.com"
_PORTS = {"smtps": 465, "smtp": 587}
_PLACE = re.compile(
    r"(?P<host>[\w-]{1,63}(\.[\w-]{1,63})*|\[[\da-f:.]+\])(:(?P<port>\d{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SECONDS, _LONGEST = 60.0, 600.0
"""Seconds that the server may be silent, and that one message may take whatever it says."""
_QUOTED = 200
"""Letters of a server's answer that are quoted."""
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
    url = read_secret(URL, COMMAND, "mail server")
    if url is None:
        return None
    outcome = attempt(lambda: _parse(url.reveal()))
    if isinstance(outcome, ValueError):
        raise ConfigError(f"{URL} is not an address such as {EXAMPLE}: {outcome}")
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _parse(url: str) -> Server:
    """Parse a URL; an error repeats no part of it."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _PORTS:
        raise ValueError("it begins with neither smtps:// nor smtp://")
    # Not by urlsplit, for which a / or # of the password ends the host.
    login, at, place = rest.rpartition("@")
    found = _PLACE.fullmatch(place)
    if found is None:
        raise ValueError("a host comes after user, password and @, and where needed :port")
    user, password = (unquote(part) for part in login.partition(":")[::2])
    if bool(at) != bool(user and password):
        raise ValueError("a login is user:password, with %3A for a : in the user and %25 for a %")
    if not (user + password).isascii() or not (user + password).isprintable():
        raise ValueError("a login has no line breaks and no signs beyond ASCII")
    scheme, host = scheme.lower(), found["host"].strip("[]").lower()
    port = int(found["port"] or _PORTS[scheme])
    if not 0 < port < 65536:
        raise ValueError("a port is a number from 1 to 65535")
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

    def send(self, message: bytes, sender: str, receiver: str) -> str:
        """Send a message to one receiver; give why it failed, nothing where it was sent."""
        for _ in range(2):
            if self._connection is None and not self._broken:
                self._broken = self.connect()
            if self._broken:
                self.close()
                return self._broken
            outcome = self._run(lambda: self._hand_over(message, sender, receiver))
            if isinstance(outcome, str):
                return outcome
            # The server hung up before it took the message, as some do after so many or so long.
            self.close()
        return f"{self._server.name} hung up before it took the message; run it again later"

    def connect(self) -> str:
        """Connect and log in; give why that failed, nothing where it did not."""
        failure = self._run(self._connect)
        return failure if isinstance(failure, str) else self._explain(failure)

    def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if connection.sock is not None:
                attempt(connection.quit)
            connection.close()

    def _run(self, step: Callable[[], _T]) -> _T | OSError:
        """Run a step, at most so long.

        Give its failure without a traceback, which would show the login.
        """
        timer = threading.Timer(_LONGEST, self._cut)
        timer.daemon = True
        timer.start()
        outcome = attempt(step)
        timer.cancel()
        if isinstance(outcome, BaseException) and not isinstance(outcome, OSError):
            raise outcome
        return outcome

    def _cut(self) -> None:
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> str:
        """Connect and log in; give why not where the server lacks what is needed."""
        server, context = self._server, ssl.create_default_context()
        encrypted, user = server.scheme == "smtps", server.user.reveal()
        connection = (
            smtplib.SMTP_SSL(timeout=_SECONDS, context=context)
            if encrypted
            else smtplib.SMTP(timeout=_SECONDS)
        )
        # As its constructor does, which would connect too before there is anything to cut.
        connection._host = server.host  # type: ignore[attr-defined]
        self._connection = connection
        code, said = connection.connect(server.host, server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        connection.ehlo_or_helo_if_needed()
        if not encrypted and server.host not in _LOOPBACK:
            if not connection.has_extn("starttls"):
                return (
                    f"{server.name} offers no STARTTLS, so nothing is sent there; name a port "
                    f"that does, or use smtps:// in {URL}"
                )
            connection.starttls(context=context)
            connection.ehlo_or_helo_if_needed()
        if user and not connection.has_extn("auth"):
            return (
                f"{server.name} takes no login; remove user and password from {URL}, or name its "
                "port for mail programs"
            )
        if user:
            try:
                connection.login(user, server.password.reveal())
            except smtplib.SMTPServerDisconnected:
                return (
                    f"{server.name} did not answer the login; run it again later, or ask who "
                    "runs the server"
                )
        return ""

    def _hand_over(self, message: bytes, sender: str, receiver: str) -> str:
        connection = self._connection
        assert connection is not None
        size = [f"size={len(message)}"] if connection.has_extn("size") else []
        code, said = connection.mail(sender, size)
        if code != 250:
            return self._say_refused(
                "the sender", code, said, "use a mail_from that the login may send as"
            )
        code, said = connection.rcpt(receiver)
        if code not in (250, 251):
            return self._say_refused("the receiver", code, said, "correct the address")
        ask = "ask who runs the server"
        try:
            code, said = connection.data(message)
        except smtplib.SMTPDataError as error:
            return self._say_refused("the message", error.smtp_code, error.smtp_error, ask)
        except OSError:
            return Unknown(
                f"{self._server.name} hung up before it confirmed the message, so it may have "
                "arrived"
            )
        return "" if code == 250 else self._say_refused("the message", code, said, ask)

    def _say_refused(self, what: str, code: int, said: str | bytes, way_out: str) -> str:
        connection = self._connection
        if code == _CLOSING or connection is None:
            raise smtplib.SMTPServerDisconnected
        with contextlib.suppress(OSError):
            connection.rset()
        refused = f"{self._server.name} refused {what} {self._server.quote(code, said)}"
        return f"{refused}; run it again later" if 400 <= code < 500 else f"{refused}; {way_out}"

    def _explain(self, error: OSError) -> str:
        """Say why there is no connection, and the way out."""
        name = self._server.name
        if isinstance(error, smtplib.SMTPAuthenticationError):
            said = self._server.quote(error.smtp_code, error.smtp_error)
            return (
                f"{name} refused the login {said}; correct user and password in {URL}, where "
                "many providers ask for an app password"
            )
        if isinstance(error, smtplib.SMTPResponseException):
            return (
                f"{name} refused the connection "
                f"{self._server.quote(error.smtp_code, error.smtp_error)}; run it again later"
            )
        if isinstance(error, smtplib.SMTPServerDisconnected):
            return f"{name} hung up or did not answer; correct host and port in {URL}"
        if isinstance(error, smtplib.SMTPException):
            return f"{name} knows no login by user and password; ask who runs it for another server"
        if isinstance(error, socket.gaierror):
            return f"no host {self._server.host} is found; correct it in {URL}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"the certificate of {name} is not trusted ({error.verify_message}); use the "
                "name that it is for, or name your authority's file in SSL_CERT_FILE"
            )
        if isinstance(error, ssl.SSLError):
            return (
                f"{name} speaks no TLS; in {URL} smtps:// begins with TLS (port 465), smtp:// "
                "begins it by STARTTLS (587)"
            )
        if isinstance(error, TimeoutError):
            return (
                f"{name} did not answer within {_SECONDS:g} s; correct host and port in {URL}, "
                "or let a firewall pass it"
            )
        return f"cannot reach {name} ({error.strerror or error}); correct host and port in {URL}"
