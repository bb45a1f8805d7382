"""Alerts: what holds is said with its figures, what is not known is warned of."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.report.alerts import judge_forecast
from opp_analytics.report.model import Alert

ROW = pd.Series(
    {
        "booked": 28_000.0, "expected": 168_423.21, "target": 525_000.0, "p_target": 0.004, "gap": 497_000.0, "attainment": math.nan,
        "open_count": 3.0, "open_value": 300_000.0, "pipeline_coverage": 0.6036, "needed_pipeline": 757_400.0, "world_changed": 1.0,
    }
)  # fmt: skip
TOLD = "you asked to be told"


def find(conditions, earlier=None, **texts):
    settings = {"alert_when": conditions, "alert_text": texts}
    judged = judge_forecast(settings, ROW, earlier, label="2026-11", period="November", currency="USD")
    return [alert for alert in judged if alert.kind == "alert"]


def said(conditions, **texts):
    return [alert.sentence for alert in find(conditions, **texts)]


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("p_target < 0.5", f"November is <1% likely to hit $525K; {TOLD} below 50%."),
        ("50% >= p_target", f"November is <1% likely to hit $525K; {TOLD} at or below 50%."),
        ("expected < 0.8 * target", "Forecast $168K is 32% of target; your line is 80%."),
        ("expected < target * 80%", "Forecast $168K is 32% of target; your line is 80%."),
        ("2 * expected / 2 < target", "Forecast $168K is 32% of target; your line is 100%."),
        ("expected / target <= 80%", "Forecast $168K is 32% of target; your line is 80%."),
        ("target > expected", "Forecast $168K is 32% of target; your line is 100%."),
        ("expected < 500k", f"Forecast for November is $168K; {TOLD} below $500K."),
        ("booked < $100,000", f"November has $28K closed; {TOLD} below $100K."),
        ("booked < target / 2", "Closed $28K is 5% of target; your line is 50%."),
        ("gap > 0.1m", f"November has $497K to go; {TOLD} above $100K."),
        ("open_value < 1M", f"November has $300K open and due; {TOLD} below $1M."),
        ("pipeline_coverage < 3", f"November has 0.6× coverage of what is to go; {TOLD} below 3.0×."),
        ("needed_pipeline > 0", f"November needs $757K more pipeline; {TOLD} above $0."),
        ("world_changed > 0", f"New deals or the share won changed beyond chance; {TOLD}."),
        ("open_count < 5", f"November: open_count is 3; {TOLD} below 5."),
        ("open_count != 5", f"November: open_count is 3; {TOLD} other than 5."),
        ("open_value < gap", "November: open_value is 60% of gap; your line is 100%."),
        (
            "p_target < 50% and open_count < 5",
            f"November: p_target is <1% and open_count is 3; {TOLD} when p_target < 50% and open_count < 5.",
        ),
        ("not p_target > 0.5", f"November: p_target is <1%; {TOLD} when not p_target > 0.5."),
        (
            "booked + open_value < target",
            f"November: booked is $28K, open_value is $300K and target is $525K; {TOLD} when booked + open_value < target.",
        ),
        # What rounds to the line is written finer, so that it is seen to be past it.
        ("p_target < 0.0045", f"November is 0.40% likely to hit $525K; {TOLD} below 0.45%."),
        ("expected < 168424", f"Forecast for November is $168,423.21; {TOLD} below $168,424."),
        ("pipeline_coverage < 0.61", f"November has 0.60× coverage of what is to go; {TOLD} below 0.61×."),
    ],
)
def test_judge_forecast__says_what_holds_as_people_do(condition, sentence):
    assert said(condition) == [sentence]


def test_judge_forecast__that_do_not_hold_are_not_said():
    assert said("p_target > 0.5") == []
    assert said(None) == []
    assert said(["expected > 0.8 * target", "booked >= 28k"]) == [
        f"November has $28K closed; {TOLD} at or above $28K."
    ]


def test_judge_forecast__tells_new_ones_from_those_that_held_at_the_earlier_record():
    conditions = ["p_target < 0.5", "booked < 100k", "open_count < 5"]
    earlier = pd.Series({**ROW, "p_target": 0.51, "open_count": math.nan})
    assert [(alert.sentence.split()[2], alert.lead) for alert in find(conditions, earlier)] == [
        ("<1%", "New"), ("$28K", "Still"), ("is", "New"),
    ]  # fmt: skip
    assert [alert.lead for alert in find(conditions)] == ["", "", ""]
    assert [alert.key for alert in find(conditions)] == [f"2026-11 {condition}" for condition in conditions]


def test_judge_forecast__says_the_words_of_the_org_file():
    texts = {
        "p_target": "{period}: {figure} ({line})",
        "expected  <  0.8 * target": "{expected} {figure} {bound}",
        "booked < 1 or gap > 1": "watch {gap} {{now}}, {condition}",
    }
    conditions = ["p_target < 0.5", "expected < 0.8 * target", "expected < 500k", "booked < 1 or gap > 1"]
    assert said(conditions, **texts) == [
        "November: <1% (50%)",
        "$168K 32% below 80%",
        f"Forecast for November is $168K; {TOLD} below $500K.",
        "Watch $497K {now}, booked < 1 or gap > 1",
    ]


def test_judge_forecast__on_a_figure_that_is_not_known_are_warned_of():
    with pytest.warns(
        errors.DataWarning, match=r"'attainment < 1' cannot be judged for November: attainment is not known"
    ):
        assert said("attainment < 1") == []


@pytest.mark.parametrize("condition", ["booked / 0 > 1", "expected / (booked - 28000) > 1"])
def test_judge_forecast__that_divide_by_zero_are_warned_of(condition):
    with pytest.warns(errors.DataWarning, match="cannot be judged for November: it divides by zero"):
        assert said(condition) == []


def test_alert__leaves_out_what_the_headline_says():
    alert = Alert("November is 46% likely to hit $490K; you asked to be told below 70%.", new=False)
    short = alert.shorten("November is 46% likely to hit $490K: $184K closed, forecast $484K.")
    assert short == Alert("You asked to be told below 70%.", new=False)
    assert alert.shorten("November: $184K closed, forecast $484K vs. $490K.") == alert
