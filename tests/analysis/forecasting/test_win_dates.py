"""When deals are won if they are, against a count by hand and against what came."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.history import History
from tests import worlds
from tests.analysis.forecasting.histories import even_months

DATES = ["won_low", "won_median", "won_high"]
KIND = worlds.Kind("right", weeks=60, deals_per_week=4.0)


def _ask(history: History, day: str, **asked: Any) -> pd.DataFrame:
    frame = history.as_of(f"{day}T23:00Z")
    return oa.forecast_deals(frame, as_of=day, history=history, method="learned", periods=1, **asked)


def _class(due: pd.Timestamp | None, day: pd.Timestamp) -> str:
    if pd.isna(due):
        return "none"
    left = (due - day).days
    return next(
        (name for most, name in ((-1, "overdue"), (14, "14"), (30, "30"), (60, "60")) if left <= most),
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


def test_forecast_deals__dates_wins_by_past_ones_of_the_same_stage_and_distance():
    log = worlds.log(KIND, 3)
    # Some deals lose their date; a daily record within a week is not the week's last.
    log["close_date"] = log["close_date"].mask(
        log["unique_id"].str[-1].eq("7") & ~log["stage"].str.startswith("closed")
    )
    log["seen_at"] = pd.to_datetime(log["seen_at"]) - pd.to_timedelta(
        log["unique_id"].str[-2].eq("3") * 3, unit="D"
    )
    history, day = History.from_changes(log.sort_values("seen_at", kind="stable")), "2022-12-20"
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
        # Of the two deals open on the 10th one is won ten days later; those of the last three months are too young.
        history = even_months(months)
        day = f"{history.records['recorded_at'].max() - pd.Timedelta(days=10):%Y-%m-%d}"
        table = _ask(history, day)
        assert table[DATES].notna().all(axis=None) == dated
        if dated:
            assert (table[DATES] == pd.Timestamp(day) + pd.Timedelta(days=10)).all(axis=None)


@pytest.mark.parametrize(("kind", "seed"), [("right", 11), ("optimistic", 12), ("growth and rush", 13)])
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
