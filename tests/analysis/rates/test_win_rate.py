"""Win rates and their intervals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from opp_analytics import org
from opp_analytics.analysis import win_rate
from opp_analytics.note import note_of
from tests.analysis.strategies import opportunities
from tests.examples import examples

FRAME = pd.DataFrame(
    {
        "stage": ["closed_won", "closed_won", "closed_lost", "proposal", "closed_won", "proposal"],
        "status": ["won", "won", "lost", "active", "lost", "inactive"],
        "value": [10.0, 30.0, 60.0, 5.0, 7.0, 8.0],
        "close_date": [
            "2026-01-15",
            "2026-02-10",
            "2026-02-20",
            "2026-02-28",
            "2026-01-01",
            "2026-01-01",
        ],
        "owner": ["Ann", None, "Ann", "Bo", "Ann", "Bo"],
    }
)


def test_win_rate__is_won_over_closed_by_count_and_by_money():
    row = win_rate(FRAME).iloc[0]
    assert row[["won", "lost", "open", "won_value", "lost_value"]].tolist() == [2, 1, 1, 40, 60]
    assert row["rate"] == pytest.approx(2 / 3)
    assert row["value_rate"] == pytest.approx(0.4)
    assert note_of(win_rate(FRAME)).figures["left_out"] == {"conflict": 1, "disqualified": 1}
    assert note_of(win_rate(FRAME)).figures["n"] == 3


def test_win_rate__has_one_row_without_groups_even_when_empty():
    table = win_rate(org.empty())
    assert len(table) == 1
    assert table[["won", "lost", "open"]].iloc[0].tolist() == [0, 0, 0]
    assert (
        table[["rate", "rate_low", "rate_high", "value_rate", "value_rate_low"]]
        .isna()
        .all(axis=None)
    )


def test_win_rate__by_shows_missing_groups_and_nan_where_nothing_closed():
    table = win_rate(FRAME, by="owner")
    assert list(table.index) == ["Ann", "Bo", "(none)"]
    assert table.loc["(none)", "rate"] == 1
    assert np.isnan(table.loc["Bo", "rate"])  # type: ignore[arg-type]


def test_win_rate__by_period_marks_the_running_one():
    later = FRAME.copy()
    later.attrs["recorded_at"] = "2026-03-01T06:00:00+00:00"
    table = win_rate(later, freq="M", as_of="2026-02-15")
    assert list(table.index) == ["2026-01", "2026-02"]
    assert table["to_date"].tolist() == [False, True]
    # The loss of 20 February has yet to happen; of what is of the day, it was dated later.
    known = win_rate(FRAME, freq="M", as_of="2026-02-15")
    assert known.loc["2026-02", ["won", "lost", "open"]].tolist() == [1, 1, 1]
    assert table.loc["2026-02", ["won", "lost", "open"]].tolist() == [1, 0, 2]
    assert list(win_rate(FRAME, freq="Q-JAN").index) == ["2026Q4", "2027Q1"]


def test_win_rate__has_no_row_for_a_period_that_has_not_begun():
    frame = pd.concat(
        [FRAME, FRAME.assign(close_date="2026-05-05", stage="proposal", status="active")]
    )
    table = win_rate(frame, freq="M", start="2026-01-01", as_of="2026-02-15")
    assert list(table.index) == ["2026-01", "2026-02"]
    assert list(win_rate(frame, freq="M").index) == ["2026-01", "2026-02", "2026-05"]


def test_win_rate__start_and_end_are_both_inside():
    table = win_rate(FRAME, start="2026-02-10", end="2026-02-20")
    assert table[["won", "lost", "open"]].iloc[0].tolist() == [1, 1, 0]
    assert note_of(table).figures["left_out"]["closed_outside_window"] == 1


def test_win_rate__missing_value_counts_in_rate_but_not_in_value_rate():
    frame = pd.DataFrame({"stage": ["closed_won", "closed_lost"], "value": [None, 5.0]})
    row = win_rate(frame).iloc[0]
    assert (row["rate"], row["value_rate"]) == (0.5, 0.0)
    assert note_of(win_rate(frame)).figures["left_out"] == {"closed_without_value": 1}


def test_win_rate__reads_instants_in_the_business_time_zone():
    # 02:00 UTC on 20 February is still the 19th in New York: the loss of the 20th is not counted
    # there.
    asked: dict[str, Any] = {"end": "2026-02-20T02:00Z", "start": "2026-02-01T12:00Z"}
    assert win_rate(FRAME, **asked)["lost"].tolist() == [1]
    assert win_rate(FRAME, **asked, tz="America/New_York")["lost"].tolist() == [0]
    later = FRAME.copy()
    later.attrs["recorded_at"] = "2026-03-01T06:00:00+00:00"
    assert win_rate(later, as_of="2026-02-20T02:00Z")["lost"].tolist() == [1]
    assert win_rate(later, as_of="2026-02-20T02:00Z", tz="America/New_York")["lost"].tolist() == [0]


@examples(8)
@pytest.mark.filterwarnings("ignore:unknown stages")
@given(opportunities())
def test_win_rate__parts_sum_to_the_whole(frame):
    whole = win_rate(frame).iloc[0]
    for parts in (win_rate(frame, by="account_id"), win_rate(frame, by=["stage", "status"])):
        assert (
            parts[["won", "lost", "open"]].sum().tolist() == whole[["won", "lost", "open"]].tolist()
        )
        assert parts["won_value"].sum() == pytest.approx(whole["won_value"])
    dated = win_rate(frame.dropna(subset="close_date")).iloc[0]
    assert (
        win_rate(frame, freq="M")[["won", "lost"]].sum().tolist() == dated[["won", "lost"]].tolist()
    )
    known = parts[(parts["won"] + parts["lost"]) > 0]
    assert ((known["rate_low"] <= known["rate"]) & (known["rate"] <= known["rate_high"])).all()
    sure = known.dropna(subset="value_rate_low")
    assert (
        sure["value_rate"]
        .between(sure["value_rate_low"] - 1e-12, sure["value_rate_high"] + 1e-12)
        .all()
    )
    assert (sure["value_rate_low"] >= 0).all()
    assert (sure["value_rate_high"] <= 1).all()
