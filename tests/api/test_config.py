"""Settings from arguments and the environment, and folders for files that only their owner can
change."""

from __future__ import annotations

import http.client
import io
import logging
import os
import pickle
import re
import signal
import stat
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import urllib3
from rich.console import Console
from rich.traceback import Traceback

import opp_analytics as oa
from opp_analytics.api import PageDecoder
from opp_analytics.api.config import Secret, Settings, read_environment
from opp_analytics.api.transport import Connections
from opp_analytics.api.wire import TenantNames
from tests.support import Answer, Asked, as_json, client_of, listing, paged, row, serving
from tests.tracebacks import errors_of, frames_of, interrupt_in, safe_repr

FULL = {
    "BLOCKS_API_URL": "https://crm.example.com/",
    "BLOCKS_AUTH_TOKEN": "tok-123",
    "BLOCKS_API_KEY": "key-456",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(**variables: str) -> None:
        for name, text in variables.items():
            monkeypatch.setenv(name, text)

    return put


def test_from_env__names_every_missing_variable_at_once_and_the_way_out(environment):
    environment(BLOCKS_AUTH_TOKEN="tok-123", BLOCKS_API_KEY="  ")
    with pytest.raises(oa.errors.ConfigError) as caught:
        Settings.of(*read_environment())
    message = str(caught.value)
    assert "BLOCKS_API_URL" in message
    assert "BLOCKS_API_KEY" in message
    assert "export BLOCKS_AUTH_TOKEN" not in message
    assert "opp-analytics sandbox" in message


def test_from_env__takes_a_token(environment):
    environment(**FULL)
    assert Settings.of(*read_environment()).token == Secret("tok-123")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://crm.example.com", "unencrypted"),
        ("crm.example.com", "not an address"),
        ("https://user:pw@crm.example.com", "user name or password"),
        ("https://crm.example.com/?x=1", "contains a query"),
        ("https://crm.example.com:port", "not an address"),
    ],
)
def test_settings__refuse_an_unsafe_or_unusable_url(url, says):
    with pytest.raises(oa.errors.ConfigError, match=says):
        Settings.of(url, "token", "key")


@pytest.mark.parametrize("host", ["localhost", "[::1]"])
def test_settings__allow_http_on_loopback(host):
    assert Settings.of(f"http://{host}:8723", "token", "key").url == f"http://{host}:8723"


@pytest.mark.parametrize("token", ["  ", "line\nbreak", "umläut"])
def test_settings__refuse_a_token_that_no_header_can_carry(token):
    with pytest.raises(oa.errors.ConfigError, match="token"):
        Settings.of("https://crm.example.com", token, "key")


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com/?token=tok-123",
        "https://user:tok-123@crm.example.com",
        "http://crm.example.com;token=tok-123",
        "https://[bad?token=tok-123",
        "https://crm.example.com:tok-123/?",
        "https://\u2100@tok-123",
    ],
)
def test_settings__refuse_a_url_with_a_token_and_do_not_repeat_it(url):
    with pytest.raises(oa.errors.ConfigError, match="url") as caught:
        Settings.of(url, "token", "key")
    assert "tok-123" not in str(caught.value)


def test_secrets__show_in_no_repr_pickle_or_error(environment):
    environment(**FULL)
    settings = Settings.of(*read_environment())
    client = oa.Client(settings.url, settings.token, settings.api_key)
    shown = f"{settings!r} {client!r} {vars(client)!r} {settings.token} {settings.tenant}"
    assert "tok-123" not in shown
    assert "key-456" not in shown
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(settings.token)


def test_tenant__is_of_address_and_key_and_the_cache_of_the_token_too():
    base = Settings.of("https://a.example.com", "t", "k")
    address, token, key = (
        Settings.of("https://b.example.com", "t", "k"),
        Settings.of("https://a.example.com", "u", "k"),
        Settings.of("https://a.example.com", "t", "l"),
    )
    assert base.tenant == token.tenant
    assert len({s.tenant for s in (base, address, key)}) == 3
    assert len({s.cache_key for s in (base, address, token, key)}) == 4


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    os.umask(before)
    yield os.umask
    os.umask(before)


def modes(root: Path) -> dict[str, int]:
    found = {"." if path == root else path.name: path for path in (root, *root.rglob("*"))}
    return {name: stat.S_IMODE(path.stat().st_mode) for name, path in found.items()}


