"""Chances and dates of single deals, held against what came."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opp_analytics.history import History
from tests import worlds
from tests.benchmarks._deal_points import list_chances, list_points, score_chances, score_dates


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    return worlds.log(worlds.Kind("small", weeks=78, deals_per_week=4.0), 3)


def test_list_points__has_each_open_deal_once_a_week_with_what_became_of_it(
    log: pd.DataFrame,
) -> None:
    points = list_points(History.from_changes(log), "M")
    assert not points.duplicated(["day", "deal"]).any()
    days = pd.to_datetime(points["day"], unit="D")
    assert (days.dt.day_of_week == 0).all()
    assert points["chance"].between(0.0005, 0.98).all()
    # Open deals of one record, and the wins of the period that then ran, from the log itself.
    day, won = days.max(), log[log["status"] == "won"].drop_duplicates("unique_id")
    known = log[log["seen_at"].dt.tz_localize(None).dt.normalize() <= day].drop_duplicates(
        "unique_id", keep="last"
    )
    of_day = points[days == day]
    ids = known.loc[known["status"] == "active", "unique_id"]
    assert len(of_day) == len(ids)
    period = pd.Period(of_day["period"].iloc[0])
    assert period == pd.Period(day + pd.Timedelta(days=1), "M")
    ours = won[won["unique_id"].isin(ids)]
    assert of_day["won"].sum() == (ours["close_date"].dt.to_period("M") == period).sum() > 0
    assert sorted(of_day["won_on"].dropna()) == sorted(
        (ours["close_date"] - pd.Timestamp(0)).dt.days
    )


def test_list_points__has_no_days_for_a_win_before_any_are_known(log: pd.DataFrame) -> None:
    points = list_points(History.from_changes(log), "W")
    early = points["day"] < points["day"].min() + 21
    assert points.loc[early, "low"].isna().all()
    known = points["low"].notna()
    assert known.any()
    assert (points["low"] >= points["day"])[known].all()


def points_of(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"day": 100, **columns})


def test_score_chances__is_the_brier_score_beside_base_rate_and_stated_and_the_area() -> None:
    points = points_of(chance=[0.9, 0.1, 0.1, 0.3], stated=[0.5] * 4).assign(
        won=[True, False, False, False]
    )
    assert [*score_chances(points).values()] == ["4", "25.0%", "0.030", "0.188", "0.250", "1.00"]


def test_list_chances__shows_said_and_came_by_bin() -> None:
    points = points_of(chance=[0.03, 0.04, 0.6, 0.8]).assign(won=[False, False, True, False])
    rows = list_chances(points)
    assert list(rows) == ["2 to 5%", "50 to 100%"]
    assert [*rows["2 to 5%"].values()][:2] == ["2", "3.5%"]
    assert rows["2 to 5%"]["came"].startswith("0.0% (")
    assert rows["50 to 100%"]["came"].startswith("50.0% (")


def test_score_dates__counts_wins_within_90_days_before_between_and_after_the_days_said() -> None:
    points = points_of(
        won_on=[105.0, 120.0, 150.0, 180.0, 191.0, np.nan],
        low=[110.0] * 6,
        median=[120.0] * 6,
        high=[160.0] * 6,
        due=[130.0] * 6,
    )
    assert [*score_dates(points).values()] == ["4", "25%", "50%", "25%", "23", "23"]
