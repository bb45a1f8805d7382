import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import org, schema
from opp_analytics.api import assemble, concat_tables, rows_to_table
from tests.support import row


def frame_of(*rows):
    return assemble(rows_to_table(rows))


def test_assemble__gives_the_dtypes_of_the_empty_frame_whatever_the_page_holds():
    filled = frame_of(row(1), row(2))
    nulls = frame_of({"unique_id": "a"}, {"unique_id": "b", "value": None, "stage": None})
    for frame in (filled, nulls, assemble(concat_tables([]))):
        assert frame[list(schema.COLUMNS)].dtypes.astype(str).equals(org.empty().dtypes.astype(str))


def test_assemble__reads_numbers_and_times_sent_as_text():
    frame = frame_of(
        row(1, value="120000.0", probability="60", created_at="2026-01-10T10:30:00.123456Z"),
        row(
            2,
            value=1,
            probability=60.0,
            created_at="2026-01-10T12:30:00+02:00",
            close_date="2026-06-30T00:00:00Z",
        ),
        row(3, value="", probability=None, close_date=""),
    )
    assert frame["value"].tolist()[:2] == [120000.0, 1.0]
    assert frame["probability"].tolist()[:2] == [60, 60]
    assert frame["created_at"][1] == pd.Timestamp("2026-01-10T10:30Z")
    assert frame["close_date"][1] == pd.Timestamp("2026-06-30")
    assert frame.loc[2, ["value", "probability", "close_date"]].isna().all()


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("value", "a lot"),
        ("value", True),
        ("probability", 62.5),
        ("close_date", "2026-02-30"),
        ("created_at", "then"),
    ],
)
def test_rows_to_table__names_the_opportunity_and_value_that_does_not_fit(attribute, value):
    with pytest.raises(oa.errors.UnexpectedResponse) as caught:
        frame_of(row(1), row(2, **{attribute: value}))
    assert "opp-2" in str(caught.value)
    assert f"{attribute}={value!r}" in str(caught.value)


def test_assemble__keeps_unknown_stages_and_statuses_as_categories():
    frame = frame_of(row(1, stage="won!!", status="paused"), row(2))
    assert frame["stage"].tolist() == ["won!!", "proposal"]
    assert frame["stage"].cat.categories[-1] == "won!!"
    assert "paused" in frame["status"].cat.categories


def test_assemble__keeps_unknown_attributes_as_columns_over_pages_of_different_kinds():
    pages = [
        [row(1, owner_name="Ann", enabled=True, tags=["a"], budget=1, code=7)],
        [row(2, owner_name=None, budget=2.5, code="x7")],
        [row(3)],
    ]
    frame = assemble(concat_tables([rows_to_table(page) for page in pages]))
    assert frame["owner_name"].tolist()[0] == "Ann"
    assert frame["owner_name"].isna().tolist() == [False, True, True]
    assert frame["budget"].tolist()[:2] == [1.0, 2.5]
    assert frame["code"].tolist()[:2] == ["7", "x7"]
    assert frame["tags"][0] == '["a"]'
    assert frame["enabled"].dtype == "boolean"


def test_assemble__gives_a_frame_that_can_be_edited():
    frame = frame_of(row(1), row(2))
    frame.loc[0, "value"] = 5
    frame.loc[0, "stage"] = "closed_won"
    frame.loc[0, "close_date"] = pd.NaT
    frame.loc[0, "updated_at"] = pd.Timestamp("2026-01-01", tz="UTC")
    assert frame.loc[0, "value"] == 5


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e400", "0x1F", "12,5", "1 2"])
def test_rows_to_table__refuses_a_text_that_is_no_finite_number(text):
    with pytest.raises(oa.errors.UnexpectedResponse, match="opp-2"):
        rows_to_table([row(1, value="1.5"), row(2, value=text)])


def test_assemble__drops_labels_of_rows_that_are_gone():
    table = rows_to_table([row(1, stage="won!!"), row(2, stage=None), row(3, stage="odd")])
    frame = assemble(table.slice(1))
    assert frame["stage"].isna().tolist() == [True, False]
    assert frame["stage"][1] == "odd"
    assert "won!!" not in frame["stage"].cat.categories
