import json
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import org, schema
from opp_analytics.api import wire
from tests.support import row


def body(*resources, **meta):
    return json.dumps({"data": list(resources), "meta": meta}).encode()


def frame_of(*rows):
    return wire.assemble([wire.rows_to_table([dict(r) for r in rows])])


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


def test_assemble__gives_the_dtypes_of_the_empty_frame_whatever_the_page_holds():
    filled = frame_of(row(1), row(2))
    nulls = frame_of({"unique_id": "a"}, {"unique_id": "b", "value": None, "stage": None})
    for frame in (filled, nulls, wire.assemble([])):
        assert frame[list(schema.COLUMNS)].dtypes.astype(str).equals(org.empty().dtypes.astype(str))


def test_assemble__reads_numbers_and_times_sent_as_text():
    frame = frame_of(
        row(1, value="120000.0", probability="60", created_at="2026-01-10T10:30:00.123456Z"),
        row(
            2,
            value=1,
            probability=60.0,
            created_at="2026-01-10T12:30:00+02:00",
            close_date="2026-06-30T00:00:00Z",
        ),
        row(3, value="", probability=None, close_date=""),
    )
    assert frame["value"].tolist()[:2] == [120000.0, 1.0]
    assert frame["probability"].tolist()[:2] == [60, 60]
    assert frame["created_at"][1] == pd.Timestamp("2026-01-10T10:30Z")
    assert frame["close_date"][1] == pd.Timestamp("2026-06-30")
    assert frame.loc[2, ["value", "probability", "close_date"]].isna().all()


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("value", "a lot"),
        ("value", True),
        ("probability", 62.5),
        ("close_date", "2026-02-30"),
        ("created_at", "then"),
    ],
)
def test_rows_to_table__names_the_opportunity_and_value_that_does_not_fit(attribute, value):
    with pytest.raises(oa.errors.UnexpectedResponse) as caught:
        frame_of(row(1), row(2, **{attribute: value}))
    assert "opp-2" in str(caught.value)
    assert f"{attribute}={value!r}" in str(caught.value)


def test_assemble__keeps_unknown_stages_and_statuses_as_categories():
    frame = frame_of(row(1, stage="won!!", status="paused"), row(2))
    assert frame["stage"].tolist() == ["won!!", "proposal"]
    assert frame["stage"].cat.categories[-1] == "won!!"
    assert "paused" in frame["status"].cat.categories


def test_assemble__keeps_unknown_attributes_as_columns_over_pages_of_different_kinds():
    pages = [
        [row(1, owner_name="Ann", enabled=True, tags=["a"], budget=1, code=7)],
        [row(2, owner_name=None, budget=2.5, code="x7")],
        [row(3)],
    ]
    frame = wire.assemble([wire.rows_to_table(page) for page in pages])
    assert frame["owner_name"].tolist()[0] == "Ann"
    assert frame["owner_name"].isna().tolist() == [False, True, True]
    assert frame["budget"].tolist()[:2] == [1.0, 2.5]
    assert frame["code"].tolist()[:2] == ["7", "x7"]
    assert frame["tags"][0] == '["a"]'
    assert frame["enabled"].dtype == "boolean"


def test_assemble__gives_a_frame_that_can_be_edited():
    frame = frame_of(row(1), row(2))
    frame.loc[0, "value"] = 5
    frame.loc[0, "stage"] = "closed_won"
    frame.loc[0, "close_date"] = pd.NaT
    frame.loc[0, "updated_at"] = pd.Timestamp("2026-01-01", tz="UTC")
    assert frame.loc[0, "value"] == 5


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
