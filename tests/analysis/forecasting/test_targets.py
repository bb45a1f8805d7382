"""Targets of people and teams in a forecast: they add up, and nobody with a target is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import errors

PEOPLE = [
    {"owner_name": "Ann", "team": "East"},
    {"owner_name": "Zoe", "team": "East"},
    {"owner_name": "Zoe", "team": "West", "from_date": "2026-12-15"},
    {"owner_name": "Cy", "team": "West"},
]
TARGETS = [
    {"period": "2026-12", "owner_name": "Ann", "target": 100},
    {"period": "2026-12", "owner_name": "Zoe", "target": 310},
    {"period": "2026-12", "owner_name": "Cy", "target": 50},
]
DEALS = pd.DataFrame(
    {
        "unique_id": list("abcd"),
        "owner_name": ["Ann", "Zoe", "Zoe", "Zoe"],
        "stage": ["closed_won", "closed_won", "closed_won", "proposal"],
        "value": [40.0, 31.0, 62.0, 10.0],
        "close_date": ["2026-12-01", "2026-12-14", "2026-12-15", "2026-12-31"],
        "probability": [100, 100, 100, 50],
    }
)
ALL = "(all)"


def forecast(org: oa.Org, frame: pd.DataFrame = DEALS, **options: Any) -> pd.DataFrame:
    asked = {"as_of": "2026-12-20", "method": "stated", "target": org.targets, **options}
    seen = frame.copy()
    seen.attrs["recorded_at"] = f"{asked['as_of']}T12:00:00+00:00"
    return oa.forecast(org.apply(seen), **asked)


def december(table: pd.DataFrame, column: str = "target") -> dict[Any, float]:
    return table.xs("2026-12", level="period")[column].to_dict()


def test_targets__of_a_running_period_are_in_each_persons_team_of_the_day() -> None:
    org = oa.Org(people=PEOPLE, targets=TARGETS)
    asked: dict[str, Any] = {"by": ["team", "owner_name"], "totals": True}
    before, after = forecast(org, as_of="2026-12-10", **asked), forecast(org, **asked)
    assert december(before)["East", "Zoe"] == december(after)["West", "Zoe"] == 310
    assert december(after) == {
        ("East", "Ann"): 100,
        ("West", "Cy"): 50,
        ("West", "Zoe"): 310,
        ("East", ALL): 100,
        ("West", ALL): 360,
        (ALL, ALL): 460,
    }
    assert december(after, "booked") == {
        ("East", "Ann"): 40,
        ("West", "Cy"): 0,
        ("West", "Zoe"): 93,
        ("East", ALL): 40,
        ("West", ALL): 93,
        (ALL, ALL): 133,
    }


def test_targets__of_people_add_up_to_their_teams_by_the_days_in_each() -> None:
    org = oa.Org(people=PEOPLE, targets=TARGETS)
    late: dict[str, Any] = {"as_of": "2027-01-05"}
    table = forecast(org, by=["team", "owner_name"], totals=True, **late)
    # Zoe was in East for 14 of 31 days: 140 of her 310.
    assert december(table) == {
        ("East", "Ann"): 100,
        ("East", "Zoe"): 140,
        ("West", "Cy"): 50,
        ("West", "Zoe"): 170,
        ("East", ALL): 240,
        ("West", ALL): 220,
        (ALL, ALL): 460,
    }
    assert december(table, "booked") == {
        ("East", "Ann"): 40,
        ("East", "Zoe"): 31,
        ("West", "Cy"): 0,
        ("West", "Zoe"): 62,
        ("East", ALL): 71,
        ("West", ALL): 62,
        (ALL, ALL): 133,
    }
    assert december(table, "gap")["East", ALL] == 169
    assert december(table, "attainment")["West", "Zoe"] == pytest.approx(62 / 170)
    assert december(forecast(org, by="team", **late)) == {"East": 240, "West": 220}
    assert december(forecast(org, by="owner_name")) == {"Ann": 100, "Cy": 50, "Zoe": 310}
    assert forecast(org).loc["2026-12", "target"] == 460


def test_targets__of_days_in_no_team_are_the_persons_own_under_none() -> None:
    people = [
        *PEOPLE,
        {"owner_name": "New", "team": "West", "from_date": "2026-12-22"},
        {"owner_name": "Solo"},
    ]
    own = [
        *TARGETS,
        {"period": "2026-12", "owner_name": "New", "target": 31},
        {"period": "2026-12", "owner_name": "Solo", "target": 7},
    ]
    org = oa.Org(people=people, targets=own)
    late: dict[str, Any] = {"as_of": "2027-01-05"}
    owners, teams = (december(forecast(org, by=by, **late)) for by in ("owner_name", "team"))
    assert owners == {"Ann": 100, "Cy": 50, "Zoe": 310, "New": 31, "Solo": 7}
    assert teams == {"East": 240, "West": 220 + 10, "(none)": 21 + 7}
    assert forecast(org).loc["2026-12", "target"] == sum(owners.values()) == sum(teams.values())
    both = december(forecast(org, by=["team", "owner_name"], totals=True, **late))
    assert (both["(none)", "New"], both["West", "New"], both["(none)", ALL], both[ALL, ALL]) == (
        21,
        10,
        28,
        498,
    )
    # A deal of hers from before she joined is under "(none)" too.
    early = pd.concat(
        [DEALS, DEALS.head(1).assign(unique_id="e", owner_name="New", close_date="2026-12-03")]
    )
    table = forecast(org, early, by="team", **late)
    assert december(table, "booked") == {"East": 71, "West": 62, "(none)": 40}
    assert december(table, "gap")["(none)"] == 28 - 40
    running = forecast(org, early, by="team")
    assert december(running) == {"East": 100, "West": 360, "(none)": 31 + 7}
    assert december(running, "booked")["(none)"] == 40


def test_targets__of_a_team_in_two_regions_count_once_in_the_whole() -> None:
    people = [
        {"owner_name": "Ann", "team": "East", "region": "US"},
        {"owner_name": "Zoe", "team": "East", "region": "EU"},
        {"owner_name": "Cy", "team": "West", "region": "US"},
    ]
    own = [*TARGETS, {"period": "2026-12", "team": "East", "target": 500}]
    org = oa.Org(people=people, targets=own)
    assert december(forecast(org, by="team")) == {"East": 500, "West": 50}
    assert forecast(org).loc["2026-12", "target"] == 550


def test_targets__of_somebody_without_a_deal_have_a_row() -> None:
    org = oa.Org(people=PEOPLE, targets=TARGETS)
    table = forecast(org, by="owner_name")
    row = table.loc[[("Cy", "2026-12")]].iloc[0]
    shown = ["booked", "open_count", "expected", "target", "gap", "attainment"]
    assert row[shown].tolist() == [0, 0, 0, 50, 50, 0]
    assert row["p_target"] < 0.01


def test_targets__of_a_team_itself_win_over_those_of_its_people() -> None:
    own = [*TARGETS, {"period": "2026-12", "team": "East", "target": 500}]
    org = oa.Org(people=PEOPLE, targets=own)
    table = forecast(org, by=["team", "owner_name"], totals=True)
    assert december(table)["East", ALL] == 500
    assert december(table)["East", "Ann"] == 100
    assert december(table)[ALL, ALL] == 860
    whole = oa.Org(people=PEOPLE, targets=[*own, {"period": "2026-12", "target": 999}])
    assert december(forecast(whole, by="team", totals=True)) == {"East": 500, "West": 360, ALL: 999}


def test_targets__without_people_are_those_of_the_larger_group_only() -> None:
    table = pd.DataFrame(
        {
            "period": "2026-12",
            "team": ["East", None],
            "owner_name": [None, "Ann"],
            "target": [500.0, 100.0],
        }
    )
    # Ann is in some team, whose target is counted; nobody says in which.
    assert forecast(oa.Org(), target=table).loc["2026-12", "target"] == 500


def test_targets__of_a_region_are_those_of_its_teams_people() -> None:
    people = [{**person, "region": "US" if person["team"] == "East" else "EU"} for person in PEOPLE]
    org = oa.Org(people=people, targets=TARGETS)
    assert december(forecast(org, by="region")) == {"EU": 360, "US": 100}
    assert december(forecast(org, by=["region", "team"], totals=True))["US", ALL] == 100


def test_targets__of_months_add_up_to_a_fiscal_quarter_across_a_move() -> None:
    months = [
        {"period": period, "owner_name": "Zoe", "target": 31}
        for period in ("2026-11", "2026-12", "2027-01")
    ]
    org = oa.Org(people=PEOPLE, targets=months, fiscal_year_start=2)
    running, over = (
        forecast(org, by="team", freq="Q", as_of=day).xs("2027Q4", level="period")["target"]
        for day in ("2026-12-20", "2027-02-05")
    )
    assert running.dropna().to_dict() == {"West": 93}
    assert over.to_dict() == {"East": 31 + 14, "West": 17 + 31}


def test_targets__of_some_months_are_none_of_their_quarter() -> None:
    months = [{"period": period, "target": 50} for period in ("2026-10", "2026-11")]
    for further, target in (([], float("nan")), ([{"period": "2026-12", "target": 50}], 150.0)):
        org = oa.Org(people=PEOPLE, targets=[*months, *further])
        table = forecast(org, freq="Q")
        assert table["target"]["2026Q4"] == pytest.approx(target, nan_ok=True)


@pytest.mark.parametrize("by", [None, "owner_name", ["team", "owner_name"]])
def test_targets__by_tuple_serve_with_and_without_by(by: Any) -> None:
    org = oa.Org(people=PEOPLE)
    labels = ("West", "Zoe") if by == ["team", "owner_name"] else ("Zoe",)
    table = forecast(
        org, by=by, totals=bool(by), target={(*labels, "2026-12"): 100, (*labels, "2027-01"): 7}
    )
    whole = (ALL,) * len(labels) if by else ()
    assert table.loc[(*whole, "2026-12") if by else "2026-12", "target"] == 100
    assert table.loc[(*whole, "2027-01") if by else "2027-01", "target"] == 7
    if by:
        assert table.loc[(*labels, "2026-12"), "target"] == 100


def test_targets__by_tuple_without_by_add_up() -> None:
    amounts = {("East", "Ann", "2026-12"): 5, ("East", "Zoe", "2026-12"): 6, ("West", "2026-12"): 7}
    assert forecast(oa.Org(), target=amounts).loc["2026-12", "target"] == 18
    assert forecast(oa.Org(), target={**amounts, "2026-12": 20}).loc["2026-12", "target"] == 20


@pytest.mark.parametrize(
    ("target", "by", "says"),
    [
        (
            {("Zoe", "soon"): 1},
            None,
            "period='soon' is not a period of frequency M",
        ),
        ({("Zoe", "2026-12"): -1}, None, r"target\[\('Zoe', '2026-12'\)\]=-1 is below 0"),
        (
            {"2026-12": 1},
            "owner_name",
            r"with by=\['owner_name'\], use a key such as \('owner_name', 'period'\)",
        ),
        ({(): 1}, None, "period='' is not a period"),
        (
            {("Zeo", "2026-12"): 1},
            "owner_name",
            r"target\[\('Zeo', '2026-12'\)\]: 'Zeo' is nobody under \[people\] of the org and "
            r"owns no deal; did you mean "
            r"'Zoe'\? Correct it, or add the person",
        ),
        (
            pd.DataFrame({"period": "2026-12", "owner_name": ["Ann", "Zeo"], "target": 1.0}),
            None,
            r"target, row 1 \(Zeo, 2026-12\): 'Zeo' is nobody",
        ),
        (
            pd.DataFrame({"period": ["2026-13"], "owner_name": ["Ann"], "target": 1.0}),
            None,
            r"target, row 0 \(Ann, 2026-13\): '2026-13' is not a period; write it like '2026-03'",
        ),
    ],
)
def test_targets__name_a_wrong_key(target: Any, by: Any, says: str) -> None:
    with pytest.raises(errors.ArgumentValueError, match=says):
        forecast(oa.Org(people=PEOPLE), target=target, by=by)


def test_targets__of_a_file_name_it_and_the_line(tmp_path: Path) -> None:
    (tmp_path / "targets.csv").write_text(
        "period,owner_name,target\n2026-12,Ann,5\n2026-12,Zeo,6\n"
    )
    file = tmp_path / "opp-analytics.toml"
    file.write_text('[people]\nrows = [{owner_name = "Ann"}]\n[targets]\nfile = "targets.csv"\n')
    with pytest.raises(
        errors.ArgumentValueError, match=r"targets.csv line 3 \(Zeo, 2026-12\): 'Zeo' is nobody"
    ):
        forecast(oa.Org.read(file))


def test_targets__know_whoever_owns_or_owned_a_deal(tmp_path: Path) -> None:
    org = oa.Org(people=[{"owner_name": "Cy", "team": "West"}], targets=TARGETS)
    assert december(forecast(org, by="owner_name"))["Zoe"] == 310
    history = oa.History(tmp_path)
    history.record(DEALS, at="2026-12-01")
    only_anns = DEALS[DEALS["owner_name"] == "Ann"]
    with pytest.raises(errors.ArgumentValueError, match="'Zoe' is nobody"):
        forecast(org, only_anns)
    assert forecast(org, only_anns, history=history).loc["2026-12", "target"] == 460


def test_targets__without_people_give_every_name_a_row() -> None:
    table = pd.DataFrame({"period": "2026-12", "owner_name": ["Zeo"], "target": [5.0]})
    assert december(forecast(oa.Org(), by="owner_name", target=table))["Zeo"] == 5
