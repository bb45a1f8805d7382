"""Scores of past forecasts, on tables and histories small enough to work by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scoringrules

from opp_analytics import errors
from opp_analytics.analysis import backtest, score, sentence
from opp_analytics.analysis.forecasting.rivals import RIVALS
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests import worlds
from tests.analysis.forecasting.histories import MONTHS, even_months

SCORES = ["wape", "bias", "coverage_50", "coverage_80", "coverage_95", "winkler", "crps"]


def half_off(opportunities: Any, **_: Any) -> float:
    """Forecast half of what the even months bring."""
    return 65.0


def test_score__judges_the_same_forecasts():
    names: list[Any] = ["stated", "run_rate", "learned"]
    history = even_months(12)
    past = backtest(history, freq="M", methods=names)
    table = score(past)
    assert table.index.tolist() == names
    # All are judged by the forecasts that the last to start could make.
    common = past.loc["learned"].index.intersection(past.loc["run_rate"].index)
    assert set(table["n"]) == {len(common), note_of(table).figures["n"]}
    assert note_of(table).figures["periods"] == common.unique("period").size
    learned = past.loc["learned"].loc[common]
    assert table.loc["learned", "wape"] == pytest.approx(
        learned["error"].abs().sum() / learned["actual"].sum()
    )
    same = past.loc["stated"].loc[learned.index]
    assert table.loc["stated", "bias"] == pytest.approx(same["error"].sum() / same["actual"].sum())


def test_score__leaves_out_a_method_with_less_than_half_of_the_firsts_forecasts():
    past = backtest(even_months(9), freq="M", methods=["stated", "learned"])
    table = score(past)
    assert table["n"].tolist() == [len(past.loc["stated"]), 0]
    assert table.loc["learned", SCORES].isna().all()
    assert not table["differs"].any()
    # Named first, it is what the other is held against.
    swapped = score(backtest(even_months(9), freq="M", methods=["learned", "stated"]))
    assert set(swapped["n"]) == {len(past.loc["learned"])}


def test_score__has_the_coverage_and_the_fines_of_ranges():
    history = worlds.history(worlds.Kind("right", weeks=60), 3)
    past = backtest(history, freq="M", methods="run_rate")
    row, ranged = score(past).loc["run_rate"], past.dropna(subset="low")
    fines = scoringrules.interval_score(ranged["actual"], ranged["low"], ranged["high"], 0.2)
    assert row["winkler"] == pytest.approx(fines.mean())
    assert row["coverage_80"] == ranged["held"].mean()
    for level in (50, 95):
        inside = ranged["actual"].between(ranged[f"low_{level}"], ranged[f"high_{level}"])
        assert row[f"coverage_{level}"] == inside.mean()
    assert 0 < row["coverage_50"] < row["coverage_80"] < row["coverage_95"]


def test_score__scores_the_whole_distribution():
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
    past = backtest(History.from_changes(log), freq="M", methods=["stated", "weighted"])
    # Half of the distribution is 0 and half 100, which came: 2 · (0.01 + … + 0.50) · 100 / 99. The
    # weighted 50 is 50 off.
    assert score(past)["crps"].tolist() == pytest.approx([2 * 1275 / 99, 50])
    assert score(past)["winkler"].isna().tolist() == [False, True]


def test_score__by_lead_are_the_same_forecasts_by_days_left():
    names: list[Any] = ["run_rate", "stated", "last_period"]
    past = backtest(even_months(12), freq="M", methods=names)
    whole, parts = score(past), score(past, by="lead")
    assert parts.index.names == ["lead", "method"]
    # Of the month: 20 or 21 and 10 or 11 days, 18 and 8 in February; of the next one: 48 to 52 and
    # 38 to 42.
    bands = parts.index.get_level_values("lead").dtype
    assert isinstance(bands, pd.CategoricalDtype)
    assert bands.ordered
    assert list(bands.categories) == ["8–14", "15–31", "32–60"]
    assert list(parts.index.get_level_values("method")) == names * 3
    sums = parts["n"].groupby(level="method", sort=False).sum()
    assert sums.to_dict() == whole["n"].to_dict()
    money = (parts["crps"] * parts["n"]).groupby(level="method", sort=False).sum() / whole["n"]
    np.testing.assert_allclose(money, whole["crps"])
    alone = score(past.loc[["stated"]], by="lead")
    assert list(alone.index) == list(bands.categories)
    near = past.loc["stated"].query("lead < 15")
    assert alone.loc["8–14", "wape"] == pytest.approx(
        near["error"].abs().sum() / near["actual"].sum()
    )


def test_score__by_period_by_a_group_and_by_the_method_used():
    past = backtest(even_months(12, owners=True), freq="M", by="owner_name")
    for by in ("owner_name", "period", "used"):
        table = score(past, by=by)
        assert table.index.name == by
        assert table["n"].to_dict() == past.groupby(by).size().to_dict()
        for key, part in past.groupby(by):
            if part["actual"].sum():
                off = part["error"].abs().sum() / part["actual"].sum()
                assert table["wape"].to_dict()[key] == pytest.approx(off)
    assert score(past, by="owner_name")["wape"].isna()["Bo"]


@pytest.mark.slow
def test_score__marks_what_differs_from_the_first_method_beyond_chance():
    past = backtest(even_months(12), freq="M", methods=["last_period", "weighted", half_off])
    table = score(past)
    # All months are alike, so nothing is left to chance: the next month nobody sees anything, and
    # the last one comes again.
    assert table["differs"].tolist() == [False, True, True]
    assert table["wape"].iloc[0] == 0
    near = score(past, by="lead").loc["8–14", "differs"]
    # With ten days left all is booked, and the pipeline knows it too.
    assert near.tolist() == [False, False, True]
    few = past[past.index.get_level_values("period") < "2026-06"]
    # Four periods whose signs may change: 2 of 16 are as far apart, and Holm asks more of two.
    assert score(few)["differs"].tolist() == [False, False, False]


def test_score__refuses_what_it_cannot_read():
    past = backtest(MONTHS, freq="M")
    with pytest.raises(errors.ArgumentValueError, match="by='owner_name' is unknown; use one of"):
        score(past, by="owner_name")
    with pytest.raises(errors.MissingColumnError, match="pass the result of backtest"):
        score(pd.DataFrame({"error": [1.0]}))
    assert score(past[past["lead"] > 20])["n"].sum() == (past["lead"] > 20).sum()


@pytest.mark.slow
def test_score__judges_formulas_of_others_without_a_range():
    past = backtest(even_months(12), freq="M", methods=["run_rate", *RIVALS[:-1]])
    others = score(past).iloc[1:]
    assert others[["coverage_50", "coverage_80", "coverage_95", "winkler"]].isna().all(axis=None)
    # Each month wins 130.
    np.testing.assert_allclose(others["crps"], others["wape"] * 130)
    # All months are alike, so what came before comes again, and the pipeline alone lacks the deals
    # nobody saw.
    assert others.loc[["three_periods", "last_period"], "wape"].tolist() == [0, 0]
    assert others["bias"]["weighted"] < 0


@pytest.mark.slow
def test_sentence__of_a_score_says_which_method_to_use():
    history = even_months(12)
    table = score(backtest(history, freq="M", methods=["stage_projection", "weighted", half_off]))
    assert sentence(table) == (
        "Stage projection of the last month misses by 0%, 50 pts less than half off."
    )
    quarters = table.copy()
    note_of(table).change(freq="Q").write(quarters)
    assert sentence(quarters).startswith("Stage projection of the last quarter")
    # The best one is held against the first.
    table = score(backtest(history, freq="M", methods=["weighted", "run_rate"]))
    assert ": use it; 80% ranges of run rate held in " in sentence(table)
    same = score(backtest(history, freq="M", methods=["stated", "weighted"]))
    assert "weighted pipeline by 54%: could be luck; 80% ranges of stated" in sentence(same)
    alone = score(backtest(history, freq="M", methods="weighted"))
    assert sentence(alone) == "Weighted pipeline misses by 54%."


@pytest.mark.slow
def test_sentence__of_a_score_by_lead_says_how_the_error_shrinks():
    past = backtest(even_months(12), freq="M", methods=["weighted", "last_period"])
    assert sentence(score(past, by="lead")) == (
        "Forecasts of weighted pipeline miss by 100% (32–60 days left), by 0% (8–14 days left)."
    )
    assert sentence(score(past.loc[["weighted"]], by="period")).startswith("Forecasts miss by ")
    few = score(backtest(MONTHS, freq="M").query("actual > 0").head(1), by="lead")
    assert sentence(few) == "1 past forecast: too few to say."
