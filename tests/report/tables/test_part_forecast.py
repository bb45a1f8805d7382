"""The page of one person or team: its figures are those of its row on the page of the whole."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.report.compose import compose
from opp_analytics.report.inputs import read_inputs
from opp_analytics.report.narrow import narrowed
from opp_analytics.report.tables import Tables
from opp_analytics.report.tables.part_forecast import change_of_part, target_of_part
from tests.report import states

NOW = "2026-11"
SHOWN = ["booked", "open_count", "open_value", "expected", "low", "high", "target", "p_target", "gap", "pipeline_coverage"]  # fmt: skip
ROWS = {"West": ("West", "(all)"), "Grace Lindqvist": ("West", "Grace Lindqvist")}


def _tables(**asked):
    state = states.team()
    history = state.history.read_by(state.org)
    return Tables(read_inputs(state.opportunities, history, as_of="2026-11-25", org=state.org, **asked))


@pytest.fixture(scope="module")
def whole():
    return _tables()


@pytest.fixture(scope="module", params=["West", pytest.param("Grace Lindqvist", marks=pytest.mark.slow)])
def part(request):
    return _tables(only=request.param)


def test_part__has_the_figures_of_its_row(whole, part):
    key = ROWS[part.inputs.only]
    now = part.current[SHOWN].astype(float)
    pd.testing.assert_series_equal(now, whole.people.loc[key, SHOWN].astype(float), check_names=False)
    then = part.earlier.forecast.loc[NOW, SHOWN].astype(float)
    pd.testing.assert_series_equal(
        then, whole.earlier.people.loc[key, SHOWN].astype(float), check_names=False
    )
    assert part.method == whole.method


def test_part__has_the_rows_of_its_people(whole, part):
    names = [name for name in part.persons.index if name != "(all)"]
    rows = whole.people.loc["West"]
    pd.testing.assert_frame_equal(part.persons[SHOWN], rows.loc[names, SHOWN], check_names=False)
    assert set(names) == (set(rows.index) - {"(all)"} if part.inputs.only == "West" else {part.inputs.only})


def test_part__its_trend_and_its_steps_end_at_the_same_forecast(part):
    now, then = part.current["expected"], part.earlier.figure(NOW, "expected")
    assert part.fan["expected"].iloc[-1] == pytest.approx(now)
    assert part.fan["expected"].iloc[-2] == pytest.approx(then)
    steps = part.change["expected"]
    assert (steps["then"], steps["now"]) == (pytest.approx(then), pytest.approx(now))
    assert steps.drop("now").sum() == pytest.approx(now)
    moved = part.change_deals.groupby("movement")["expected"].sum()
    assert steps.drop(["then", "now", "new_business"]).pipe(lambda s: s[s != 0]).to_dict() == pytest.approx(
        moved.to_dict()
    )


def test_part__its_page_says_the_same_everywhere(part):
    page = compose(part, workbook="week.xlsx")
    money = part.inputs.money(part.current["expected"])
    assert f"forecast {money} vs." in page.sentence
    titles = {block.key: block.title for block in page.blocks}
    assert f"to {money}" in titles["why"]
    assert titles["trend"].startswith("The November forecast is ")


def test_part__its_past_ranges_are_those_of_its_row(part):
    state = states.team()
    key = ROWS[part.inputs.only]
    period, row = next(part.track_record.tail(1).iterrows())
    history = state.history.read_by(state.org)
    table = oa.forecast(
        history.as_of(row["made_at"]),
        as_of=row["made_at"].date(),
        history=history,
        by=["team", "owner_name"],
        totals=True,
        periods=[period],
    )
    said = dict(zip(table.index, table[["expected", "low", "high"]].to_numpy().tolist(), strict=True))[
        *key, period
    ]
    assert row[["expected", "low", "high"]].to_list() == pytest.approx(said)
    assert row["held"] == (said[1] - 0.005 <= row["actual"] <= said[2] + 0.005)
    assert row["error"] == pytest.approx(row["expected"] - row["actual"])


def test_change_of_part__between_members_of_a_team_a_deal_moves_nothing():
    index = pd.MultiIndex.from_tuples(
        [
            (team, who, step)
            for team, who in (("E", "Ann"), ("E", "Bo"), ("W", "Cy"))
            for step in ("then", "owner", "now")
        ],
        names=["team", "owner_name", "movement"],
    )
    table = pd.DataFrame(
        {
            "expected": [50.0, -50, 0, 10, 50, 60, 7, 0, 7],
            "value": 1.0,
            "deals": [1, 1, 0, 1, 1, 2, 1, 0, 1],
            "largest": "a",
        },
        index=index,
    )
    deals = pd.DataFrame(
        {
            "unique_id": ["a", "a"],
            "name": "Alder",
            "movement": "owner",
            "expected": [-50.0, 50.0],
            "value": 100.0,
        },
        index=pd.MultiIndex.from_tuples([("E", "Ann"), ("E", "Bo")], names=["team", "owner_name"]),
    )
    frame = pd.DataFrame(
        {
            "unique_id": ["a"],
            "team": "E",
            "owner_name": "Bo",
            "stage": "proposal",
            "value": 100.0,
            "close_date": "2026-03-20",
        }
    )
    steps, moved = change_of_part(table, deals, narrowed(frame, None, None, "E", oa.Org()))
    assert steps["expected"].to_dict() == {"then": 60.0, "owner": 0.0, "now": 60.0}
    assert steps["deals"].to_dict() == {"then": 2, "owner": 0, "now": 2}
    assert moved.empty


def test_target_of_part__of_one_number_is_its_own(opportunities):
    part = narrowed(opportunities, None, 50.0, "Ann", oa.Org())
    assert target_of_part(part, ["2026-03"]).to_dict("records") == [
        {"period": "2026-03", "target": 50.0, "owner_name": "Ann"}
    ]
    named = narrowed(opportunities, None, {"2026-03": 5.0}, "Ann", oa.Org())
    assert target_of_part(named, ["2026-03", "2026-04"])["period"].tolist() == ["2026-03"]
    assert target_of_part(narrowed(opportunities, None, None, "Ann", oa.Org()), ["2026-03"]) is None
