"""Curves from creation, and the definitions side by side."""

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest
from scipy import stats
from statsmodels.duration.survfunc import CumIncidenceRight

from opp_analytics import errors, org
from opp_analytics.analysis.rates.time_to_win import time_to_win
from opp_analytics.analysis.rates.velocity import velocity
from opp_analytics.analysis.rates.win_rate_cohorts import win_rate_cohorts
from opp_analytics.analysis.rates.win_rate_curve import win_rate_curve
from opp_analytics.analysis.rates.win_rate_definitions import win_rate_definitions
from opp_analytics.analysis.stats.competing_risks import incidence, share_interval
from opp_analytics.org.outcomes import DISQUALIFIED, LOST, OPEN, WON
from tests.analysis.past import Past, row

DAY_0 = pd.Timestamp("2026-01-01")
AS_OF = DAY_0 + pd.Timedelta(days=30)


def _deals(*ends, value=100.0):
    """Deals created on day 0 (open ones so that they are as old as given): pairs of outcome and age."""
    rows = []
    for kind, age in ends:
        created = DAY_0 if kind != "open" else AS_OF - pd.Timedelta(days=age)
        stage = {"won": "closed_won", "lost": "closed_lost", "open": "proposal"}[kind]
        close = DAY_0 + pd.Timedelta(days=age) if kind != "open" else pd.NaT
        rows.append((stage, created.tz_localize("UTC"), close, value))
    return pd.DataFrame(rows, columns=["stage", "created_at", "close_date", "value"])


# Ten deals with ties between every kind of end; worked by hand below.
TEN = _deals(
    ("won", 2), ("lost", 2), ("open", 2), ("won", 5), ("won", 5), ("lost", 7), ("open", 8), ("lost", 9), ("won", 9), ("open", 12)
)  # fmt: skip


def test_win_rate_curve__agrees_with_the_textbook_worked_by_hand():
    table = win_rate_curve(TEN, as_of=AS_OF)
    assert table.index.tolist() == [2, 5, 7, 9]
    assert table["at_risk"].tolist() == [10, 7, 5, 3]
    # S: 1, 8/10, ·5/7, ·4/5, ·1/3; each step S(t−)·w/r.
    win = np.cumsum([1 / 10, 0.8 * 2 / 7, 0, 0.8 * 5 / 7 * 4 / 5 * 1 / 3])
    lose = np.cumsum([1 / 10, 0, 0.8 * 5 / 7 * 1 / 5, 0.8 * 5 / 7 * 4 / 5 * 1 / 3])
    np.testing.assert_allclose(table["win"], win)
    np.testing.assert_allclose(table["lose"], lose)
    np.testing.assert_allclose(table["win"] + table["lose"] + table["open"], 1)


def test_win_rate_curve__without_open_deals_is_the_plain_share():
    table = win_rate_curve(_deals(("won", 1), ("lost", 3), ("won", 3), ("won", 8)), as_of=AS_OF)
    assert table["win"].iloc[-1] == pytest.approx(3 / 4)
    assert table["open"].iloc[-1] == pytest.approx(0)


def test_win_rate_curve__leaves_out_and_counts_what_cannot_be_followed():
    frame = pd.concat([TEN, TEN.head(4)], ignore_index=True)
    frame["status"] = ["active"] * 10 + ["lost", "active", "inactive", "active"]
    frame.loc[11, "close_date"] = DAY_0 - pd.Timedelta(days=1)
    frame.loc[13, "close_date"] = None
    table = win_rate_curve(frame, as_of=AS_OF)
    assert table.attrs["n"] == 10
    assert table.attrs["left_out"] == {
        "conflict": 1, "disqualified": 1, "closed_without_date": 1, "closed_before_created": 1,
    }  # fmt: skip


def test_win_rate_curve__a_future_dated_close_counts_as_open():
    table = win_rate_curve(_deals(("won", 5), ("won", 40)), as_of=AS_OF)
    assert table["win"].tolist() == [0.5]


def test_win_rate_curve__history_dates_the_disqualified_and_corrects_late_closes():
    made = {"created_at": "2026-01-01T09:00:00Z", "close_date": "2026-01-31"}
    past = Past(
        [
            row("d", "2026-01-01", "proposal", operation="new", **made),
            row("w", "2026-01-01", "proposal", operation="new", **made),
            row("l", "2026-01-01", "proposal", operation="new", **made),
            row("x", "2026-01-01", "proposal", operation="new", status="inactive", **made),
            row("d", "2026-01-08", "proposal", status="inactive", **made),
            row("w", "2026-01-15", "closed_won", **{**made, "close_date": "2026-01-12"}),
            row("l", "2026-01-15", "closed_lost", **made),
        ],
        ["2026-01-01T12:00Z", "2026-01-08T12:00Z", "2026-01-15T12:00Z"],
    )
    table = win_rate_curve(past.as_of("2026-02-01"), as_of="2026-02-01", history=past)
    # Seen disqualified on day 7; won on its own date, which lies between the records; the loss was seen on day 14.
    assert table.index.tolist() == [7, 11, 14]
    assert table[["won", "lost", "disqualified"]].to_numpy().tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert table[["win", "lose", "out", "open"]].iloc[-1].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    # Nobody saw when the fourth was disqualified.
    assert table.attrs["left_out"] == {"disqualified": 1}
    alone = win_rate_curve(past.as_of("2026-02-01"), as_of="2026-02-01")
    assert alone.index.tolist() == [11, 30]
    early = win_rate_curve(past.as_of("2026-01-09"), as_of="2026-01-09", history=past)
    assert early[["at_risk", "disqualified"]].to_numpy().tolist() == [[3, 1]]


