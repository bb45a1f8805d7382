"""The learned method, on months that are all alike and worked by hand."""

import functools
import itertools
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis import backtest, forecast, forecast_deals, sentence
from opp_analytics.analysis.forecasting.forecast_deals import DealForecast
from opp_analytics.analysis.forecasting.learned import Learned, Miss
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.moment import (
    Records,
    day_number,
    first_day,
    last_day,
    read_versions,
)
from opp_analytics.analysis.forecasting.question import ForecastQuestion
from opp_analytics.history import History
from opp_analytics.note import note_of
from opp_analytics.org import Org
from tests.analysis.forecasting.histories import TWO_PIPELINES, even_months

NINE = even_months(9)
AS_OF = "2026-09-10"
FRAME = NINE.as_of("2026-09-10T12:00Z")
_WEDNESDAYS = pd.date_range("2020-01-06T12:00Z", periods=320, freq="W-WED")
WEEKS = History.from_changes(
    pd.DataFrame(
        [
            ("a", _WEDNESDAYS[0], 100.0),
            ("b", _WEDNESDAYS[4], 50.0),
            *(("c", at, k) for k, at in enumerate(_WEDNESDAYS)),
        ],
        columns=["unique_id", "seen_at", "value"],
    ).assign(stage="proposal", status="active", close_date="2026-03-31", probability=50)
)
"""Three deals that stay open, recorded each Wednesday for six years, since the third is worth more
each time."""
ASKED: dict[str, Any] = {"as_of": AS_OF, "history": NINE, "method": "learned"}


def test_forecast__learned_from_months_that_are_alike():
    table = forecast(FRAME, **ASKED, target=130)
    row = table.loc["2026-09"]
    # Of two deals of 100 one is won each month, and 30 come from a deal that nobody had seen.
    parts = row[["booked", "expected_open", "new_business", "expected"]]
    assert parts.tolist() == pytest.approx([0, 100, 30, 130])
    # 30, 130 or 230, with chances of a quarter, a half and a quarter.
    assert row[["low", "median", "high"]].tolist() == [30, 130, 230]
    assert row["p_target"] == 0.75
    assert note_of(table).method == "learned"


def test_forecast__learned_counts_size_yield_inflow_and_last_days():
    log = even_months(9).changes().drop(columns="operation")
    log["value"] = log["value"].astype("float64").mask(log["unique_id"].str[0] == "b", 1000.0)
    log.loc[(log["stage"] == "closed_won") & (log["unique_id"].str[0] == "a"), "value"] = 80.0
    log["created_at"] = log.groupby("unique_id")["seen_at"].transform("min")
    lost = [f"l{day}" for day in range(1, 10)] + [f"m{day}" for day in range(1, 10)]
    more = pd.DataFrame({"unique_id": lost, "stage": "closed_lost", "value": 1.0})
    more["created_at"] = pd.to_datetime("2026-09-0" + more["unique_id"].str[1], utc=True)
    more["close_date"] = pd.Timestamp("2026-09-10").as_unit("us")
    history = History.from_changes(pd.concat([log, more.assign(seen_at="2026-09-10T12:00Z")]))
    frame, asked = history.as_of("2026-09-10T12:00Z"), {**ASKED, "history": history}
    deals = forecast_deals(frame, **asked, periods=1).set_index("unique_id")
    # Seven deals of 100 were won where 3.5 were expected, none of the larger ones.
    chances = {"a2026-09": 0.5 * 12 / 8.5, "b2026-09": 0.5 * 5 / 8.5}
    assert deals["chance"].to_dict() == pytest.approx(chances)
    # Each brought 80, and ten more of 100 count as worth what they say.
    counted = {"a2026-09": 100 * 1560 / 1700, "b2026-09": 1000 * 1560 / 1700}
    assert deals["counted_value"].to_dict() == pytest.approx(counted)
    # 21 deals came in four weeks, before 3; at the first record that was not known.
    row = forecast(frame, **asked).loc["2026-09"]
    assert row["expected_open"] == pytest.approx(deals["weighted"].sum())
    assert row["new_business"] == pytest.approx(30 * (1 + 6 * (29 / 11) ** 0.5) / 7)
    # With 18 days left, where past months had 20.
    frame.attrs = {}
    late = forecast(frame, **{**asked, "as_of": "2026-09-12"}).loc["2026-09"]
    for name in ("expected_open", "new_business"):
        assert late[name] == pytest.approx(row[name] * 19 / 21)


