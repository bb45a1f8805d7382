"""Sentences of past forecasts, from literal tables."""

import pandas as pd

from opp_analytics.analysis import sentence


def table(rows, index, name, **attrs):
    made = pd.DataFrame(rows, index=pd.Index(index, name=name))
    made.attrs.update(attrs)
    return made


def test_sentence__of_a_backtest():
    rows = {
        "weeks_before": [2, 1],
        "actual": [100.0, 100.0],
        "error": [20.0, -40.0],
        "low": [50.0, None],
        "high": [120.0, None],
    }
    made = table(rows, ["2026-01", "2026-02"], "period", confidence=0.8)
    assert (
        sentence(made)
        == "2 past forecasts missed by 30%, 10% too low in all, which may be chance; 80% ranges held in 1 of 1."
    )
    assert (
        sentence(made.assign(actual=0.0))
        == "Nothing was booked in the periods forecast; 80% ranges held in 0 of 1."
    )


def test_sentence__of_a_track_record_counts_only_periods_with_a_range():
    rows = {
        "days_before": 2,
        "actual": 100.0,
        "error": [4.0, 4.0, 4.0, -4.0],
        "held": pd.array([True, False, None, None], "boolean"),
    }
    made = table(rows, ["2026-01", "2026-02", "2026-03", "2026-04"], "period", freq="M")
    assert (
        sentence(made)
        == "Past ranges held in 1 of 2 months, two more had none; forecasts ran 2% high in sum, which may be chance."
    )
    assert sentence(made.tail(2)) == "No past month had a range; forecasts ran true."


def test_sentence__of_horizons():
    made = table(
        {"n": [9, 9], "wape": [0.1, 0.4], "bias": [0.0, 0.1], "interval_coverage": [0.8, 0.7]},
        [0, 3],
        "weeks_before",
    )
    assert sentence(made.assign(n=2)) == "4 past forecasts: too few to say."
    assert sentence(made) == "Forecasts miss by 40% three weeks before the end, by 10% in the last week."


def test_sentence__of_calibration():
    rows = {
        "n": [10, 30],
        "stated": [0.2, 0.6],
        "realized": [0.2, 0.3],
        "realized_low": [0.05, 0.2],
        "realized_high": [0.5, 0.4],
        "won": [2, 9],
        "open": [0, 0],
        "open_share": [0.0, 0.0],
    }
    made = table(rows, ["0–50%", "50–100%"], "bin")
    assert sentence(made) == "Deals stated at 50% on average were won in 28%: stated too high."
    assert sentence(made.head(1)) == (
        "Deals stated at 20% on average were won in 20%: as far as 10 deals can tell, the statements are right."
    )
    # What is still open may be won yet.
    assert sentence(made.assign(open_share=0.4, open=[4, 12])) == (
        "Deals stated at 50% on average were won in 28%, 40% are still open: "
        "as far as 40 deals can tell, the statements are right."
    )
    assert sentence(made.assign(n=0)) == "No stated probability can be judged yet."
