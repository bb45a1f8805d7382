from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opp_analytics.api import Client, Opportunity, to_wire
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, PlanError
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import Plan, apply, plan, resume
from tests.support import Answer, Asked, as_json, serving
from tests.writer.frames import edited

COLUMNS = ["unique_id", "operation", "field", "before", "after", "outcome", "error", "attempts"]


def outcomes(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(
        table[["unique_id", "field", "outcome"]].fillna("").itertuples(index=False, name=None)
    )


def test_apply__writes_each_change_once_with_a_receipt_row(
    client: Client, before: pd.DataFrame
) -> None:
    made = plan(before, edited(before))
    receipt = apply(made, client, allow_delete=True)
    assert list(receipt.table.columns[:8]) == COLUMNS
    assert len(receipt.table) == len(made.changes)
    assert receipt.complete
    assert (receipt.table["attempts"] == 1).all()
    held = client.get("o000")
    assert (held["stage"], held["probability"], held["value"]) == ("negotiation", 80, 1000)
    assert client.get("o001")["value"] == 1234.56
    created = receipt.table.loc[receipt.table["operation"] == "create", "unique_id"].unique()
    assert client.get(created[0])["close_date"] == "2026-12-01"
    assert [r["unique_id"] for r in client.list_deleted().rows] == ["o005"]


def test_apply__again_finds_everything_already_there(client: Client, before: pd.DataFrame) -> None:
    made = plan(before, edited(before))
    first = apply(made, client, allow_delete=True)
    again = apply(made, client, allow_delete=True)
    assert (again.table["outcome"] == "already").all()
    assert again.table["unique_id"].tolist() == first.table["unique_id"].tolist()
    assert client.list().total_records == 6


def test_apply__leaves_alone_what_somebody_else_changed(
    client: Client, before: pd.DataFrame
) -> None:
    made = plan(before, edited(before))
    client.update("o000", stage="discovery")
    client.update("o001", name="Renamed")
    client.update("o005", value=1)
    receipt = apply(made, client, allow_delete=True)
    assert set(outcomes(receipt.table)) >= {
        ("o000", "stage", "conflict"),
        ("o000", "probability", "skipped"),
        ("o001", "value", "applied"),
        ("o005", "", "conflict"),
    }
    assert client.get("o000")["probability"] == 40
    assert "discovery" in receipt.table.loc[receipt.table["outcome"] == "conflict", "error"].iloc[0]
    over = apply(made, client, allow_delete=True, on_conflict="overwrite")
    assert set(over.table["outcome"]) == {"applied", "already"}
    assert client.get("o000")["stage"] == "negotiation"


def test_apply__a_refusal_is_explained_and_stops_nothing(
    client: Client, before: pd.DataFrame
) -> None:
    after = before.astype({"value": "object"})
    after.loc[0, "value"] = 1e16
    after.loc[0, "name"] = "Too much"
    after.loc[1, "value"] = 7
    receipt = apply(plan(before, after), client)
    assert set(outcomes(receipt.table)) == {
        ("o000", "name", "failed"),
        ("o000", "value", "failed"),
        ("o001", "value", "applied"),
    }
    assert "10^15" in receipt.table.loc[receipt.table["field"] == "value", "error"].iloc[0]
    assert client.get("o000")["name"] == "Deal 0"


def test_apply__refuses_before_the_first_request(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    made = plan(before, edited(before))
    emptied = plan(before, before.assign(close_date=pd.NaT))  # type: ignore[arg-type]
    wrong = plan(before, before.assign(probability=140))
    asked = server.requests
    for refused in (made, emptied, wrong):
        with pytest.raises(PlanError):
            apply(refused, client)
    with pytest.raises(ArgumentValueError, match="on_conflict"):
        apply(made, client, allow_delete=True, on_conflict="merge")  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="plan is a DataFrame, not a Plan"):
        apply(before, client)  # type: ignore[arg-type]
    assert server.requests == asked


def test_apply__dry_run_sends_nothing(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    made = plan(before, edited(before))
    asked = server.requests
    receipt = apply(made, client, dry_run=True, allow_delete=True)
    assert (receipt.table["outcome"] == "pending").all()
    assert receipt.run_id is None
    assert server.requests == asked


def test_apply__refuses_the_plan_of_another_tenant(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    made = plan(before, before.assign(value=1.0), client=client)
    other = server.add_tenant(before)
    with (
        Client(server.url, other.token, other.api_key) as stranger,
        pytest.raises(PlanError, match="another tenant"),
    ):
        apply(made, stranger)


def test_apply__ends_when_the_token_expires(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    with Client(server.url, "expired", client.settings.api_key) as refused:
        receipt = apply(plan(before, before.assign(value=1.0)), refused)
    assert (receipt.table["outcome"] == "pending").all()
    assert "401" in str(receipt.stopped)


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("value", Decimal("12345678901234567.89"), "12345678901234567.89"),
        ("value", Decimal("0.10"), "0.1"),
        ("value", 0.1 + 0.2, "0.3"),  # a server takes six decimals
        ("value", np.int64(7), "7"),
        ("value", np.float32(2.5), "2.5"),
        ("value", "12000.5", "12000.5"),
        ("probability", np.int8(55), "55"),
        ("probability", 55.0, "55"),
        ("close_date", date(2026, 12, 31), '"2026-12-31"'),
        ("close_date", pd.Timestamp("2026-12-31"), '"2026-12-31"'),
        ("close_date", np.datetime64("2026-12-31"), '"2026-12-31"'),
        ("name", "Ünï \U0001f4b6", '"Ünï \U0001f4b6"'),
        ("notes", None, "null"),
    ],
)
def test_apply__sends_every_type_exactly(
    before: pd.DataFrame, field: str, value: Any, sent: str
) -> None:
    before = before.head(1).assign(notes="old")
    attributes = {k: to_wire(k, v) for k, v in before.to_dict("records")[0].items()}  # type: ignore[arg-type]

    def respond(asked: Asked) -> Answer:
        if asked.method == "PUT":
            attributes.update(json.loads(asked.body)["opportunity"])
        return as_json({"data": {"id": "o000", "type": "opportunity", "attributes": attributes}})

    after = before.assign(**{field: pd.Series([value], dtype="object")})
    with serving(respond) as server, Client(server.url, "token", "key") as client:
        assert apply(plan(before, after), client, clear_nulls=True).complete
        (put,) = [asked for asked in server.asked if asked.method == "PUT"]
    assert put.body.decode() == f'{{"opportunity":{{"{field}":{sent}}}}}'


def test_apply__refuses_a_plan_that_is_being_applied(client: Client, before: pd.DataFrame) -> None:
    made = plan(before, pd.concat([before, pd.DataFrame({"name": ["New"]})], ignore_index=True))
    refused: list[str] = []

    class Impatient(Client):
        def create(self, **fields: Any) -> Opportunity:
            for again in (lambda: apply(made, client), lambda: resume(client)):
                with pytest.raises(PlanError) as error:
                    again()
                refused.append(str(error.value))
            return super().create(**fields)

    settings = client.settings
    with Impatient(settings.url, settings.token, settings.api_key) as impatient:
        assert apply(made, impatient).complete
    assert ["is applying this plan" in reason for reason in refused] == [True, True]
    assert client.list().total_records == 7


def test_apply__an_empty_plan_gives_an_empty_receipt(client: Client, before: pd.DataFrame) -> None:
    receipt = apply(plan(before, before), client)
    assert list(receipt.table.columns[:8]) == COLUMNS
    assert receipt.table.empty
    assert isinstance(plan(before, before), Plan)
