"""Formulas of others: each on months worked by hand, and all recomputed from the change log of a
simulated team."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis import backtest, forecast
from opp_analytics.analysis.forecasting.rivals import RIVALS
from opp_analytics.history import History
from tests import worlds


def ask(history: History, name: Any) -> pd.Series:
    """What a rival expects, by day of the record and month."""
    table = backtest(history, freq="M", methods=["stated", name]).droplevel("method")
    table = table[table["used"] == name]
    assert table[["low", "high"]].isna().all(axis=None)
    places = [(f"{made_at:%Y-%m-%d}", period) for made_at, period in table.index]
    index = pd.MultiIndex.from_tuples(places, names=["day", "period"])
    return pd.Series(table["expected"].to_numpy(), index)


def growing_months(months: int) -> History:
    """Months from January 2026 on, recorded on the 10th and the 20th.

    In month k, two deals of 100·k in proposal and one of 10 in negotiation are open on the 10th,
    all due on the 25th at a stated chance of 50%. On the 20th one of the two is won, that in
    negotiation is won in even months, the others are lost, and a deal of 30 that nobody had seen is
    won.
    """
    rows = []
    for k, month in enumerate(pd.period_range("2026-01", periods=months, freq="M"), 1):
        tenth, twentieth = f"{month}-10T12:00Z", f"{month}-20T12:00Z"
        deals = {"a": ("proposal", 100.0 * k, True), "b": ("proposal", 100.0 * k, False)}
        deals["n"] = ("negotiation", 10.0, k % 2 == 0)
        for name, (stage, value, won) in deals.items():
            rows.append((f"{name}{month}", tenth, stage, f"{month}-25", value))
            end = "closed_won" if won else "closed_lost"
            rows.append((f"{name}{month}", twentieth, end, f"{month}-20", value))
        rows.append((f"c{month}", twentieth, "closed_won", f"{month}-20", 30.0))
    # Won in May, entered in June.
    rows.append(("late", "2026-06-20T12:00Z", "closed_won", "2026-05-30", 7.0))
    log = pd.DataFrame(rows, columns=["unique_id", "seen_at", "stage", "close_date", "value"])
    return History.from_changes(log.assign(probability=50).sort_values("seen_at", kind="stable"))


EIGHT = growing_months(8)


def test_weighted__is_what_is_booked_and_the_deals_due_at_their_stated_chances():
    found = ask(EIGHT, "weighted")
    assert found["2026-06-10", "2026-06"] == 0.5 * (600 + 600 + 10)
    assert found["2026-06-20", "2026-06"] == 600 + 10 + 30
    assert found["2026-06-10", "2026-07"] == 0


@pytest.mark.slow
def test_category_weights__are_what_is_booked_and_the_deals_due_at_the_weight_of_their_category():
    found = ask(EIGHT, "category_weights")
    # At a stated chance of 50%, all are best case.
    assert found["2026-06-10", "2026-06"] == pytest.approx(0.7 * (600 + 600 + 10))
    assert found["2026-06-20", "2026-06"] == 600 + 10 + 30
    rows = [
        ("a", "2026-01-10", "proposal", "2026-01-25", 100.0, 75),
        ("b", "2026-01-10", "proposal", "2026-01-25", 10.0, 74),
        ("c", "2026-01-10", "proposal", "2026-01-25", 1.0, 49),
        ("c", "2026-02-20", "closed_lost", "2026-01-25", 1.0, 0),
    ]
    columns = ["unique_id", "seen_at", "stage", "close_date", "value", "probability"]
    history = History.from_changes(pd.DataFrame(rows, columns=columns))
    assert ask(history, "category_weights")["2026-01-10", "2026-01"] == pytest.approx(97.3)


def test_three_periods__is_the_mean_of_the_last_three_ended_months_raised_to_what_is_booked():
    found = ask(EIGHT, "three_periods")
    # March, April and May: 300 + 30, 400 + 10 + 30, 500 + 30.
    assert found["2026-06-10", "2026-06"] == pytest.approx((330 + 440 + 530) / 3)
    assert found["2026-06-20", "2026-06"] == 640
    assert found["2026-06-20", "2026-07"] == pytest.approx((330 + 440 + 537) / 3)
    # January is not a full month after the first win, so that there are three from May on.
    assert found.index[0] == ("2026-05-10", "2026-05")


def test_last_period__is_the_last_ended_month_as_known_at_the_record():
    found = ask(EIGHT, "last_period")
    assert found["2026-06-10", "2026-06"] == found["2026-06-10", "2026-07"] == 530
    assert (found["2026-06-20", "2026-06"], found["2026-06-20", "2026-07"]) == (640, 537)
    assert found["2026-03-10", "2026-03"] == 240
    assert found.index[0] == ("2026-03-10", "2026-03")


def test_year_ago__is_the_same_month_of_the_year_before():
    found = ask(growing_months(16), "year_ago")
    # The next month is looked up as well; January 2026 is no full month after the first win.
    assert found.index[0] == ("2027-01-10", "2027-02")
    assert found["2027-01-10", "2027-02"] == found["2027-02-10", "2027-02"] == 240
    assert found["2027-02-20", "2027-03"] == 330
    assert found["2027-02-20", "2027-02"] == 1400 + 10 + 30
    assert ask(EIGHT, "year_ago").empty


def test_stage_projection__prices_stages_as_at_the_same_point_of_the_last_month_and_adds_what_came_from_elsewhere():  # noqa: E501
    found = ask(EIGHT, "stage_projection")
    # On May 10, one of two in proposal was won in the end, the one in negotiation was not; 30 came
    # from elsewhere.
    assert found["2026-06-10", "2026-06"] == 0.5 * 1200 + 0 * 10 + 30
    # In June negotiation was won, and by July the 7 entered late are known, but they are May's.
    assert found["2026-07-10", "2026-07"] == 0.5 * 1400 + 1 * 10 + 30
    # As long before its end as June 20 is, May had all its wins, but for those entered late.
    assert found["2026-06-20", "2026-06"] == 640 + 7
    assert found.index[0] == ("2026-02-10", "2026-02")


def test_stage_projection_4__is_the_mean_over_the_last_four_months():
    found = ask(EIGHT, "stage_projection_4")
    # February to May: proposal 1 of 2 in each, negotiation 1, 0, 1, 0.
    assert found["2026-06-10", "2026-06"] == 0.5 * 1200 + 0.5 * 10 + 30
    assert found.index[0] == ("2026-05-10", "2026-05")


def test_stage_projection__takes_the_share_of_all_deals_due_for_a_stage_that_had_none():
    rows = [
        ("a", "2026-01-10", "proposal", "2026-01-25", 100.0),
        ("b", "2026-01-10", "proposal", "2026-01-25", 100.0),
        ("a", "2026-01-20", "closed_won", "2026-01-20", 100.0),
        ("b", "2026-01-20", "closed_lost", "2026-01-20", 100.0),
        ("c", "2026-02-10", "negotiation", "2026-02-25", 80.0),
        ("c", "2026-03-10", "closed_won", "2026-02-25", 80.0),
    ]
    log = pd.DataFrame(rows, columns=["unique_id", "seen_at", "stage", "close_date", "value"])
    assert ask(History.from_changes(log.assign(probability=50)), "stage_projection").to_dict() == {
        ("2026-02-10", "2026-02"): 40.0
    }


def test_rivals__are_no_forecast_methods():
    for name in RIVALS:
        with pytest.raises(errors.ArgumentValueError, match=f"method={name!r} is unknown"):
            forecast(pd.DataFrame(), as_of="2026-01-01", method=name)  # type: ignore[arg-type]


class Recomputed:
    """The formulas once more, in pandas, from the change log alone."""

    def __init__(self, log: pd.DataFrame) -> None:
        dated = log.assign(
            month=log["close_date"].dt.to_period("M"), won=log["stage"] == "closed_won"
        )
        dated["open"] = ~dated["stage"].str.startswith("closed")
        self.log = dated.sort_values("seen_at", kind="stable")
        self.records = sorted(set(log["seen_at"]))
        self.known = {
            at: self.log[self.log["seen_at"] <= at].drop_duplicates("unique_id", keep="last")
            for at in self.records
        }

    def total(self, at: pd.Timestamp, month: pd.Period) -> float:
        known = self.known[at]
        return float(known.loc[known["won"] & (known["month"] == month), "value"].sum())

    def due(self, at: pd.Timestamp, month: pd.Period) -> pd.DataFrame:
        known = self.known[at]
        today = at.normalize()
        return known[known["open"] & (known["month"] == month) & (known["close_date"] >= today)]

    def same_point(
        self, at: pd.Timestamp, month: pd.Period, past: pd.Period
    ) -> pd.Timestamp | None:
        end = pd.Timestamp(past.end_time.date())
        wanted = end - (pd.Timestamp(month.end_time.date()) - at.normalize())
        off = {
            one: (abs(one.normalize() - wanted), -one.value)
            for one in self.records
            if one.normalize() <= end
        }
        near = min(off, key=off.__getitem__, default=None)
        return near if near is not None and off[near][0] <= pd.Timedelta(days=3) else None

    def project(self, at: pd.Timestamp, month: pd.Period, past: pd.Period) -> float:
        point = self.same_point(at, month, past)
        if point is None:
            return np.nan
        then, now = self.due(point, past), self.known[at].set_index("unique_id")
        won = now[now["won"] & (now["month"] == past)]
        came = then["unique_id"].isin(won.index)
        share = came.groupby(then["stage"].astype(str)).mean()
        whole = came.mean() if len(then) else 0.0
        before = self.known[point]
        elsewhere = won.drop(
            [*then["unique_id"][came], *before["unique_id"][before["won"]]], errors="ignore"
        )
        due = self.due(at, month)
        priced = (due["value"] * due["stage"].map(share).astype(float).fillna(whole)).sum()
        return float(self.total(at, month) + priced + elsewhere["value"].sum())

    def expect(self, name: str, at: pd.Timestamp, month: pd.Period) -> float:
        current, booked = pd.Period(at.date(), "M"), self.total(at, month)
        if name in ("weighted", "category_weights"):
            due = self.due(at, month)
            chance = due["probability"] / 100
            if name == "category_weights":
                chance = pd.Series(
                    np.select([chance >= 0.75, chance >= 0.5], [0.9, 0.7], 0.3), due.index
                )
            return booked + float((due["value"] * chance).sum())
        if name.startswith("stage_projection"):
            past = [current - k for k in range(1, 5 if name.endswith("4") else 2)]
            return float(np.mean([self.project(at, month, one) for one in past]))
        known = self.known[at]
        first = known.loc[known["won"], "close_date"].min()
        begin = first.to_period("M") + int(first.day > 1) if pd.notna(first) else current
        past = {"year_ago": [month - 12], "last_period": [current - 1]}.get(
            name, [current - k for k in (1, 2, 3)]
        )
        if min(past) < begin or max(past) >= current:
            return np.nan
        return max(booked, float(np.mean([self.total(at, one) for one in past])))


@pytest.mark.slow
def test_rivals__are_those_recomputed_from_the_change_log():
    log = worlds.log(worlds.Kind("rush", weeks=70, rush=2.5), 5)
    history, again = History.from_changes(log), Recomputed(log)
    last = again.records[-1].normalize()
    for name in RIVALS:
        expected = {}
        for at in again.records[::3]:
            current = pd.Period(at.date(), "M")
            for month in (current, current + 1):
                if month.end_time.normalize() < last:
                    expected[at.strftime("%Y-%m-%d"), str(month)] = again.expect(name, at, month)
        wanted = pd.Series(expected).dropna()
        found = ask(history, name)
        assert len(wanted) > (2 if name == "year_ago" else 15)
        assert set(wanted.index) == set(found.index) & set(expected)
        np.testing.assert_allclose(found[wanted.index], wanted)
