"""Mail to a real server: what each failure says, and that no failure stops the next message or
shows the login."""

from __future__ import annotations

import base64
import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from opp_analytics.errors import ConfigError
from opp_analytics.report.delivery import smtp
from opp_analytics.report.delivery.receivers import Unknown
from opp_analytics.report.delivery.smtp import Mailer, read_server
from tests.report.delivery.mail_server import (
    HOST,
    PASSWORD,
    USER,
    Certificate,
    MailServer,
    reach,
    run_server,
)
from tests.tracebacks import frames_of, interrupt_in, safe_repr

MESSAGE = b"Subject: Monday\r\n\r\nIt is 1:00.\r\n"


def shown_of(error: BaseException) -> str:
    """What a verbose traceback shows of an error, but for the test's own lines."""
    values = [value for frame in frames_of(error) for value in frame.f_locals.values()]
    return "\n".join([str(error), *map(safe_repr, values)])


def send(monkeypatch: pytest.MonkeyPatch, url: str, *receivers: str) -> list[str]:
    monkeypatch.setenv(smtp.URL, url)
    server = read_server()
    assert server is not None
    with closing(Mailer(server)) as mailer:
        return [mailer.send(MESSAGE, "f@example.com", receiver) for receiver in receivers]


@pytest.fixture(params=["smtps", "STARTTLS", "plain"])
def server(
    request: pytest.FixtureRequest, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MailServer]:
    """A server with a login: with TLS, with STARTTLS, or plain on this machine."""
    reach(monkeypatch, certificate)
    tls = None if request.param == "plain" else certificate
    with run_server(certificate=tls, starttls=request.param == "STARTTLS") as server:
        yield server


