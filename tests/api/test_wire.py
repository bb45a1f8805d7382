"""The wire format in both directions, and attributes that a tenant calls otherwise."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.api import PageDecoder, wire
from opp_analytics.api.wire import TenantNames
from tests.support import Asked, as_json, client_of, listing, paged, row, serving


def body(*resources, **meta):
    return json.dumps({"data": list(resources), "meta": meta}).encode()


def test_decode_page__reads_both_spellings_of_the_paging_meta():
    _, reference = wire.decode_page(body(totalPages=2, totalRecords=24))
    _, decoder = wire.decode_page(body(total_pages=2, total_count=24, current_page=1, per_page=15))
    assert (reference.pages(), reference.records()) == (2, 24)
    assert (decoder.pages(), decoder.records()) == (2, 24)
    assert wire.decode_page(b'{"data": []}')[1].records() is None


def test_decode_page__fills_ids_from_resource_and_relationship():
    rows, _ = wire.decode_page(
        body(
            {
                "id": "a",
                "attributes": {},
                "relationships": {"account": {"data": {"id": "acc", "type": "account"}}},
            }
        )
    )
    assert rows == [{"unique_id": "a", "account_id": "acc"}]


@pytest.mark.parametrize("odd", [True, ["a"], " ", "..", 1.5])
def test_decode__refuses_by_name_what_is_not_an_id(odd):
    said = re.escape(f"has unique_id={odd!r}, which is not an id")
    for resource in ({"attributes": {"unique_id": odd}}, {"id": odd, "attributes": {"name": "x"}}):
        with pytest.raises(oa.errors.UnexpectedResponse, match=said):
            wire.decode_page(body(resource))
        with pytest.raises(oa.errors.UnexpectedResponse, match=said):
            PageDecoder(TenantNames()).decode(body(resource))
        with pytest.raises(oa.errors.UnexpectedResponse, match=said):
            wire.decode_one(json.dumps({"data": resource}).encode())


@pytest.mark.parametrize("number", [0, 7, 2**70])
def test_ids__that_are_whole_numbers_become_text_in_every_answer(number, tmp_path):
    ids = dict.fromkeys(("unique_id", "account_id", "owner_unique_id", "contact_unique_id"), number)
    filled = {"value": 1, "stage": "proposal", "close_date": "2026-06-30"}
    deal = {"id": number, "attributes": {"name": "x", "seats": 5, **filled, **ids}}

    def respond(asked):
        one = as_json({"data": deal})
        return as_json({"data": [deal], "meta": {"totalRecords": 1}}) if asked.query else one

    text = {name: str(number) for name in ids}
    with serving(respond) as server, client_of(server, tmp_path) as client:
        answers = [
            client.get(str(number)),
            client.create(name="x"),
            client.update(str(number), name="x"),
            client.recover(str(number)),
            client.search("x").rows[0],
            oa.load(client, limit=1, progress=False).iloc[0].to_dict(),
            client.decode_page(
                client.fetch_page(1, 5), PageDecoder(client.names)
            ).table.to_pylist()[0],
        ]
    for answer in answers:
        assert {name: answer[name] for name in ids} == text
        assert answer["seats"] == 5


def test_get__refuses_an_answer_about_another_opportunity(tmp_path):
    with (
        serving(lambda asked: as_json({"data": {"id": "opp-2", "attributes": {}}})) as server,
        client_of(server, tmp_path) as client,
    ):
        assert client.get("OPP-2")["unique_id"] == "opp-2"
        for call in (
            client.get,
            client.recover,
            lambda unique_id: client.update(unique_id, value=1),
        ):
            with pytest.raises(
                oa.errors.UnexpectedResponse, match="the answer is opportunity 'opp-2', not 'a'"
            ):
                call("a")


@pytest.mark.parametrize(
    ("column", "value", "sent"),
    [
        ("value", 12000.5, "12000.5"),
        ("value", np.float64(12000), "12000"),
        ("value", Decimal("0.10"), "0.10"),
        ("probability", np.int64(60), "60"),
        ("close_date", pd.Timestamp("2026-03-31"), '"2026-03-31"'),
        ("close_date", date(2026, 3, 31), '"2026-03-31"'),
        ("close_date", pd.NaT, "null"),
        ("value", np.nan, "null"),
        ("name", 'Ünïcode "x"', '"Ünïcode \\"x\\""'),
        ("enabled", np.bool_(True), "true"),
    ],
)
def test_encode__writes_every_kind_of_cell_exactly(column, value, sent):
    body = wire.encode_body({column: value}, wire.TenantNames())
    assert body.decode() == f'{{"opportunity":{{"{column}":{sent}}}}}'


TOTAL = oa.Org(api_columns={"total": "value", "phase": "stage"})


def theirs(number: int, **attributes: Any) -> dict[str, Any]:
    """The attributes of a deal whose tenant sends ``total`` and ``phase``."""
    known = row(number)
    return {"total": known.pop("value"), "phase": known.pop("stage")} | known | attributes


def test_load__reads_the_tenants_names_as_ours(tmp_path: Path) -> None:
    rows = [theirs(1), theirs(2, total="1200.50"), theirs(3, phase=None)]
    with serving(paged(rows)) as server:
        frame = oa.load(client_of(server, tmp_path, org=TOTAL), progress=False)
        again = oa.load(client_of(server, tmp_path, org=TOTAL), progress=False)
    assert frame["value"].tolist() == [1001.0, 1200.5, 1003.0]
    assert frame["stage"].isna().tolist() == [False, False, True]
    assert str(frame["value"].dtype) == "float64"
    assert not {"total", "phase"} & set(frame.columns)
    pd.testing.assert_frame_equal(frame, again)


def test_client__reads_and_writes_under_the_tenants_names(tmp_path: Path) -> None:
    def respond(asked: Asked) -> Any:
        if asked.method == "GET" and asked.path == "/opportunities/":
            return listing([theirs(1)], 1)
        sent = json.loads(asked.body)["opportunity"] if asked.body else {}
        return as_json({"data": {"id": "opp-1", "attributes": theirs(1) | sent}})

    with serving(respond) as server:
        client = client_of(server, tmp_path, org=TOTAL)
        assert client.get("opp-1")["value"] == 1001
        assert client.list(sort="-value").rows[0]["stage"] == "proposal"
        assert client.create(name="Acme", value=5, stage="Demo")["value"] == 5
        assert client.update("opp-1", value=7)["value"] == 7
        bodies = [json.loads(asked.body)["opportunity"] for asked in server.asked if asked.body]
        sorts = [asked.query["sort"] for asked in server.asked if "sort" in asked.query]
    assert bodies == [{"name": "Acme", "total": 5, "phase": "Demo"}, {"total": 7}]
    assert sorts == ["-total"]


def test_client__refuses_a_deal_that_says_two_things(tmp_path: Path) -> None:
    with serving(paged([theirs(1, value=3)])) as server:
        client = client_of(server, tmp_path, org=TOTAL)
        for ask in (lambda: client.list(), lambda: oa.load(client, progress=False)):
            with pytest.raises(
                oa.errors.UnexpectedResponse, match=r"'opp-1' holds total=1001 and value=3"
            ):
                ask()


def test_decode__of_a_page_that_its_records_do_not_fit_renames_too() -> None:
    def page(*rows: dict[str, Any]) -> bytes:
        return json.dumps(
            {"data": [{"id": deal["unique_id"], "attributes": deal} for deal in rows]}
        ).encode()

    decoder = PageDecoder(TenantNames({"total": "value"}))
    assert decoder.decode(page(row(1, value=None, total=5, odd=1))).table["value"].to_pylist() == [
        5.0
    ]
    second = decoder.decode(page(row(2, value=6.0), row(3, value=None, total=7, odd=2))).table
    assert second["value"].to_pylist() == [6.0, 7.0]
    assert "total" not in second.column_names


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *(
            (value, "is not a finite number")
            for value in (np.float64("-inf"), Decimal("1e400"), {"a": [10**400]})
        ),
        *((value, "holds half of a character") for value in ("A\ud800", {"\ud800": 1})),
    ],
)
def test_update__refuses_what_no_json_holds_and_sends_nothing(value, reason, tmp_path):
    with serving(lambda asked: as_json({})) as server, client_of(server, tmp_path) as client:
        with pytest.raises(oa.errors.ArgumentValueError, match=f"score=.* {reason}"):
            client.update("a", fields={"score": value})
    assert server.asked == []
