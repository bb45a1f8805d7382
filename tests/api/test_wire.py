import json
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.api import wire


def body(*resources, **meta):
    return json.dumps({"data": list(resources), "meta": meta}).encode()


def test_decode_page__reads_both_spellings_of_the_paging_meta():
    reference = wire.decode_page(body(totalPages=2, totalRecords=24))
    decoder = wire.decode_page(body(total_pages=2, total_count=24, current_page=1, per_page=15))
    assert (reference.total_pages, reference.total_records) == (2, 24)
    assert (decoder.total_pages, decoder.total_records) == (2, 24)
    assert wire.decode_page(b'{"data": []}').total_records is None


def test_decode_page__fills_ids_from_resource_and_relationship():
    page = wire.decode_page(
        body(
            {
                "id": "a",
                "attributes": {},
                "relationships": {"account": {"data": {"id": "acc", "type": "account"}}},
            }
        )
    )
    assert page.rows == [{"unique_id": "a", "account_id": "acc"}]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b'{"data": [{"id": "a", "attri',
        b"[]",
        b'{"data": {}}',
        b'{"data": [1]}',
        b"\xff\xfe",
        b'{"rows": []}',
    ],
)
def test_decode_page__refuses_what_is_not_a_list_answer(answer):
    with pytest.raises(oa.errors.UnexpectedResponse, match="the answer"):
        wire.decode_page(answer)


def test_decode_page__refuses_a_resource_without_any_id():
    with pytest.raises(oa.errors.UnexpectedResponse, match="has no id"):
        wire.decode_page(body({"attributes": {"name": "x"}}))


@pytest.mark.parametrize(
    ("column", "value", "sent"),
    [
        ("value", 12000.5, "12000.5"),
        ("value", np.float64(12000), "12000"),
        ("value", Decimal("0.10"), "0.10"),
        ("value", "12000.5", "12000.5"),
        ("probability", np.int64(60), "60"),
        ("probability", 60.0, "60"),
        ("close_date", pd.Timestamp("2026-03-31"), '"2026-03-31"'),
        ("close_date", date(2026, 3, 31), '"2026-03-31"'),
        ("close_date", np.datetime64("2026-03-31"), '"2026-03-31"'),
        ("close_date", "2026-03-31", '"2026-03-31"'),
        ("close_date", pd.NaT, "null"),
        ("value", np.nan, "null"),
        ("name", 'Ünïcode "x"', '"Ünïcode \\"x\\""'),
        ("enabled", np.bool_(True), "true"),
    ],
)
def test_encode__writes_every_kind_of_cell_exactly(column, value, sent):
    assert (
        wire.encode({column: wire.to_wire(column, value)}).decode()
        == f'{{"opportunity":{{"{column}":{sent}}}}}'
    )
