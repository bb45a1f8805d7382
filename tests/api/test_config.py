import pickle
from collections.abc import Callable

import pytest

import opp_analytics as oa
from opp_analytics.api.config import VARIABLES, Settings
from opp_analytics.api.credentials import Secret

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
        Settings.from_env()
    message = str(caught.value)
    assert "BLOCKS_API_URL" in message
    assert "BLOCKS_API_KEY" in message
    assert "export BLOCKS_AUTH_TOKEN" not in message
    assert "opp-analytics sandbox" in message


def test_from_env__takes_a_token_or_a_command_but_not_both(environment):
    environment(**FULL)
    assert Settings.from_env().token == Secret("tok-123")
    environment(BLOCKS_TOKEN_COMMAND="print-token")
    with pytest.raises(oa.errors.ConfigError, match="both set; unset one"):
        Settings.from_env()


def test_client_from_env__without_settings_is_one_clear_error(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        oa.errors.ConfigError, match="BLOCKS_API_URL, BLOCKS_AUTH_TOKEN, BLOCKS_API_KEY not set"
    ):
        oa.load()


def test_settings__drop_the_trailing_slash(environment):
    environment(**FULL)
    assert Settings.from_env().url == "https://crm.example.com"


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
    settings = Settings.from_env()
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
        Settings.of("https://a.example.com", "t", "k", key_header="Key")
