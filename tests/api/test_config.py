"""Settings from arguments and the environment, and folders for files that only their owner can change."""

from __future__ import annotations

import os
import pickle
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics.api.config import VARIABLES, Settings, read_environment
from opp_analytics.api.credentials import Secret
from tests.support import client_of, paged, row, serving

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


def test_from_env__takes_a_token_or_a_command_but_not_both(environment):
    environment(**FULL)
    assert Settings.of(*read_environment()).token == Secret("tok-123")
    environment(BLOCKS_TOKEN_COMMAND="print-token")
    with pytest.raises(oa.errors.ConfigError, match="both set; unset one"):
        Settings.of(*read_environment())


def test_client_from_env__without_settings_is_one_clear_error(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        oa.errors.ConfigError, match="BLOCKS_API_URL, BLOCKS_AUTH_TOKEN, BLOCKS_API_KEY not set"
    ):
        oa.load()


def test_settings__drop_the_trailing_slash(environment):
    environment(**FULL)
    assert Settings.of(*read_environment()).url == "https://crm.example.com"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://crm.example.com", "unencrypted"),
        ("crm.example.com", "not an address"),
        ("ftp://crm.example.com", "not an address"),
        ("https://user:pw@crm.example.com", "user name or password"),
        ("https://crm.example.com/?x=1", "contains a query"),
        ("https://crm.example.com:port", "not an address"),
        ("", "not an address"),
    ],
)
def test_settings__refuse_an_unsafe_or_unusable_url(url, says):
    with pytest.raises(oa.errors.ConfigError, match=says):
        Settings.of(url, "token", "key")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_settings__allow_http_on_loopback(host):
    assert Settings.of(f"http://{host}:8723", "token", "key").url == f"http://{host}:8723"


@pytest.mark.parametrize("token", ["", "  ", "line\nbreak", "umläut"])
def test_settings__refuse_a_token_that_no_header_can_carry(token):
    with pytest.raises(oa.errors.ConfigError, match="token"):
        Settings.of("https://crm.example.com", token, "key")


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com/?token=tok-123",
        "https://crm.example.com?tok-123",
        "https://crm.example.com/#tok-123",
        "https://tok-123@crm.example.com",
        "https://user:tok-123@crm.example.com",
        "user:tok-123@crm.example.com",
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


def test_cache_key__counts_the_tokens_of_a_callable_as_one():
    keys = [
        Settings.of("https://a.example.com", token, "k").cache_key
        for token in (lambda: "t", lambda: "u", "t", Secret("t"))
    ]
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]
    assert keys[0] != keys[2]


@pytest.mark.parametrize(("key_header", "names"), [("both", 2), ("AppId", 1), ("X-API-KEY", 1)])
def test_settings__name_the_headers_of_the_key(key_header, names):
    headers = Settings.of("https://a.example.com", "t", "k", key_header=key_header).key_headers
    assert len(headers) == names
    assert key_header == "both" or headers == (key_header,)
    with pytest.raises(oa.errors.ArgumentValueError, match="key_header='Key'"):
        Settings.of("https://a.example.com", "t", "k", key_header="Key")  # type: ignore[arg-type]


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    os.umask(before)
    yield os.umask
    os.umask(before)


def modes(root: Path) -> dict[str, int]:
    found = {"." if path == root else path.name: path for path in (root, *root.rglob("*"))}
    return {name: stat.S_IMODE(path.stat().st_mode) for name, path in found.items()}


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
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


def spoil_root(client: oa.Client) -> Path:
    client.cache_folder.parent.chmod(0o770)
    return client.cache_folder.parent


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


@pytest.mark.parametrize("spoil", [spoil_root, spoil_folder, spoil_file, link_folder])
@pytest.mark.posix
def test_cache__that_others_can_write_is_not_used(tmp_path: Path, spoil: Callable[[oa.Client], Path]) -> None:
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
def test_cache__that_is_spoiled_later_is_not_opened(tmp_path: Path) -> None:
    with serving(paged([row(1)])) as server, client_of(server, tmp_path / "pages") as client:
        client.cache_folder.mkdir(parents=True)
        client.cache_folder.chmod(0o777)
        with pytest.warns(oa.errors.DataWarning, match="others could change it.*0777"):
            client.fetch_page(1, 10)
        assert not list(client.cache_folder.iterdir())


@pytest.mark.posix
def test_cache__of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pages").mkdir(mode=0o700)
    os.chown(tmp_path / "pages", 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(
        os, "geteuid", lambda: 12345
    )
    with pytest.warns(oa.errors.DataWarning, match="pages belongs to another user"):
        oa.Client("https://crm.example.com", "t", "k", cache_dir=tmp_path / "pages")
