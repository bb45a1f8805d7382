"""Groups against the groups that pandas makes."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics import errors
from opp_analytics.analysis.shared.groups import check_by, combine, make_column_key, make_period_key
from opp_analytics.schema import TEXT

OWNERS = st.sampled_from(["Ann", "Bo", None])
DATES = st.sampled_from(["2026-01-31", "2026-02-01", "2025-12-31", None])


@given(
    st.lists(
        st.tuples(OWNERS, DATES, st.booleans(), st.sampled_from([1.0, 2.5, None])), max_size=12
    )
)
def test_groups__are_those_of_pandas(rows: list[tuple[Any, ...]]) -> None:
    frame = pd.DataFrame(rows, columns=["owner", "date", "won", "value"])
    frame = frame.astype(
        {"owner": TEXT, "date": "datetime64[us]", "won": "bool", "value": "float64"}
    )
    groups = combine(
        [make_column_key(frame["owner"]), make_period_key(frame["date"], "M")], len(frame)
    )
    counted = groups.frame(
        {
            "won": groups.count(frame["won"].to_numpy()),
            "value": groups.sum(frame["value"].to_numpy(), frame["won"].to_numpy()),
        }
    )
    plain = frame.assign(
        owner=frame["owner"].fillna("~"),
        period=frame["date"].dt.strftime("%Y-%m"),
        value=frame["value"].where(frame["won"], 0.0),
    )
    wanted = plain.groupby(["owner", "period"])[["won", "value"]].sum().rename({"~": "(none)"})
    assert counted.index.tolist() == wanted.index.tolist()
    assert counted["won"].tolist() == wanted["won"].tolist()
    assert counted["value"].tolist() == pytest.approx(wanted["value"].tolist())


def test_make_column_key__keeps_the_order_of_a_category_and_names_what_is_missing() -> None:
    stage = pd.Series(
        ["proposal", None, "discovery"],
        dtype=pd.CategoricalDtype(["proposal", "later", "discovery"]),
    )
    key = make_column_key(stage)
    assert key.labels.tolist() == ["proposal", "discovery", "(none)"]
    assert key.codes.tolist() == [0, 2, 1]
    mixed = pd.Series([pd.Timestamp("2026-01-02"), "a", 10], dtype=object)
    assert make_column_key(mixed).labels.tolist() == ["10", "2026-01-02 00:00:00", "a"]


def test_make_column_key__a_group_named_as_missing_values_are_is_theirs() -> None:
    key = make_column_key(pd.Series(["b", "(none)", None, "a"], dtype="str"))
    assert key.labels.tolist() == ["a", "b", "(none)"]
    assert key.codes.tolist() == [1, 2, 2, 0]


@pytest.mark.parametrize("text", ["", "nan", "NaN", "None", "<NA>", "NaT"])
def test_make_column_key__the_text_of_a_missing_value_is_missing(text: str) -> None:
    for dtype in ("str", "object", "category"):
        key = make_column_key(pd.Series(["b", text, None, "a"], dtype=dtype))
        assert key.labels.tolist() == ["a", "b", "(none)"]
        assert key.codes.tolist() == [1, 2, 2, 0]
    assert make_column_key(pd.Series(["Nan", text])).labels.tolist() == ["Nan", "(none)"]


def test_make_column_key__whole_numbers_with_gaps_have_no_decimal_point() -> None:
    assert make_column_key(pd.Series([2.0, None, 1.0])).labels.tolist() == ["1", "2", "(none)"]
    assert make_column_key(pd.Series([2.5, None, 1.0])).labels.tolist() == ["1.0", "2.5", "(none)"]


def test_combine__with_everything_holds_empty_groups_too() -> None:
    keys = [
        make_column_key(pd.Series(["a", "b"], name="x")),
        make_column_key(pd.Series([1, 2], name="y")),
    ]
    groups = combine(keys, 2, everything=True)
    assert groups.count(np.array([True, True])).tolist() == [1, 0, 0, 1]
    assert groups.index is not None
    assert groups.index.tolist() == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


@pytest.mark.parametrize(
    ("by", "error"),
    [
        (3, errors.ArgumentTypeError),
        (["a", "a"], errors.ArgumentValueError),
        ("stage", errors.ArgumentValueError),
    ],
)
def test_check_by__refuses(by: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="by="):
        check_by(by, level="stage")
