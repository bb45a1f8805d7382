"""Each endpoint and parameter of the vendor's reference, sent as its examples are, without the
client."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import requests

import opp_analytics as oa
from tests.support import row

DEAL = {
    "unique_id": "opp-uuid-123",
    "name": "Enterprise Software License",
    "account_id": "account-uuid-456",
    "value": 120_000,
    "stage": "proposal",
    "close_date": "2026-06-30",
    "probability": 60,
    "status": "active",
}
NEW = {name: DEAL[name] for name in ("name", "account_id", "value", "close_date")} | {
    "stage": "discovery",
    "probability": 30,
}
ATTRIBUTES = {*DEAL, "created_at", "updated_at"}


@pytest.fixture
def api(shared_sandbox: oa.sandbox.Sandbox) -> Any:
    """Sends a request to a tenant that holds the reference's deal and 23 others."""
    deals = pd.DataFrame([row(0) | DEAL, *(row(number) for number in range(1, 24))])
    token, key = shared_sandbox.add_tenant(deals)
    headers = {"Authorization": f"Bearer {token}", "AppId": key, "Content-Type": "application/json"}

    def send(method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(
            method, shared_sandbox.url + path, headers=headers, timeout=30, **options
        )

    return send


def test_list__has_pages_of_records(api):
    first = api("GET", "/opportunities/", params={"page": 1, "records": 20}).json()
    second = api("GET", "/opportunities/", params={"page": 2, "records": 20}).json()
    assert (len(first["data"]), len(second["data"])) == (20, 4)
    assert {name: first["meta"][name] for name in ("totalPages", "totalRecords")} == {
        "totalPages": 2,
        "totalRecords": 24,
    }
    assert len(api("GET", "/opportunities/").json()["data"]) == 15


def test_get__has_every_attribute_of_the_model(api):
    answer = api("GET", "/opportunities/opp-uuid-123")
    deal = answer.json()["data"]
    assert (answer.status_code, deal["id"], deal["type"]) == (200, "opp-uuid-123", "opportunity")
    assert set(deal["attributes"]) >= ATTRIBUTES
    assert {name: deal["attributes"][name] for name in DEAL} == DEAL


def test_create__takes_every_parameter_and_needs_the_name(api):
    made = api("POST", "/opportunities/", json={"opportunity": NEW})
    assert made.status_code == 201
    assert {name: made.json()["data"]["attributes"][name] for name in NEW} == NEW
    assert api("POST", "/opportunities/", json={"opportunity": {"name": "Bare"}}).status_code == 201
    refused = api("POST", "/opportunities/", json={"opportunity": {"value": 1}})
    assert refused.status_code == 422
    assert {"status", "code", "title", "detail"} <= set(refused.json()["errors"][0])


@pytest.mark.parametrize(
    ("name", "values", "wrong"),
    [
        (
            "stage",
            ["discovery", "qualification", "proposal", "negotiation", "closed_won", "closed_lost"],
            "Proposel",
        ),
        ("status", ["active", "inactive", "won", "lost"], "paused"),
        ("probability", [0, 100], 101),
        ("close_date", ["2026-06-30"], "2026-02-30"),
        ("value", [0, 135_000.5], "much"),
    ],
)
def test_update__takes_the_values_of_the_model_and_no_others(api, name, values, wrong):
    for value in values:
        changed = api("PUT", "/opportunities/opp-uuid-123/", json={"opportunity": {name: value}})
        assert (changed.status_code, changed.json()["data"]["attributes"][name]) == (200, value)
    assert (
        api("PUT", "/opportunities/opp-uuid-123/", json={"opportunity": {name: wrong}}).status_code
        == 422
    )


def test_update__answers_with_what_changed(api):
    changes = {"stage": "negotiation", "probability": 80, "value": 135_000}
    changed = api("PUT", "/opportunities/opp-uuid-123/", json={"opportunity": changes}).json()[
        "data"
    ]["attributes"]
    assert {name: changed[name] for name in changes} == changes
    assert "updated_at" in changed


def test_delete__has_no_content(api):
    gone = api("DELETE", "/opportunities/opp-uuid-123/")
    assert (gone.status_code, gone.content) == (204, b"")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_id__is_a_404_in_the_form_of_the_reference(api, method):
    body = {"opportunity": {"stage": "proposal"}} if method == "PUT" else None
    answer = api(method, "/opportunities/nobody", json=body)
    (problem,) = answer.json()["errors"]
    assert (answer.status_code, problem["status"], problem["code"]) == (404, "404", "not_found")
    assert {"title", "detail"} <= set(problem)
