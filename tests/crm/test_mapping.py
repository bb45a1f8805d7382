import pandas as pd

from opp_analytics.crm.mapping import (
    Mapped,
    Names,
    copy_shared,
    match_labels,
    name_columns,
    tabulate,
)
from opp_analytics.org import Org
from opp_analytics.table_files import read_table

NAMES = Names(
    {"Amount": "value", "Deal - Title": "name", "Title": "name", "Close Date": "close_date"},
    ["value", "name", "stage", "close_date"],
)


def test_find__takes_the_label_before_a_likeness_of_it() -> None:
    assert NAMES.find("Amount") == (["value"], False)
    assert NAMES.find("close_date") == (["close_date"], False)
    assert NAMES.find("CLOSE DATE*") == (["close_date"], True)
    assert NAMES.find("Opportunity: Amount") == (["value"], True)
    assert NAMES.find("Deal - Close Date") == (["close_date"], True)
    assert NAMES.find("CLOSEDATE") == (["close_date"], True)
    assert NAMES.find("Amount due") is None


def test_find__takes_letters_of_any_script_for_what_they_are() -> None:
    names = Names({"Größe (€)": "value", "金額": "budget"}, [])
    assert names.find("größe") == (["value"], True)
    assert names.find("商談名") is None
    assert names.find("Gr_e") is None


def test_match_labels__says_how_each_was_found() -> None:
    lines = match_labels(["Amount", "amount", "close-date", "Lead Source", ""], NAMES)
    assert [(line.theirs, line.ours, line.how) for line in lines] == [
        ("Amount", "value", "mapped"),
        ("amount", "amount", "kept"),
        ("close-date", "close_date", "guessed"),
        ("Lead Source", "Lead Source", "kept"),
        ("(column 5)", "", "dropped"),
    ]


def test_match_labels__of_one_column_for_two_names() -> None:
    names = Names({"Name": ["name", "unique_id"]}, ["stage"])
    lines = match_labels(["Name", "stage"], names)
    assert [(line.theirs, line.ours) for line in lines] == [
        ("Name", "unique_id"),
        ("stage", "stage"),
        ("Name", "name"),
    ]
    table = copy_shared(
        read_table(pd.DataFrame({"Name": ["A"], "stage": ["Demo"]}), names.know), lines
    )
    assert table.labels == ("Name", "stage", "Name")
    assert table.cells.to_numpy().tolist() == [["A", "Demo", "A"]]


def test_name_columns__gives_each_name_one_column_of_a_table() -> None:
    org = Org(preset="salesforce", columns={"Name": ["name", "unique_id"]})
    labels = ["Name", "STAGE_NAME", "forecast_category", "ForecastCategoryName", "Score", "seen_at"]
    assert name_columns(labels, org.columns, ["seen_at"]) == {
        "unique_id": "Name",
        "name": "Name",
        "stage": "STAGE_NAME",
        "forecast_category": "forecast_category",
        "category": "ForecastCategoryName",
        "Score": "Score",
        "seen_at": "seen_at",
    }
    # Of two sure ones the org's first, of two likely ones the table's first.
    assert (
        name_columns(["ForecastCategory", "ForecastCategoryName"], org.columns)["category"]
        == "ForecastCategoryName"
    )
    assert (
        name_columns(["close_time", "closeDate", "CLOSE_DATE"], org.columns)["close_date"]
        == "closeDate"
    )


def test_tabulate__puts_what_was_mapped_first() -> None:
    assert tabulate([Mapped("Age", "", "dropped", "empty"), Mapped("Amount", "value", "mapped")])[
        "theirs"
    ].tolist() == ["Amount", "Age"]
