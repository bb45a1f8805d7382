import math

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import plots
from opp_analytics.analysis import close_date_moves, sentence, slippage, slippage_deals
from tests.history.logs import history_of

JANUARY = {"start": "2026-01-05", "end": "2026-01-31"}


@pytest.fixture(scope="module")
def january():
    """Nine deals as known on 5 January, eight of them due in January."""
    rows = [
        ("won", 0, 100.0, "proposal", "2026-01-20", "active"),
        ("won", 1, 150.0, "closed_won", "2026-02-03", "won"),
        ("lost", 0, 200.0, "proposal", "2026-01-31", "active"),
        ("lost", 2, 200.0, "proposal", "2026-01-31", "lost"),
        ("pushed", 0, 400.0, "discovery", "2026-01-05", "active"),
        ("pushed", 3, 1.0, "discovery", "2026-03-05", "active"),
        ("idle", 0, 800.0, "negotiation", "2026-01-10", "active"),
        ("pulled", 0, None, "proposal", "2026-01-25", "active"),
        ("pulled", 1, None, "proposal", "2026-01-04", "active"),
        ("deleted", 0, 1600.0, "proposal", "2026-01-25", "active"),
        ("parked", 0, 3200.0, "proposal", "2026-01-25", "active"),
        ("parked", 1, 3200.0, "proposal", "2026-01-25", "inactive"),
        ("later", 0, 9.0, "proposal", "2026-04-01", "active"),
        ("closed", 0, 9.0, "closed_won", "2026-01-06", "won"),
        ("undated", 0, 9.0, "proposal", None, "active"),
        ("fresh", 1, 9.0, "proposal", "2026-01-20", "active"),
        ("reopens", 0, 6400.0, "proposal", "2026-01-25", "active"),
        ("reopens", 1, 6400.0, "closed_lost", "2026-01-25", "lost"),
        ("reopens", 2, 6400.0, "proposal", None, "active"),
        ("after", 4, 1.0, "proposal", "2026-01-25", "active"),
    ]
    return history_of(rows, gone=[("deleted", 3), ("idle", 4)], owner_name="Ann")


def test_slippage__every_outcome(january):
    table = slippage(january, **JANUARY)
    assert table["count"].to_dict() == {"won": 1, "lost": 1, "slipped": 3, "pulled_out": 1, "gone": 2}
    assert table["value"].tolist() == [100.0, 200.0, 7600.0, 0.0, 4800.0]
    assert table["count_rate"].tolist() == pytest.approx([1 / 8, 1 / 8, 3 / 8, 1 / 8, 2 / 8])
    assert table["value_rate"].sum() == pytest.approx(1)
    assert table.attrs["n"] == 8
    assert table.attrs["unvalued"] == 1
    assert table.attrs["slip_rate"] == pytest.approx(3 / 8)
    assert table.attrs["to_date"] is False
    assert sentence(table).startswith(
        "Of 8 deals due, 1 won, 1 lost, 3 slipped, 1 pulled out, 2 gone: 38 % slipped"
    )


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


def test_slippage_deals__empty_cohort_has_its_columns(january):
    deals = slippage_deals(january, start="2026-01-27", end="2026-02-03")
    assert deals.empty
    assert deals.dtypes[["value", "close_date"]].astype(str).tolist() == ["float64", "datetime64[us]"]


def test_slippage__by_group(january):
    table = slippage(january, **JANUARY, by="owner_name")
    assert table.index.names == ["owner_name", "outcome"]
    assert table.loc["Ann", "count"].tolist() == [1, 1, 3, 1, 2]
    assert table["count_rate"].sum() == pytest.approx(1)
    with pytest.raises(oa.errors.DataError, match="by='owner' is no column"):
        slippage(january, **JANUARY, by="owner")


def test_slippage__empty_cohort(january):
    table = slippage(january, start="2026-01-05", end="2026-01-12")
    assert table["count"].sum() == 2
    table = slippage(january, start=pd.Timestamp("2026-01-06"), end=pd.Timestamp("2026-01-20"))
    assert table["count"].tolist() == [1, 0, 1, 0, 0]
    none = slippage(january, start="2026-01-27", end="2026-02-03")
    assert none["count"].tolist() == [0, 0, 0, 0, 0]
    assert none["count_rate"].isna().all()
    assert none.attrs["to_date"]
    assert math.isnan(none.attrs["slip_rate"])
    grouped = slippage(january, start="2026-01-27", end="2026-02-03", by="owner_name")
    assert grouped.empty
    assert list(grouped.columns) == list(none.columns)


