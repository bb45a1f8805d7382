"""The API: listing with pages, sort, filters, search and validators; create, get, update, delete,
recover."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from opp_analytics import sandbox
from tests.sandbox.callers import ROWS, Caller


def test_list__has_the_shape_of_the_reference(api: Caller) -> None:
    answer = api("GET", "/opportunities/", params={"page": 1, "records": 2})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/vnd.api+json"
    body = answer.json()
    assert body["meta"] == {
        "totalPages": 3,
        "totalRecords": 5,
        "total_pages": 3,
        "total_count": 5,
        "current_page": 1,
        "per_page": 2,
    }
    first = body["data"][0]
    assert (first["id"], first["type"]) == ("opp-01", "opportunity")
    assert list(first["attributes"])[:10] == [
        "unique_id",
        "name",
        "account_id",
        "value",
        "stage",
        "close_date",
        "probability",
        "status",
        "created_at",
        "updated_at",
    ]
    assert first["attributes"]["owner_name"] == "Ann"
    assert first["attributes"]["close_date"] is None


@pytest.mark.parametrize(
    "path", ["/opportunities", "/opportunities/trash/show", "/opportunities/opp-01"]
)
def test_routes__answer_with_and_without_slash(api: Caller, path: str) -> None:
    plain, slashed = api("GET", path), api("GET", path + "/")
    assert (plain.status_code, slashed.status_code) == (200, 200)
    assert plain.content == slashed.content


def test_list__pages_hold_every_row_once(api: Caller) -> None:
    pages = [api.ids(page=page, records=2) for page in (1, 2, 3, 4)]
    assert pages == [["opp-01", "opp-02"], ["opp-03", "opp-04"], ["opp-05"], []]


def test_list__gives_15_by_default_and_1000_at_most(
    server: sandbox.Sandbox, connect: Callable[..., Caller]
) -> None:
    many = connect(server.url, *server.add_tenant([{"name": f"n{i}"} for i in range(1001)]))
    assert len(many.ids()) == 15
    assert len(many.ids(records=5000)) == 1000
    assert many("GET", "/opportunities?records=5000").json()["meta"]["per_page"] == 1000


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("created_at", "12345"),
        ("-created_at", "54321"),
        ("-updated_at", "54321"),
        ("unique_id", "12345"),
        ("-unique_id", "54321"),
        ("value", "35214"),  # a missing value comes first, ties go by unique_id
        ("-value", "14253"),
        ("owner_name", "13524"),
        ("-stage", "21534"),
        ("notes", "12345"),  # known to the API, carried by no row
    ],
)
def test_list__sorts_by_any_attribute(api: Caller, sort: str, expected: str) -> None:
    assert api.ids(sort=sort) == [f"opp-0{number}" for number in expected]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"status": "won"}, "3"),
        ({"stage": "discovery"}, "15"),
        ({"account_id": "acme"}, "12"),
        ({"account_unique_id": "bolt"}, "34"),
        ({"owner_unique_id": "rep-Ben"}, "24"),
        ({"owner": "rep-Ann", "status": "active"}, "1"),
        ({"contact_unique_id": "nobody"}, ""),
        ({"status": ""}, "12345"),
        ({"search": "ÄRZTE"}, "1"),
        ({"search": "ben"}, "24"),
        ({"search": "0%"}, "5"),
        ({"search": "_"}, ""),
        ({"search": "bolt", "sort": "-created_at"}, "43"),
        ({"unheard_of": "x"}, "12345"),
    ],
)
def test_list__filters_and_searches(api: Caller, params: dict[str, str], expected: str) -> None:
    answer = api("GET", "/opportunities", params=params).json()
    assert [row["id"] for row in answer["data"]] == [f"opp-0{number}" for number in expected]
    assert answer["meta"]["totalRecords"] == len(expected)


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({"page": "0"}, "page"),
        ({"page": "two"}, "page"),
        ({"records": "-1"}, "records"),
        ({"records": "1e3"}, "records"),
        ({"sort": "no_such_thing"}, "sort"),
        ({"sort": '-x"y'}, "sort"),
    ],
)
def test_list__refuses_a_parameter_it_cannot_obey(
    api: Caller, params: dict[str, str], parameter: str
) -> None:
    answer = api("GET", "/opportunities", params=params)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["source"] == {"parameter": parameter}


def test_get__answers_304_until_something_changes(api: Caller) -> None:
    for path in ("/opportunities?records=2", "/opportunities/opp-01"):
        etag = api("GET", path).headers["ETag"]
        again = api("GET", path, headers={"If-None-Match": f'"other", W/{etag}'})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    api.update("opp-01", name="New name")
    for path in ("/opportunities?records=2", "/opportunities/opp-01"):
        assert api("GET", path, headers={"If-None-Match": etag}).status_code == 200


def test_create__answers_as_the_reference_does(api: Caller) -> None:
    answer = api(
        "POST",
        "/opportunities/",
        json={"opportunity": {"name": "New", "value": 120000, "stage": "proposal"}},
    )
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert list(data["attributes"]) == [
        "unique_id",
        "name",
        "account_id",
        "value",
        "stage",
        "close_date",
        "probability",
        "status",
        "created_at",
    ]
    assert data["attributes"]["status"] == "active"
    stored = api.get(data["id"])
    assert stored["updated_at"] == stored["created_at"] == data["attributes"]["created_at"]


def test_get__names_the_account_as_a_relationship(api: Caller) -> None:
    data = api("GET", "/opportunities/opp-01").json()["data"]
    assert data["relationships"] == {"account": {"data": {"id": "acme", "type": "account"}}}
    assert "relationships" not in api("GET", "/opportunities").json()["data"][0]
    bare = api.create(name="No account").json()["data"]["id"]
    assert api("GET", f"/opportunities/{bare}").json()["data"]["relationships"] == {
        "account": {"data": None}
    }


def test_update__answers_with_the_changes_only(api: Caller) -> None:
    before = api.get("opp-01")
    answer = api(
        "PUT",
        "/opportunities/opp-01/",
        json={"opportunity": {"stage": "negotiation", "probability": 80}},
    )
    attributes = answer.json()["data"]["attributes"]
    assert attributes == {
        "unique_id": "opp-01",
        "stage": "negotiation",
        "probability": 80,
        "updated_at": attributes["updated_at"],
    }
    assert api.get("opp-01") == before | attributes


def test_writes__stamp_strictly_later_each(api: Caller) -> None:
    stamps = []
    for _ in range(20):
        stamps.append(api.update("opp-01", name="x").json()["data"]["attributes"]["updated_at"])
        stamps.append(api.update("opp-02", name="y").json()["data"]["attributes"]["updated_at"])
    assert stamps == sorted(set(stamps))
    assert all(datetime.fromisoformat(stamp).tzinfo for stamp in stamps)


@pytest.mark.parametrize(
    "sent", ["0.1", "12345678901234.56", "120000", "-250.125", "1E+3", '"120000.0"']
)
def test_create__keeps_money_exactly(api: Caller, sent: str) -> None:
    made = api(
        "POST", "/opportunities", data=f'{{"opportunity": {{"name": "m", "value": {sent}}}}}'
    )
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


def test_trash__is_paged_and_sorted_like_a_list(api: Caller) -> None:
    for number in (4, 1, 2):
        api("DELETE", f"/opportunities/opp-0{number}")
    answer = api(
        "GET", "/opportunities/trash/show", params={"records": 2, "sort": "-updated_at"}
    ).json()
    assert [row["id"] for row in answer["data"]] == ["opp-02", "opp-01"]
    assert (answer["meta"]["totalRecords"], answer["meta"]["totalPages"]) == (3, 2)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 900_000, 422),
        (b'{"a":' * 150_000, 400),
        (b"\xff\xfe", 400),
        (b'{"opportunity": [1]}', 422),
        (b'{"opportunity": {"name": "a", "value": 1e999999999}}', 422),
        (b'{"opportunity": {"name": "a", "probability": 100.000001}}', 422),
        (b'{"opportunity": {"name": "a", "payload": {"deep": [-1e999999999]}}}', 422),
        (b'{"opportunity": {"name": "a", "budget": NaN}}', 400),
        (b'{"opportunity": {"name": "a", "probability": [1], "stage": {}, "close_date": 5}}', 422),
        (b" " * 5_000_000, 413),
    ],
)
def test_create__refuses_nonsense_and_bodies_that_are_too_large(
    api: Caller, body: bytes, status: int
) -> None:
    before = len(api.ids())
    answer = api("POST", "/opportunities", data=body)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["status"] == str(status)
    assert len(api.ids()) == before


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


def test_insert__keeps_a_frame_as_it_is(
    server: sandbox.Sandbox, connect: Callable[..., Caller]
) -> None:
    caller = connect(server.url, *server.add_tenant(FRAME))
    assert caller.get("a") == {
        "unique_id": "a",
        "name": "Alpha",
        "account_id": "acme",
        "value": 1200,
        "stage": "closed_won",
        "close_date": "2026-03-31",
        "probability": 100,
        "status": "won",
        "created_at": "2026-01-01T10:00:00.000001Z",
        "updated_at": "2026-01-03T00:00:00.000000Z",
        "owner_name": "Ann",
        "seats": 3,
    }
    dirty = caller.get("b")
    assert (dirty["name"], dirty["stage"], dirty["value"], dirty["status"]) == (
        None,
        "won!!",
        0.1,
        "active",
    )
    assert (dirty["close_date"], dirty["probability"], dirty["owner_name"]) == (None, None, None)
    assert dirty["created_at"] == "2026-01-02T10:00:00.000000Z"
    (generated,) = caller.ids(search="gamma")
    assert len(generated) == 36
    assert caller.get(generated)["probability"] == 140
    assert caller.get(generated)["created_at"].startswith("2026-03-02")


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        ([{"unique_id": "x"}] * 2, sandbox.SandboxValueError, "duplicate unique_id 'x'"),
        (
            [{"created_at": "soon"}],
            sandbox.SandboxValueError,
            "created_at='soon' is not a date and time",
        ),
        (["text"], sandbox.SandboxTypeError, "must be a DataFrame or mappings, not str"),
    ],
)
def test_insert__refuses_by_name(
    server: sandbox.Sandbox, rows: list[Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        server.add_tenant(rows)
