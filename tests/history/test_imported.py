"""A history that begins with an imported field history and is carried on by records, against the
history of later."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.crm import read_changes
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.note import note_of
from tests.salesforce_files import salesforce_files

TODAY = date(2026, 11, 23)
LATER = TODAY + timedelta(weeks=1)
STAGES = [
    *oa.Org.salesforce().to_dict()["stages"],
    {"name": "Disqualified", "kind": "disqualified"},
]
ORG = oa.Org.salesforce(currency="USD", stages=STAGES)
TRACKED = ["name", "owner_name", "stage", "value", "close_date", "probability", "created_at"]


class Imported(NamedTuple):
    """What the team exports on a day."""

    deals: pd.DataFrame
    history: oa.History


def imported(folder: Path, weeks: int, today: date) -> Imported:
    files = salesforce_files(folder, weeks=weeks, today=today)
    deals = oa.read_export(files.opportunities, ORG, progress=False)
    log = read_changes(files.field_history, ORG, opportunities=deals)
    return Imported(deals, oa.History.from_changes(log, path=folder / "history", org=ORG))


@pytest.fixture(scope="module")
def then(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """The exports of today; a week later their history has a record."""
    return imported(tmp_path_factory.mktemp("then"), 32, TODAY)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """The exports of the same team a week later."""
    return imported(tmp_path_factory.mktemp("later"), 33, LATER)


@pytest.fixture
def carried_on(then: Imported, later: Imported, tmp_path: Path) -> oa.History:
    """Today's history with a record of later."""
    history = oa.History.from_changes(then.history.changes(), path=tmp_path / "history", org=ORG)
    history.record(later.deals, at=str(LATER))
    return history


def state(history: oa.History, day: date) -> pd.DataFrame:
    frame = history.as_of(f"{day}T00:00Z").set_index("unique_id").sort_index()[TRACKED]
    return frame.assign(created_at=frame["created_at"].dt.floor("D"))


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    # Before pandas 3, texts of further columns may be objects.
    pd.testing.assert_frame_equal(one, other, check_dtype=False)


@pytest.mark.slow
@pytest.mark.parametrize("back", [0, 30, 120])
def test_record__leaves_the_imported_past_as_it_was(
    carried_on: oa.History, then: Imported, later: Imported, back: int
) -> None:
    day = TODAY - timedelta(days=back)
    same(state(carried_on, day), state(then.history, day))
    mine, known = state(carried_on, day), state(later.history, day)
    # A deal that is deleted on the day of an export is in none of its files.
    both = mine.index.intersection(known.index)
    assert len(both) >= 0.95 * max(len(mine), len(known))
    same(mine.loc[both], known.loc[both])


@pytest.mark.slow
def test_record__of_a_later_export_is_what_its_history_says(
    carried_on: oa.History, later: Imported
) -> None:
    same(state(carried_on, LATER), state(later.history, LATER))
    assert carried_on.check().empty


def test_record__changes_only_the_deals_that_moved(carried_on: oa.History, later: Imported) -> None:
    at = pd.Timestamp(LATER, tz="UTC")
    mine, theirs = carried_on.changes(), later.history.changes()
    mine = mine[(mine["seen_at"] == at) & (mine["operation"] == "changed")]
    moved = theirs[theirs["seen_at"] >= at - pd.Timedelta(days=7)]
    assert 0 < len(mine) < 0.2 * len(later.deals)
    assert set(mine["unique_id"]) <= set(moved["unique_id"])


def test_forecast__learns_on_the_first_day(then: Imported) -> None:
    table = oa.forecast(then.deals, as_of=TODAY, history=then.history, periods=1)
    assert note_of(table).method == "learned"
    row = table.loc["2026-11"]
    assert row["low"] < row["expected"] < row["high"]


def test_analyses__of_a_small_export_are_those_worked_by_hand() -> None:
    deals = oa.read_export(
        pd.DataFrame(
            {
                "Opportunity ID": [f"006Hs00001AbCd{letter}" for letter in "ABCD"],
                "Stage": ["Closed Won", "Closed Lost", "Prospecting", "Closed Won"],
                "Amount": ["$100.00", "$50.00", "$30.00", "$40.00"],
                "Probability (%)": ["100%", "0%", "10%", "100%"],
                "Close Date": ["11/20/2026", "10/20/2026", "12/15/2026", "10/10/2026"],
                "Created Date": ["9/1/2026", "9/1/2026", "9/2/2026", "9/3/2026"],
                "Opportunity Owner": ["Ann", "Ann", "Bob", "Bob"],
            }
        ),
        ORG,
        progress=False,
    )
    changes = [
        ("A", "Stage", "Negotiation/Review", "Closed Won", "11/20/2026 9:14 AM"),
        ("A", "Close Date", "10/30/2026", "11/20/2026", "10/28/2026 9:14 AM"),
        ("A", "Amount", "$80.00", "$100.00", "10/15/2026 9:14 AM"),
        ("B", "Stage", "Prospecting", "Closed Lost", "10/20/2026 9:14 AM"),
        ("C", "Close Date", "10/25/2026", "12/15/2026", "10/24/2026 9:14 AM"),
        ("D", "Stage", "Qualification", "Closed Won", "10/10/2026 9:14 AM"),
    ]
    log = pd.DataFrame(
        changes, columns=["Opportunity ID", "Field / Event", "Old Value", "New Value", "Edit Date"]
    )
    log["Opportunity ID"] = "006Hs00001AbCd" + log["Opportunity ID"]
    history = oa.History.from_changes(log, org=ORG, opportunities=deals, progress=False)
    assert oa.win_rate(deals, by="owner_name")["rate"].to_dict() == {"Ann": 0.5, "Bob": 1.0}
    # Due in October as known on October 1: A 80, B 50, C 30, D 40. D was won, B lost, A and C moved
    # beyond.
    slipped = oa.slippage(history, start="2026-10-01", end="2026-10-31")
    assert slipped.loc[["won", "lost", "slipped"], ["count", "value"]].to_numpy().tolist() == [
        [1, 40.0],
        [1, 50.0],
        [2, 110.0],
    ]
    targets = {("Ann", "2026-11"): 150, ("Cy", "2026-11"): 10}
    table = oa.forecast(deals, as_of="2026-11-25", method="stated", by="owner_name", target=targets)
    november = table.xs("2026-11", level="period")
    assert november[["booked", "gap"]].fillna(-1).to_numpy().tolist() == [
        [100, 50],
        [0, -1],
        [0, 10],
    ]
    assert table.loc[("Bob", "2026-12"), "expected"] == pytest.approx(3)  # 10% of 30


def test_analyses__of_a_column_that_the_import_lacks_begin_with_its_first_record(
    then: Imported, later: Imported, tmp_path: Path
) -> None:
    history = oa.History.from_changes(then.history.changes(), path=tmp_path / "history", org=ORG)
    sources = later.deals.assign(source="Web")
    history.record(sources, at=str(LATER))
    history.record(sources, at=str(LATER + timedelta(days=7)))
    assert history.begins["source"] == pd.Timestamp(LATER, tz="UTC")
    end = LATER + timedelta(days=7)
    with pytest.raises(NotEnoughHistory, match="source begins with the record of 2026-11-30"):
        oa.waterfall(history, start=TODAY, end=end, by="source")
    assert set(
        oa.waterfall(history, start=LATER, end=end, by="source").index.get_level_values("source")
    ) == {"Web"}
