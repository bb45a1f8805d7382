import math

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.analysis import SLIP_OUTCOMES, slippage
from tests.analysis.movement.windows import JANUARY
from tests.history.logs import history_of


def test_slippage__every_outcome(january):
    table = slippage(january, **JANUARY)
    assert table["count"].to_dict() == {"won": 1, "lost": 1, "slipped": 3, "pulled_out": 1, "removed": 2}
    assert table["value"].tolist() == [100.0, 200.0, 7600.0, 0.0, 4800.0]
    assert table["count_rate"].tolist() == pytest.approx([1 / 8, 1 / 8, 3 / 8, 1 / 8, 2 / 8])
    assert table["value_rate"].sum() == pytest.approx(1)
    assert table.attrs["n"] == 8
    assert table.attrs["unvalued"] == 1
    assert table.attrs["slip_rate"] == pytest.approx(3 / 8)
    assert table.attrs["to_date"] is False


def test_slippage__by_group(january):
    table = slippage(january, **JANUARY, by="owner_name")
    assert table.index.names == ["owner_name", "outcome"]
    assert table.loc["Ann", "count"].tolist() == [1, 1, 3, 1, 2]
    assert table["count_rate"].sum() == pytest.approx(1)
    with pytest.raises(oa.errors.DataError, match="the history has no column 'owner'"):
        slippage(january, **JANUARY, by="owner")


@pytest.mark.parametrize("column", ["state", "cents", "group_0"])
def test_slippage__by_a_column_named_like_one_of_the_query(column):
    rows = [
        ("a", 0, 1.0, "proposal", "2026-01-20", "active"),
        ("a", 1, 1.0, "closed_won", "2026-01-20", "won"),
    ]
    table = slippage(history_of(rows, **{column: "Ohio"}), **JANUARY, by=column)
    assert table.index.tolist() == [("Ohio", outcome) for outcome in SLIP_OUTCOMES]
    assert table.loc[("Ohio", "won"), "count"] == 1
    with pytest.raises(oa.errors.ArgumentValueError, match="an index level 'outcome'"):
        slippage(history_of(rows), **JANUARY, by="outcome")


def test_slippage__empty_cohort(january):
    table = slippage(january, start="2026-01-05", end="2026-01-12")
    assert table["count"].sum() == 2
    table = slippage(january, start=pd.Timestamp("2026-01-06"), end=pd.Timestamp("2026-01-20"))
    assert table["count"].tolist() == [1, 0, 1, 0, 0]
    none = slippage(january, start="2026-01-27", end="2026-02-03")
    assert none["count"].tolist() == [0, 0, 0, 0, 0]
    assert none["count_rate"].isna().all()
    assert none.attrs["to_date"]
    assert math.isnan(none.attrs["slip_rate"])
    grouped = slippage(january, start="2026-01-27", end="2026-02-03", by="owner_name")
    assert grouped.empty
    assert list(grouped.columns) == list(none.columns)


def test_slippage__says_what_is_missing(january):
    with pytest.raises(oa.errors.NotEnoughHistory, match="first record is from 2026-01-05"):
        slippage(january, start="2026-01-01", end="2026-01-31")
    with pytest.raises(oa.errors.NotEnoughHistory, match="the next one is from 2026-01-12"):
        slippage(january, start="2026-01-05", end="2026-01-06")
    with pytest.raises(oa.errors.NotEnoughHistory, match="due around 2026-02-09"):
        slippage(january, start="2026-02-02", end="2026-02-28")
    with pytest.raises(oa.errors.ArgumentError, match="a single frame does not show changes"):
        slippage(pd.DataFrame(), start="2026-01-01", end="2026-01-31")  # type: ignore[arg-type]
    with pytest.raises(oa.errors.ArgumentValueError, match="swap them"):
        slippage(january, start="2026-01-31", end="2026-01-05")


def test_slippage__one_record_says_so():
    lone = history_of([("a", 0, 1.0, "proposal", "2026-01-20", "active")])
    with pytest.raises(oa.errors.NotEnoughHistory, match="there is only one"):
        slippage(lone, start="2026-01-05", end="2026-01-31")