def test_forecast__auto_takes_learned_and_says_why():
    table = forecast(FRAME, as_of=AS_OF, history=NINE)
    # August ended less than 15 days ago.
    assert note_of(table).method == "learned"
    assert note_of(table).why == "7 ended months with a record as long before the end as today"
    pd.testing.assert_frame_equal(table, forecast(FRAME, **ASKED))


def test_forecast__learned_says_no_chance_of_0_or_1_unless_it_is_certain():
    far, open_, met = (
        float(forecast(FRAME, **ASKED, target=goal)["p_target"].loc["2026-09"])
        for goal in (10_000, 1, 0)
    )
    assert 0 < far < 0.01
    assert 0.99 < open_ < 1
    assert met == 1


def test_forecast__names_the_deal_that_is_most_of_what_is_expected():
    large = FRAME["value"].mask(FRAME["unique_id"] == "b2026-09", 100_000.0)
    table = forecast(FRAME.assign(value=large), **ASKED, periods=1)
    assert note_of(table).figures["giants"] == {"2026-09": ["b2026-09", 100_000, 0.5, 50_000]}
    assert sentence(table) == (
        "September: nothing closed, forecast 130 (0–100K); b2026-09, 100K at 50%, makes >99% of "
        "the expected 50K. 100K due in two open deals."
    )
    assert note_of(forecast(FRAME, **ASKED, periods=1)).figures["giants"] == {}


def test_forecast__learned_by_owner_adds_up_to_the_whole():
    history = even_months(9, owners=True)
    frame = history.as_of("2026-09-10T12:00Z")
    asked: dict[str, Any] = {**ASKED, "history": history, "by": "owner_name", "totals": True}
    table = forecast(frame, **asked).xs("2026-09", level="period")
    # Ann won seven deals where 3.5 were expected, Bo none: factors 17/13.5 and 10/13.5.
    assert table["expected_open"].tolist() == pytest.approx(
        [50 * 17 / 13.5, 50 * 10 / 13.5, 0, 100]
    )
    assert table["new_business"].tolist() == pytest.approx([0, 0, 30, 30])
    for name in (
        "booked",
        "open_value",
        "weighted_open",
        "expected_open",
        "new_business",
        "expected",
    ):
        assert table[name].iloc[:-1].sum() == pytest.approx(table.loc["(all)", name])
    assert list(table.index) == ["Ann", "Bo", "Cy", "(all)"]


def test_forecast_deals__a_stage_of_two_pipelines_has_a_chance_in_each():
    history = even_months(9, org=TWO_PIPELINES)
    frame = history.as_of("2026-09-10T12:00Z")
    asked: dict[str, Any] = {**ASKED, "history": history, "periods": ["2026-09"]}
    # Of 7 deals in New none was won, of 7 in Renewal all, of the 14 together half: (0 + 8/2)/15, (7
    # + 8/2)/15, and 1/2.
    for pipelines, chances in (
        (["Renewal", "New"], [11 / 15, 4 / 15]),
        (["Renewal", "Old"], [11 / 15, 1 / 2]),
    ):
        due = frame[frame["close_date"] == "2026-09-25"].assign(pipeline=pipelines)
        found = forecast_deals(due, **asked).set_index("unique_id")["chance"]
        assert found[["a2026-09", "b2026-09"]].tolist() == pytest.approx(chances)
    past = backtest(history, freq="M", methods="learned", as_of="2026-09-10")
    # Both deals of a month together are as likely as in one pipeline.
    assert past["expected"].iloc[0] == pytest.approx(130)


def test_forecast__learned_reads_nothing_later_than_its_day():
    later = even_months(12)
    pd.testing.assert_frame_equal(
        forecast(FRAME, **{**ASKED, "history": later}), forecast(FRAME, **ASKED)
    )


