"""Alerts: what holds is said with its figures, what is not known is warned of."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import errors
from opp_analytics.answers.alerts import fold_alerts, judge_alerts, judge_forecast
from tests import pipelines
from tests.analysis.forecasting.histories import even_months
from tests.pipelines import AS_OF, context_of

ROW = pd.Series(
    {
        "booked": 28_000.0,
        "expected": 168_423.21,
        "target": 525_000.0,
        "p_target": 0.004,
        "gap": 497_000.0,
        "attainment": math.nan,
        "open_count": 3.0,
        "open_value": 300_000.0,
        "pipeline_coverage": 0.6036,
        "needed_pipeline": 757_400.0,
        "world_changed": 1.0,
    }
)


def find(conditions, earlier=None, **texts):
    settings = {"alert_when": conditions, "alert_text": texts}
    judged = judge_forecast(
        settings, ROW, earlier, label="2026-11", period="November", currency="USD"
    )
    return [alert for alert in judged if alert.kind == "alert"]


def said(conditions, **texts):
    return [alert.words for alert in find(conditions, **texts)]


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("p_target < 0.5", "November is <1% likely to hit $525K, below 50%."),
        ("50% >= p_target", "November is <1% likely to hit $525K, at or below 50%."),
        ("expected < target * 80%", "Forecast $168K is 32% of target, below 80%."),
        ("target > expected", "Forecast $168K is 32% of target, below 100%."),
        ("booked < $100,000", "November has $28K closed, below $100K."),
        (
            "world_changed > 0",
            "Changes of new deals or the share won beyond chance: 1, above 0.",
        ),
        ("open_count != 5", "November: open count is 3, other than 5."),
        ("open_value < gap", "November: open value is 60% of gap, below 100%."),
        (
            "p_target < 50% and open_count < 5",
            (
                "November: p target is <1% and open count is 3, meeting p_target < 50% and "
                "open_count < 5."
            ),
        ),
        # What rounds to the line is written finer, so that it is seen to be past it.
        ("p_target < 0.0045", "November is 0.40% likely to hit $525K, below 0.45%."),
        ("expected < 168424", "Forecast for November is $168,423.21, below $168,424."),
        (
            "pipeline_coverage < 0.61",
            "November has 0.60× coverage of what is to go, below 0.61×.",
        ),
    ],
)
def test_judge_forecast__says_what_holds_as_people_do(condition, sentence):
    assert said(condition) == [sentence]


def test_judge_forecast__says_a_whole_line_without_decimals_once_it_is_over():
    row = pd.Series({**ROW, "p_target": 0.5041})
    settings = {"alert_when": "p_target < 0.5"}
    (over,) = judge_forecast(settings, row, label="2026-11", period="November", currency="USD")
    assert over.words == "November is 50.41% likely to hit $525K; no longer below 50%."


def test_judge_forecast__tells_new_ones_from_those_that_held_at_the_earlier_record():
    conditions = ["p_target < 0.5", "booked < 100k", "open_count < 5"]
    earlier = pd.Series({**ROW, "p_target": 0.51, "open_count": math.nan})
    assert [alert.words.partition(", ")[2] for alert in find(conditions, earlier)] == [
        "now below 50%.",
        "still below $100K.",
        "now below 5.",
    ]
    assert [alert.words.partition(", ")[2] for alert in find(conditions)] == [
        "below 50%.",
        "below $100K.",
        "below 5.",
    ]
    assert [alert.key for alert in find(conditions)] == [
        f"2026-11 {condition}" for condition in conditions
    ]


def test_judge_forecast__says_the_words_of_the_org_file():
    texts = {
        "p_target": "{period}: {figure} ({line})",
        "expected  <  0.8 * target": "{expected} {figure} {bound}",
        "booked < 1 or gap > 1": "watch {gap} {{now}}, {condition}",
    }
    conditions = [
        "p_target < 0.5",
        "expected < 0.8 * target",
        "expected < 500k",
        "booked < 1 or gap > 1",
    ]
    assert said(conditions, **texts) == [
        "November: <1% (50%)",
        "$168K 32% below 80%",
        "Forecast for November is $168K, below $500K.",
        "Watch $497K {now}, booked < 1 or gap > 1",
    ]


def test_judge_forecast__on_a_figure_that_is_not_known_are_warned_of():
    with pytest.warns(
        errors.DataWarning,
        match=r"'attainment < 1' cannot be judged for November: attainment is not known",
    ):
        assert said("attainment < 1") == []


@pytest.mark.parametrize("condition", ["booked / 0 > 1", "expected / (booked - 28000) > 1"])
def test_judge_forecast__that_divide_by_zero_are_warned_of(condition):
    with pytest.warns(
        errors.DataWarning, match="cannot be judged for November: it divides by zero"
    ):
        assert said(condition) == []


def deals(**changes):
    """Alder, Cedar and Elder of the small pipeline, with changes of a deal's cells by its id."""
    rows = [row for row in pipelines.LAST_WEEK if row[0] in "ace"]
    cells = [dict(zip(pipelines.COLUMNS, row, strict=True)) for row in rows]
    return [tuple({**row, **changes.get(str(row["unique_id"]), {})}.values()) for row in cells]


