"""Methods and formulas of others on the same past forecasts, on histories small enough to work by
hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scoringrules

from opp_analytics import errors
from opp_analytics.analysis import backtest, backtest_methods, sentence
from opp_analytics.analysis.forecasting.backtest_methods import score_quantiles, score_ranges
from opp_analytics.analysis.forecasting.rivals import RIVALS
from opp_analytics.arguments import MethodName
from opp_analytics.history import History
from tests import worlds
from tests.analysis.forecasting.histories import MONTHS, even_months


def test_backtest_methods__judge_the_same_forecasts():
    alone = backtest_methods(
        MONTHS, freq="M", methods=("stated", "stage"), stage_rates={"proposal": 0.5}
    )
    assert alone["n"].tolist() == [len(backtest(MONTHS, freq="M", method="stated"))] * 2
    history = even_months(12)
    names: list[MethodName] = ["stated", "run_rate", "learned"]
    methods = backtest_methods(history, freq="M", methods=names)
    assert list(methods.index) == names
    # All are judged by the forecasts that the last to start could make.
    fewest = min(len(backtest(history, freq="M", method=name)) for name in names)
    assert 0 < methods["n"].iloc[0] <= fewest
    assert set(methods["n"]) == {methods["n"].iloc[0]}
    # A young history can judge the others alone.
    young = backtest_methods(MONTHS, freq="M", methods=["stated", "learned"])
    assert young["n"].tolist() == [len(backtest(MONTHS, freq="M", method="stated")), 0]
    assert np.isnan(young["wape"].iloc[-1])


def test_backtest_methods__refuses_what_cannot_be_told_apart():
    with pytest.raises(errors.ArgumentValueError, match="'stated' occurs twice"):
        backtest_methods(MONTHS, methods=["stated", "stated"])
    with pytest.raises(errors.ArgumentTypeError, match="not a list"):
        backtest_methods(MONTHS, methods="stated")  # type: ignore[arg-type]
    with pytest.raises(errors.ArgumentValueError, match="unknown methods='best'"):
        backtest_methods(MONTHS, methods=["best"])  # type: ignore[list-item]


def test_backtest_methods__names_the_best_method_with_its_margin():
    table = backtest_methods(
        even_months(9), freq="M", methods=["stage", "stated"], stage_rates={"proposal": 0.0}
    )
    # Each month one of two deals of 100 is won, and 30 that nobody saw: half is 30 short and
    # nothing 130 on the 10th, and both know all on the 20th; the next month nobody sees anything.
    assert table.attrs["best"] == "stated"
    other, best = table.iloc[0], table.iloc[1]
    assert (best["behind"], other["behind"]) == (0, pytest.approx(other["wape"] - best["wape"]))
    # All months are alike, so nothing is left to chance.
    assert other[["behind_low", "behind_high"]].tolist() == pytest.approx([other["behind"]] * 2)
    assert sentence(table) == "Stated misses by 53%, 21 pts less than stage: use it."


def test_backtest_methods__says_where_the_difference_is_noise():
    # The stated chances are those of the stages, so both say the same.
    table = backtest_methods(
        even_months(9), freq="M", methods=["stated", "stage"], stage_rates={"proposal": 0.5}
    )
    assert table.attrs["best"] is None
    assert table[["behind", "behind_low", "behind_high"]].eq(0).all(axis=None)
    assert sentence(table).endswith("could be luck.")
    one = backtest_methods(MONTHS, freq="M", methods=["stated"])
    assert one.attrs["best"] is None
    assert sentence(one).endswith("no other method can be judged on the same forecasts.")


STATED_AND_STAGE: dict[str, Any] = {
    "freq": "M",
    "methods": ["stated", "stage"],
    "stage_rates": {"proposal": 0.3},
}


def test_backtest_methods__has_the_coverage_of_wider_and_narrower_ranges():
    history = worlds.history(worlds.Kind("right", weeks=60), 3)
    row = backtest_methods(history, freq="M", methods=["run_rate"], confidence=0.7).loc["run_rate"]
    for column, level in {
        "coverage_50": 0.5,
        "coverage_95": 0.95,
        "interval_coverage": 0.7,
    }.items():
        past = backtest(history, freq="M", method="run_rate", confidence=level)
        assert row[column] == past.attrs["interval_coverage"]
    past = backtest(history, freq="M", method="run_rate", confidence=0.7).dropna(subset="low")
    fines = scoringrules.interval_score(past["actual"], past["low"], past["high"], 0.3)
    assert row["winkler"] == pytest.approx(fines.mean())
    assert 0 < row["coverage_50"] < row["coverage_95"]


def test_backtest_methods__scores_the_whole_distribution():
    log = pd.DataFrame(
        {
            "unique_id": "a",
            "seen_at": ["2026-01-12", "2026-02-02"],
            "value": 100.0,
            "probability": [50, 100],
            "stage": ["proposal", "closed_won"],
            "close_date": "2026-01-30",
        }
    )
    found = backtest_methods(History.from_changes(log), freq="M", methods=["stated", "weighted"])
    # Half of the distribution is 0 and half 100, which came: 2 · (0.01 + … + 0.50) · 100 / 99. The
    # weighted 50 is 50 off.
    assert found["crps"].tolist() == pytest.approx([2 * 1275 / 99, 50])
    assert found["winkler"].isna().tolist() == [False, True]


def test_backtest_methods__counts_each_period_once_in_its_error():
    table = backtest_methods(**STATED_AND_STAGE, history=MONTHS)
    past = backtest(MONTHS, freq="M", method="stated")
    months = (
        past.assign(error=past["error"].abs()).groupby(level="period")[["error", "actual"]].mean()
    )
    row, mean = table.loc["stated"], months["actual"].mean()
    assert row["periods"] == len(months) == 3
    assert row["period_error"] == pytest.approx(months["error"].mean() / mean)
    assert row["period_error_se"] == pytest.approx(months["error"].std() / 3**0.5 / mean)


def test_backtest_methods__by_lead_are_the_same_forecasts_by_days_left():
    history = even_months(12)
    names: list[Any] = ["run_rate", "stated", "last_period"]
    whole, parts = (
        backtest_methods(history, freq="M", methods=names, by_lead=by) for by in (False, True)
    )
    assert parts.index.names == ["method", "days_left"]
    # Of the month: 20 or 21 and 10 or 11 days, 18 and 8 in February; of the next one: 48 to 52 and
    # 38 to 42.
    bands = parts.index.get_level_values("days_left").dtype
    assert isinstance(bands, pd.CategoricalDtype)
    assert bands.ordered
    assert list(bands.categories) == ["8–14", "15–31", "32–60"]
    assert [method for method, _ in parts.index[::3]] == names
    assert parts["n"].groupby(level="method", sort=False).sum().to_dict() == whole["n"].to_dict()
    money = (parts["crps"] * parts["n"]).groupby(level="method", sort=False).sum() / whole["n"]
    np.testing.assert_allclose(money, whole["crps"])
    # Each band has its own best method.
    assert (parts["behind"].groupby(level="days_left", observed=True).min() == 0).all()
    assert set(parts.attrs["best"]) == set(bands.categories)
    near = parts.xs("8–14", level="days_left").loc["run_rate"]
    past = backtest(history, freq="M", method="run_rate").reset_index()
    twentieth = past[
        past["made_at"].dt.strftime("%Y-%m 20") == past["made_at"].dt.strftime("%Y-%m %d")
    ]
    judged = twentieth[twentieth["period"] == twentieth["made_at"].dt.strftime("%Y-%m")].tail(
        int(parts["n"].iloc[0])
    )
    assert near["wape"] == pytest.approx(judged["error"].abs().sum() / judged["actual"].sum())


def test_backtest_methods__judges_what_todays_method_made_and_leaves_out_one_with_less_than_half_of_that():
    history = even_months(9)
    table = backtest_methods(history, freq="M", methods=["stated", "learned", "year_ago"])
    learned = backtest(history, freq="M", method="learned")
    assert 0 < len(learned) < len(backtest(history, freq="M", method="stated")) / 2
    assert table.attrs["left_out"] == {"year_ago": 0}
    assert table["n"].tolist() == [len(learned), len(learned), 0]
    assert table.loc["learned", "wape"] == pytest.approx(learned.attrs["wape"])
    assert table.loc["year_ago"].drop(["n", "periods", "differs"]).isna().all()
    parts = backtest_methods(history, freq="M", methods=["year_ago", "stated"], by_lead=True)
    assert (parts.loc["year_ago", "n"] == 0).all()
    assert parts["n"].sum() == 30


def test_backtest_methods__of_months_too_few_for_learned_judges_what_another_made():
    table = backtest_methods(even_months(5), freq="M", methods=["learned", "stated"])
    made = backtest(even_months(5), freq="M", method="stated")
    assert table["n"].to_dict() == {"learned": 0, "stated": len(made)}


def test_backtest_methods__judges_formulas_of_others_without_a_range():
    table = backtest_methods(even_months(12), freq="M", methods=["run_rate", *RIVALS[:-1]])
    assert set(table["n"]) == {table.attrs["n"]}
    others = table.iloc[1:]
    assert (
        others[["interval_coverage", "coverage_50", "coverage_95", "winkler"]].isna().all(axis=None)
    )
    # Each month wins 130.
    np.testing.assert_allclose(others["crps"], others["wape"] * 130)
    # All months are alike, so what came before comes again, and the pipeline alone lacks the deals
    # nobody saw.
    assert others.loc[["three_periods", "last_period"], "wape"].tolist() == [0, 0]
    assert others["bias"]["weighted"] < 0


def test_sentence__names_formulas_of_others_as_people_do():
    table = backtest_methods(
        even_months(12), freq="M", methods=["run_rate", "stage_projection", "weighted"]
    )
    said = sentence(table[table.index != "run_rate"])
    assert said.startswith("Stage projection of the last month misses by ")
    assert said.endswith("less than weighted pipeline.")
    assert ": use it." in sentence(table.drop(index="stage_projection"))
    quarters = table.copy()
    quarters.attrs["freq"] = "Q"
    assert sentence(quarters[quarters.index != "run_rate"]).startswith(
        "Stage projection of the last quarter"
    )


def test_sentence__by_lead_counts_the_bands_that_a_method_leads():
    history = even_months(12)
    table = backtest_methods(history, freq="M", methods=["last_period", "weighted"], by_lead=True)
    assert sentence(table) == (
        "Last month’s number misses least in 3 of 3 bands of days left: beyond chance in two "
        "of them."
    )
    alone = backtest_methods(history, freq="M", methods=["stated"], by_lead=True)
    assert sentence(alone).endswith("in 3 of 3 bands of days left: could be luck.")


def test_score_ranges__agrees_with_scoringrules():
    rng = np.random.default_rng(1)
    actual, ends = rng.normal(0, 2, 200), np.sort(rng.normal(0, 2, (2, 200)), axis=0)
    for confidence in (0.5, 0.8, 0.95):
        theirs = scoringrules.interval_score(actual, *ends, 1 - confidence)
        np.testing.assert_allclose(score_ranges(actual, *ends, confidence=confidence), theirs)


def test_score_quantiles__agrees_with_scoringrules():
    rng, levels = np.random.default_rng(2), np.arange(1, 100) / 100
    actual, quantiles = rng.gamma(2, 100, 50), np.sort(rng.gamma(2, 100, (50, 99)), axis=1)
    theirs = scoringrules.crps_quantile(actual, quantiles, levels)
    np.testing.assert_allclose(score_quantiles(actual, quantiles, levels), theirs)


def test_score_quantiles__is_near_the_crps_of_the_distribution():
    levels = np.arange(1, 100) / 100
    draws = np.random.default_rng(3).normal(0, 1, 200_000)
    for actual in (-1.0, 0.0, 2.5):
        found = score_quantiles([actual], [np.quantile(draws, levels)], levels)[0]
        assert found == pytest.approx(scoringrules.crps_normal(actual, 0, 1), abs=0.02)


def test_scores__of_a_forecast_without_a_distribution_are_not_known():
    assert np.isnan(score_ranges([1.0], [np.nan], [np.nan], confidence=0.8)).all()
    assert np.isnan(score_quantiles([1.0], [[np.nan, np.nan]], [0.3, 0.6])).all()
    assert len(score_quantiles([], np.zeros((0, 2)), [0.3, 0.6])) == 0


def test_score_ranges__of_a_worked_example() -> None:
    assert score_ranges([5.0, 12.0], [4.0, 4.0], [10.0, 10.0], confidence=0.8).round(
        6
    ).tolist() == [
        6.0,
        26.0,
    ]


def test_score_quantiles__of_a_worked_example() -> None:
    assert score_quantiles([10.0], [[6.0, 10.0, 12.0]], [0.25, 0.5, 0.75]).round(6).tolist() == [
        1.0
    ]
