"""Groups of a query's table: all labels in each, missing groups last."""

import pandas as pd

from opp_analytics.analysis.shared.group_rows import every_group, grouped, sorted_groups

FOUND = pd.DataFrame(
    {"group_0": ["b", "(none)", "a"], "movement": ["won", "won", "lost"], "count": [1, 2, 3]}
)


def test_every_group__has_every_label():
    table = every_group(FOUND, ["owner_name"], "movement", ["won", "lost"])
    assert table.index.names == ["owner_name", "movement"]
    assert table["count"].to_dict() == {
        ("a", "won"): 0,
        ("a", "lost"): 3,
        ("b", "won"): 1,
        ("b", "lost"): 0,
        ("(none)", "won"): 2,
        ("(none)", "lost"): 0,
    }
    alone = every_group(FOUND.drop(columns="group_0").head(1), [], "movement", ["lost", "won"])
    assert alone["count"].to_dict() == {"lost": 0, "won": 1}
    nothing = every_group(FOUND.head(0), ["owner_name"], "movement", ["won"])
    assert nothing.empty
    assert nothing["count"].dtype == "int64"


def test_sorted_groups__then_by_further_columns():
    rows = pd.concat([FOUND, FOUND.assign(count=0)])
    assert sorted_groups(rows, ["group_0"], "count")["count"].tolist() == [0, 3, 0, 1, 0, 2]


def test_grouped__is_the_table_itself_without_groups():
    table = FOUND[["count"]]
    assert grouped(table, FOUND, []) is table
    assert grouped(table, FOUND, ["owner_name"]).index.tolist() == ["b", "(none)", "a"]
