import pickle
import traceback

import pytest

import opp_analytics as oa
from opp_analytics.api.config import VARIABLES, Secret, Settings

FULL = {
    "BLOCKS_API_URL": "https://crm.example.com/",
    "BLOCKS_AUTH_TOKEN": "tok-123",
    "BLOCKS_API_KEY": "key-456",
}


def test_from_env__names_every_missing_variable_at_once_and_the_way_out():
    with pytest.raises(oa.errors.ConfigError) as caught:
        Settings.from_env({"BLOCKS_AUTH_TOKEN": "tok-123", "BLOCKS_API_KEY": "  "})
    message = str(caught.value)
    assert "BLOCKS_API_URL" in message
    assert "BLOCKS_API_KEY" in message
    assert "export BLOCKS_AUTH_TOKEN" not in message
    assert "opp-analytics sandbox" in message


def test_client_from_env__without_settings_is_one_clear_error(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        oa.errors.ConfigError, match="BLOCKS_API_URL, BLOCKS_AUTH_TOKEN, BLOCKS_API_KEY not set"
    ):
        oa.load()


def test_settings__drop_the_trailing_slash():
    assert Settings.from_env(FULL).url == "https://crm.example.com"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://crm.example.com", "unencrypted"),
        ("crm.example.com", "not an address"),
        ("ftp://crm.example.com", "not an address"),
        ("https://user:pw@crm.example.com", "user name or password"),
        ("https://crm.example.com/?x=1", "not an address"),
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


def test_secrets__show_in_no_repr_pickle_or_error():
    settings = Settings.from_env(FULL)
    client = oa.Client(settings.url, settings.token, settings.api_key)
    shown = f"{settings!r} {client!r} {vars(client)!r} {settings.token} {settings.tenant}"
    assert "tok-123" not in shown
    assert "key-456" not in shown
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(settings.token)


def test_secrets__show_in_no_traceback_with_locals():
    client = oa.Client("http://127.0.0.1:9", Secret("tok-123"), Secret("key-456"), retries=0)
    with pytest.raises(oa.errors.ConnectionFailed) as caught:
        client.list()
    summary = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(summary.format())
    assert "tok-123" not in shown
    assert "key-456" not in shown


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