def test_send__gives_each_receiver_a_message_on_one_connection(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(monkeypatch, server.url, "a@x.com", "b@x.com", "c@x.com") == ["", "", ""]
    assert server.receivers == ["a@x.com", "b@x.com", "c@x.com"]
    assert server.logins == 1
    assert server.messages[0][1]["Subject"] == "Monday"


def test_send__goes_on_after_a_receiver_that_is_refused(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.refused = ["no@x.com"]
    first, refused, last = send(monkeypatch, server.url, "a@x.com", "no@x.com", "b@x.com")
    assert (first, last) == ("", "")
    name = server.url.rpartition("@")[2]
    assert refused == (
        f"{name} refused the receiver (550 5.1.1 no@x.com: no such user; *** is not it); "
        "correct the address"
    )
    assert server.receivers == ["a@x.com", "b@x.com"]


def test_send__connects_again_where_the_server_hung_up_before_it_took_the_message(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.hangs_up = {"once@x.com": "once RCPT", "always@x.com": "RCPT"}
    said = send(monkeypatch, server.url, "a@x.com", "once@x.com", "always@x.com", "b@x.com")
    assert [said[0], said[1], said[3]] == ["", "", ""]
    assert said[2].endswith("hung up before it took the message; run it again later")
    assert server.receivers == ["a@x.com", "once@x.com", "b@x.com"]


def test_send__repeats_what_the_server_had_not_agreed_to_take(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, left = smtplib.SMTP.docmd, [1]

    def hang_up_once(self: smtplib.SMTP, command: str, arguments: str = "") -> tuple[int, bytes]:
        if command == "DATA" and left and left.pop():
            self.close()
        return ask(self, command, arguments)

    monkeypatch.setattr(smtplib.SMTP, "docmd", hang_up_once)
    assert send(monkeypatch, server.url, "a@x.com") == [""]
    assert server.receivers == ["a@x.com"]


def test_send__does_not_repeat_what_may_have_arrived(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.hangs_up = {"b@x.com": "DATA"}
    said = send(monkeypatch, server.url, "a@x.com", "b@x.com", "c@x.com")
    assert [said[0], said[2]] == ["", ""]
    assert isinstance(said[1], Unknown)
    assert "so it may have arrived" in said[1]
    assert server.receivers == ["a@x.com", "b@x.com", "c@x.com"]


def test_send__tries_a_refused_password_once(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = server.url.replace(quote(PASSWORD, safe=""), "wrong-password-1")
    said = send(monkeypatch, wrong, "a@x.com", "b@x.com")
    assert said[0] == said[1]
    assert (
        "refused the login (535 5.7.8 not ***); correct user and password in OPP_ANALYTICS_SMTP_URL"
        in said[0]
    )
    # By each of the two ways that the server knows.
    assert server.logins == 2
    assert server.messages == []


def test_send__trusts_no_certificate_of_its_own_making(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach(monkeypatch)
    for starttls in (False, True):
        with run_server(certificate=certificate, starttls=starttls) as server:
            (said,) = send(monkeypatch, server.url, "a@x.com")
        assert (
            "is not trusted (self-signed certificate); use the name that it is for, or name your "
            "authority's file in SSL_CERT_FILE"
        ) in said
        assert (server.logins, server.messages) == (0, [])


def test_send__checks_the_name_of_the_certificate(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach(monkeypatch, certificate)
    with run_server(certificate=certificate) as server:
        (said,) = send(monkeypatch, server.url.replace(HOST, "127.0.0.1"), "a@x.com")
    assert "is not trusted (IP address mismatch" in said


def test_send__sends_nothing_unencrypted_but_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reach(monkeypatch)
    with run_server() as server:
        (said,) = send(monkeypatch, server.url.replace("127.0.0.1", HOST), "a@x.com")
    assert said.startswith(f"cannot use {HOST}:{server.port} (STARTTLS extension not supported")
    assert (server.logins, server.messages) == (0, [])


def test_send__says_what_is_wrong_with_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_server(login=False) as server:
        plain = server.url
        said = send(monkeypatch, plain, "a@x.com")[0]
        assert said.startswith(f"cannot use 127.0.0.1:{server.port} (SMTP AUTH extension not supp")
        assert "use smtps:// or a port for mail programs" in said
    for url in (plain, plain.replace("smtp:", "smtps:"), "smtps://u:p@mail.invalid"):
        assert send(monkeypatch, url, "a@x.com")[0].endswith(
            "); correct the address in OPP_ANALYTICS_SMTP_URL, or run it again later"
        )


@contextmanager
def answering(*answers: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does something to each connection in turn; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    answer(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"smtp://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


@pytest.mark.parametrize(
    ("after", "last", "state"),
    [
        (b"DATA", b"", str),
        (b"DATA", b"421 4.4.2 too slow\r\n", str),
        (b".", b"", Unknown),
        (b".", b"OK, I think\r\n", Unknown),
        (b".", b"554 5.7.1 spam\r\n", str),
    ],
)
def test_send__knows_what_a_server_took_by_where_it_ended(
    monkeypatch: pytest.MonkeyPatch, after: bytes, last: bytes, state: type
) -> None:
    took = []

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 mail\r\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                command = line.strip()
                if command == after:
                    took.append(command)
                    connection.sendall(last)
                    return
                if command[:4].upper() == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                if command[:4].lower() in (b"ehlo", b"mail", b"rcpt", b"rset"):
                    connection.sendall(b"250 OK\r\n")

    with answering(talk, *[talk] * (after == b"DATA")) as url:
        (said,) = send(monkeypatch, url, "a@x.com")
    assert type(said) is state
    assert said
    assert len(took) == 1 + (after == b"DATA")  # what was not taken is sent once more


def test_send__quotes_what_a_server_says_as_one_short_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(
        lambda connection: connection.sendall(b"554 no\x1b[2J " + b"x" * 900 + b"\r\n")
    ) as url:
        (said,) = send(monkeypatch, url, "a@x.com")
    assert "\x1b" not in said
    assert said.endswith("…); run it again later")
    assert len(said) < 300


# The address in the environment.


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("smtps://u:p@h", ("smtps", "h", 465, "u", "p")),
        ("smtp://u:p@h/", ("smtp", "h", 587, "u", "p")),
        (
            "SMTPS://a%40b.c:p%2F%40%3A%25@Mail.Example.com:2465",
            ("smtps", "mail.example.com", 2465, "a@b.c", "p/@:%"),
        ),
        ("smtps://a@b.c:p/#?w@h", ("smtps", "h", 465, "a@b.c", "p/#?w")),
        ("smtp://localhost:25", ("smtp", "localhost", 25, "", "")),
        ("smtp://[::1]:25", ("smtp", "::1", 25, "", "")),
    ],
)
def test_read_server__reads_login_host_and_port(
    monkeypatch: pytest.MonkeyPatch, url: str, found: tuple[object, ...]
) -> None:
    monkeypatch.setenv(smtp.URL, f" {url}\n")
    server = read_server()
    assert server is not None
    assert (
        server.scheme,
        server.host,
        server.port,
        server.user.reveal(),
        server.password.reveal(),
    ) == found
    assert "p%" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "https://u:hidden@h",
        "smtps://hidden@h",
        "smtps://:hidden@h",
        "smtps://u:hidden",
        "smtps://u:hidden@",
        "smtps://u:hidden@h/inbox",
        "smtps://u:hidden@a..b",
        "smtps://u:hidden@h:0",
        "smtps://u:hidden@h:65536",
        "smtps://u:hiddenß@h",
        "smtps://u:hidden%0d%0aX@h",
    ],
)
def test_read_server__says_what_an_address_is_and_repeats_nothing(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv(smtp.URL, url)
    with pytest.raises(
        ConfigError, match="OPP_ANALYTICS_SMTP_URL is not an address such as "
    ) as caught:
        read_server()
    assert "hidden" not in shown_of(caught.value)


def test_read_server__is_none_without_an_address() -> None:
    assert read_server() is None


@pytest.mark.parametrize(
    ("owner", "name"), [(smtplib.SMTP, "auth_plain"), (socket, "create_connection")]
)
def test_send__shows_no_login_at_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    interrupt_in(monkeypatch, owner, name)
    with run_server() as server, pytest.raises(KeyboardInterrupt) as caught:
        send(monkeypatch, server.url, "a@x.com")
    secrets = (
        PASSWORD,
        quote(PASSWORD, safe=""),
        base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode(),
    )
    shown = shown_of(caught.value)
    assert "Mailer" in shown
    assert not any(secret in shown for secret in secrets)
