"""Pages decoded straight into columns: the same frame as row by row, whatever a tenant sends."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.api import PageDecoder, assemble, concat_tables, rows_to_table, wire
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
    return assemble(concat_tables([rows_to_table(wire.decode_page(body).rows) for body in bodies]))


odd = st.sampled_from(
    [None, "", "text", "12.5", 7, 2.5, True, ["a"], {"a": 1}, "\ud83d\ude00", 2**53, "2026-06-30", "Zoë"]
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
        "created_at": st.sampled_from(["2026-01-10T12:30:00+02:00", "2026-01-10T10:30:00.123456Z", None]),
    },
)
further = st.dictionaries(st.sampled_from(["owner_name", "budget", "tags", "Größe", "type"]), odd, max_size=3)
links = st.sampled_from(
    [
        {},
        {"relationships": None},
        {"relationships": {"account": {"data": {"id": "linked"}}}},
        {"relationships": {"account": 5}},
    ]
)
resources = st.builds(lambda own, more, beside: resource(own | more, **beside), known, further, links)


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
        b"{",
        b"[]",
        b'{"data": {}}',
        b'{"data": [1]}',
        b"\xff\xfe",
        b'{"rows": []}',
        b'{"data": [{"attributes": {"name": "x"}}]}',
        b'{"data": [{"id": "a", "attributes": {"value": "a lot"}}]}',
        b'{"data": [{"id": "a", "attributes": {"tags": ' + b"[" * 100_000,
    ],
)
def test_decode__refuses_what_row_by_row_refuses_in_the_same_words(body: bytes) -> None:
    with pytest.raises(oa.errors.UnexpectedResponse) as expected:
        row_by_row(body)
    with pytest.raises(oa.errors.UnexpectedResponse) as caught:
        decoded(body)
    assert str(caught.value) == str(expected.value)


def test_decode__names_the_deal_whose_text_holds_half_of_a_character() -> None:
    whole, half = (answer([resource(row(n))]) for n in (1, 2))
    half = half.replace(b"Deal 2", b"Deal \\ud83d")
    with pytest.warns(oa.errors.DataWarning, match="a text of opportunity 'opp-2' holds half of a character"):
        frame = decoded(whole, half)
    assert frame["name"].tolist() == ["Deal 1", "Deal \N{REPLACEMENT CHARACTER}"]
