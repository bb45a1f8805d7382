"""The deals behind a forecast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import opp_analytics as oa
from opp_analytics import errors, org
from opp_analytics.analysis import forecast, forecast_deals, select_own_chances
from opp_analytics.history import History
from opp_analytics.note import TableNote, note_of
from tests import worlds
from tests.analysis.forecasting.histories import even_months
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
    assert note_of(table).figures["left_out"] == {
        "overdue_or_unscheduled": 2,
        "without_value": 1,
    }


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
    for periods, ids in (
        (["2026-04"], ["e"]),
        (1, ["f", "b"]),
        (2, ["f", "b", "e"]),
        (["2026-05"], []),
    ):
        table = forecast_deals(frame, periods=periods, **asked)
        assert table["unique_id"].tolist() == ids
        pd.testing.assert_frame_equal(
            table, every[every["unique_id"].isin(ids)].reset_index(drop=True)
        )
        # Deals due in another period are not left out: nobody asked about them.
        assert note_of(table).figures["left_out"] == {"overdue_or_unscheduled": 2}
    blank = forecast_deals(FRAME, periods=["2026-04"], **asked)
    assert note_of(blank).figures["left_out"] == {
        "overdue_or_unscheduled": 2,
        "without_value": 1,
    }
    assert (
        "without_value"
        not in note_of(forecast_deals(FRAME, periods=1, **asked)).figures["left_out"]
    )


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
    table = pd.DataFrame(
        {
            "unique_id": ["due", "due", "late", "late", "undated", "next", "next"],
            "period": ["2026-03", "2026-04", "2026-03", "2026-04", "2026-03", "2026-03", "2026-04"],
            "close_date": pd.to_datetime(
                ["2026-03-20"] * 2 + ["2026-03-02"] * 2 + ["NaT"] + ["2026-04-10"] * 2
            ),
            "chance": [0.5, 0.1, 0.3, 0.1, 0.2, 0.05, 0.4],
        }
    )
    TableNote("forecast_deals", "2026-03-10", "M", method="learned").write(table)
    own = select_own_chances(table).set_index("unique_id")["chance"]
    assert own.to_dict() == {"due": 0.5, "late": 0.3, "undated": 0.2, "next": 0.4}
    TableNote("forecast_deals", "2026-03-10", "M", method="stated").write(table)
    assert select_own_chances(table)["chance"].isna().all()


DATES = ["won_low", "won_median", "won_high"]
KIND = worlds.Kind("right", weeks=60, deals_per_week=4.0)


def _ask(history: History, day: str, **asked: Any) -> pd.DataFrame:
    frame = history.as_of(f"{day}T23:00Z")
    return oa.forecast_deals(
        frame, as_of=day, history=history, method="learned", periods=1, **asked
    )


def _class(due: pd.Timestamp | None, day: pd.Timestamp) -> str:
    if pd.isna(due):
        return "none"
    left = (due - day).days
    return next(
        (
            name
            for most, name in ((-1, "overdue"), (14, "14"), (30, "30"), (60, "60"))
            if left <= most
        ),
        "later",
    )


def _count(history: History, frame: pd.DataFrame, today: pd.Timestamp) -> pd.DataFrame:
    """The dates of each deal of a frame, from the states of each week's last record."""
    moments = history.records["recorded_at"]
    moments = moments[moments < today.tz_localize("UTC") + pd.Timedelta(days=1)]
    weeks = moments.groupby(moments.dt.tz_localize(None).dt.to_period("W")).max()
    now = history.as_of(moments.max()).set_index("unique_id")
    wins = now.loc[now["stage"] == "closed_won", "close_date"]
    points = []
    for moment in weeks:
        day = moment.tz_localize(None).normalize()
        if (today - day).days < 90:
            continue
        state = history.as_of(moment)
        deals = state[~state["stage"].isin(["closed_won", "closed_lost"])].set_index("unique_id")
        days = (wins.reindex(deals.index) - day).dt.days
        deals = deals.assign(days=days, due=[_class(due, day) for due in deals["close_date"]])
        points.append(deals[days.between(0, 90)].reset_index())
    known = pd.concat(points)
    rows = {}
    for deal in frame.to_dict("records"):
        stage = known[known["stage"] == deal["stage"]]
        for taken in (stage[stage["due"] == _class(deal["close_date"], today)], stage, known):
            if taken["unique_id"].nunique() >= 8:
                days = np.rint(np.quantile(taken["days"], [0.1, 0.5, 0.9])).astype(int)
                rows[deal["unique_id"]] = [today + pd.Timedelta(days=int(n)) for n in days]
                break
    return pd.DataFrame.from_dict(rows, orient="index", columns=DATES)


