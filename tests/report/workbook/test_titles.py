"""Columns as people name them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.report.workbook.titles import titles


@given(st.lists(st.text(max_size=8), unique=True, max_size=20))
def test_titles__are_all_different_and_none_is_blank(columns):
    found = titles(columns)
    assert len({title.casefold() for title in found}) == len(columns)
    assert all(title.strip() for title in found)
