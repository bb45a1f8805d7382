"""Repeated rows are found without keeping the ids: the same rows stay as with a set of them."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.loading.sweep import DistinctIds, drop_repeated

pages = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4), max_size=6)


@given(pages=pages)
def test_drop_repeated__keeps_the_first_of_each_id_in_order(pages: list[list[str]]) -> None:
    numbers = iter(range(100))
    tables = [pa.table({"unique_id": page, "number": [next(numbers) for _ in page]}) for page in pages]
    first: dict[str, int] = {}
    for table in tables:
        for unique_id, number in zip(*table.to_pydict().values(), strict=True):
            first.setdefault(unique_id, number)
    kept = drop_repeated(tables)
    assert [row for table in kept for row in zip(*table.to_pydict().values(), strict=True)] == list(
        first.items()
    )
    assert all(len(table) for table in kept)


@given(pages=pages)
def test_proven__is_true_when_every_id_came_once(pages: list[list[str]]) -> None:
    distinct = DistinctIds()
    taken = [unique_id for page in pages if distinct.add(page, past_end=False) for unique_id in page]
    assert distinct.proven() == (len(set(taken)) == len(taken))


@given(pages=pages)
def test_add__past_the_end_says_exactly_whether_a_page_brings_something_new(pages: list[list[str]]) -> None:
    distinct, seen = DistinctIds(), set[str]()
    for page in pages:
        assert distinct.add(page, past_end=True) == bool(set(page) - seen)
        seen |= set(page)


def test_add__notices_a_page_that_comes_again_and_an_empty_one() -> None:
    distinct = DistinctIds()
    assert distinct.add(["a", "b"], past_end=False)
    assert distinct.add(["c", "d"], past_end=False)
    assert not distinct.add(["a", "b"], past_end=False)
    assert not distinct.add([], past_end=False)
    assert distinct.proven()
