"""What became of each category, by hand."""

from typing import Any

import pytest

import opp_analytics as oa
from opp_analytics.analysis import category_moves
from opp_analytics.note import note_of
from tests.history.logs import history_of

MARCH = "2026-01-31"
ROWS = [
    ("won", 0, 1.0, "proposal", "2026-01-20", "active"),
    ("won", 1, 5.0, "closed_won", "2026-01-18", "won"),
    ("late", 0, 2.0, "proposal", "2026-01-20", "active"),
    ("late", 4, 2.0, "closed_won", "2026-02-02", "won"),
    ("lost", 0, 4.0, "proposal", "2026-01-20", "active"),
    ("lost", 1, 4.0, "closed_lost", "2026-01-20", "lost"),
    ("moved", 0, 8.0, "proposal", "2026-01-20", "active"),
    ("moved", 1, 8.0, "proposal", "2026-02-20", "active"),
    ("undated", 0, 16.0, "proposal", "2026-01-20", "active"),
    ("undated", 1, 16.0, "proposal", None, "active"),
    ("gone", 0, 32.0, "proposal", "2026-01-20", "active"),
    ("parked", 0, 64.0, "proposal", "2026-01-20", "active"),
    ("parked", 1, 64.0, "proposal", "2026-01-20", "inactive"),
    ("stays", 0, 128.0, "proposal", "2026-01-31", "active"),
    ("other", 0, 256.0, "proposal", "2026-02-01", "active"),
]
PERCENT = {
    "won": 80,
    "late": 80,
    "lost": 80,
    "moved": 50,
    "undated": 50,
    "gone": 10,
    "parked": 10,
    "stays": 90,
}


def history(**columns):
    percents = [PERCENT.get(deal, 10) for deal, *_ in ROWS]
    return history_of(ROWS, deleted=[("gone", 2)], probability=percents, **columns)


def test_category_moves__in_the_running_period():
    table = category_moves(history(), start="2026-01-05", end="2026-01-26")
    held = table[table["count"] > 0]
    assert held["value"].to_dict() == {
        ("commit", "won"): 1.0,
        # Open and due in the period: they are where they were.
        ("commit", "commit"): 2.0 + 128.0,
        ("commit", "lost"): 4.0,
        ("best_case", "slipped"): 8.0 + 16.0,
        ("pipeline", "removed"): 32.0 + 64.0,
    }
    assert table.index.names == ["from_category", "to_category"]
    assert len(table) == 4 * 8
    assert table["count"].sum() == note_of(table).figures["n"] == 8
    assert note_of(table).figures["period"] == "2026-01"


def test_category_moves__after_the_period_what_is_open_has_slipped():
    table = category_moves(history(), start="2026-01-05", end="2026-02-03")
    commit = table.xs("commit")["value"]
    # Won after the period, or still open: slipped out of it.
    assert commit[commit > 0].to_dict() == {"won": 1.0, "lost": 4.0, "slipped": 2.0 + 128.0}


def test_category_moves__by_owner_and_of_what_was_hers():
    owners = ["Ann"] * len(ROWS)
    owners[[deal for deal, *_ in ROWS].index("moved") + 1] = "Bo"
    both = history(owner_name=owners)
    grouped = category_moves(both, start="2026-01-05", end="2026-01-26", by="owner_name")
    assert grouped.index.unique("owner_name").tolist() == ["Ann"]
    assert grouped.loc[("Ann", "best_case", "slipped"), "value"] == 24.0
    own = category_moves(both.where(owner_name="Ann"), start="2026-01-05", end="2026-01-26")
    assert own.xs("best_case")["value"][["slipped", "transferred"]].to_dict() == {
        "slipped": 16.0,
        "transferred": 8.0,
    }
    assert "transferred" not in grouped.index.get_level_values("to_category")


def test_category_moves__of_a_quarter_holds_all_its_deals():
    table = category_moves(history(), start="2026-01-05", end="2026-01-26", freq="Q")
    assert table["count"].sum() == 9
    assert note_of(table).figures["period"] == "2026Q1"


def test_category_moves__names_what_is_missing():
    with pytest.raises(oa.errors.NotEnoughHistory, match="first record is from 2026-01-05"):
        category_moves(history(), start="2026-01-01", end="2026-01-26")
    with pytest.raises(oa.errors.MissingColumnError, match="no column 'team'"):
        category_moves(history(), start="2026-01-05", end="2026-01-26", by="team")
    with pytest.raises(oa.errors.ArgumentValueError, match="index level 'to_category'"):
        category_moves(history(), start="2026-01-05", end="2026-01-26", by="to_category")


def test_category_moves__of_no_due_deal_have_their_columns():
    asked: dict[str, Any] = {"start": "2026-01-27", "end": "2026-02-03", "freq": "D"}
    some = category_moves(
        history(owner_name="Ann"), start="2026-01-05", end="2026-01-26", by=["owner_name", "stage"]
    )
    for by, rows in ((["owner_name", "stage"], 0), (None, 4 * 8)):
        table = category_moves(history(owner_name="Ann"), by=by, **asked)
        assert (len(table), note_of(table).figures["n"], table["count"].sum()) == (rows, 0, 0)
        assert table.dtypes.equals(some.dtypes)
        assert table.index.names == [*(by or []), "from_category", "to_category"]