def test_share_interval__is_never_certain():
    low, high = share_interval(
        np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.1, 0.0]), np.array([9, 9, 9]), 0.95
    )
    assert low[0] == 0 < high[0] < 0.5
    assert low[1] < 0.5 < high[1]
    assert 0.5 < low[2] < high[2] == 1


def test_win_rate_curve__by_and_empty():
    table = win_rate_curve(TEN.assign(owner=["Ann", None] * 5), as_of=AS_OF, by="owner")
    assert table.index.names == ["owner", "days"]
    assert set(table.index.get_level_values(0)) == {"Ann", "(none)"}
    empty = win_rate_curve(org.empty(), as_of=AS_OF)
    assert len(empty) == 0
    pdt.assert_series_equal(empty.dtypes, table.dtypes)


def test_incidence__interval_covers_the_truth_at_about_its_rate():
    # Exponential ends with known shares, censored at random: F_W(10) = 0.4·(1 − exp(−10·0.1)).
    rng, truth, hits, runs = np.random.default_rng(0), 0.4 * (1 - np.exp(-1.0)), 0, 200
    for _ in range(runs):
        end, limit = rng.exponential(10, 300), rng.uniform(2, 30, 300)
        kind = np.where(rng.random(300) < 0.4, WON, LOST)
        curve = incidence(
            np.floor(np.minimum(end, limit) * 50).astype(np.int64),
            np.where(end <= limit, kind, OPEN).astype(np.int8),
        )
        place = np.searchsorted(curve.time, 500, side="right") - 1
        hits += abs(curve.win[place] - truth) <= 1.96 * curve.win_error[place]
    assert stats.binom.cdf(hits, runs, 0.95) > 0.001
    assert hits / runs < 0.995


@pytest.mark.parametrize("seed", range(3))
def test_incidence__agrees_with_statsmodels(seed):
    rng = np.random.default_rng(seed)
    time = rng.integers(0, 30, 200)
    outcome = rng.choice([WON, LOST, DISQUALIFIED, OPEN], 200, p=[0.3, 0.3, 0.1, 0.3]).astype(np.int8)
    curve = incidence(time, outcome)
    # There the causes count from 1, and 0 is censored.
    status = np.select([outcome == WON, outcome == LOST, outcome == DISQUALIFIED], [1, 2, 3], 0)
    oracle = CumIncidenceRight(time, status)
    place = np.searchsorted(oracle.times, curve.time)
    for ours, theirs in zip((curve.win, curve.lose, curve.out), oracle.cinc, strict=True):
        np.testing.assert_allclose(ours, theirs[place], atol=1e-12)
    # Their error is that of Greenwood's kind; ours by the delta method differs in the third place.
    inside = (curve.at_risk > 20) & (curve.win > 0)
    np.testing.assert_allclose(curve.win_error[inside], oracle.cinc_se[0][place][inside], rtol=0.05)


def test_time_to_win__counts_open_deals():
    table = time_to_win(TEN, as_of=AS_OF, quantiles=[0.3, 0.9])
    assert table["days"].iloc[0] == 5
    assert np.isnan(table["days"].iloc[1])
    assert table["days_of_won"].tolist() == [5, 9]
    with pytest.raises(errors.DataError, match="between 0 and 1"):
        time_to_win(TEN, as_of=AS_OF, quantiles=[2])


def test_win_rate_cohorts__compare_at_equal_age():
    frame = _deals(("won", 5), ("won", 25), ("lost", 3))
    young = frame.head(1).assign(created_at=pd.Timestamp("2026-01-29", tz="UTC"), close_date=AS_OF)
    table = win_rate_cohorts(pd.concat([frame, young]), as_of=AS_OF, age_days=10, freq="M")
    assert table.loc["2026-01", ["created", "won", "lost", "open"]].tolist() == [3, 1, 1, 1]
    assert table.attrs["left_out"]["younger_than_age_days"] == 1


def test_win_rate_definitions__stand_side_by_side():
    table = win_rate_definitions(TEN, as_of=AS_OF, horizon_days=365)
    assert table.loc["closed, all time", ["rate", "n"]].tolist() == [4 / 7, 7]
    assert table.loc["won of all created", ["rate", "n"]].tolist() == [0.4, 10]
    assert np.isnan(table.loc["created cohort at equal age", "rate"])
    curve = win_rate_curve(TEN, as_of=AS_OF)["win"].iloc[-1]
    assert table.loc["curve, eventual", "rate"] == pytest.approx(curve)
    assert table.loc["one minus Kaplan-Meier", "rate"] > curve
    assert table["misleads_when"].str.len().gt(10).all()


def test_win_rate_definitions__empty_in_gives_the_same_rows():
    table = win_rate_definitions(org.empty(), as_of=AS_OF)
    assert table["rate"].isna().all()
    assert table["n"].eq(0).all()


def test_velocity__is_the_product_of_its_factors():
    row = velocity(TEN, as_of=AS_OF).iloc[0]
    assert row[["open_count", "won", "lost", "mean_won_value"]].tolist() == [3, 4, 3, 100]
    assert row["mean_days_to_win"] == pytest.approx((2 + 5 + 5 + 9) / 4)
    assert row["velocity"] == pytest.approx(3 * (4 / 7) * 100 / (21 / 4))
    assert velocity(org.empty(), as_of=AS_OF)["velocity"].isna().all()
