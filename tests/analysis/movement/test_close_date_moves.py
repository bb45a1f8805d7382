import pandas as pd

from opp_analytics.analysis import close_date_moves, push_counts
from opp_analytics.note import note_of


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
    assert note_of(table).figures["bound"].startswith("lower")


def test_push_counts__of_the_rows_given(moved):
    table = close_date_moves(moved)
    counts = push_counts(table)
    assert counts.index.tolist() == [0, 1, 2]
    assert counts["deals"].tolist() == [4, 1, 1]
    assert counts["median_days"].tolist() == [0.0, 1.0, 60.0]
    assert push_counts(table.loc[["twice"]])["deals"].to_dict() == {0: 0, 1: 0, 2: 1}
    assert push_counts(table, most=1)["median_days"].tolist() == [0.0, 30.5]
    nothing = push_counts(table.iloc[:0])
    assert nothing.empty
    assert nothing.dtypes.astype("str").to_dict() == {"deals": "int64", "median_days": "float64"}


def test_close_date_moves__in_a_stretch_of_time(moved):
    table = close_date_moves(moved, start="2026-01-12", end="2026-01-19")
    assert "left" not in table.index
    assert table.loc["twice"].tolist()[:5] == [0, 1, 0, -10, -10]
    assert table.loc["closes", ["pushes", "pulls"]].tolist() == [0, 0]
    assert table.loc["set", "last_close_date"] == pd.Timestamp("2026-03-01")
