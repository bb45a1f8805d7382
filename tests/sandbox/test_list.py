"""Listing: paging, sort, filters, search, both slash forms, validators."""

from typing import Any

import pytest

from tests.sandbox.conftest import Caller


def test_list__has_the_shape_of_the_reference(api: Caller) -> None:
    answer = api("GET", "/opportunities/", params={"page": 1, "records": 2})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/vnd.api+json"
    body = answer.json()
    assert body["meta"] == {
        "totalPages": 3, "totalRecords": 5, "total_pages": 3, "total_count": 5, "current_page": 1, "per_page": 2,
    }  # fmt: skip
    first = body["data"][0]
    assert (first["id"], first["type"]) == ("opp-01", "opportunity")
    assert list(first["attributes"])[:10] == [
        "unique_id", "name", "account_id", "value", "stage", "close_date", "probability", "status", "created_at",
        "updated_at",
    ]  # fmt: skip
    assert first["attributes"]["owner_name"] == "Ann"
    assert first["attributes"]["close_date"] is None


@pytest.mark.parametrize("path", ["/opportunities", "/opportunities/trash/show", "/opportunities/opp-01"])
def test_routes__answer_with_and_without_slash(api: Caller, path: str) -> None:
    plain, slashed = api("GET", path), api("GET", path + "/")
    assert (plain.status_code, slashed.status_code) == (200, 200)
    assert plain.content == slashed.content


def test_list__pages_hold_every_row_once(api: Caller) -> None:
    pages = [api.ids(page=page, records=2) for page in (1, 2, 3, 4)]
    assert pages == [["opp-01", "opp-02"], ["opp-03", "opp-04"], ["opp-05"], []]


def test_list__gives_15_by_default_and_1000_at_most(server: Any, connect: Any) -> None:
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


def test_list__sorts_by_an_attribute_that_only_this_tenant_has(api: Caller) -> None:
    api.update("opp-04", region="east")
    assert api.ids(sort="-region")[0] == "opp-04"


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
