"""The record that changes are counted from; and one person or team, whose figures are those of its
row on the page of the whole."""

from __future__ import annotations

import pandas as pd
import pytest

from opp_analytics import History
from opp_analytics.answers import forecasts
from opp_analytics.answers.context import read_context
from opp_analytics.answers.forecasts import find_earlier_record
from opp_analytics.errors import NotEnoughHistory
from tests.analysis.forecasting.histories import even_months
from tests.pipelines import AS_OF, LAST_WEEK, THIS_WEEK, context_of, pipeline, plant, recorded
from tests.report import states


def _kept(tmp_path, days):
    states = {day: THIS_WEEK if day >= AS_OF else LAST_WEEK for day in days}
    return recorded(History(tmp_path / "kept"), states)


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (["2026-03-08", "2026-03-09", "2026-03-10", "2026-03-16"], "2026-03-09"),
        (["2026-03-08", "2026-03-10", "2026-03-16"], "2026-03-08"),
        (["2026-02-09", "2026-03-06", "2026-03-16"], "2026-03-06"),
        (["2026-02-09", "2026-03-12", "2026-03-16"], "2026-03-12"),
        (["2026-03-09"], "2026-03-09"),
    ],
)
def test_find_earlier_record__is_the_nearest_to_a_week_before(opportunities, tmp_path, days, found):
    context = context_of(opportunities, _kept(tmp_path, days))
    assert f"{find_earlier_record(context):%Y-%m-%d}" == found


def test_find_earlier_record__of_a_day_asked_for_is_the_last_by_then(opportunities, tmp_path):
    kept = _kept(tmp_path, ["2026-02-09", "2026-03-06", "2026-03-16"])
    assert (
        f"{find_earlier_record(context_of(opportunities, kept, since='2026-03-01')):%Y-%m-%d}"
        == "2026-02-09"
    )
    with pytest.raises(
        NotEnoughHistory, match="no record by Feb 1, 2026; the first one is from Feb 9, 2026"
    ):
        find_earlier_record(context_of(opportunities, kept, since="2026-02-01"))


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (
            ["2026-03-05", "2026-03-13", "2026-03-16"],
            "the nearest is from Mar 13, 2026, and a comparison is possible from Mar 20 on",
        ),
        (
            ["2026-03-16"],
            "the first record is from Mar 16; a comparison is possible from Mar 20 on",
        ),
        ([], "no record of the pipeline up to this day"),
    ],
)
def test_find_earlier_record__says_when_there_will_be_one(opportunities, tmp_path, days, reason):
    context = context_of(opportunities, _kept(tmp_path, days))
    with pytest.raises(NotEnoughHistory, match=reason):
        find_earlier_record(context)
    assert reason in forecasts.no_changes(context)


def test_find_earlier_record__reads_nothing_after_its_day(history):
    context = context_of(pipeline(LAST_WEEK), history, as_of="2026-03-09")
    assert f"{find_earlier_record(context):%Y-%m-%d}" == "2026-03-01"
    assert len(context.records) == 2


NOW = "2026-11"
SHOWN = [
    "booked",
    "open_count",
    "open_value",
    "expected",
    "low",
    "high",
    "target",
    "p_target",
    "gap",
    "pipeline_coverage",
]
ROWS = {"West": ("West", "(all)"), "Grace Lindqvist": ("West", "Grace Lindqvist")}


def _tables(**asked):
    state = states.team()
    history = state.history.read_by(state.org)
    return read_context(state.opportunities, history, as_of="2026-11-25", org=state.org, **asked)


@pytest.fixture(scope="module")
def whole():
    return _tables()


@pytest.fixture(
    scope="module", params=["West", pytest.param("Grace Lindqvist", marks=pytest.mark.slow)]
)
def part(request):
    return _tables(only=request.param)


@pytest.mark.slow
def test_part__has_the_figures_of_its_row(whole, part):
    key = ROWS[part.only]
    now = forecasts.current(part)[SHOWN].astype(float)
    row = forecasts.people(whole)[SHOWN].astype(float).loc[[key]].iloc[0]
    pd.testing.assert_series_equal(now, row, check_names=False)
    assert forecasts.earlier(part).figure(NOW, "expected") == pytest.approx(
        forecasts.earlier(whole).people.loc[key]
    )
    assert forecasts.earlier(part).figure(NOW, "low") < forecasts.earlier(part).figure(NOW, "high")
    assert forecasts.method(part) == forecasts.method(whole)


@pytest.mark.slow
def test_part__its_trend_and_its_steps_end_at_the_same_forecast(part):
    now, then = forecasts.current(part)["expected"], forecasts.earlier(part).figure(NOW, "expected")
    assert forecasts.fan(part)["expected"].iloc[-1] == pytest.approx(now)
    assert forecasts.fan(part)["expected"].iloc[-2] == pytest.approx(then)
    steps = forecasts.change(part)["expected"]
    assert (steps["then"], steps["now"]) == (pytest.approx(then), pytest.approx(now))
    assert steps.drop("now").sum() == pytest.approx(now)
    moved = forecasts.explained_change(part).list_deals().groupby("movement")["expected"].sum()
    assert steps.drop(["then", "now", "new_business"]).pipe(
        lambda s: s[s != 0]
    ).to_dict() == pytest.approx(moved.to_dict())


def test_part__between_members_of_a_team_a_deal_moves_nothing():
    rows = [("a", "Alder", 100.0, "proposal", "active", "2026-03-20", 50)]
    states = {"2026-03-09": [(*rows[0], "Ann")], AS_OF: [(*rows[0], "Bo")]}
    frames = [
        pipeline(people, team="East").assign(seen_at=f"{day}T06:00Z")
        for day, people in states.items()
    ]
    history = History.from_changes(pd.concat(frames))
    context = context_of(pipeline(states[AS_OF], team="East"), history, only="East")
    assert forecasts.change(context)["expected"].to_dict() == {
        **dict.fromkeys(forecasts.change(context).index, 0.0),
        "then": 50.0,
        "now": 50.0,
    }
    assert forecasts.change(context)["deals"].to_dict() == {
        **dict.fromkeys(forecasts.change(context).index, 0),
        "then": 1,
        "now": 1,
    }
    assert forecasts.explained_change(context).list_deals().empty


def test_explain__leaves_out_a_chance_at_all_that_is_below_that_in_the_period() -> None:
    history = even_months(9, owners=True)
    now = history.as_of("2026-09-10T23:00Z")
    context = context_of(now, history, as_of="2026-09-10", method="learned")
    rows = forecasts.forecast_deals(context)
    for ever, words in ((rows["chance"], " in all: "), (rows["chance"] / 2, " in September: ")):
        one = rows.assign(win_chance=ever).iloc[:1]
        (why,) = forecasts.explain(context, one)["why"]
        assert words in why


@pytest.mark.parametrize(
    ("missed", "hit", "words"),
    [
        (0.5, 1.9, "usual when hit 1.9× (3 months), when missed 0.5× (7)"),
        (1.88, 1.91, ""),
    ],
)
def test_say_usual_coverage__says_what_hit_and_what_missed_only_if_they_differ(
    opportunities, missed, hit, words
) -> None:
    context = context_of(opportunities, target=150_000)
    usual = pd.DataFrame({"median": [missed, hit], "n": [7.0, 3.0]}, index=[False, True])
    plant(context, forecasts.past_coverage, usual)
    assert forecasts.say_usual_coverage(context) == words
    plant(context, forecasts.past_coverage, usual.head(1))
    assert forecasts.say_usual_coverage(context) == ""
