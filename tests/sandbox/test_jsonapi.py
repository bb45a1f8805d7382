"""What the API refuses, and how it says so."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import requests

from opp_analytics import sandbox
from opp_analytics.sandbox.jsonapi import normalize
from tests.sandbox.callers import Caller


def _error(answer: requests.Response) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/vnd.api+json"
    errors = answer.json()["errors"]
    assert all(error["status"] == str(answer.status_code) for error in errors)
    assert all(error["code"] and error["title"] and error["detail"] for error in errors)
    return dict(errors[0])


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({"Authorization": None}, "Send the header"),
        ({"Authorization": "Basic x"}, "Send the header"),
        ({"Authorization": "Bearer wrong"}, "is unknown"),
        ({"AppId": None}, "does not fit"),
        ({"AppId": "wrong"}, "does not fit"),
        ({"X-API-KEY": "wrong"}, "does not fit"),
    ],
)
def test_credentials__are_refused_with_401(
    api: Caller, headers: dict[str, str], detail: str
) -> None:
    answer = api("GET", "/opportunities", headers=headers)
    assert answer.status_code == 401
    assert detail in _error(answer)["detail"]


def test_key__is_taken_by_its_newer_name_alone(api: Caller) -> None:
    renamed = {"AppId": None, "X-API-KEY": api.session.headers["AppId"]}
    assert api("GET", "/opportunities", headers=renamed).status_code == 200


def test_credentials__of_two_tenants_do_not_mix(server: sandbox.Sandbox, api: Caller) -> None:
    assert api("GET", "/opportunities", headers={"AppId": server.api_key}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/opportunities/none"),
        ("PUT", "/opportunities/none/recover"),
        ("GET", "/"),
        ("GET", "/opportunities/a/b"),
    ],
)
def test_unknown__is_404(api: Caller, method: str, path: str) -> None:
    answer = api(method, path, json={"opportunity": {"name": "x"}})
    assert (answer.status_code, _error(answer)["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/opportunities", {"GET", "HEAD", "POST"}),
        ("PATCH", "/opportunities/opp-01/", {"DELETE", "GET", "HEAD", "PUT"}),
        ("POST", "/opportunities/trash/show", {"GET", "HEAD"}),
        ("GET", "/opportunities/opp-01/recover", {"PUT"}),
    ],
)
def test_wrong_method__is_405_and_names_the_right_ones(
    api: Caller, method: str, path: str, allowed: set[str]
) -> None:
    answer = api(method, path)
    assert (answer.status_code, _error(answer)["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_create__lists_every_problem_with_its_pointer(api: Caller) -> None:
    answer = api.create(
        name="  ",
        account_id=7,
        value="many",
        stage="won!!",
        status="odd",
        close_date="2026-02-30",
        probability=140,
        unique_id="mine",
        created_at="2026-01-01T00:00:00Z",
    )
    assert answer.status_code == 422
    _error(answer)
    pointers = {
        error["source"]["pointer"].removeprefix("/opportunity/")
        for error in answer.json()["errors"]
    }
    assert pointers == {
        "name",
        "account_id",
        "value",
        "stage",
        "status",
        "close_date",
        "probability",
        "unique_id",
        "created_at",
    }


def test_update__with_a_problem_changes_nothing(api: Caller) -> None:
    before = api.get("opp-01")
    assert api.update("opp-01", name="Fine", probability=101).status_code == 422
    assert api.get("opp-01") == before


def test_pointer__is_escaped(api: Caller) -> None:
    answer = api("POST", "/opportunities", json=[])
    assert (answer.status_code, _error(answer)["source"]) == (422, {"pointer": "/opportunity"})


DECOMPOSED, COMPOSED = "Cafe\u0301", "Caf\u00e9"


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        ("value", Decimal("10.005"), Decimal("10.01")),
        ("value", Decimal("-10.005"), Decimal("-10.01")),
        ("value", 7, 7),
        ("value", None, None),
        ("name", f"  {DECOMPOSED}\t north\u00a0 ", f"{COMPOSED} north"),
        ("notes", "two\n lines", "two lines"),
        ("tags", [" a "], [" a "]),
    ],
)
def test_normalize__rounds_trims_folds_and_composes(name: str, sent: Any, kept: Any) -> None:
    assert normalize({name: sent}) == {name: kept}


def test_fault__holds_for_create_and_update(faults: sandbox.FaultSettings, api: Caller) -> None:
    faults.normalize = True
    made = api.create(name=f" {DECOMPOSED}  bar ", value=1.239, stage="closed_won").json()["data"]
    stored = api.get(made["id"])
    assert (stored["name"], stored["value"], stored["status"]) == (f"{COMPOSED} bar", 1.24, "won")
    assert made["attributes"]["name"] == stored["name"]
    answer = api.update("opp-01", value=2.001, stage=" ", owner_name=" Ann  B ")
    assert answer.json()["data"]["attributes"].items() >= {"value": 2, "stage": "discovery"}.items()
    assert api.get("opp-01")["owner_name"] == "Ann B"
    assert api.create(name=" ").status_code == 422
    faults.reset()
    assert api.create(name=" kept ").json()["data"]["attributes"]["name"] == " kept "