def test_forecast__an_overdue_deal_counts_in_the_period_not_in_its_row():
    frame = FRAME.assign(close_date=pd.Timestamp("2026-09-09").as_unit("us"))
    table = forecast(frame, **ASKED, periods=1)
    assert table.loc["overdue", ["open_value", "expected"]].tolist() == [200, 0]
    # No overdue deal was ever seen, so it has the overall chance.
    assert table.loc["2026-09", "expected_open"] == pytest.approx(100)


def test_forecast__learned_needs_three_ended_months_and_says_from_when_it_can():
    young = even_months(4)
    frame = young.as_of("2026-04-10T12:00Z")
    with pytest.raises(errors.NotEnoughHistory) as raised:
        forecast(frame, as_of="2026-04-10", history=young, method="learned")
    assert str(raised.value) == (
        "method='learned' needs 3 ended months with a record as long before the end as 2026-04-10 "
        "is before the end of 2026-04; the history has 2. It can be used from Apr 15, 2026 on if "
        "you keep recording; until then use 'run_rate' or 'stated'"
    )
    frame = young.as_of("2026-04-20T12:00Z")
    table = forecast(frame, as_of="2026-04-20", history=young, method="learned")
    assert table["expected"].sum() > 0


def test_forecast__auto_says_until_when_it_does_without_learning():
    young = even_months(6)
    table = forecast(young.as_of("2026-06-10T12:00Z"), as_of="2026-06-10", history=young)
    assert note_of(table).method == "run_rate"
    assert note_of(table).why == (
        "learned needs 6 ended months with a record as long before the end as today; you have 4; "
        "until Jul 15, 2026 run rate"
    )


def test_forecast__a_period_too_far_ahead_is_not_known():
    row = forecast(FRAME, **ASKED, periods=["2027-09"], target=5).loc["2027-09"]
    assert row[["expected", "low", "median", "high", "p_target", "new_business"]].isna().all()
    assert row["booked"] == 0


def test_forecast_deals__learned_adds_up_to_the_forecast():
    asked: dict[str, Any] = {**ASKED, "target": 130, "periods": ["2026-09"]}
    deals, row = forecast_deals(FRAME, **asked), forecast(FRAME, **asked).loc["2026-09"]
    assert deals["weighted"].sum() == pytest.approx(row["expected_open"])
    both = deals["chance"] * deals["p_if_won"] + (1 - deals["chance"]) * deals["p_if_lost"]
    assert both.tolist() == pytest.approx([row["p_target"]] * 2)


def test_forecast_deals__knows_the_chance_to_win_at_all():
    history = even_months(9, owners=True)
    asked: dict[str, Any] = {**ASKED, "history": history, "periods": 2}
    deals = forecast_deals(history.as_of("2026-09-10T12:00Z"), **asked)
    # Of nine deals each, all of Ann's that closed were won and none of Bo's, where half was
    # expected: factors 19/14.5 and 10/14.5. Bo's chance in September is larger: 10/13.5.
    for owner, chance in (("a", 0.5 * 19 / 14.5), ("b", 0.5 * 10 / 13.5)):
        own = deals.loc[deals["unique_id"] == f"{owner}2026-09", "win_chance"]
        assert own.tolist() == pytest.approx([chance] * 2)
    stated = forecast_deals(FRAME, as_of=AS_OF, method="stated")
    assert stated["win_chance"].tolist() == [0.5, 0.5]


def test_find_chances__are_those_of_the_period_in_forecast_deals():
    history = even_months(9, owners=True)
    asked: dict[str, Any] = {**ASKED, "history": history, "freq": "M", "target": None}
    asked["method"] = Method("learned")
    made = DealForecast.of(history.as_of("2026-09-10T12:00Z"), periods=2, **asked)
    table = made.list_deals()
    for period in ("2026-09", "2026-10"):
        own = table[table["period"] == period].set_index("unique_id")["chance"]
        found = made.find_chances(pd.Period(period, "M"))
        assert found.to_dict() == own.to_dict()
        assert len(found) == 2


def test_forecast_deals__without_a_history_uses_stated_and_says_so():
    table = forecast_deals(FRAME, as_of=AS_OF)
    assert note_of(table).method == "stated"
    assert note_of(table).why == "there is no history; the run rate does not look at single deals"
    assert table["chance"].tolist() == [0.5, 0.5]
    with pytest.raises(errors.ArgumentValueError, match="does not look at single deals"):
        forecast_deals(FRAME, as_of=AS_OF, method="run_rate")


