"""Groups of a query's table: all labels in each, missing groups last."""

import pandas as pd

from opp_analytics.analysis.shared.tables import fill_counts, index_by_groups, sort_groups

FOUND = pd.DataFrame(
    {"group_0": ["b", "(none)", "a"], "movement": ["won", "won", "lost"], "count": [1, 2, 3]}
)


def test_fill_counts__has_every_label():
    table = fill_counts(FOUND, ["owner_name"], "movement", ["won", "lost"])
    assert table.index.names == ["owner_name", "movement"]
    assert table["count"].to_dict() == {
        ("a", "won"): 0,
        ("a", "lost"): 3,
        ("b", "won"): 1,
        ("b", "lost"): 0,
        ("(none)", "won"): 2,
        ("(none)", "lost"): 0,
    }
    alone = fill_counts(FOUND.drop(columns="group_0").head(1), [], "movement", ["lost", "won"])
    assert alone["count"].to_dict() == {"lost": 0, "won": 1}
    nothing = fill_counts(FOUND.head(0), ["owner_name"], "movement", ["won"])
    assert nothing.empty
    assert nothing["count"].dtype == "int64"


def test_sort_groups__sorts_by_further_columns():
    rows = pd.concat([FOUND, FOUND.assign(count=0)])
    assert sort_groups(rows, ["group_0"], "count")["count"].tolist() == [0, 3, 0, 1, 0, 2]


def test_index_by_groups__is_the_table_itself_without_groups():
    table = FOUND[["count"]]
    assert index_by_groups(table, FOUND, []) is table
    assert index_by_groups(table, FOUND, ["owner_name"]).index.tolist() == ["b", "(none)", "a"]