@pytest.fixture
def watch(tmp_path):
    """Judge an org file's settings for deals of a week ago and now."""

    def judge(now, then=None, *, target=None, rows=pipelines.pipeline, **report):
        history = None
        if then is not None:
            history = pipelines.recorded(
                oa.History(tmp_path / str(len(list(tmp_path.iterdir())))),
                {"2026-03-09": then, AS_OF: now},
            )
        asked = oa.Org(report=report, currency="USD")
        return judge_alerts(context_of(rows(now), history, org=asked, target=target))

    return judge


BEFORE = deals()
"""Alder: $100K at 80%, due Mar 20; Cedar: $30K at 20%, due Apr 10; Elder: won."""


@pytest.mark.parametrize(
    ("condition", "changes", "said"),
    [
        (
            "probability < 50%",
            {"a": {"probability": 41}},
            [
                "Alder (Ann): probability is 41%, now below 50%; $100K due Mar 20.",
                "Cedar (Ann): probability is 20%, still below 50%; $30K due Apr 10.",
            ],
        ),
        (
            "probability < 50% and value > 50k",
            {"c": {"value": 60_000.0, "close_date": None}},
            ["Cedar (Ann): probability is 20%, now below 50%; $60K, no close date."],
        ),
        (
            "value < 100k",
            {"a": {"value": 99_999.9, "close_date": "2026-03-12"}},
            [
                "Alder (Ann): value is $99,999.90, now below $100,000; $100K was due Mar 12.",
                "Cedar (Ann): value is $30K, still below $100K; $30K due Apr 10.",
            ],
        ),
        (
            "value * probability < 10000",
            {},
            [
                (
                    "Cedar (Ann): value is $30K and probability is 20%, still meeting value * "
                    "probability < 10000; $30K due Apr 10."
                )
            ],
        ),
        (
            "days_in_stage > 5 and pushes >= 1",
            {"c": {"close_date": "2026-05-10"}},
            ["Cedar (Ann): days in stage is 7, now above 5; $30K due May 10."],
        ),
        ("probability > 90%", {}, []),
    ],
)
def test_judge_alerts__says_what_became_of_a_deal(watch, condition, changes, said):
    assert [
        alert.words for alert in watch(deals(**changes), BEFORE, alert_deals_when=condition).alerts
    ] == said


def test_judge_alerts__of_a_condition_that_ended_say_the_figure_now(watch):
    conditions = [
        "probability < 50%",
        "value > 50k",
        "days_in_stage > 30",
        "probability * value < 1",
    ]
    keys = [f"a {condition}" for condition in conditions]
    end = watch(
        deals(a={"probability": 56, "value": 50_000.0}), BEFORE, alert_deals_when=conditions
    ).find_end
    assert [end(key).words for key in keys] == [
        "Alder (Ann): probability is 56%, no longer below 50%.",
        "Alder (Ann): value is $50K, no longer above $50K.",
        "Alder (Ann): days in stage is 7, no longer above 30.",
        (
            "Alder (Ann): probability is 56% and value is $50K, no longer meeting probability * "
            "value < 1."
        ),
    ]
    assert end(f"e {conditions[0]}").words == "Elder (Ann) was won: $70K."
    # A deal that is gone, a condition that nobody asks for any more, and a month that has ended.
    assert [
        end(key) for key in (f"z {conditions[0]}", "a value > 1", "2026-02 p_target < 0.5")
    ] == [None] * 3


def test_judge_alerts__that_cannot_be_judged_any_more_are_neither_over_nor_told_again(watch):
    asked = {
        "alert_deals_when": "period_chance < 0.5",
        "alert_when": ["p_target < 0.5", "booked > 1m"],
    }
    with pytest.warns(errors.DataWarning) as warned:
        watched = watch(deals(), BEFORE, **asked)
    assert [str(one.message) for one in warned] == [
        "alert_when='p_target < 0.5' cannot be judged for March: p_target is not known",
        "alert_deals_when='period_chance < 0.5' cannot be judged: period_chance is not known of "
        "any open deal",
    ]
    told = [
        "a period_chance < 0.5",
        "2026-03 p_target < 0.5",
        "2026-03 booked > 1m",
        "2026-02 booked > 1m",
    ]
    lines, _, keys = watched.follow_up(told)
    assert [line.words for line in lines] == ["March has $70K closed; no longer above $1M."]
    assert list(keys) == told[:2]


