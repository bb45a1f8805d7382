"""Everything that can be made to go wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from opp_analytics import sandbox
from tests.sandbox.callers import Caller


def test_error_rate__answers_500_before_any_write(faults: Any, api: Caller) -> None:
    faults.error_rate = 1
    answers = [
        api("GET", "/opportunities"),
        api.create(name="never"),
        api("DELETE", "/opportunities/opp-01"),
    ]
    assert [answer.status_code for answer in answers] == [500] * 3
    assert answers[0].json()["errors"][0]["code"] == "internal_error"
    faults.reset()
    assert api.ids(sort="unique_id") == [f"opp-0{number}" for number in range(1, 6)]


def test_rate_limit__answers_429_with_the_time_to_wait(faults: Any, api: Caller) -> None:
    faults.rate_limit = 0.01
    assert api("GET", "/opportunities").status_code == 200
    refused = api("GET", "/opportunities")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 100
    assert refused.json()["errors"][0]["code"] == "rate_limited"


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


def test_clock_skew__stamps_every_second_write_by_another_clock(faults: Any, api: Caller) -> None:
    faults.clock_skew = -86_400
    made = [datetime.fromisoformat(_created_at(api, f"n{number}")) for number in range(4)]
    assert abs(made[0] - made[1]) > timedelta(hours=23)
    assert abs(made[0] - made[2]) < timedelta(hours=1)
    assert abs(made[1] - made[3]) < timedelta(hours=1)


def test_date__is_told_by_the_sandbox_s_own_clock(server: sandbox.Sandbox, api: Caller) -> None:
    for answer in (api("GET", "/opportunities"), api.create(name="new"), api.get_answer("none")):
        told = parsedate_to_datetime(answer.headers["Date"])
        assert abs(server.now - told) < timedelta(seconds=5)
        assert abs(datetime.now(UTC) - told) > timedelta(days=1)


def test_replica_lag__lets_every_read_be_behind_the_writes(faults: Any, api: Caller) -> None:
    faults.replica_lag = 3_600
    made = api.create(name="new").json()["data"]["id"]
    assert api.update("opp-01", name="Renamed").json()["data"]["attributes"]["name"] == "Renamed"
    api("DELETE", "/opportunities/opp-02")
    assert api.get_answer(made).status_code == 404
    assert api.get("opp-01")["name"] == "Ärzte portal"
    assert (len(api.ids()), api.trash()) == (5, [])
    # The writes themselves know better.
    assert api.update(made, name="newer").status_code == 200
    assert api("DELETE", "/opportunities/opp-02").status_code == 404
    faults.replica_lag = 0.01
    time.sleep(0.02)
    assert api.get(made)["name"] == "newer"
    assert (len(api.ids()), api.trash()) == (5, ["opp-02"])
    faults.reset()
    assert api.get("opp-01")["name"] == "Renamed"


def test_late_stamps__are_older_than_the_commit(
    server: sandbox.Sandbox, faults: Any, api: Caller
) -> None:
    faults.late_stamps = 600
    before = server.now
    api.update("opp-01", name="Stamped early")
    stamp = datetime.fromisoformat(api.get("opp-01")["updated_at"])
    assert before - timedelta(seconds=601) < stamp < server.now - timedelta(seconds=600)
    assert datetime.fromisoformat(_created_at(api, "New")) < server.now - timedelta(seconds=600)


def _created_at(api: Caller, name: str) -> str:
    return str(api.create(name=name).json()["data"]["attributes"]["created_at"])


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


@pytest.mark.slow
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
        while not server.requests:
            time.sleep(0.01)
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


def test_commit_delay__commits_after_the_client_gave_up(
    faults: sandbox.FaultSettings, api: Caller
) -> None:
    faults.commit_delay = 3_600
    with pytest.raises(requests.ReadTimeout):
        api("POST", "/opportunities", json={"opportunity": {"name": "Late"}}, timeout=0.1)
    with pytest.raises(requests.ReadTimeout):
        api("DELETE", "/opportunities/opp-02", timeout=0.1)
    assert (api.ids(search="late"), api.trash()) == ([], [])
    faults.reset()
    assert len(_wait_for(lambda: api.ids(search="late"))) == 1
    assert _wait_for(api.trash) == ["opp-02"]


def test_commit_delay__commits_after_the_answer_was_lost(
    faults: sandbox.FaultSettings, api: Caller
) -> None:
    faults.set(commit_delay=3_600, lose_answer_rate=1)
    with pytest.raises(requests.ConnectionError):
        api.create(name="Lost and late")
    assert api.ids(search="lost and") == []
    faults.reset()
    assert len(_wait_for(lambda: api.ids(search="lost and"))) == 1
