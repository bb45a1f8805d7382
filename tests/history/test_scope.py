"""The team of each deal in a history, by the dated moves of its owner."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.schema import TEXT
from tests.history.looks import MONDAYS, SOME, history_of, pipelines
from tests.own_stages import ORG


def test_record__keeps_nothing_that_the_people_tell(tmp_path) -> None:
    frame = pd.DataFrame(
        {
            "unique_id": ["a"],
            "stage": ["Kontakt"],
            "owner_name": ["Bo"],
            "close_date": ["2026-12-01"],
        }
    )
    history = oa.History(tmp_path, org=ORG)
    history.record(ORG.apply(frame), at="2026-11-10T08:00Z")
    assert "team" not in oa.History(tmp_path).as_of("2026-11-11").columns
    assert history.as_of("2026-11-11")["team"].tolist() == ["Süd"]
    history.record(ORG.apply(frame.assign(close_date="2026-12-02")), at="2026-11-20T08:00Z")
    assert history.as_of("2026-11-21")["team"].tolist() == ["Nord"]
    # A record keeps the spelling that it is given; an org reads it.
    bare = frame.assign(close_date="2026-12-03")
    history.record(bare, at="2026-11-21T08:00Z")
    assert oa.History(tmp_path).as_of("2026-11-22")["stage"].tolist() == ["Kontakt"]
    assert history.as_of("2026-11-22")["stage"].tolist() == ["Erstkontakt"]


MOVES = [
    {"owner_name": "Ann", "team": "East"},
    {"owner_name": "Ann", "team": "West", "from_date": "2026-01-12"},
    {"owner_name": "Ann", "team": "North", "from_date": "2026-01-17"},
    {"owner_name": "Ann", "team": "East", "from_date": "2026-01-18"},
    {"owner_name": "Bo", "team": "West", "from_date": "2026-01-14"},
]


@pytest.mark.filterwarnings("ignore:unknown stages")
@SOME
@given(pipelines(), st.sampled_from(["UTC", "Asia/Tokyo", "America/Los_Angeles"]))
def test_waterfall__by_team_opens_and_ends_with_the_open_deals_of_each_team_then(
    looks: Any, zone: str
) -> None:
    recorded = history_of(looks)
    history = recorded.read_by(oa.Org(people=MOVES, timezone=zone))
    first, last = MONDAYS[0], MONDAYS[len(looks) - 1]
    value = oa.waterfall(history, start=first, end=last, by="team")["value"].unstack("movement")  # noqa: PD010
    for end, at in (("opening", first), ("closing", last)):
        frame = history.as_of(at)
        waiting = frame[oa.outcomes(frame) == "open"] if len(frame) else frame
        teams = waiting["team"].astype(TEXT).fillna("(none)")
        wanted = waiting["value"].fillna(0.0).groupby(teams).sum()
        found = value[end] if len(value) else pd.Series(dtype="float64")
        assert found[found != 0].round(2).to_dict() == wanted[wanted != 0].round(2).to_dict()
    if len(value):
        moved = value.drop(columns="closing").sum(axis=1).round(2)
        assert moved.tolist() == value["closing"].round(2).tolist()


def people_of(zone: str) -> oa.Org:
    return oa.Org(
        timezone=zone,
        people=[
            {"owner_name": "Ann", "team": "East"},
            {"owner_name": "Ann", "team": "West", "from_date": "2026-07-01"},
            {"owner_name": "Bo", "team": "East"},
        ],
    )


ZONES = {"Asia/Tokyo": "16:00Z", "America/Los_Angeles": "03:00Z"}
"""Zones, each with a time of day at which its date is another than that of UTC."""
JULY_1 = {"Asia/Tokyo": "2026-06-30", "America/Los_Angeles": "2026-07-02"}
"""The UTC date of the first record on July 1 or later in each zone."""


@pytest.fixture(params=ZONES)
def moved(request: pytest.FixtureRequest) -> tuple[oa.History, str]:
    """Ann's deal x of 100, edited in each record, still of 10, late (won on July 1) and Bo's y of
    1; and the UTC day of her move."""
    zone = request.param
    at = [f"{day.date()}T{ZONES[zone]}" for day in pd.date_range("2026-06-28", "2026-07-03")]
    common = {"stage": "proposal", "close_date": "2026-07-31", "probability": 50}
    rows = [
        *(
            {"unique_id": "x", "owner_name": "Ann", "value": 100.0, "name": str(k)}
            for k in range(len(at))
        ),
        {"unique_id": "still", "owner_name": "Ann", "value": 10.0},
        {"unique_id": "y", "owner_name": "Bo", "value": 1.0},
        {"unique_id": "late", "owner_name": "Ann", "value": 1000.0},
        {
            "unique_id": "late",
            "owner_name": "Ann",
            "value": 1000.0,
            "stage": "closed_won",
            "close_date": "2026-06-30",
        },
        {"unique_id": "y", "owner_name": "Bo", "value": 1.0, "name": "last"},
    ]
    seen = [*at, *at[:1] * 3, at[5], at[5]]
    log = pd.DataFrame([{**common, **row} for row in rows]).assign(seen_at=seen)
    return oa.History.from_changes(log, org=people_of(zone)), JULY_1[zone]


def test_table__moves_a_team_at_the_start_of_the_day_in_the_orgs_zone(moved: Any) -> None:
    history, day = moved
    rows = history.collect(history.table.select("unique_id", "seen_at", "team", "operation"))
    rows = rows.sort_values(["unique_id", "seen_at"])
    before = rows["seen_at"].dt.strftime("%Y-%m-%d") < day
    ann = rows["unique_id"].isin(["x", "still"])
    assert rows.loc[ann & before, "team"].unique().tolist() == ["East"]
    assert rows.loc[ann & ~before, "team"].unique().tolist() == ["West"]
    still = rows[rows["unique_id"] == "still"]
    assert still["seen_at"].dt.strftime("%Y-%m-%d").tolist() == ["2026-06-28", day]
    assert still["operation"].tolist() == ["new", "moved"]
    # Closed on June 30, when Ann was in East, whenever it was entered.
    assert rows.loc[rows["unique_id"] == "late", "team"].tolist()[-1] == "East"
    # The frame of every record agrees with the change log.
    for at in history.records["recorded_at"]:
        frame = history.as_of(at)
        last = (
            rows[rows["seen_at"] <= at]
            .drop_duplicates("unique_id", keep="last")
            .set_index("unique_id")
        )
        assert frame.set_index("unique_id")["team"].to_dict() == last["team"].to_dict()


def test_queries__follow_a_team_move_in_the_orgs_zone(moved: Any) -> None:
    history, day = moved
    records = history.records["recorded_at"]
    first = records[records.dt.strftime("%Y-%m-%d") >= day].iloc[0]
    before = records[records < first].iloc[-1]
    west = history.where(team="West")
    assert [len(west.as_of(at)) for at in (before, first)] == [0, 3]
    operations = west.changes().groupby("unique_id")["operation"].first()
    assert operations[["x", "still"]].tolist() == ["transferred_in", "transferred_in"]
    flow = oa.waterfall(history, start=before, end=first, by="team")["value"].unstack("movement")  # noqa: PD010
    assert flow.loc["West", ["opening", "transferred_in", "closing"]].tolist() == [
        0.0,
        1110.0,
        1110.0,
    ]
    steps = oa.movements(history, start=before, end=first, by="team").reset_index()
    assert sorted(steps.loc[steps["movement"] == "transferred_in", "unique_id"]) == [
        "late",
        "still",
        "x",
    ]
    for at, counts in ((before, {"East": 4}), (first, {"East": 1, "West": 3})):
        due = oa.slippage(history, start=at, end="2026-07-31", by="team")
        assert due.groupby("team")["count"].sum().to_dict() == counts
        told = oa.forecast(
            history.as_of(at), as_of=at, method="stated", by="team", periods=["2026-07"]
        )
        assert told.xs("2026-07", level="period")["open_count"].to_dict() == counts