def test_slippage__says_what_is_missing(january):
    with pytest.raises(oa.errors.NotEnoughHistory, match="first record is of 2026-01-05"):
        slippage(january, start="2026-01-01", end="2026-01-31")
    with pytest.raises(oa.errors.NotEnoughHistory, match="the next one is of 2026-01-12"):
        slippage(january, start="2026-01-05", end="2026-01-06")
    with pytest.raises(oa.errors.NotEnoughHistory, match="due about 2026-02-09"):
        slippage(january, start="2026-02-02", end="2026-02-28")
    with pytest.raises(oa.errors.ArgumentError, match="one state does not show what moved"):
        slippage(pd.DataFrame(), start="2026-01-01", end="2026-01-31")
    with pytest.raises(oa.errors.DataError, match="swap them"):
        slippage(january, start="2026-01-31", end="2026-01-05")


def test_slippage__one_record_says_so():
    lone = history_of([("a", 0, 1.0, "proposal", "2026-01-20", "active")])
    with pytest.raises(oa.errors.NotEnoughHistory, match="it is the only one"):
        slippage(lone, start="2026-01-05", end="2026-01-31")


def test_slippage__drawings(january):
    drawn = plots.slippage(slippage(january, **JANUARY))
    labels = [text.get_text() for text in drawn.get_yticklabels()]
    assert labels == ["due", "won", "lost", "slipped", "pulled out", "gone"]
    widths = [bar.get_width() for bar in drawn.patches]
    assert widths == [12700.0, 100.0, 200.0, 7600.0, 0.0, 4800.0]
    caption = next(text for text in drawn.texts if text.get_gid() == "caption").get_text()
    assert "n = 8" in caption
    assert "2026-01-26" in caption
    grouped = plots.slippage(slippage(january, **JANUARY, by="owner_name"))
    assert [text.get_text() for text in grouped.get_yticklabels()] == ["Ann (n=8)"]
    empty = plots.slippage(slippage(january, start="2026-01-27", end="2026-02-03"))
    assert any("no open deal was due" in text.get_text() for text in empty.texts)


@pytest.fixture(scope="module")
def moved():
    """Deals whose dates move."""
    rows = [
        ("twice", 0, 1.0, "proposal", "2026-03-31", "active"),
        ("twice", 1, 1.0, "proposal", "2026-04-30", "active"),
        ("twice", 2, 1.0, "proposal", "2026-04-20", "active"),
        ("twice", 3, 1.0, "proposal", "2026-05-20", "active"),
        ("closes", 0, 1.0, "proposal", "2026-03-31", "active"),
        ("closes", 1, 1.0, "proposal", "2026-04-01", "active"),
        ("closes", 2, 1.0, "closed_won", "2026-01-18", "won"),
        ("closes", 3, 1.0, "closed_won", "2026-01-17", "won"),
        ("undated", 0, 1.0, "proposal", None, "active"),
        ("set", 1, 1.0, "proposal", None, "active"),
        ("set", 2, 1.0, "proposal", "2026-03-01", "active"),
        ("set", 3, 1.0, "proposal", None, "active"),
        ("left", 0, 1.0, "proposal", "2026-03-01", "active"),
        ("still", 0, 1.0, "proposal", "2026-03-01", "active"),
    ]
    return history_of(rows, gone=[("left", 1)])


def test_close_date_moves__whole_history(moved):
    table = close_date_moves(moved)
    assert table.index.tolist() == ["closes", "left", "set", "still", "twice", "undated"]
    assert table["pushes"].tolist() == [1, 0, 0, 0, 2, 0]
    assert table["pulls"].tolist() == [0, 0, 0, 0, 1, 0]
    assert table["days_pushed"].tolist() == [1, 0, 0, 0, 60, 0]
    assert table["days_pulled"].tolist() == [0, 0, 0, 0, -10, 0]
    assert table["net_days"].tolist() == [-73, 0, 0, 0, 50, pd.NA]
    assert table["first_close_date"].dt.strftime("%m-%d").tolist()[4] == "03-31"
    assert table["last_close_date"].dt.strftime("%m-%d").tolist()[4] == "05-20"
    assert table.attrs["bound"].startswith("lower")
    assert sentence(table) == "Of 6 deals, at least 2 were pushed by a median of 30 days and 1 pulled in."


def test_close_date_moves__in_a_stretch_of_time(moved):
    table = close_date_moves(moved, start="2026-01-12", end="2026-01-19")
    assert "left" not in table.index
    assert table.loc["twice"].tolist()[:5] == [0, 1, 0, -10, -10]
    assert table.loc["closes", ["pushes", "pulls"]].tolist() == [0, 0]
    assert table.loc["set", "last_close_date"] == pd.Timestamp("2026-03-01")


def test_close_date_moves__drawing(moved):
    drawn = plots.close_date_moves(close_date_moves(moved))
    assert [bar.get_height() for bar in drawn.patches] == [4, 1, 1]
    assert "lower bounds" in next(text for text in drawn.texts if text.get_gid() == "caption").get_text()
