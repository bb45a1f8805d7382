"""Everything that can be made to go wrong."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from opp_analytics import sandbox
from tests.sandbox.conftest import Caller


@pytest.fixture
def faults(server: sandbox.Sandbox) -> Iterator[sandbox.FaultSettings]:
    """The server's faults, switched off again afterwards."""
    yield server.faults
    server.faults.reset()


def test_error_rate__answers_500_before_any_write(faults: Any, api: Caller) -> None:
    faults.error_rate = 1
    answers = [api("GET", "/opportunities"), api.create(name="never"), api("DELETE", "/opportunities/opp-01")]
    assert [answer.status_code for answer in answers] == [500] * 3
    assert answers[0].json()["errors"][0]["code"] == "internal_error"
    faults.reset()
    assert api.ids(sort="unique_id") == [f"opp-0{number}" for number in range(1, 6)]


def test_error_rate__hits_a_part_of_the_requests(faults: Any, api: Caller) -> None:
    faults.error_rate = 0.5
    codes = [api("GET", "/opportunities/opp-01").status_code for _ in range(60)]
    assert set(codes) == {200, 500}


def test_rate_limit__answers_429_with_the_time_to_wait(faults: Any, api: Caller) -> None:
    faults.rate_limit = 0.01
    assert api("GET", "/opportunities").status_code == 200
    refused = api("GET", "/opportunities")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 100
    assert refused.json()["errors"][0]["code"] == "rate_limited"


def test_rate_limit__lets_a_second_of_requests_pass_at_once(faults: Any, api: Caller) -> None:
    faults.rate_limit = 1000
    assert {api("GET", "/opportunities/opp-01").status_code for _ in range(20)} == {200}


def test_cut_rate__drops_the_connection_before_anything_is_done(faults: Any, api: Caller) -> None:
    faults.cut_rate = 1
    with pytest.raises(requests.ConnectionError):
        api.create(name="never")
    with pytest.raises(requests.ConnectionError):
        api("GET", "/opportunities")
    faults.reset()
    assert len(api.ids()) == 5


def test_lose_answer_rate__does_the_write_and_drops_the_answer(faults: Any, api: Caller) -> None:
    faults.lose_answer_rate = 1
    with pytest.raises(requests.ConnectionError):
        api.create(name="Silent")
    with pytest.raises(requests.ConnectionError):
        api.update("opp-01", name="Renamed")
    with pytest.raises(requests.ConnectionError):
        api("DELETE", "/opportunities/opp-02")
    # A read has no answer to lose that matters: it is answered.
    assert api.get("opp-01")["name"] == "Renamed"
    assert len(api.ids(search="silent")) == 1
    assert api.trash() == ["opp-02"]


def test_latency__keeps_nobody_else_waiting() -> None:
    with sandbox.start(opportunities=[]) as server:
        server.faults.latency = 3_000
        caller = Caller(server.url, server.token, server.api_key)
        seen: list[type[Exception]] = []

        def ask() -> None:
            try:
                caller("GET", "/opportunities")
            except requests.RequestException as error:
                seen.append(type(error))

        waiting = threading.Thread(target=ask)
        waiting.start()
        while server.requests == 0:
            pass
        server.faults.reset()
        other = Caller(server.url, server.token, server.api_key)
        assert other("GET", "/opportunities").status_code == 200
        assert waiting.is_alive()
        server.stop()
        waiting.join()
        assert seen == [requests.ConnectionError]
        caller.session.close()
        other.session.close()


def test_faults__are_set_together_and_reset(faults: Any) -> None:
    faults.set(latency=0.25, cut_rate=0.5)
    assert (faults.latency, faults.cut_rate, faults.error_rate) == (0.25, 0.5, 0)
    assert repr(faults).startswith("FaultSettings(latency=0.25, ")
    faults.cut_rate = None
    assert faults.cut_rate == 0
    faults.reset()
    assert set(faults.as_dict().values()) == {0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"error_rate": 1.5}, "error_rate must be a number between 0 and 1"),
        ({"latency": -1}, "latency must be a number 0 or more"),
        ({"latency": "slow"}, "latency must be a number"),
        ({"cut_rate": True}, "cut_rate must be a number"),
        ({"jitter": 1}, "no fault is called 'jitter'"),
    ],
)
def test_faults__refuse_what_is_not_possible(faults: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        faults.set(rate_limit=5, **settings)
    assert faults.rate_limit == 0


def test_faults__refuse_a_misspelt_name(faults: Any) -> None:
    with pytest.raises(AttributeError, match="no fault is called 'latencey'"):
        faults.latencey = 1


def test_requests__counts_api_requests_only(server: sandbox.Sandbox, faults: Any, api: Caller) -> None:
    before = server.requests
    api("GET", "/opportunities")
    api("GET", "/nowhere")
    faults.error_rate = 1
    api("GET", "/opportunities")
    _ = server.now, server.faults.latency
    assert server.requests == before + 3


def test_control__is_closed_to_everybody_else(
    server: sandbox.Sandbox, api: Caller, connect: Callable[..., Caller]
) -> None:
    for key in (None, "", server.token):
        assert api("POST", "/-/sandbox/state", headers={"X-Sandbox-Key": key}).status_code == 401
