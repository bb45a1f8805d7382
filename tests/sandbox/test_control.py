"""Tenants kept apart, tokens of one tenant kept together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

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


FRAME = pd.DataFrame(
    {
        "unique_id": ["a", "b", None],
        "name": ["Alpha", None, "Gamma"],
        "account_id": pd.Categorical(["acme", None, "acme"]),
        "value": [1200.0, 0.1, np.nan],
        "stage": pd.Categorical(["closed_won", "won!!", "discovery"]),
        "close_date": pd.to_datetime(pd.Series(["2026-03-31", None, "2026-04-01"])),
        "probability": pd.array([100, None, 140], dtype="Int64"),
        "created_at": pd.to_datetime(
            pd.Series(["2026-01-01T10:00:00.000001Z", "2026-01-02T12:00:00+02:00", None]),
            utc=True,
            format="ISO8601",
        ),
        "updated_at": pd.to_datetime(["2026-01-03", "2026-01-04", "2026-01-05"]),
        "owner_name": ["Ann", pd.NA, "Ben"],
        "seats": [3, 4, 5],
    }
)


def test_insert__keeps_a_frame_as_it_is(server: sandbox.Sandbox, connect: Callable[..., Caller]) -> None:
    caller = connect(server.url, *server.add_tenant(FRAME))
    assert caller.get("a") == {
        "unique_id": "a", "name": "Alpha", "account_id": "acme", "value": 1200, "stage": "closed_won",
        "close_date": "2026-03-31", "probability": 100, "status": "won", "created_at": "2026-01-01T10:00:00.000001Z",
        "updated_at": "2026-01-03T00:00:00.000000Z", "owner_name": "Ann", "seats": 3,
    }  # fmt: skip
    dirty = caller.get("b")
    assert (dirty["name"], dirty["stage"], dirty["value"], dirty["status"]) == (None, "won!!", 0.1, "active")
    assert (dirty["close_date"], dirty["probability"], dirty["owner_name"]) == (None, None, None)
    assert dirty["created_at"] == "2026-01-02T10:00:00.000000Z"
    (generated,) = caller.ids(search="gamma")
    assert len(generated) == 36
    assert caller.get(generated)["probability"] == 140
    assert caller.get(generated)["created_at"].startswith("2026-03-02")


def test_insert__refuses_an_id_that_occurs_twice(server: sandbox.Sandbox) -> None:
    with pytest.raises(sandbox.SandboxValueError, match="duplicate unique_id 'x'"):
        server.add_tenant([{"unique_id": "x"}, {"unique_id": "x"}])


def test_insert__refuses_a_timestamp_that_cannot_be_read(server: sandbox.Sandbox) -> None:
    with pytest.raises(sandbox.SandboxValueError, match="created_at='soon' is not a date and time"):
        server.add_tenant([{"created_at": "soon"}])


def test_insert__refuses_what_is_not_a_row(server: sandbox.Sandbox) -> None:
    with pytest.raises(sandbox.SandboxTypeError, match="must be a DataFrame or mappings, not str"):
        server.add_tenant(["text"])
