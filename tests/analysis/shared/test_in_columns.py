from __future__ import annotations

import itertools
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.analysis import in_columns

keys = st.lists(
    st.sampled_from(list(itertools.product("ba", ["2026-02", "2026-01"], "zxy"))), unique=True, min_size=1
)


def numbered(labels: list[tuple[Any, ...]]) -> pd.Series[Any]:
    index = pd.MultiIndex.from_tuples(labels, names=["owner", "period", "movement"])
    return pd.Series(range(len(labels)), index=index, dtype="float64")


@given(keys)
def test_in_columns__has_each_value_under_its_labels(labels: list[tuple[str, str, str]]) -> None:
    wide = in_columns(numbered(labels), "movement")
    for number, (owner, period, movement) in enumerate(labels):
        assert wide.loc[(owner, period), movement] == number
    assert wide.notna().to_numpy().sum() == len(labels)


def test_in_columns__keeps_the_order_in_which_labels_come() -> None:
    wide = in_columns(
        numbered([("b", "2026-02", "z"), ("b", "2026-01", "x"), ("a", "2026-02", "z")]), "movement"
    )
    assert wide.columns.tolist() == ["z", "x"]
    assert wide.index.tolist() == [("b", "2026-02"), ("b", "2026-01"), ("a", "2026-02")]
    assert wide.index.names == ["owner", "period"]
