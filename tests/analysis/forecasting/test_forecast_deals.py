"""The deals behind a forecast."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from opp_analytics import errors, org
from opp_analytics.analysis import forecast, forecast_deals, select_own_chances
from tests.analysis.strategies import opportunities
from tests.examples import examples

FRAME = pd.DataFrame(
    {
        "unique_id": list("abcdef"),
        "name": [f"deal {k}" for k in "abcdef"],
        "stage": ["closed_won", "proposal", "proposal", "discovery", "proposal", "proposal"],
        "value": [100.0, 50.0, 80.0, 10.0, None, 30.0],
        "close_date": ["2026-03-02", "2026-03-20", "2026-02-20", None, "2026-04-10", "2026-03-30"],
        "probability": [100, 40, 50, 30, 60, 50],
    },
    index=list("uvwxyz"),
)


def test_forecast_deals__shows_who_makes_the_range_and_the_target():
    table = forecast_deals(FRAME, as_of="2026-03-10", target=150)
    assert table["unique_id"].tolist() == ["b", "f"]
    assert table["name"].tolist() == ["deal b", "deal f"]
    assert table["weighted"].tolist() == [20, 15]
    assert table["variance_share"].tolist() == pytest.approx([600 / 825, 225 / 825])
    # 100 are booked: only the larger deal reaches 150.
    assert table["swing"].tolist() == [1, 0]
    assert table["p_if_lost"].tolist() == [0, 0.4]
    assert table.attrs["left_out"] == {"overdue_or_unscheduled": 2, "without_value": 1}


def test_forecast_deals__targets_by_period_and_none():
    table = forecast_deals(FRAME.assign(value=10.0), as_of="2026-03-10", target={"2026-04": 10})
    assert table.loc[table["period"] == "2026-04", "swing"].tolist() == [1]
    assert table.loc[table["period"] == "2026-03", "swing"].isna().all()
    assert forecast_deals(FRAME, as_of="2026-03-10")["swing"].isna().all()


def test_forecast_deals__of_given_periods_list_no_others():
    frame = FRAME.assign(value=10.0)
    asked: dict[str, Any] = {"as_of": "2026-03-10", "method": "stated"}
    every = forecast_deals(frame, **asked)
    assert every["unique_id"].tolist() == ["f", "b", "e"]
    for periods, ids in ((["2026-04"], ["e"]), (1, ["f", "b"]), (2, ["f", "b", "e"]), (["2026-05"], [])):
        table = forecast_deals(frame, periods=periods, **asked)
        assert table["unique_id"].tolist() == ids
        pd.testing.assert_frame_equal(table, every[every["unique_id"].isin(ids)].reset_index(drop=True))
        # Deals due in another period are not left out: nobody asked about them.
        assert table.attrs["left_out"] == {"overdue_or_unscheduled": 2}
    blank = forecast_deals(FRAME, periods=["2026-04"], **asked)
    assert blank.attrs["left_out"] == {"overdue_or_unscheduled": 2, "without_value": 1}
    assert "without_value" not in forecast_deals(FRAME, periods=1, **asked).attrs["left_out"]


def test_forecast_deals__nothing_open_gives_the_right_columns():
    full = forecast_deals(FRAME, as_of="2026-03-10", target=1)
    empty = forecast_deals(org.empty(), as_of="2026-03-10", target=1)
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes.drop("stage"), full.dtypes.drop("stage"))
    with pytest.raises(errors.ArgumentValueError, match="method"):
        forecast_deals(FRAME, as_of="2026-03-10", method="learnt")  # type: ignore[arg-type]


@examples(8)
@pytest.mark.filterwarnings("ignore:unknown stages")
@given(opportunities())
def test_forecast_deals__add_up_to_the_forecast(frame):
    options: dict[str, Any] = {"as_of": "2026-03-10", "target": 100, "method": "stated"}
    deals, whole = forecast_deals(frame, **options), forecast(frame, **options)
    dated = whole[whole["median"].notna()]
    sums = deals.groupby("period")[["weighted", "variance_share"]].sum()
    np.testing.assert_allclose(
        sums["weighted"].reindex(dated.index, fill_value=0), dated["expected_open"], atol=1e-6
    )
    known = deals.dropna(subset="variance_share")
    assert known.groupby("period")["variance_share"].sum().to_numpy() == pytest.approx(1)
    mixed = deals["chance"] * deals["p_if_won"] + (1 - deals["chance"]) * deals["p_if_lost"]
    np.testing.assert_allclose(mixed, whole["p_target"].reindex(deals["period"]), atol=1e-9)


def test_select_own_chances__takes_the_period_that_a_deal_is_due_in():
    table = pd.DataFrame({
        "unique_id": ["due", "due", "late", "late", "undated", "next", "next"],
        "period": ["2026-03", "2026-04", "2026-03", "2026-04", "2026-03", "2026-03", "2026-04"],
        "close_date": pd.to_datetime(["2026-03-20"] * 2 + ["2026-03-02"] * 2 + ["NaT"] + ["2026-04-10"] * 2),
        "chance": [0.5, 0.1, 0.3, 0.1, 0.2, 0.05, 0.4],
    })  # fmt: skip
    table.attrs = {"as_of": "2026-03-10", "freq": "M", "method": "learned"}
    own = select_own_chances(table).set_index("unique_id")["chance"]
    assert own.to_dict() == {"due": 0.5, "late": 0.3, "undated": 0.2, "next": 0.4}
    table.attrs["method"] = "stated"
    assert select_own_chances(table)["chance"].isna().all()
