"""A real mail server on this machine, with TLS, a login, and receivers that it does not take."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

HOST = "mail.test"
"""A host that is not this machine's own name; `reach` makes it lead here."""
USER, PASSWORD = "sales@example.com", "pä:ß".encode().hex() + "/w@rd%"


@dataclass
class MailServer:
    """What a server took, and how it behaves."""

    refused: Collection[str] = ()
    """Receivers that it does not know."""
    hangs_up: dict[str, str] = field(default_factory=dict)
    """By receiver: the command at which it ends the connection, each time, or ``once RCPT``."""
    messages: list[tuple[str, EmailMessage]] = field(default_factory=list)
    """Each envelope's receiver, and the message."""
    connections: int = 0
    logins: int = 0
    port: int = 0
    scheme: str = "smtp"

    @property
    def url(self) -> str:
        host = HOST if self.scheme == "smtps" or self.encrypted else "127.0.0.1"
        login = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"
        return f"{self.scheme}://{login}{host}:{self.port}"

    encrypted: bool = False

    @property
    def receivers(self) -> list[str]:
        return [receiver for receiver, _ in self.messages]

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self._hang_up(server, address, "RCPT"):
            return "421 Too many messages"
        if address in self.refused:
            return f"550 5.1.1 {address}: no such user; {PASSWORD} is not it"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        (receiver,) = envelope.rcpt_tos
        self.messages.append(
            (receiver, message_from_bytes(envelope.content, policy=policy.default))
        )
        self._hang_up(server, receiver, "DATA")
        return "250 OK"

    def _hang_up(self, server: Any, receiver: str, command: str) -> bool:
        when = self.hangs_up.get(receiver, "")
        if not when.endswith(command):
            return False
        if when.startswith("once"):
            del self.hangs_up[receiver]
        server.transport.close()
        return True

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        self.logins += 1
        known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(
            success=known,
            handled=False,
            message=None if known else f"535 5.7.8 not {data.password.decode()}",
        )


class Certificate:
    """A certificate for `HOST` that its own file alone vouches for."""

    def __init__(self, folder: Path) -> None:
        self.key, self.file = folder / "key.pem", folder / "certificate.pem"
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("there is no openssl to make a certificate")
        subprocess.run(
            [
                openssl,
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
                "-subj",
                f"/CN={HOST}",
                "-addext",
                f"subjectAltName=DNS:{HOST}",
                "-keyout",
                self.key,
                "-out",
                self.file,
            ],
            check=True,
            capture_output=True,
        )

    @cached_property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


@contextmanager
def run_server(
    *,
    certificate: Certificate | None = None,
    starttls: bool = False,
    login: bool = True,
    **behavior: Any,
) -> Iterator[MailServer]:
    """Run a server: with TLS from the start or by STARTTLS where a certificate is given, else
    plain."""
    implicit = certificate is not None and not starttls
    server = MailServer(
        scheme="smtps" if implicit else "smtp", encrypted=certificate is not None, **behavior
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.port = free.getsockname()[1]
    options: dict[str, Any] = (
        {"ssl_context": certificate.context} if certificate and implicit else {}
    )
    if certificate and starttls:
        options |= {"tls_context": certificate.context, "require_starttls": True}
    if login:
        # Where it does not begin TLS itself, it warns of a login that it requires.
        options |= {
            "authenticator": server.authenticate,
            "auth_required": starttls,
            "auth_require_tls": starttls,
        }
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **options)
    controller.start()
    server.connections = 0
    try:
        yield server
    finally:
        controller.stop()


def reach(monkeypatch: pytest.MonkeyPatch, certificate: Certificate | None = None) -> None:
    """Let `HOST` lead to this machine, and its certificate be trusted."""
    found = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **options: found(
            "127.0.0.1" if host == HOST else host, *args, **options
        ),
    )
    if certificate is not None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
