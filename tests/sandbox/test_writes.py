"""Create, get, update, delete, trash and recover."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.sandbox.conftest import Caller


def test_create__answers_as_the_reference_does(api: Caller) -> None:
    answer = api(
        "POST", "/opportunities/", json={"opportunity": {"name": "New", "value": 120000, "stage": "proposal"}}
    )
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert list(data["attributes"]) == [
        "unique_id", "name", "account_id", "value", "stage", "close_date", "probability", "status", "created_at",
    ]  # fmt: skip
    assert data["attributes"]["status"] == "active"
    stored = api.get(data["id"])
    assert stored["updated_at"] == stored["created_at"] == data["attributes"]["created_at"]


def test_create__fills_in_stage_and_status(api: Caller) -> None:
    attributes = api.create(name="Bare").json()["data"]["attributes"]
    assert (attributes["stage"], attributes["status"]) == ("discovery", "active")


def test_get__names_the_account_as_a_relationship(api: Caller) -> None:
    data = api("GET", "/opportunities/opp-01").json()["data"]
    assert data["relationships"] == {"account": {"data": {"id": "acme", "type": "account"}}}
    assert "relationships" not in api("GET", "/opportunities").json()["data"][0]
    bare = api.create(name="No account").json()["data"]["id"]
    assert api("GET", f"/opportunities/{bare}").json()["data"]["relationships"] == {"account": {"data": None}}


def test_update__answers_with_the_changes_only(api: Caller) -> None:
    before = api.get("opp-01")
    answer = api(
        "PUT", "/opportunities/opp-01/", json={"opportunity": {"stage": "negotiation", "probability": 80}}
    )
    attributes = answer.json()["data"]["attributes"]
    assert attributes == {
        "unique_id": "opp-01", "stage": "negotiation", "probability": 80, "updated_at": attributes["updated_at"],
    }  # fmt: skip
    assert api.get("opp-01") == before | attributes


def test_update__takes_a_record_as_it_was_read(api: Caller) -> None:
    record = api.get("opp-02")
    assert api.update("opp-02", **record).status_code == 200
    assert api.get("opp-02") == record | {"updated_at": api.get("opp-02")["updated_at"]}


def test_update__clears_what_is_null(api: Caller) -> None:
    assert (
        api.update("opp-01", value=None, account_id=None, close_date=None, probability=None).status_code
        == 200
    )
    assert api.get("opp-01")["value"] is None


def test_writes__stamp_strictly_later_each(api: Caller) -> None:
    stamps = []
    for _ in range(20):
        stamps.append(api.update("opp-01", name="x").json()["data"]["attributes"]["updated_at"])
        stamps.append(api.update("opp-02", name="y").json()["data"]["attributes"]["updated_at"])
    assert stamps == sorted(set(stamps))
    assert all(datetime.fromisoformat(stamp).tzinfo for stamp in stamps)


@pytest.mark.parametrize("sent", ["0.1", "12345678901234.56", "120000", "-250.125", "1E+3", '"120000.0"'])
def test_create__keeps_money_exactly(api: Caller, sent: str) -> None:
    made = api("POST", "/opportunities", data=f'{{"opportunity": {{"name": "m", "value": {sent}}}}}')
    raw = api("GET", f"/opportunities/{made.json()['data']['id']}").content
    decoder = msgspec.json.Decoder(float_hook=Decimal)
    assert decoder.decode(raw)["data"]["attributes"]["value"] == Decimal(sent.strip('"'))


def test_create__keeps_attributes_that_the_reference_does_not_know(api: Caller) -> None:
    further: dict[str, Any] = {
        "tags": ["a", "b"],
        "payload": {"deep": [1, None, {"x": 1.5}]},
        "notes": "é",
        "enabled": True,
    }
    unique_id = api.create(name="Rich", **further).json()["data"]["id"]
    assert further.items() <= api.get(unique_id).items()
    assert api.update(unique_id, payload=None, region="east").status_code == 200
    assert api.get(unique_id)["payload"] is None
    assert api.get(unique_id)["region"] == "east"


def test_create__treats_both_names_of_the_account_as_one(api: Caller) -> None:
    unique_id = api.create(name="Vendor", account_unique_id="acme").json()["data"]["id"]
    assert api.get(unique_id)["account_id"] == "acme"
    assert unique_id in api.ids(account_unique_id="acme")
    api.update(unique_id, account_id="bolt")
    assert api.get(unique_id)["account_unique_id"] == "bolt"


@pytest.mark.parametrize("slash", ["", "/"])
def test_delete__moves_to_the_trash_and_recover_back(api: Caller, slash: str) -> None:
    before = api.get("opp-03")
    deleted = api("DELETE", f"/opportunities/opp-03{slash}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert api("GET", "/opportunities/opp-03").status_code == 404
    assert api.update("opp-03", name="x").status_code == 404
    assert api("DELETE", "/opportunities/opp-03").status_code == 404
    assert "opp-03" not in api.ids()
    assert api.trash() == ["opp-03"]
    recovered = api("PUT", f"/opportunities/opp-03/recover{slash}", json={})
    assert recovered.status_code == 200
    after = recovered.json()["data"]["attributes"]
    assert after == before | {"updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert "opp-03" in api.ids()
    assert api.trash() == []


def test_recover__leaves_what_is_not_deleted_as_it_is(api: Caller) -> None:
    before = api.get("opp-01")
    answer = api("PUT", "/opportunities/opp-01/recover", json={})
    assert (answer.status_code, answer.json()["data"]["attributes"]) == (200, before)


def test_trash__is_paged_and_sorted_like_a_list(api: Caller) -> None:
    for number in (4, 1, 2):
        api("DELETE", f"/opportunities/opp-0{number}")
    answer = api("GET", "/opportunities/trash/show", params={"records": 2, "sort": "-updated_at"}).json()
    assert [row["id"] for row in answer["data"]] == ["opp-02", "opp-01"]
    assert (answer["meta"]["totalRecords"], answer["meta"]["totalPages"]) == (3, 2)