@pytest.mark.parametrize("mask", [0o000, 0o022])
@pytest.mark.posix
def test_cache__is_private_from_the_top_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: Callable[[int], int], mask: int
) -> None:
    umask(mask)
    home = tmp_path / "new" / "home"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    with serving(paged([row(n) for n in range(30)])) as server:
        with oa.Client(server.url, "tok-123", "key-456") as client:
            client.fetch_page(1, 10)
            oa.load(client, page_size=10, progress=False)
            client.fetch_page(1, 10)
            found = modes(tmp_path / "new")
            folders = {path.name for path in (tmp_path / "new").rglob("*") if path.is_dir()} | {"."}
    assert {"opp-analytics", client.cache_folder.name} <= folders
    assert {"pages.sqlite", "pages.sqlite-wal", "pages.lock"} <= set(found)
    assert any(name.endswith(".arrow") for name in found)
    assert {name: oct(mode) for name, mode in found.items()} == {
        name: "0o700" if name in folders else "0o600" for name in found
    }


def spoil_folder(client: oa.Client) -> Path:
    client.cache_folder.chmod(0o707)
    return client.cache_folder


def spoil_file(client: oa.Client) -> Path:
    (file,) = client.cache_folder.glob("frame-*.arrow")
    file.chmod(0o620)
    return file


def link_folder(client: oa.Client) -> Path:
    client.cache_folder.rename(client.cache_folder.with_name("elsewhere"))
    client.cache_folder.symlink_to("elsewhere")
    return client.cache_folder


@pytest.mark.parametrize("spoil", [spoil_folder, spoil_file, link_folder])
@pytest.mark.posix
def test_cache__that_others_can_write_is_not_used(
    tmp_path: Path, spoil: Callable[[oa.Client], Path]
) -> None:
    cache_dir = tmp_path / "pages"
    with serving(paged([row(n) for n in range(30)])) as server:
        with client_of(server, cache_dir) as client:
            oa.load(client, progress=False)
        named = spoil(client)
        before = {path: path.lstat().st_mtime_ns for path in cache_dir.rglob("*")}
        asked = len(server.asked)
        with pytest.warns(oa.errors.DataWarning, match=re.escape(str(named))) as caught:
            other = client_of(server, cache_dir)
        assert Path(caught[0].filename).name == "support.py"
        oa.load(other, progress=False)
        assert len(server.asked) > asked, "the planted frame did not answer"
        assert cache_dir not in other.cache_folder.parents
        assert set(modes(other.cache_folder.parent).values()) == {0o700, 0o600}
        other.close()
        temporary = other.cache_folder.parent
    assert {path: path.lstat().st_mtime_ns for path in cache_dir.rglob("*")} == before
    assert temporary.is_dir()
    del other
    assert not temporary.exists()


