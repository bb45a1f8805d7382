"""Everything that can be made to go wrong."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from opp_analytics import sandbox
from tests.sandbox.callers import Caller


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


def test_clock_skew__stamps_every_second_write_by_another_clock(faults: Any, api: Caller) -> None:
    faults.clock_skew = -86_400
    made = [datetime.fromisoformat(_created_at(api, f"n{number}")) for number in range(4)]
    assert abs(made[0] - made[1]) > timedelta(hours=23)
    assert abs(made[0] - made[2]) < timedelta(hours=1)
    assert abs(made[1] - made[3]) < timedelta(hours=1)


def test_late_stamps__are_older_than_the_commit(server: sandbox.Sandbox, faults: Any, api: Caller) -> None:
    faults.late_stamps = 600
    before = server.now
    api.update("opp-01", name="Stamped early")
    stamp = datetime.fromisoformat(api.get("opp-01")["updated_at"])
    assert before - timedelta(seconds=601) < stamp < server.now - timedelta(seconds=600)
    assert datetime.fromisoformat(_created_at(api, "New")) < server.now - timedelta(seconds=600)


def _created_at(api: Caller, name: str) -> str:
    return str(api.create(name=name).json()["data"]["attributes"]["created_at"])
