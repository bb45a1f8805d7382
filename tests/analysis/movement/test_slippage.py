""""""

from __future__ import annotations

import pandas as pd
import pytest

from opp_analytics.analysis import slippage, slippage_deals
from opp_analytics.note import note_of
from tests.analysis.movement.windows import JANUARY
from tests.history.logs import history_of


def test_slippage__every_outcome(january):
    table = slippage(january, **JANUARY)
    assert table["count"].to_dict() == {
        "won": 1,
        "lost": 1,
        "slipped": 3,
        "pulled_out": 1,
        "removed": 2,
        "still_due": 0,
    }
    assert table["value"].tolist() == [100.0, 200.0, 7600.0, 0.0, 4800.0, 0.0]
    assert table["count_rate"].tolist() == pytest.approx([1 / 8, 1 / 8, 3 / 8, 1 / 8, 2 / 8, 0])
    assert table["value_rate"].sum() == pytest.approx(1)
    assert note_of(table).figures["n"] == 8
    assert note_of(table).figures["unvalued"] == 1
    assert table.loc["slipped", "count_rate"] == pytest.approx(3 / 8)
    assert note_of(table).figures["to_date"] is False


def test_slippage__empty_cohort(january):
    none = slippage(january, start="2026-01-27", end="2026-02-03")
    assert none["count"].tolist() == [0, 0, 0, 0, 0, 0]
    assert none["count_rate"].isna().all()
    assert note_of(none).figures["to_date"]
    assert none["count_rate"].isna().all()
    grouped = slippage(january, start="2026-01-27", end="2026-02-03", by="owner_name")
    assert grouped.empty
    assert list(grouped.columns) == list(none.columns)


def friday(*rows, until=2):
    """Deals due in the week to Sunday, January 18, recorded on Mondays, with a record a week later
    if `until` is 2."""
    due = [(deal, 0, 10.0, "proposal", date, "active") for deal, date in DUE.items()]
    return history_of(
        [
            *due,
            *rows,
            *(("tick", week, 0.0, "proposal", None, "active") for week in range(until + 1)),
        ]
    )


DUE = {
    "today": "2026-01-12",
    "friday": "2026-01-16",
    "before": "2026-01-09",
    "sunday": "2026-01-18",
}
WEEK = {"start": "2026-01-05", "end": "2026-01-18"}


def test_slippage__fridays_win_entered_on_monday_is_of_its_week():
    rows = [
        ("friday", 2, 10.0, "closed_won", "2026-01-16", "won"),
        ("sunday", 2, 10.0, "closed_lost", "2026-01-18", "lost"),
        # Closed after the period, or said to have closed before a record that shows it open.
        ("today", 2, 10.0, "closed_won", "2026-01-19", "won"),
        ("before", 2, 10.0, "closed_won", "2026-01-11", "won"),
    ]
    table = slippage(friday(*rows), **WEEK)
    assert table["count"].tolist() == [1, 1, 2, 0, 0, 0]
    assert (
        slippage_deals(friday(*rows), **WEEK).set_index("unique_id").loc["friday", "stage_after"]
        == "closed_won"
    )
    # An instant as end: as known then.
    known = slippage(friday(*rows), start="2026-01-05", end=pd.Timestamp("2026-01-18T23:00Z"))
    assert known["count"].to_dict() == {
        "won": 0,
        "lost": 0,
        "slipped": 1,
        "pulled_out": 0,
        "removed": 0,
        "still_due": 3,
    }


def test_slippage__without_a_later_record_what_is_due_is_still_due():
    table = slippage(friday(until=1), **WEEK)
    # The last record is of Monday the 12th: what was due before it slipped.
    assert table["count"].to_dict() == {
        "won": 0,
        "lost": 0,
        "slipped": 1,
        "pulled_out": 0,
        "removed": 0,
        "still_due": 3,
    }
    assert slippage(friday(until=2), **WEEK)["count"].tolist() == [0, 0, 4, 0, 0, 0]


def test_slippage__of_what_was_hers_names_what_she_passed_on():
    rows = [
        ("kept", 0, 10.0, "proposal", "2026-01-20", "active"),
        ("kept", 1, 10.0, "closed_won", "2026-01-20", "won"),
        ("passed", 0, 20.0, "proposal", "2026-01-20", "active"),
        ("passed", 1, 20.0, "closed_won", "2026-01-20", "won"),
        ("got", 0, 40.0, "proposal", "2026-01-20", "active"),
        ("got", 1, 40.0, "closed_won", "2026-01-20", "won"),
    ]
    history = history_of(rows, owner_name=["Ann", "Ann", "Ann", "Bo", "Bo", "Ann"])
    mine = slippage(history.where(owner_name="Ann"), **JANUARY)
    assert mine["count"][mine["count"] > 0].to_dict() == {"won": 1, "transferred": 1}
    assert mine["value"].sum() == 30.0
    assert slippage_deals(history.where(owner_name="Ann"), **JANUARY)["outcome"].tolist() == [
        "transferred",
        "won",
    ]
    # The columns of `by` are read at the start, wherever the deal went.
    grouped = slippage(history, **JANUARY, by="owner_name")
    assert grouped["count"][grouped["count"] > 0].to_dict() == {("Ann", "won"): 2, ("Bo", "won"): 1}


def test_slippage_deals__add_up_to_the_table(january):
    deals = slippage_deals(january, **JANUARY)
    table = slippage(january, **JANUARY)
    held = table[table["count"] > 0]
    assert deals["outcome"].value_counts().to_dict() == held["count"].to_dict()
    assert deals.groupby("outcome")["value"].sum().to_dict() == held["value"].to_dict()
    pushed = deals.set_index("unique_id").loc["pushed"]
    assert pushed[["value", "close_date", "close_date_after"]].tolist() == [
        400.0,
        pd.Timestamp("2026-01-05"),
        pd.Timestamp("2026-03-05"),
    ]
