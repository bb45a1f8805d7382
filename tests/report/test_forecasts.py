"""The record that changes are counted from; and one person or team, whose figures are those of its
row on the page of the whole."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import History
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.report.forecasts import find_earlier_record
from opp_analytics.report.inputs import read_inputs
from opp_analytics.report.tables import Tables
from tests.report import states
from tests.report.pipelines import AS_OF, LAST_WEEK, THIS_WEEK, pipeline, recorded, tables_of


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
    inputs = tables_of(opportunities, _kept(tmp_path, days)).inputs
    assert f"{find_earlier_record(inputs):%Y-%m-%d}" == found


def test_find_earlier_record__of_a_day_asked_for_is_the_last_by_then(opportunities, tmp_path):
    kept = _kept(tmp_path, ["2026-02-09", "2026-03-06", "2026-03-16"])
    assert (
        f"{find_earlier_record(tables_of(opportunities, kept, since='2026-03-01').inputs):%Y-%m-%d}"
        == "2026-02-09"
    )
    with pytest.raises(
        NotEnoughHistory, match="no record by Feb 1, 2026; the first one is from Feb 9, 2026"
    ):
        find_earlier_record(tables_of(opportunities, kept, since="2026-02-01").inputs)


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
    tables = tables_of(opportunities, _kept(tmp_path, days))
    with pytest.raises(NotEnoughHistory, match=reason):
        find_earlier_record(tables.inputs)
    assert reason in tables.no_changes


def test_find_earlier_record__reads_nothing_after_its_day(history):
    tables = tables_of(pipeline(LAST_WEEK), history, as_of="2026-03-09")
    assert f"{find_earlier_record(tables.inputs):%Y-%m-%d}" == "2026-03-01"
    assert len(tables.inputs.records) == 2


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
    return Tables(
        read_inputs(state.opportunities, history, as_of="2026-11-25", org=state.org, **asked)
    )


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
    key = ROWS[part.inputs.only]
    now = part.current[SHOWN].astype(float)
    pd.testing.assert_series_equal(
        now, whole.people.loc[key, SHOWN].astype(float), check_names=False
    )
    assert part.earlier.figure(NOW, "expected") == pytest.approx(whole.earlier.people.loc[key])
    assert part.earlier.figure(NOW, "low") < part.earlier.figure(NOW, "high")
    assert part.method == whole.method


@pytest.mark.slow
def test_part__its_trend_and_its_steps_end_at_the_same_forecast(part):
    now, then = part.current["expected"], part.earlier.figure(NOW, "expected")
    assert part.fan["expected"].iloc[-1] == pytest.approx(now)
    assert part.fan["expected"].iloc[-2] == pytest.approx(then)
    steps = part.change["expected"]
    assert (steps["then"], steps["now"]) == (pytest.approx(then), pytest.approx(now))
    assert steps.drop("now").sum() == pytest.approx(now)
    moved = part.change_deals.groupby("movement")["expected"].sum()
    assert steps.drop(["then", "now", "new_business"]).pipe(
        lambda s: s[s != 0]
    ).to_dict() == pytest.approx(moved.to_dict())


def test_part__its_past_ranges_are_those_of_its_row(part):
    state = states.team()
    key = ROWS[part.inputs.only]
    period, row = next(part.past_ranges.tail(1).iterrows())
    history = state.history.read_by(state.org)
    table = oa.forecast(
        history.as_of(row["made_at"]),
        as_of=row["made_at"].date(),
        history=history,
        by=["team", "owner_name"],
        totals=True,
        periods=[period],
    )
    said = dict(
        zip(table.index, table[["expected", "low", "high"]].to_numpy().tolist(), strict=True)
    )[*key, period]
    assert row[["expected", "low", "high"]].to_list() == pytest.approx(said)
    assert row["held"] == (said[1] - 0.005 <= row["actual"] <= said[2] + 0.005)
    assert row["error"] == pytest.approx(row["expected"] - row["actual"])
    assert note_of(part.past_ranges).figures["n"] == len(part.past_ranges)


def test_part__between_members_of_a_team_a_deal_moves_nothing():
    rows = [("a", "Alder", 100.0, "proposal", "active", "2026-03-20", 50)]
    states = {"2026-03-09": [(*rows[0], "Ann")], AS_OF: [(*rows[0], "Bo")]}
    frames = [
        pipeline(people, team="East").assign(seen_at=f"{day}T06:00Z")
        for day, people in states.items()
    ]
    history = History.from_changes(pd.concat(frames))
    tables = tables_of(pipeline(states[AS_OF], team="East"), history, only="East")
    assert tables.change["expected"].to_dict() == {
        **dict.fromkeys(tables.change.index, 0.0),
        "then": 50.0,
        "now": 50.0,
    }
    assert tables.change["deals"].to_dict() == {
        **dict.fromkeys(tables.change.index, 0),
        "then": 1,
        "now": 1,
    }
    assert tables.change_deals.empty