@pytest.mark.slow
def test_forecast_deals__dates_wins_by_past_ones_of_the_same_stage_and_distance():
    log = worlds.log(KIND, 3)
    # Some deals lose their date; a daily record within a week is not the week's last.
    log["close_date"] = log["close_date"].mask(
        log["unique_id"].str[-1].eq("7") & ~log["stage"].str.startswith("closed")
    )
    log["seen_at"] = pd.to_datetime(log["seen_at"]) - pd.to_timedelta(
        log["unique_id"].str[-2].eq("3") * 3, unit="D"
    )
    history = History.from_changes(log.sort_values("seen_at", kind="stable"))
    day = f"{history.recorded_before(pd.Timestamp('2022-12-20T23:00Z')):%Y-%m-%d}"
    table = _ask(history, day).set_index("unique_id")
    counted = _count(history, table.reset_index(), pd.Timestamp(day)).reindex(table.index)
    assert len(counted.drop_duplicates()) > 5
    assert not counted.isna().any().any()
    pd.testing.assert_frame_equal(table[DATES], counted, check_dtype=False)
    assert (table[DATES].dtypes == "datetime64[us]").all()


def test_forecast_deals__dates_wins_from_what_is_known_on_the_day_under_every_method_and_group():
    log, day = worlds.log(KIND, 3), "2022-12-20"
    whole = History.from_changes(log)
    early = History.from_changes(log[pd.to_datetime(log["seen_at"], utc=True) <= f"{day}T23:00Z"])
    learned = _ask(whole, day)
    pd.testing.assert_frame_equal(learned, _ask(early, day), check_exact=True)
    known = learned.set_index("unique_id")[DATES]
    by_owner = _ask(whole, day, by="owner_name").set_index("unique_id")[DATES]
    pd.testing.assert_frame_equal(by_owner.sort_index(), known.sort_index())
    stated = oa.forecast_deals(
        whole.as_of(f"{day}T23:00Z"), as_of=day, history=whole, method="stated", periods=1
    )
    stated = stated.set_index("unique_id")[DATES]
    pd.testing.assert_frame_equal(stated, known.loc[stated.index])


def test_forecast_deals__dates_no_win_without_a_history_or_with_fewer_than_eight_wins():
    frame = worlds.history(KIND, 3).as_of("2022-12-20")
    assert oa.forecast_deals(frame, as_of="2022-12-20")[DATES].isna().all(axis=None)
    for months, dated in ((9, False), (14, True)):
        # Of the two deals open on the 10th one is won ten days later; those of the last three
        # months are too young.
        history = even_months(months)
        day = f"{history.records['recorded_at'].max() - pd.Timedelta(days=10):%Y-%m-%d}"
        table = _ask(history, day)
        assert table[DATES].notna().all(axis=None) == dated
        if dated:
            assert (table[DATES] == pd.Timestamp(day) + pd.Timedelta(days=10)).all(axis=None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "seed"), [("right", 11), ("optimistic", 12), ("growth and rush", 13)]
)
def test_forecast_deals__holds_the_win_dates_of_about_four_in_five_deals(kind: str, seed: int):
    made = next(one for one in worlds.KINDS if one.name == kind)
    log = worlds.log(made, seed)
    history = History.from_changes(log)
    wins = pd.to_datetime(log[log["status"] == "won"].groupby("unique_id")["close_date"].last())
    held = []
    for day in pd.date_range("2023-03-15", "2024-05-15", freq="56D"):
        table = _ask(history, f"{day:%Y-%m-%d}").set_index("unique_id")
        came = wins.reindex(table.index)
        soon = came.between(day, day + pd.Timedelta(days=90))
        held += list(came.between(table["won_low"], table["won_high"])[soon])
    assert len(held) > 100
    assert 0.65 < np.mean(held) < 0.9
