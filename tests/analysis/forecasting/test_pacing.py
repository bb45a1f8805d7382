"""Money closed by the same point: days left, months of unequal length, fiscal quarters, weeks,
groups; and nothing to compare."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import opp_analytics as oa
from opp_analytics.analysis import forecast, pacing, select_point, sentence
from opp_analytics.errors import ArgumentError
from opp_analytics.note import TableNote
from tests.analysis.strategies import opportunities
from tests.examples import examples

WON = pd.DataFrame(
    {
        "unique_id": list("abcdefgh"),
        "stage": ["closed_won"] * 6 + ["closed_lost", "proposal"],
        # Jan 29 is 2 days before its end, as Feb 26 is, and Mar 29.
        "close_date": [
            "2025-12-15",
            "2026-01-29",
            "2026-01-30",
            "2026-02-26",
            "2026-02-27",
            "2026-03-29",
            "2026-03-02",
            "2026-03-30",
        ],
        "value": [1.0, 100.0, 50.0, 40.0, 20.0, 70.0, 1000.0, 2000.0],
        "owner_name": ["Ann", "Ann", "Bo", "Ann", "Bo", "Ann", "Ann", "Bo"],
    }
)


def test_pacing__counts_what_closed_as_many_days_before_the_end():
    table = pacing(WON, as_of="2026-03-29")
    assert table.index.tolist() == ["2026-01", "2026-02", "2026-03"]
    assert table["booked"].tolist() == [100, 40, 70]
    assert table["actual"].tolist()[:2] == [150, 60]
    assert math.isnan(table["actual"].iloc[-1])
    assert table["booked_share"].tolist()[:2] == [100 / 150, 40 / 60]
    assert table["deals"].tolist() == [1, 1, 1]
    assert table["days_left"].tolist() == [2, 2, 2]
    assert table["to_date"].tolist() == [False, False, True]


def test_pacing__reads_what_was_open_at_the_same_point_from_records():
    # Two days before the end of February 20 of Bo was open and due in it, 5 of Ann later.
    rows = [
        ("b", "2026-02-26", "proposal", 20.0, "2026-02-28", "Bo"),
        ("a", "2026-02-26", "proposal", 5.0, "2026-03-31", "Ann"),
        ("b", "2026-02-28", "closed_won", 20.0, "2026-02-28", "Bo"),
        ("c", "2026-03-29", "proposal", 9.0, "2026-03-30", "Bo"),
    ]
    names = ["unique_id", "seen_at", "stage", "value", "close_date", "owner_name"]
    won = ("w", "2026-01-10", "closed_won", 1.0, "2026-01-10", "Ann")
    history = oa.History.from_changes(pd.DataFrame([won, *rows], columns=names))
    now = history.as_of("2026-03-29")
    table = pacing(now, history, as_of="2026-03-29")
    assert table["open_value"].tolist() == [20, 14]
    owners = pacing(now, history, as_of="2026-03-29", by="owner_name")["open_value"]
    assert owners.to_dict() == {
        ("Ann", "2026-02"): 0,
        ("Ann", "2026-03"): 5,
        ("Bo", "2026-02"): 20,
        ("Bo", "2026-03"): 9,
    }
    assert pacing(now, as_of="2026-03-29")["open_value"].isna().tolist() == [True, False]


def test_pacing__before_a_short_month_began_finds_nothing_but_what_is_dated_later_now():
    frame = WON.assign(
        close_date=[
            "2025-12-15",
            "2026-01-01",
            *WON["close_date"][2:3],
            "2026-02-01",
            *WON["close_date"][4:],
        ]
    )
    assert pacing(frame, as_of="2026-03-01")["booked"].tolist() == [
        100,
        0,
        70,
    ]  # 30 days left: Jan 1, Jan 29, Mar 1


def test_pacing__compares_as_many_periods_as_asked_for_and_none_before_the_first_full_one():
    assert pacing(WON, as_of="2026-03-29", periods=1).index.tolist() == ["2026-02", "2026-03"]
    early = WON.assign(close_date=WON["close_date"].replace("2025-12-15", "2025-12-01"))
    assert pacing(early, as_of="2026-03-29").index[0] == "2025-12"


@pytest.mark.parametrize(
    ("freq", "periods", "booked"),
    [
        ("W", ["2026-03-16/2026-03-22", "2026-03-23/2026-03-29"], [0, 70]),
        ("Q-JAN", ["2026Q4", "2027Q1"], [1, 130]),
    ],
)
def test_pacing__of_weeks_and_fiscal_quarters(freq, periods, booked):
    shown = WON.assign(
        close_date=WON["close_date"].replace(
            "2025-12-15", "2025-11-01" if freq != "W" else "2026-01-01"
        )
    )
    table = pacing(shown, as_of="2026-03-29", freq=freq).tail(2)
    assert table.index.tolist() == periods
    assert table["booked"].tolist() == booked


def test_pacing__takes_the_fiscal_year_of_the_org():
    frame = oa.Org(fiscal_year_start=2).apply(WON)
    assert pacing(frame, as_of="2026-03-29", freq="Q").index.tolist() == ["2027Q1"]


def test_pacing__books_what_the_forecast_books():
    frame = WON.assign(close_date=WON["close_date"].replace("2026-03-29", "2026-03-31"))
    for at, booked in (("2026-03-29T12:00Z", 70), ("2026-04-02T12:00Z", 0)):
        frame.attrs = {"recorded_at": at}
        table = pacing(frame, as_of="2026-03-29")
        assert (
            table["booked"].iloc[-1]
            == booked
            == forecast(frame, as_of="2026-03-29").loc["2026-03", "booked"]
        )
        assert pacing(frame, as_of="2026-03-29", by_day=True)["booked"].iloc[-1] == booked


def test_pacing__by_day_has_every_day_up_to_today():
    table = pacing(WON, as_of="2026-03-03", by_day=True)
    assert table.loc["2026-02"].index.tolist() == list(range(27, -1, -1))
    assert table.loc["2026-03"].index.tolist() == [30, 29, 28]
    assert table.loc["2026-02", "booked"].tolist() == [0.0] * 25 + [40, 60, 60]
    assert table.loc["2026-02", "deals"].tolist() == [0] * 25 + [1, 2, 2]


@pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning")
@given(opportunities())
@examples(20)
def test_pacing__of_groups_and_days_adds_up_to_the_whole(frame):
    frame = frame.assign(owner_name=np.where(np.arange(len(frame)) % 2, "Ann", "Bo"))
    for day in ("2026-03-01", "2026-03-31"):
        whole = pacing(frame, as_of=day)
        groups = pacing(frame.sample(frac=1, random_state=1), as_of=day, by="owner_name")
        if len(groups):
            sums = groups.groupby(level="period")[["booked", "deals"]].sum()
            pd.testing.assert_frame_equal(sums, whole[["booked", "deals"]], check_names=False)
        for by in (None, "owner_name"):
            days = select_point(pacing(frame, as_of=day, by=by, by_day=True))
            alone = pacing(frame, as_of=day, by=by).drop(columns="open_value")
            pd.testing.assert_frame_equal(days, alone)


def test_pacing__without_wins_has_the_current_period_alone():
    lost = WON.assign(stage="closed_lost")
    table = pacing(lost, as_of="2026-03-29")
    assert table["booked"].to_dict() == {"2026-03": 0.0}
    assert sentence(table) == "Nothing closed by Mar 29; no earlier month to compare with."
    assert pacing(lost, as_of="2026-03-29", by="owner_name").empty


@pytest.mark.parametrize(
    "wrong", [{"periods": 0}, {"by": "period"}, {"by": "days_left"}, {"freq": "X"}]
)
def test_pacing__refuses_what_it_cannot_use(wrong):
    with pytest.raises(ArgumentError):
        pacing(WON, as_of="2026-03-29", **wrong)


@pytest.mark.parametrize(
    ("booked", "says"),
    [
        (276.0, "276 closed by Mar 31: the last two months had 190–310 by then."),
        (310.0, "310 closed by Mar 31: the last two months had 190–310 by then."),
        (311.0, "311 closed by Mar 31, more than any of the last two months (190–310 by then)."),
        (189.0, "189 closed by Mar 31, less than any of the last two months (190–310 by then)."),
        (0.0, "Nothing closed by Mar 31, less than any of the last two months (190–310 by then)."),
    ],
)
def test_sentence__of_pacing(booked, says):
    table = pd.DataFrame(
        {
            "booked": [190.0, 310.0, booked],
            "actual": [400.0, 350.0, None],
            "booked_share": math.nan,
            "to_date": [False, False, True],
        },
        index=pd.Index(["2026-01", "2026-02", "2026-03"], name="period"),
    )
    TableNote("pacing", "2026-03-31", "M").write(table)
    assert sentence(table) == says
    one = table.iloc[1:].assign(booked=[310.0, booked])
    one.attrs = table.attrs
    expected = {
        276.0: "276 closed by Mar 31, less than last month (310 by then).",
        310.0: "310 closed by Mar 31: last month had 310 by then.",
    }
    assert booked not in expected or sentence(one) == expected[booked]


def test_sentence__of_pacing_by_groups_is_that_of_the_whole():
    for frame in (WON, WON.assign(value=[1, 1, 9, 1, 9, 70, 1, 1.0])):
        whole, parts = (pacing(frame, as_of="2026-03-29", by=by) for by in (None, "owner_name"))
        assert sentence(parts) == sentence(whole)
