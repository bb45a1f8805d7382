"""What happens to requests on their way: counted, awaited, slowed down, committed late."""

import threading
import time
from collections.abc import Callable

import pytest
import requests

from opp_analytics import sandbox
from tests.sandbox.callers import Caller


def test_requests__counts_api_requests_only(
    server: sandbox.Sandbox, faults: sandbox.FaultSettings, api: Caller
) -> None:
    before = server.requests
    api("GET", "/opportunities")
    api("GET", "/nowhere")
    faults.error_rate = 1
    api("GET", "/opportunities")
    _ = server.now, server.faults.latency
    assert server.requests == before + 3


def test_wait_for_requests__returns_when_they_have_come(server: sandbox.Sandbox, api: Caller) -> None:
    before = server.requests
    asking = threading.Thread(target=lambda: [api("GET", "/nowhere") for _ in range(3)])
    asking.start()
    assert server.wait_for_requests(before + 3) >= before + 3
    asking.join()
    with pytest.raises(sandbox.SandboxError, match=r"only .* requests arrived within 0 s"):
        server.wait_for_requests(before + 4, timeout=0)


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
        server.wait_for_requests(1)
        server.faults.reset()
        other = Caller(server.url, server.token, server.api_key)
        assert other("GET", "/opportunities").status_code == 200
        assert waiting.is_alive()
        server.stop()
        waiting.join()
        assert seen == [requests.ConnectionError]
        caller.session.close()
        other.session.close()


def _wait_for(find: Callable[[], list[str]]) -> list[str]:
    """What `find` finds, as soon as it finds something."""
    until = time.monotonic() + 60
    while not (found := find()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def test_commit_delay__commits_after_the_client_gave_up(faults: sandbox.FaultSettings, api: Caller) -> None:
    faults.commit_delay = 3_600
    with pytest.raises(requests.ReadTimeout):
        api("POST", "/opportunities", json={"opportunity": {"name": "Late"}}, timeout=0.1)
    with pytest.raises(requests.ReadTimeout):
        api("DELETE", "/opportunities/opp-02", timeout=0.1)
    assert (api.ids(search="late"), api.trash()) == ([], [])
    faults.reset()
    assert len(_wait_for(lambda: api.ids(search="late"))) == 1
    assert _wait_for(api.trash) == ["opp-02"]


def test_commit_delay__answers_a_client_that_waits(faults: sandbox.FaultSettings, api: Caller) -> None:
    faults.commit_delay = 0.2
    began = time.monotonic()
    made = api.create(name="Patient").json()["data"]["attributes"]
    assert time.monotonic() - began >= 0.2
    assert api.get(made["unique_id"])["name"] == "Patient"


def test_commit_delay__commits_after_the_answer_was_lost(faults: sandbox.FaultSettings, api: Caller) -> None:
    faults.set(commit_delay=3_600, lose_answer_rate=1)
    with pytest.raises(requests.ConnectionError):
        api.create(name="Lost and late")
    assert api.ids(search="lost and") == []
    faults.reset()
    assert len(_wait_for(lambda: api.ids(search="lost and"))) == 1


def test_drip__slows_the_body_and_keeps_its_bytes(faults: sandbox.FaultSettings, api: Caller) -> None:
    whole = api("GET", "/opportunities/opp-01").content
    faults.drip = 4 * len(whole)
    began = time.monotonic()
    assert api("GET", "/opportunities/opp-01").content == whole
    assert time.monotonic() - began >= 0.2


def test_drip__of_a_byte_a_second_ends_with_the_client(
    server: sandbox.Sandbox, faults: sandbox.FaultSettings, api: Caller, connect: Callable[..., Caller]
) -> None:
    faults.drip = 1
    answer = api("GET", "/opportunities", stream=True)
    assert answer.status_code == 200
    answer.close()
    faults.reset()
    assert api("GET", "/opportunities").json()["meta"]["totalRecords"] == 5


def test_expire_token__answers_401_from_then_on(
    server: sandbox.Sandbox, faults: sandbox.FaultSettings, connect: Callable[..., Caller]
) -> None:
    token, api_key = server.add_tenant()
    old = connect(server.url, token, api_key)
    assert old("GET", "/opportunities").status_code == 200
    own = server.token
    renewed = connect(server.url, faults.expire_token(token), api_key)
    assert old("GET", "/opportunities").status_code == 401
    assert renewed("GET", "/opportunities").status_code == 200
    assert server.token == own
