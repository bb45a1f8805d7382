"""The page that proves a forecast: its figures are those of `backtest_methods`, and an anonymous
one says no more."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.report import Proof, judge_forecasts
from tests.analysis.forecasting.histories import even_months
from tests.report import reading
from tests.report.proofs import PLANTED, judged, proof_history, stand_in


@pytest.fixture(scope="module")
def history():
    return proof_history()


@pytest.fixture(scope="module")
def proof(history):
    return Proof(judge_forecasts(history, freq="M"))


@pytest.fixture(scope="module")
def hidden(history):
    return Proof(judge_forecasts(history, freq="M", anonymous=True))


def read(proof):
    return reading.read(proof.render("opp-analytics prove"))


def test_page__says_what_backtest_methods_found(history, proof):
    methods = [*proof.tables["methods"].index]
    table = oa.backtest_methods(history, freq="M", methods=methods)
    known = table[table["n"] > 0].sort_values("wape", kind="stable")
    heads, *rows = read(proof).table("methods")
    assert heads[:7] == ["Method", "", "Missed by", "Bias", "50% held", "80% held", "95% held"]
    assert len(rows) == len(known) > 5
    measures = ["wape", "bias", "coverage_50", "interval_coverage", "coverage_95"]
    model = known.loc[proof.model]
    for (_, row), cells in zip(known.iterrows(), rows, strict=True):
        shares = [text.percent(row[name], signed=name == "bias") for name in measures]
        ratios = [row[name] / model[name] for name in ("winkler", "crps")]
        scores = ["–" if np.isnan(ratio) else f"{text.number(ratio, 2)}×" for ratio in ratios]
        by_period = f"{text.percent(row['period_error'])} ± {text.percent(row['period_error_se'])}"
        assert cells[2:10] == [*shares, *scores, by_period]
        assert cells[10] == ("yes" if row["differs"] else "best" if row["behind"] == 0 else "no")


def test_page__has_the_forecast_by_days_left_beside_the_best_other(proof):
    table = proof.tables["days_left"]
    own = table.xs(proof.model, level="method")
    _, *rows = read(proof).table("days_left")
    assert [cells[:3] for cells in rows] == [
        [f"{band} days", text.number(row["n"]), text.percent(row["wape"])]
        for band, row in own.iterrows()
    ]
    for band, cells in zip(own.index, rows, strict=True):
        others = table["wape"].xs(band, level="days_left").drop(proof.model)
        assert cells[-1].startswith(text.percent(others.min()))


def test_page__has_each_period_as_the_track_record_does(history, proof):
    last = history.records["recorded_at"].iloc[-1]
    table = oa.track_record(history, as_of=last, freq="M", method=proof.model)
    _, *rows = read(proof).table("periods")
    assert len(rows) == len(table) > 5
    for (_, row), cells in zip(table.iloc[::-1].iterrows(), rows, strict=True):
        amounts = (
            text.money(row[name], "CHF").replace("\xa0", " ") for name in ("expected", "actual")
        )
        assert [cells[2], cells[-1]] == [*amounts]
        assert cells[3].endswith({True: "held", False: "missed"}.get(row["held"], "–"))


def test_page__raises_the_alarms_of_world_changes(history, proof):
    changes = oa.world_changes(history, freq="M")
    alarms = changes[changes["alarm"]]
    assert len(alarms) > 0
    _, *rows = read(proof).table("alarms")
    assert len(rows) == len(alarms)
    first = alarms.xs("inflow", level="measure").iloc[0]
    [cells] = [cells for cells in rows if "Fewer new deals" in cells[0]][:1]
    assert cells[1:] == [text.number(first["now"]), text.number(first["was"])]


def test_anonymous__leaks_no_name_and_no_amount(history, proof, hidden):
    page = hidden.render("opp-analytics prove --anonymous")
    tables = json.dumps(
        {
            name: [table.reset_index().to_json(date_format="iso"), table.attrs]
            for name, table in hidden.tables.items()
        }
    )
    shown = proof.render("opp-analytics prove")
    assert "CHF" in shown
    amounts = proof.tables["periods"][["expected", "low", "high", "actual"]].to_numpy().ravel()
    amounts = amounts[amounts > 1000]
    assert len(amounts) > 20
    written = {text.money(amount, "CHF") for amount in amounts} | {
        text.money(amount, None) for amount in amounts
    }
    for said in (page, tables):
        assert [word for word in PLANTED if word in said] == []
        assert [amount for amount in written if amount in said] == []
    for table in hidden.tables.values():
        assert (table.select_dtypes("number").fillna(0).abs() < 1000).all(axis=None)


def test_anonymous__says_the_same_in_ratios(proof, hidden):
    assert hidden.sentence == proof.sentence
    assert read(hidden).table("methods") == read(proof).table("methods")
    assert read(hidden).table("days_left") == read(proof).table("days_left")
    assert read(hidden).title("periods") == read(proof).title("periods")
    share = proof.tables["periods"]["expected"] / proof.tables["periods"]["actual"]
    assert [cells[2] for cells in read(hidden).table("periods")[1:]] == [
        text.percent(one) for one in share[::-1]
    ]
    inflow = proof.tables["alarms"].xs("inflow", level="measure").iloc[0]
    cells = next(cells for cells in read(hidden).table("alarms") if "new deals" in cells[0])
    assert cells[1:] == [text.percent(inflow["now"] / inflow["was"]), "100%"]


def test_anonymous__leaves_out_a_month_in_which_nothing_closed_and_says_so(hidden):
    periods = hidden.tables["periods"].copy()
    periods.loc[periods.index[0], ["expected", "low", "high", "actual"]] = np.nan
    page = read(Proof({**hidden.tables, "periods": periods}))
    assert len(page.table("periods")) == len(periods)
    assert "; without 1 month in which nothing closed" in reading.words(page.block("periods"))


def test_sentence__says_plainly_who_missed_by_less():
    rows = {
        "learned": {"wape": 0.12, "interval_coverage": 0.81},
        "run_rate": {"wape": 0.17},
        "last_period": {"wape": 0.25},
    }
    assert Proof({"methods": judged(rows)}).sentence == (
        "The learned forecast missed by 12% on average, the next best, run rate, by 17% (could "
        "be luck); last "
        "month’s number by 25%. 80% ranges held in 81% of 120 forecasts of 17 months."
    )
    rows["run_rate"] = {"wape": 0.17, "differs": True}
    assert "run rate, by 17%; last month’s" in Proof({"methods": judged(rows)}).sentence


@pytest.mark.parametrize(("differs", "chance"), [(True, ""), (False, " (could be luck)")])
def test_sentence__says_first_where_a_rival_beats_us(differs, chance):
    rows = {
        "learned": {"wape": 0.12, "interval_coverage": 0.81, "differs": differs},
        "stage_projection_4": {"wape": 0.09},
        "last_period": {"wape": 0.25, "differs": True},
    }
    assert Proof({"methods": judged(rows)}).sentence == (
        "Stage projection of the last four months beat the learned forecast: 9% off on average "
        "against 12%"
        f"{chance}; last month’s number 25% off. 80% ranges held in 81% of 120 forecasts of 17 "
        "months."
    )


def test_second_sentence__names_the_days_left_where_a_rival_is_better_beyond_chance():
    methods = judged({"learned": {"interval_coverage": 0.8}, "run_rate": {"wape": 0.3}})
    early, late = (
        judged({"learned": {"differs": lost}, "run_rate": {"wape": rival}})
        for lost, rival in ((False, 0.3), (True, 0.1))
    )
    bands = pd.concat({"0–1": late, "15–31": early}, names=["days_left"]).swaplevel()
    assert stand_in(methods, bands).second == (
        "Better than the learned forecast, beyond chance: run rate with 0–1 days left (10% off, "
        "against 20%)."
    )
    bands = pd.concat({"15–31": early}, names=["days_left"]).swaplevel()
    assert (
        stand_in(methods, bands).second
        == "However many days were left, no other method was better beyond chance."
    )


def test_page__of_few_quarters_says_that_they_are_too_few():
    methods = judged(
        {"run_rate": {"interval_coverage": 0.75}, "weighted": {"wape": 0.4}},
        n=12,
        periods=4,
        freq="Q",
    )
    methods.loc["learned"] = {
        **dict.fromkeys(methods, np.nan),
        "n": 0,
        "periods": 0,
        "differs": False,
    }
    page = stand_in(methods, pd.concat({"8–14": methods}, names=["days_left"]).swaplevel())
    assert page.sentence.startswith(
        "The run rate forecast missed by 20% on average, the next best, weighted pipeline, by 40%"
    )
    assert page.second == (
        "Learned: too few past forecasts to judge. Only 4 quarters can be judged: too few to "
        "say which method is better."
    )
    assert page.title("methods") == "Two methods on the same 12 forecasts of 4 quarters"
    assert "Too few forecasts to judge: learned" in reading.words(page.block("methods"))
    assert page.note("periods") == "No record is as early."
    assert page.title("alarms") == "No alarm that the world changed"


def test_page__of_a_method_alone_or_of_nothing_closed_says_so():
    alone = judged({"stated": {"interval_coverage": 0.5}}, periods=9)
    assert Proof({"methods": alone}).sentence == (
        "The stated chances forecast missed by 20% on average. 80% ranges held in 50% of 120 "
        "forecasts of 9 months."
    )
    nothing = judged(
        {
            "stated": {"wape": np.nan, "bias": np.nan, "interval_coverage": 1.0},
            "last_period": {"wape": np.nan},
        }
    )
    assert Proof({"methods": nothing}).sentence == (
        "Nothing closed in the months that were forecast. 80% ranges held in 100% of 120 "
        "forecasts of 17 months."
    )
    assert (
        "No range can be judged"
        in Proof({"methods": judged({"run_rate": {}, "last_period": {}})}).sentence
    )


def test_judge_forecasts__without_an_ended_period_or_a_method_of_ours_raises():
    with pytest.raises(NotEnoughHistory, match="keep recording"):
        judge_forecasts(even_months(1), freq="Q")
    with pytest.raises(
        NotEnoughHistory, match="no forecast of a period that has ended can be judged yet"
    ):
        _ = Proof({"methods": judged({"last_period": {}})}).model


def test_judge_forecasts__of_a_short_history_says_what_is_lacking():
    tables = judge_forecasts(even_months(4), freq="M", anonymous=True)
    assert "needs 7 ended months" in tables["alarms"].attrs["lacking"]
    page = read(Proof(tables))
    assert "Alarms need 7 ended months" in page.note("alarms")
