"""A server that stores something other than it was sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from opp_analytics import sandbox
from opp_analytics.sandbox.team import TenantStages
from opp_analytics.sandbox.validation import fill_defaults, normalize
from tests.sandbox.callers import Caller

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


@pytest.mark.parametrize(
    ("sent", "is_new", "kept"),
    [
        ({}, True, {"stage": "discovery", "status": "active"}),
        ({"stage": "closed_lost"}, True, {"stage": "closed_lost", "status": "lost"}),
        ({"stage": None, "status": " "}, True, {"stage": "discovery", "status": "active"}),
        ({"stage": "proposal"}, False, {"stage": "proposal"}),
        ({"status": ""}, False, {"status": "active"}),
    ],
)
def test_fill_defaults__fills_what_was_not_sent(
    sent: dict[str, Any], is_new: bool, kept: dict[str, Any]
) -> None:
    assert fill_defaults(sent, TenantStages(), is_new=is_new) == kept


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