@pytest.mark.parametrize("freq", ["W", "M", "Q", "Y"])
def test_learn__stretches_by_the_pool_of_past_scores_that_asks_for_most(freq, monkeypatch):
    monkeypatch.setattr(Learned, "_miss", lambda _, period, lead: _miss_at_random(period, lead))
    learned = ForecastQuestion.of_past(
        WEEKS, "the test", freq=freq, method=Method("learned"), as_of=None
    ).learn(())
    days, found = learned.records.days.tolist(), []
    for day, ahead in itertools.product(days[-60::12], range(2)):
        period = learned.records.period(day) + ahead
        lessons, ended = learned.learn(day, period), _ended(days, day, freq)
        known = sum(learned.records.find_at_lead(one, last_day(period) - day) >= 0 for one in ended)
        assert (lessons is None) == (known < 3)
        if lessons is not None:
            asked = [_quantile_by_hand(pool) for pool in _pools_by_hand(ended, day, period, known)]
            assert lessons.range_width == pytest.approx(max(1.0, *asked))
            found.append(int(np.argmax(asked)))
    assert len(set(found)) >= (1 if freq == "Y" else 2)


@pytest.mark.parametrize(
    ("freq", "leads"), [("W", {2, 7, 14, 28, 45, 75}), ("Y", {2, 7, 14, 28, 45, 75})]
)
def test_learn__scores_past_forecasts_only_at_leads_that_count(freq, leads, monkeypatch):
    asked: set[int] = set()
    learned = ForecastQuestion.of_past(
        WEEKS, "the test", freq=freq, method=Method("learned"), as_of=None
    ).learn(())

    def miss(_: Learned, period: pd.Period, lead: int) -> Miss:
        asked.add(lead)
        return _miss_at_random(period, lead)

    monkeypatch.setattr(Learned, "_miss", miss)
    day = int(learned.records.days[-1])
    lessons = learned.learn(day, learned.records.period(day) + 1)
    assert lessons is not None
    assert not asked
    assert lessons.range_width >= 1
    assert asked == leads | {last_day(learned.records.period(day) + 1) - day}


@functools.cache
def _miss_at_random(period: pd.Period, lead: int) -> Miss:
    """Make up the scores of two groups."""
    rng = np.random.default_rng([period.ordinal, lead])
    return Miss(int(rng.integers(3, 20)), np.minimum(rng.exponential(0.8, 2), 4.0))


def _ended(days: list[int], day: int, freq: str) -> list[pd.Period]:
    first = pd.Period(pd.Timestamp(days[0], unit="D"), freq)
    every = (first + k for k in itertools.count())
    return list(itertools.takewhile(lambda one: last_day(one) + 15 <= day, every))


def _pools_by_hand(
    ended: list[pd.Period], day: int, period: pd.Period, known: int
) -> list[list[tuple[float, float]]]:
    """Pairs of score and weight of the three pools, as the definition says them."""
    today = last_day(period) - day
    length = last_day(period) - first_day(period) + 1
    near = [lead for lead in (2, 7, 14, 28, 45, 75) if lead <= length + 7]
    normal = NormalDist()
    pools = []
    for leads, half in (({14, 28, 45, 75, today}, None), ({*near, today}, 3), ({today}, 6)):
        few = 6 if half == 3 else 12
        pool = [
            (normal.inv_cdf(0.5 + (i - 0.5) / (2 * few)) / normal.inv_cdf(0.9), 1.0)
            for i in range(1, few + 1)
        ]
        for lead in leads:
            for place, one in enumerate(ended):
                miss, after = _miss_at_random(one, lead), len(ended) - 1 - place
                scale = ((1 + 1 / known) / (1 + 1 / miss.learned_from)) ** 0.5
                weight = 1.0 if half is None else 0.5 ** (after / half)
                pool += [(score * scale, weight) for score in miss.scores.tolist()]
        pools.append(pool)
    return pools