@pytest.mark.parametrize(
    ("closed", "said", "new"),
    [
        (49_000.0, [], []),
        (
            100_000.0,
            [
                "March reached its target: $100K of $100K closed.",
                "March passed 90% of target: $100K of $100K closed.",
                "March passed 50% of target: $100K of $100K closed.",
            ],
            [True] * 3,
        ),
    ],
)
def test_judge_alerts__tells_milestones_of_the_target(watch, closed, said, new):
    then = deals(e={"stage": "proposal", "status": "active"})
    watched = watch(deals(e={"value": closed}), then, target=100_000, milestones=[0.9, 1, 0.5])
    assert [(str(one), one.new) for one in watched.milestones] == list(zip(said, new, strict=True))
    assert [line.words for line in watched.lines] == said[:1]
    lines, _, keys = watched.follow_up(["2026-03 50% of target", "2026-02 100% of target"])
    assert [line.words for line in lines] == (said[:1] if closed > 50_000 else [])
    # What was passed is told once, though a win is taken back.
    assert "2026-03 50% of target" in keys
    assert "2026-02 100% of target" not in keys


def test_judge_alerts__names_the_first_deals_counts_the_rest_and_lists_those_that_stand_in_one_line(
    watch,
):
    rows = [
        (str(k), f"Deal {k}", 1_000.0 * k, "proposal", "active", "2026-03-20", 40, "Ann")
        for k in range(1, 13)
    ]
    then = [(*row[:6], 60 if k >= 5 else 40, "Ann") for k, row in enumerate(rows)]
    watched = watch(rows, then, alert_deals_when="probability < 50%")
    assert len(watched.alerts) == 12
    assert [line.words for line in watched.lines] == [
        *(
            f"Deal {k} (Ann): probability is 40%, now below 50%; ${k}K due Mar 20."
            for k in (12, 11, 10)
        ),
        "Five more alerts.",
    ]
    assert [line.words for line in fold_alerts(watched.alerts[7:])] == [
        "Five deals still below 50%: Deal 5 (Ann), Deal 4 (Ann), Deal 3 (Ann) and 2 more.",
    ]


def test_judge_alerts__says_the_words_of_the_org_file_for_a_deal(watch):
    condition = "probability < 50% and value > 20k"
    words = (
        "{owner_name}: call {name}, {value} at {figure} ({bound}), {account_id}, {close_date}, "
        "{risk} of {rsk} {{!}}"
    )
    with pytest.raises(errors.ArgumentValueError, match=r"it has no figure for \{rsk\}"):
        watch(deals(), alert_deals_when=condition, alert_text={condition: words})
    asked = {
        "alert_deals_when": condition,
        "alert_text": {condition: words.replace(" of {rsk}", "")},
    }
    (alert,) = watch(deals(), **asked).alerts
    assert str(alert) == "Ann: call Cedar, $30K at 20% (below 50%), account of c, Apr 10, 0 {!}"


def test_judge_alerts__on_a_column_that_no_deal_has_are_refused_by_name(watch):
    with pytest.raises(
        errors.ArgumentValueError,
        match=r"alert_deals_when='chnace < 1': the deals have no column 'chnace'",
    ):
        watch(deals(), alert_deals_when="chnace < 1")


def test_alerts__are_an_answer_with_a_row_for_each_condition_that_holds() -> None:
    org = oa.Org(report={"alert_when": "booked > 0", "alert_deals_when": "probability < 50%"})
    answer = oa.ask("alerts", pipelines.pipeline(pipelines.THIS_WEEK), as_of=AS_OF, org=org)
    watched = judge_alerts(answer.context)
    assert answer.sentence == "Three alerts hold, none new."
    assert [row.id for row in answer.tables[0].rows] == [alert.key for alert in watched.alerts]
    nothing = oa.ask("alerts", pipelines.pipeline(pipelines.THIS_WEEK), as_of=AS_OF)
    assert (nothing.sentence, nothing.tables) == ("The org file sets no alert.", ())


def test_alerts__say_the_two_chances_of_a_deal_as_two_events() -> None:
    asked = ["win_chance < 50%", "period_chance < 50%"]
    history, org = even_months(9, owners=True), oa.Org(report={"alert_deals_when": asked})
    frame = history.as_of("2026-09-10T23:00Z")
    answer = oa.ask("alerts", frame, history, as_of="2026-09-10", org=org)
    assert [str(alert) for alert in judge_alerts(answer.context).alerts] == [
        f"b2026-09 (Bo): {event} is 37%, below 50%; 100 due Sep 25."
        for event in ("win chance", "chance in its period")
    ]


def test_follow__leaves_out_what_the_sentence_before_begins_with() -> None:
    (alert,) = find("p_target < 0.5", ROW)
    headline = "November is <1% likely to hit $525K: $28K closed, forecast $168K."
    assert alert.follow(headline).words == "Still below 50%."
    assert alert.follow("November ends today: $28K closed.") == alert
    (own,) = find("p_target < 0.5", p_target="November is")
    assert own.follow(headline).words == "November is"