@pytest.mark.posix
def test_cache__of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pages").mkdir(mode=0o700)
    os.chown(tmp_path / "pages", 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(
        os, "geteuid", lambda: 12345
    )
    with pytest.warns(oa.errors.DataWarning, match="pages belongs to another user"):
        oa.Client("https://crm.example.com", "t", "k", cache_dir=tmp_path / "pages")


class Tokens:
    """A callable that gives one token after the other, the last for ever."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        return self.tokens[min(self.calls, len(self.tokens)) - 1]


def only(token: str) -> object:
    """A server that lets only this token in."""

    def respond(asked: Asked) -> Answer:
        if asked.headers["Authorization"] != f"Bearer {token}":
            return as_json({"error": "expired"}, 401)
        if asked.method == "POST":
            return as_json({"data": {"id": "a", "attributes": {}}}, 201)
        return paged([row(n) for n in range(30)])(asked)

    return respond


def test_token__is_renewed_once_for_all_threads(tmp_path: Path) -> None:
    tokens = Tokens("old-token", "new-token")
    barrier = threading.Barrier(8)
    with serving(only("new-token")) as server:  # type: ignore[arg-type]
        with oa.Client(server.url, tokens, "key", cache_dir=tmp_path) as client:

            def read(_: int) -> int | None:
                barrier.wait(10)
                return client.list().total_records

            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(read, range(8))) == [30] * 8
            assert len(oa.load(client, progress=False)) == 30
    assert tokens.calls == 2


def test_token__function_that_fails_is_an_auth_error_without_its_message(tmp_path: Path) -> None:
    def token() -> str:
        raise KeyError("tok-123")

    with pytest.raises(
        oa.errors.AuthError, match="the token function raised KeyError; call it by itself"
    ) as caught:
        oa.Client("http://127.0.0.1:9", token, "key", cache_dir=tmp_path).list()
    assert "tok-123" not in str(caught.value)


@pytest.mark.parametrize(
    ("key_header", "sent"),
    [("both", ["AppId", "X-API-KEY"]), ("AppId", ["AppId"]), ("X-API-KEY", ["X-API-KEY"])],
)
def test_key__is_sent_in_the_headers_asked_for(
    tmp_path: Path, key_header: str, sent: list[str]
) -> None:
    with serving(lambda asked: listing([], 0)) as server:
        with client_of(server, tmp_path, key_header=key_header) as client:
            client.list()
            client.fetch_page(1, 10)
        everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for asked in server.asked:
        assert {name for name, value in asked.headers.items() if value == "key-456"} == set(sent)
    assert b"key-456" not in everything


TOKEN, KEY = "tok-123", "key-456"
LIBRARIES = ("urllib3", "requests", "requests_cache", "http", "ssl", "socket", "subprocess")


def verbose_texts(error: BaseException) -> Iterator[str]:
    """What the verbose tracebacks of this world print of the error."""
    for one in errors_of(error):
        yield "".join(
            traceback.TracebackException.from_exception(one, capture_locals=True).format()
        )
        for frame in frames_of(one):
            yield "".join(f"{name}={safe_repr(value)}\n" for name, value in frame.f_locals.items())
    screen = io.StringIO()
    # The test's own lines are the caller's.
    shown = Traceback.from_exception(
        type(error), error, error.__traceback__, show_locals=True, locals_max_string=1000
    )
    Console(file=screen, width=200).print(shown)
    yield screen.getvalue()
    ultratb = pytest.importorskip("IPython.core.ultratb")
    verbose = ultratb.VerboseTB(include_vars=True)
    yield verbose.text(type(error), error, error.__traceback__)


def assert_keeps_secrets(error: BaseException) -> None:
    modules = {frame.f_globals.get("__name__", "").split(".")[0] for frame in frames_of(error)}
    assert not modules & set(LIBRARIES), modules
    texts = list(verbose_texts(error))
    assert len(texts) >= 4
    for text in texts:
        assert TOKEN not in text
        assert KEY not in text


def raised_by(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


# Errors.

REPEATING = {
    "errors": [
        {"detail": f"token {TOKEN} and {KEY} are bad", "code": TOKEN, "source": {"pointer": KEY}}
    ]
}
ANSWERS = {
    "cut": Answer(0),
    "cut body": Answer(200, b'{"data": []}', {}, cut=3),
    **{f"{status}": as_json(REPEATING, status) for status in (401, 422, 500)},
    "html": Answer(200, b"<html>", {"Content-Type": f"text/html; for={KEY}"}),
    "no json": Answer(200, b"nonsense", {"Content-Type": "application/json"}),
    "redirect": Answer(302, b"", {"Location": f"https://{KEY}:{TOKEN}@elsewhere.example.com/"}),
    "bad redirect": Answer(302, b"", {"Location": f"http://[bad{TOKEN}"}),
    "bad encoding": Answer(200, b"no gzip", {"Content-Encoding": "gzip"}),
}
CALLS: dict[str, Callable[[oa.Client], object]] = {
    "get": lambda client: client.get("opp-1"),
    "create": lambda client: client.create(name="x"),
    "page": lambda client: client.decode_page(client.fetch_page(1, 10), PageDecoder(TenantNames())),
    "load": lambda client: oa.load(client, progress=False),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_error__of_any_answer_keeps_the_secrets(tmp_path: Path, answer: Answer) -> None:
    with serving(lambda asked: answer) as server, client_of(server, tmp_path, retries=0) as client:
        error = raised_by(lambda: CALLS["get"](client))
    assert isinstance(error, oa.errors.OppAnalyticsError)
    assert_keeps_secrets(error)
    assert TOKEN not in f"{error} {vars(error)}"
    assert KEY not in f"{error} {vars(error)}"


def failing_token() -> str:
    secret = TOKEN
    raise ValueError(f"no {secret}")


@pytest.mark.parametrize(
    "make",
    [
        lambda: oa.Client("crm.example.com", Secret(TOKEN), Secret(KEY)),
        lambda: oa.Client("https://crm.example.com", Secret(f"{TOKEN}\nx"), Secret(KEY)),
        lambda: oa.Client("https://crm.example.com", Secret(TOKEN), Secret(f"{KEY}ü")),
        lambda: oa.Client("https://crm.example.com", Secret([TOKEN]), Secret(KEY)),
        lambda: oa.Client(
            "https://crm.example.com", Secret(TOKEN), Secret(KEY), proxy=Secret(f"{KEY}@x")
        ),
        lambda: oa.Client("http://127.0.0.1:9", failing_token, Secret(KEY)).list(),
        lambda: oa.Client("http://127.0.0.1:9", lambda: f"{TOKEN}\nx", Secret(KEY)).list(),
    ],
)
def test_error__of_a_setting_keeps_the_secrets(make: Callable[[], object]) -> None:
    error = raised_by(make)
    assert isinstance(error, oa.errors.OppAnalyticsError)
    for frame in frames_of(error):
        for name, value in frame.f_locals.items():
            assert TOKEN not in safe_repr(value), (frame.f_code.co_qualname, name)
            assert KEY not in safe_repr(value), (frame.f_code.co_qualname, name)
    assert TOKEN not in str(error)


# Ctrl-C.


@pytest.mark.parametrize(
    "call", [CALLS[name] for name in ("create", "page")], ids=["create", "page"]
)
def test_ctrl_c__by_a_signal_in_mid_request_keeps_the_secrets(
    tmp_path: Path, call: Callable[[oa.Client], object]
) -> None:
    main = threading.main_thread().ident
    assert main is not None
    release = threading.Event()

    def wait(asked: Asked) -> Answer:
        time.sleep(0.1)
        signal.pthread_kill(main, signal.SIGINT)
        release.wait(10)
        return as_json({})

    with serving(wait) as server, client_of(server, tmp_path) as client:
        error = raised_by(lambda: call(client))
        release.set()
    assert type(error) is KeyboardInterrupt
    assert_keeps_secrets(error)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (http.client.HTTPConnection, "putheader"),
        (http.client.HTTPResponse, "begin"),
        (urllib3.HTTPConnectionPool, "urlopen"),
        (urllib3.HTTPResponse, "stream"),
        (requests.adapters.HTTPAdapter, "send"),
        (requests.PreparedRequest, "prepare"),
        (Connections, "request"),
    ],
    ids=lambda part: part if isinstance(part, str) else part.__module__,
)
def test_ctrl_c__inside_the_http_library_keeps_the_secrets(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
) -> None:
    call = CALLS["get"]

    def respond(asked: Asked) -> Answer:
        return as_json({"data": {"id": "opp-1", "attributes": row(1)}})

    with serving(respond) as server, client_of(server, tmp_path) as client:
        interrupt_in(monkeypatch, owner, name)
        error = raised_by(lambda: call(client))
        assert type(error) is KeyboardInterrupt
        assert_keeps_secrets(error)
        call(client)


def test_ctrl_c__in_the_token_function_keeps_its_locals() -> None:
    def token() -> str:
        secret = TOKEN
        signal.raise_signal(signal.SIGINT)
        return secret

    client = oa.Client("http://127.0.0.1:9", token, Secret(KEY))
    error = raised_by(client.list)
    assert type(error) is KeyboardInterrupt
    assert_keeps_secrets(error)


def test_headers__of_a_request_have_a_redacted_repr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    plain = requests.adapters.HTTPAdapter.send

    def send(
        self: requests.adapters.HTTPAdapter, request: requests.PreparedRequest, **options: object
    ) -> object:
        seen.append(f"{request.headers!r} {dict(request.headers)} {vars(request)!r}")
        return plain(self, request, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with serving(paged([])) as server, client_of(server, tmp_path) as client:
        client.list()
    assert "X-API-KEY" in seen[0]
    assert TOKEN not in seen[0]
    assert KEY not in seen[0]
    assert server.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


# Logs and dumps.


def test_logs__at_debug_hold_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers = iter([Answer(503), Answer(429, b"", {"Retry-After": "0"}), as_json(REPEATING, 401)])
    with serving(lambda asked: next(answers, None) or paged([row(1)])(asked)) as server:
        with client_of(server, tmp_path) as client:
            assert isinstance(raised_by(client.list), oa.errors.AuthError)
            oa.load(client, progress=False)
            client.fetch_page(1, 10)
            client.fetch_page(1, 10, stored=True)
    names = {record.name.split(".")[0] for record in caplog.records}
    assert {"opp_analytics", "urllib3", "requests_cache"} <= names
    assert TOKEN not in caplog.text
    assert KEY not in caplog.text


def test_show_traceback__shows_our_lines_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with oa.Client("http://127.0.0.1:9", TOKEN, KEY, retries=0, cache_dir=tmp_path) as client:
        monkeypatch.setattr(sys, "last_value", raised_by(client.list), raising=False)
    oa.errors.show_traceback()
    shown = capsys.readouterr().err
    assert "ConnectionFailed: no answer from" in shown
    assert "transport.py" in shown
    assert "site-packages" not in shown
