"""Pages decoded straight into columns: the same frame as row by row, whatever a tenant sends."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics import org, schema
from opp_analytics.api import (
    PageDecoder,
    assemble,
    concat_tables,
    rows_to_table,
    take_unreadable,
    wire,
)
from opp_analytics.api.wire import TenantNames
from tests.support import row


def answer(resources: list[dict[str, Any]], **meta: Any) -> bytes:
    return json.dumps({"data": resources, "meta": meta}).encode()


def resource(attributes: dict[str, Any], **beside: Any) -> dict[str, Any]:
    return {
        "id": attributes.get("unique_id") or "beside",
        "type": "opportunity",
        "attributes": attributes,
        **beside,
    }


def decoded(*bodies: bytes) -> pd.DataFrame:
    decoder = PageDecoder(TenantNames())
    return assemble(concat_tables([decoder.decode(body).table for body in bodies]))


def row_by_row(*bodies: bytes) -> pd.DataFrame:
    return assemble(concat_tables([rows_to_table(wire.decode_page(body)[0]) for body in bodies]))


odd = st.sampled_from(
    [
        None,
        "",
        "text",
        "12.5",
        7,
        2.5,
        True,
        ["a"],
        {"a": 1},
        "\ud83d\ude00",
        2**53,
        "2026-06-30",
        "Zoë",
    ]
)
known = st.fixed_dictionaries(
    {},
    optional={
        "unique_id": st.sampled_from(["a", "b", None, 7]),
        "account_id": st.sampled_from(["acme", None, 7]),
        "account_unique_id": st.sampled_from(["other", None]),
        "value": st.sampled_from([1, 2.5, "12.5", None, ""]),
        "probability": st.sampled_from([60, 60.0, "60", None]),
        "stage": st.sampled_from(["proposal", "won!!", None, 3]),
        "close_date": st.sampled_from(["2026-06-30", "2026-06-30T00:00:00Z", None, ""]),
        "created_at": st.sampled_from(
            ["2026-01-10T12:30:00+02:00", "2026-01-10T10:30:00.123456Z", None]
        ),
    },
)
further = st.dictionaries(
    st.sampled_from(["owner_name", "budget", "tags", "Größe", "type"]), odd, max_size=3
)
links = st.sampled_from(
    [
        {},
        {"relationships": None},
        {"relationships": {"account": {"data": {"id": "linked"}}}},
        {"relationships": {"account": 5}},
    ]
)
resources = st.builds(
    lambda own, more, beside: resource(own | more, **beside), known, further, links
)


@given(pages=st.lists(st.lists(resources, max_size=4), min_size=1, max_size=4))
def test_decode__gives_what_row_by_row_gives(pages: list[list[dict[str, Any]]]) -> None:
    bodies = [answer(page) for page in pages]
    pd.testing.assert_frame_equal(decoded(*bodies), row_by_row(*bodies))


def test_decode__knows_the_attributes_of_later_pages_and_both_spellings_of_the_meta() -> None:
    decoder = PageDecoder(TenantNames())
    first = decoder.decode(answer([resource(row(1))], totalPages=2, totalRecords=3))
    second = decoder.decode(answer([resource(row(2, tier="A"))], total_pages=2, total_count=3))
    third = decoder.decode(answer([resource(row(3))]))
    assert [(page.total_pages, page.total_records) for page in (first, second, third)] == [
        (2, 3),
        (2, 3),
        (None, None),
    ]
    assert [list(page.ids) for page in (first, second, third)] == [["opp-1"], ["opp-2"], ["opp-3"]]
    frame = assemble(concat_tables([first.table, second.table, third.table]))
    assert frame["tier"].fillna("").tolist() == ["", "A", ""]


@pytest.mark.parametrize("name", ["\x00", 'a"b'])
def test_decode__reads_an_attribute_of_any_name(name: str) -> None:
    bodies = [answer([resource(row(n, **{name: "x"}))]) for n in range(2)]
    assert decoded(*bodies)[name].tolist() == ["x", "x"]


def test_decode__reads_a_tenant_with_more_attributes_than_it_has_fields_for() -> None:
    wide = {f"custom_{number}": number for number in range(600)}
    bodies = [answer([resource(row(n, **wide))]) for n in (1, 2)]
    frame = decoded(*bodies)
    assert frame["custom_599"].tolist() == [599, 599]
    pd.testing.assert_frame_equal(frame, row_by_row(*bodies))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"data": [{"id": "a", "attri',
        b'{"data": {}}',
        b"\xff\xfe",
        b'{"data": [{"attributes": {"name": "x"}}]}',
        b'{"data": [{"id": "a", "attributes": {"tags": ' + b"[" * 100_000,
    ],
)
def test_decode__refuses_what_row_by_row_refuses_in_the_same_words(body: bytes) -> None:
    with pytest.raises(oa.errors.UnexpectedResponse, match="the answer|has no id") as expected:
        row_by_row(body)
    with pytest.raises(oa.errors.UnexpectedResponse) as caught:
        decoded(body)
    assert str(caught.value) == str(expected.value)


def frame_of(*rows):
    return assemble(rows_to_table(rows))


def test_assemble__gives_the_dtypes_of_the_empty_frame_whatever_the_page_holds():
    filled = frame_of(row(1), row(2))
    nulls = frame_of({"unique_id": "a"}, {"unique_id": "b", "value": None, "stage": None})
    for frame in (filled, nulls, assemble(concat_tables([]))):
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
        ("created_at", "then"),
    ],
)
def test_rows_to_table__takes_a_value_that_does_not_fit_as_missing_and_names_its_deal(
    attribute, value
):
    table, cells = take_unreadable(rows_to_table([row(1), row(2, **{attribute: value})]))
    assert cells == [("opp-2", attribute)]
    assert table[attribute].is_null().to_pylist() == [False, True]


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
    frame = assemble(concat_tables([rows_to_table(page) for page in pages]))
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


@pytest.mark.parametrize("text", ["nan", "1e400", "0x1F", "12,5"])
def test_rows_to_table__takes_a_text_that_is_no_finite_number_as_missing(text):
    table, cells = take_unreadable(rows_to_table([row(1, value="1.5"), row(2, value=text)]))
    assert (table["value"].to_pylist(), cells) == ([1.5, None], [("opp-2", "value")])


def test_assemble__drops_labels_of_rows_that_are_gone():
    table = rows_to_table([row(1, stage="won!!"), row(2, stage=None), row(3, stage="odd")])
    frame = assemble(table.slice(1))
    assert frame["stage"].isna().tolist() == [True, False]
    assert frame["stage"][1] == "odd"
    assert "won!!" not in frame["stage"].cat.categories
