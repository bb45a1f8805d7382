"""Tokens from callables and commands: asked for once, renewed once after a 401, by many threads together."""

from __future__ import annotations

import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics.api.credentials import Secret
from tests.support import Answer, Asked, as_json, client_of, listing, paged, row, serving


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


def test_token__of_a_callable_is_renewed_when_the_sandbox_lets_it_expire(
    shared_sandbox: oa.sandbox.Sandbox, tmp_path: Path
) -> None:
    tenant = shared_sandbox.add_tenant([row(n) for n in range(5)])
    now = [tenant.token]
    asked: list[str] = []

    def token() -> str:
        asked.append(now[0])
        return now[0]

    with oa.Client(shared_sandbox.url, token, tenant.api_key, cache_dir=tmp_path) as client:
        assert client.list().total_records == 5
        folder = client.cache_folder
        for expected in (6, 7):
            now[0] = shared_sandbox.faults.expire_token(now[0])
            assert client.create(name="made with a new token")["unique_id"]
            assert client.list().total_records == expected
    assert len(asked) == 3
    with oa.Client(shared_sandbox.url, lambda: now[0], tenant.api_key, cache_dir=tmp_path) as later:
        assert later.cache_folder == folder
        assert later.settings.tenant == client.settings.tenant


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


def test_token__is_renewed_once_for_one_request(tmp_path: Path) -> None:
    tokens = Tokens("one", "two", "three")
    with serving(only("three")) as server:  # type: ignore[arg-type]
        with oa.Client(server.url, tokens, "key", cache_dir=tmp_path) as client:
            with pytest.raises(oa.errors.AuthError):
                client.create(name="x")
            assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer one", "Bearer two"]
            client.create(name="x")


@pytest.mark.parametrize("token", ["fixed-token", lambda: "fixed-token"])
def test_token__that_stays_the_same_is_sent_once(tmp_path: Path, token: object) -> None:
    with serving(only("another")) as server, pytest.raises(oa.errors.AuthError):  # type: ignore[arg-type]
        oa.Client(server.url, token, "key", cache_dir=tmp_path).list()  # type: ignore[arg-type]
    assert len(server.asked) == 1


def test_token__is_not_asked_for_before_the_first_request(tmp_path: Path) -> None:
    tokens = Tokens("one")
    oa.Client("https://crm.example.com", tokens, "key", cache_dir=tmp_path)
    assert tokens.calls == 0


def test_token_command__is_run_without_a_shell_and_again_after_a_401(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    script = tmp_path / "print token.py"
    script.write_text(
        "import pathlib, sys\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "n = int(file.read_text()) + 1 if file.exists() else 1\n"
        "file.write_text(str(n))\n"
        "print(f'token-{n}')\n"
        "print('noise', file=sys.stderr)\n"
    )
    count = tmp_path / "$HOME; touch sprung"
    with serving(only("token-2")) as server:  # type: ignore[arg-type]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("BLOCKS_API_URL", server.url)
        monkeypatch.setenv("BLOCKS_API_KEY", "key-456")
        monkeypatch.setenv("BLOCKS_TOKEN_COMMAND", f"{sys.executable} '{script}' '{count}'")
        with oa.Client.from_env(cache_dir=tmp_path / "pages") as client:
            assert client.list().total_records == 30
    assert count.read_text() == "2"
    assert not (tmp_path / "sprung").exists()
    assert "token-" not in caplog.text


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("sh -c 'exit 3'", "ended with code 3; run it in a terminal"),
        ("there-is-no-such-command", "could not be started .No such file"),
        ("true", "token that the function returned is blank"),
        ("printf '\\377'", "printed something other than text"),
        ("echo 'open", "a quotation mark is not closed"),
    ],
)
def test_token_command__that_gives_no_token_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, says: str
) -> None:
    monkeypatch.setenv("BLOCKS_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("BLOCKS_API_KEY", "key-456")
    monkeypatch.setenv("BLOCKS_TOKEN_COMMAND", command)
    with pytest.raises(oa.errors.OppAnalyticsError, match=says):
        oa.Client.from_env(cache_dir=tmp_path).list()


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
def test_key__is_sent_in_the_headers_asked_for(tmp_path: Path, key_header: str, sent: list[str]) -> None:
    with serving(lambda asked: listing([], 0)) as server:
        with client_of(server, tmp_path, key_header=key_header) as client:
            client.list()
            client.fetch_page(1, 10)
        everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for asked in server.asked:
        assert {name for name, value in asked.headers.items() if value == "key-456"} == set(sent)
    assert b"key-456" not in everything


def test_redact__spares_words_that_a_short_secret_is_part_of() -> None:
    assert Secret("tok-123").redact("token tok-123") == "token ***"
    assert Secret("t").redact("token") == "token"
    assert Secret(None).redact("token") == "token"
