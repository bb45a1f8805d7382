"""One cell as its column holds it, and a level of labels as columns."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics import schema


def test_parse_cell__keeps_exact_kinds():
    assert schema.parse_cell("value", Decimal("0.1")) == 0.1
    assert schema.parse_cell("value", "12000.5") == 12000.5
    assert schema.parse_cell("close_date", "2026-03-31") == pd.Timestamp("2026-03-31")
    assert schema.parse_cell("probability", np.int64(40)) == 40
    assert schema.parse_cell("close_date", np.datetime64("2026-03-31T15:00")) == pd.Timestamp(
        "2026-03-31"
    )
    assert schema.parse_cell("close_date", pd.Timestamp.min) == pd.Timestamp("1677-09-21").as_unit(
        "us"
    )
    assert schema.parse_cell("owner_name", "Ann") == "Ann"
    assert schema.parse_cell("stage", "") is None


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("value", "12,000.50", "is not a number"),
        ("value", True, "is not a number"),
        ("value", float("inf"), "is not a finite number"),
        ("probability", 62.5, "is not a whole number"),
        ("close_date", "2026-02-30", "is not a date that exists"),
        ("close_date", 20260331, "is not a date"),
        ("created_at", "yesterday", "is not a time that exists"),
        ("name", 7, "is not text"),
    ],
)
def test_parse_cell__says_why_a_value_does_not_fit(column: str, value: object, says: str) -> None:
    with pytest.raises(schema.BadCell, match=says):
        schema.parse_cell(column, value)


def test_as_plain__of_no_rows_can_be_merged():
    plain = schema.as_plain(
        pd.DataFrame({"unique_id": []}, dtype="string").convert_dtypes(dtype_backend="pyarrow")
    )
    further = plain.assign(value=1.0).set_index("unique_id")
    merged = plain.merge(
        further, left_on="unique_id", right_index=True, how="left", validate="one_to_one"
    )
    assert merged.empty
    assert str(plain["unique_id"].dtype) == str(schema.TEXT)


@pytest.mark.parametrize("blank", [None, "", np.nan, pd.NaT, pd.NA])
def test_is_blank__knows_every_way_to_hold_nothing(blank: object) -> None:
    assert schema.is_blank(blank)
    assert schema.parse_cell("value", blank) is None


@pytest.mark.parametrize("value", [0, 0.0, False, " ", [], "nan"])
def test_is_blank__takes_nothing_else_for_nothing(value: object) -> None:
    assert not schema.is_blank(value)


keys = st.lists(
    st.sampled_from(list(itertools.product("ba", ["2026-02", "2026-01"], "zxy"))),
    unique=True,
    min_size=1,
)


def numbered(labels: list[tuple[Any, ...]]) -> pd.Series[Any]:
    index = pd.MultiIndex.from_tuples(labels, names=["owner", "period", "movement"])
    return pd.Series(range(len(labels)), index=index, dtype="float64")


@given(keys)
def test_unstack_level__has_each_value_under_its_labels(labels: list[tuple[str, str, str]]) -> None:
    wide = schema.unstack_level(numbered(labels), "movement")
    for number, (owner, period, movement) in enumerate(labels):
        assert wide.loc[(owner, period), movement] == number
    assert wide.notna().to_numpy().sum() == len(labels)


def test_unstack_level__keeps_the_order_in_which_labels_come() -> None:
    wide = schema.unstack_level(
        numbered([("b", "2026-02", "z"), ("b", "2026-01", "x"), ("a", "2026-02", "z")]), "movement"
    )
    assert wide.columns.tolist() == ["z", "x"]
    assert wide.index.tolist() == [("b", "2026-02"), ("b", "2026-01"), ("a", "2026-02")]
    assert wide.index.names == ["owner", "period"]


def test_label_groups__labels_what_is_missing():
    labels = schema.label_groups(pd.Series(["Ann", None, "nan", ""]))
    assert labels.tolist() == ["Ann", "(none)", "(none)", "(none)"]