def _quantile_by_hand(pool: list[tuple[float, float]]) -> float:
    whole, reached = sum(weight for _, weight in pool), 0.0
    for score, weight in sorted(pool):
        reached += weight
        if reached >= 0.8 * (whole + 1):
            return score
    return max(pool)[0]


@pytest.mark.slow
def test_forecast__of_several_moments_reads_the_deals_once_and_says_the_same(monkeypatch):
    shared, days = even_months(9, owners=True), ["2026-07-10", "2026-08-10", "2026-09-10"]
    asked: dict[str, Any] = {"method": "learned", "periods": 2, "by": "owner_name", "totals": True}
    alone = [_forecast_of(even_months(9, owners=True), day, **asked) for day in days]
    read: list[tuple[str, ...]] = []
    stream = History.stream_arrow

    def noted(history: History, rows: Any) -> Any:
        read.append(tuple(rows.columns))
        return stream(history, rows)

    monkeypatch.setattr(History, "stream_arrow", noted)
    together = [_forecast_of(shared, day, **asked) for day in days]
    for one, other in zip(alone, together, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    # The deals of each day, and the versions once for the whole and its owners.
    assert sum("cents" in columns for columns in read) == 1


def test_forecast__learns_anew_after_the_next_record(tmp_path):
    log = even_months(9).changes()
    history = History.from_changes(log[log["seen_at"] <= "2026-08-15"], path=tmp_path)
    before = forecast(FRAME, **{**ASKED, "history": history})
    july = log[(log["unique_id"] == "a2026-07")].tail(1).assign(value=500.0)
    frame = history.as_of("2026-08-15").set_index("unique_id", drop=False)
    frame.loc["a2026-07", "value"] = float(july["value"].iloc[0])
    history.record(frame.reset_index(drop=True), at="2026-08-15T18:00Z")
    after = forecast(FRAME, **{**ASKED, "history": history})
    fresh = forecast(FRAME, **{**ASKED, "history": History(tmp_path)})
    pd.testing.assert_frame_equal(after, fresh, check_exact=True)
    assert not before["high"].equals(after["high"])


def _forecast_of(history: History, day: str, **asked: Any) -> pd.DataFrame:
    return forecast(history.as_of(f"{day}T12:00Z"), as_of=day, history=history, **asked)


def test_read_versions__takes_of_the_edits_of_a_day_what_its_last_record_shows():
    times = ["02T09:00", "02T10:00", "02T23:30", "03T00:10", "03T08:00", "05T08:00", "06T08:00"]
    log = pd.DataFrame(
        {
            "unique_id": "a",
            "seen_at": [f"2026-03-{at}Z" for at in times],
            "stage": ["discovery"] * 5 + ["closed_won", "unheard of"],
            "value": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
        }
    )
    other = pd.DataFrame({"unique_id": "b", "seen_at": ["2026-03-04T08:00Z"], "stage": "discovery"})
    history = History.from_changes(pd.concat([log, other.assign(value=9.0)]))
    # In Berlin the edits of 23:30 and 00:10 are of March 3: the last of March 2 is that of 10:00.
    records = Records.of(history.records, "M", "Europe/Berlin")
    versions = read_versions(history, records, tz="Europe/Berlin", org=Org())
    shown = [versions.every.value.tolist(), versions.seen.tolist(), versions.until.tolist()]
    assert shown == [[2.0, 5.0, 6.0, 9.0], [0, 1, 3, 2], [1, 3, 4, 5]]
    assert versions.first.tolist() == [0, 3]


def test_records__of_quarters_roll_by_a_month():
    days = pd.date_range("2025-01-01", "2026-03-01", freq="7D", tz="UTC")
    today = day_number(pd.Timestamp("2026-03-01"))
    for freq in ("Q-NOV", "Q-DEC", "Q-APR"):
        records = Records.of(pd.DataFrame({"recorded_at": days}), freq, "UTC")
        found = [one for each in records.rolling for one in each.ended(today)]
        months = sorted(one.end_time.to_period("M") for one in found)
        assert months == list(pd.period_range("2025-01", "2026-01", freq="M"))
        assert [one for one in found if one.freqstr == freq] == records.ended(today)
    monthly = Records.of(pd.DataFrame({"recorded_at": days}), "M", "UTC")
    assert monthly.rolling == [monthly]
