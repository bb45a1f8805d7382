"""Tenants kept apart, tokens of one tenant kept together."""

from collections.abc import Callable

from opp_analytics import sandbox
from tests.sandbox.callers import ROWS, Caller


def test_add_tenant__sees_its_own_data_only(
    server: sandbox.Sandbox, api: Caller, connect: Callable[..., Caller]
) -> None:
    other = connect(server.url, *server.add_tenant())
    assert other.ids() == []
    assert other("GET", "/opportunities/opp-01").status_code == 404
    assert other.update("opp-01", name="stolen").status_code == 404
    assert other("DELETE", "/opportunities/opp-01").status_code == 404
    assert len(api.ids()) == len(ROWS)


def test_add_tenant__may_use_ids_that_another_uses(
    server: sandbox.Sandbox, api: Caller, connect: Callable[..., Caller]
) -> None:
    twin = connect(server.url, *server.add_tenant(ROWS))
    twin.update("opp-01", name="Theirs")
    assert api.get("opp-01")["name"] != "Theirs"


def test_add_token__belongs_to_the_first_tenant(
    server: sandbox.Sandbox, connect: Callable[..., Caller]
) -> None:
    first = connect(server.url, server.token, server.api_key)
    second = connect(server.url, server.add_token(), server.api_key)
    made = first.create(name="Shared").json()["data"]["id"]
    assert second.get(made)["name"] == "Shared"
    reader = connect(server.url, server.add_token(read_only=True), server.api_key)
    assert reader.get(made)["name"] == "Shared"
    assert reader.create(name="x").status_code == 403


def test_control__is_closed_to_everybody_else(
    server: sandbox.Sandbox, api: Caller, connect: Callable[..., Caller]
) -> None:
    for key in (None, "", server.token):
        assert api("POST", "/-/sandbox/state", headers={"X-Sandbox-Key": key}).status_code == 401
