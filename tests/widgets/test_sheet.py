from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.errors import DataError, MissingColumnError
from opp_analytics.org import empty
from opp_analytics.widgets.sheet import Sheet
from tests.writer.frames import opportunities


@pytest.fixture
def sheet() -> Sheet:
    """Deals 0 to 5 worth 1000, 1100, …, in proposal at 40%, with an owner, seats and a flag."""
    frame = opportunities().assign(owner_name="Ann", seats=pd.array([1, 2, 3, 4, 5, None], "Int64"), hot=True)
    return Sheet(frame)


@pytest.mark.parametrize(
    ("field", "typed", "held"),
    [
        ("value", "$12,000.50", 12_000.5),
        ("close_date", "2026-12-31", pd.Timestamp("2026-12-31")),
        ("close_date", "31.12.2026", pd.Timestamp("2026-12-31")),
        ("probability", "75 %", 75),
        ("stage", "negotiation", "negotiation"),
        ("status", "inactive", "inactive"),
        ("name", "  Acme & Söhne ", "Acme & Söhne"),
        ("owner_name", "Bea", "Bea"),
        ("seats", "12", 12),
        ("hot", "False", False),
    ],
)
def test_edit__holds_what_was_typed_as_its_column_means_it(sheet, field, typed, held):
    answer = sheet.edit([(1, field, typed)])
    assert sheet.edited.loc[1, field] == held
    assert sheet.edited.dtypes.equals(sheet.base.dtypes)
    assert answer.said == "1 cell changed"
    assert answer.cells[0][3] == "changed"
    assert sheet.edited.drop(index=1).equals(sheet.base.drop(index=1))


@pytest.mark.parametrize(
    ("field", "typed", "reason"),
    [
        ("value", "a lot", "'a lot' is not a number"),
        ("close_date", "2026-02-30", "'2026-02-30' is not a date that exists"),
        ("probability", "140", "'140' is not between 0 and 100"),
        ("probability", "62.5", "'62.5' is not a whole number"),
        ("stage", "Closed won", "did you mean 'closed_won'?"),
        ("name", None, "is blank; every opportunity needs a name"),
        ("unique_id", "o999", "'o999' is set by the server and never written"),
        ("updated_at", "2026-01-01", "is set by the server and never written"),
        ("seats", "1.5", "'1.5' is not a whole number"),
        ("hot", "maybe", "'maybe' is neither True nor False"),
    ],
)
def test_edit__refuses_with_the_reason_and_keeps_the_old_value(sheet, field, typed, reason):
    answer = sheet.edit([(1, field, typed)])
    [(row, name, value, state, note)] = answer.cells
    assert (row, name, state) == (1, field, "refused")
    assert reason in note
    assert reason in answer.said
    assert value == sheet._column[field].wire(sheet.base.loc[1, field])
    assert sheet.edited.equals(sheet.base)
    assert sheet.refused[["unique_id", "field", "value"]].to_numpy().tolist() == [["o001", field, typed]]


def test_edit__a_later_edit_or_the_old_value_settles_a_refusal(sheet):
    sheet.edit([(1, "probability", "140"), (2, "probability", "x")])
    sheet.edit([(1, "probability", "60"), (2, "probability", "40")])
    assert sheet.refused.empty
    assert sheet.edited["probability"].tolist() == [40, 60, 40, 40, 40, 40]


def test_edit__typing_the_old_value_is_no_change(sheet):
    assert sheet.edit([(0, "value", "1,000.00")]).cells == [(0, "value", 1000.0, "", "")]


def test_edit__says_how_many_were_changed_and_which_was_refused_first(sheet):
    block = [(0, "value", "5"), (1, "value", "1100"), (2, "value", "x"), (3, "probability", "-1")]
    said = sheet.edit(block).said
    assert said == "1 cell changed, 2 refused: value of Deal 2: 'x' is not a number; write it as 12000.5"


def test_edit__an_emptied_cell_needs_clear_nulls_in_the_plan(sheet):
    sheet.edit([(0, "close_date", None), (1, "probability", "")])
    changes = oa.plan(sheet.base, sheet.edited).changes
    assert changes["after"].tolist() == [None, None]


def test_undo__takes_back_one_paste_at_a_time_values_and_refusals(sheet):
    sheet.edit([(0, "value", "5"), (1, "value", "6")])
    sheet.edit([(0, "value", "7"), (1, "value", "x")])
    answer = sheet.undo()
    assert answer.said == "undone: 2 cells"
    assert [cell[2:4] for cell in answer.cells] == [(5.0, "changed"), (6.0, "changed")]
    assert sheet.refused.empty
    sheet.undo()
    assert sheet.edited.equals(sheet.base)
    assert sheet.undo().said == "nothing to undo"


def test_add__is_a_create_once_it_has_a_name(sheet):
    answer = sheet.add()
    assert answer.rows == [(6, "added")]
    assert answer.cells == [(6, "name", None, "refused", "is blank; every opportunity needs a name")]
    sheet.edit(
        [(6, "name", "New"), (6, "value", "500"), (6, "stage", "discovery"), (6, "close_date", "2026-12-01")]
    )
    plan = oa.plan(sheet.base, sheet.edited)
    assert plan.problems.empty
    assert plan.changes["operation"].unique().tolist() == ["create"]
    assert dict(zip(plan.changes["field"], plan.changes["after"], strict=True)) == {
        "name": "New",
        "value": 500.0,
        "stage": "discovery",
        "close_date": pd.Timestamp("2026-12-01"),
    }


def test_remove__is_a_delete_a_new_row_is_gone_and_both_come_back(sheet):
    sheet.add()
    assert sheet.remove([1, 6]).rows == [(1, "removed"), (6, "gone")]
    assert sheet.edited["unique_id"].tolist() == ["o000", "o002", "o003", "o004", "o005"]
    assert oa.plan(sheet.base, sheet.edited).changes["operation"].tolist() == ["delete"]
    assert "removed row" in sheet.edit([(1, "value", "5")]).said
    sheet.undo()
    assert sheet.undo().rows == [(1, ""), (6, "added")]
    assert len(sheet.edited) == 7


def test_state__is_all_that_a_reloaded_page_needs(sheet):
    sheet.edit([(0, "value", "5"), (1, "value", "x")])
    sheet.add()
    sheet.remove([3])
    answer = sheet.state()
    assert [(row, field, state) for row, field, _, state, _ in answer.cells] == [
        (0, "value", "changed"),
        (1, "value", "refused"),
        (6, "name", "refused"),
    ]
    assert answer.rows == [(3, "removed"), (6, "added")]


def test_sheet__leaves_the_given_frame_alone_and_keeps_its_certificate():
    given_frame = opportunities()
    given_frame.attrs["load"] = {"complete": True}
    untouched = given_frame.copy()
    sheet = Sheet(given_frame)
    sheet.edit([(0, "value", "5"), (0, "stage", "negotiation")])
    pd.testing.assert_frame_equal(given_frame, untouched)
    assert sheet.edited.attrs == {"load": {"complete": True}}


def test_sheet__refuses_frames_whose_rows_cannot_be_told_apart():
    with pytest.raises(MissingColumnError, match="unique_id"):
        Sheet(pd.DataFrame({"name": ["Acme"]}))
    with pytest.raises(DataError, match="more than once"):
        Sheet(pd.DataFrame({"unique_id": ["a", "a"]}))


def test_sheet__of_no_opportunities_takes_new_ones():
    sheet = Sheet(empty())
    sheet.add()
    sheet.edit([(0, "name", "First"), (0, "value", "10")])
    assert sheet.edited[["name", "value"]].to_numpy().tolist() == [["First", 10.0]]


_FIELDS = st.sampled_from(
    ["name", "value", "stage", "close_date", "probability", "status", "unique_id", "seats"]
)
_TEXTS = st.sampled_from([None, "", "5", "x", "negotiation", "2026-12-31", "140", "won", "Acme"])
_CELLS = st.lists(st.tuples(st.integers(0, 5), _FIELDS, _TEXTS), max_size=6)


@settings(max_examples=25)
@given(st.lists(_CELLS, max_size=6))
def test_undo__of_everything_is_the_base_and_every_state_on_the_way_can_be_planned(blocks):
    sheet = Sheet(opportunities().assign(seats=pd.array([1, 2, 3, 4, 5, None], "Int64")))
    frames = [sheet.edited]
    for block in blocks:
        sheet.edit(block)
        frames.append(sheet.edited)
    assert oa.plan(sheet.base, frames[-1]).problems.empty
    for frame in reversed(frames[:-1]):
        sheet.undo()
        pd.testing.assert_frame_equal(sheet.edited, frame)
    assert sheet.edited.equals(sheet.base)


def test_edited__blanks_in_fixed_width_columns_stay_blanks():
    frame = opportunities(3).assign(seats=[1, 2, 3], hot=[True, True, False])
    sheet = Sheet(frame)
    sheet.edit([(0, "seats", None), (1, "hot", None)])
    sheet.add()
    edited = sheet.edited
    assert edited["seats"].isna().tolist() == [True, False, False, True]
    assert edited["hot"].isna().tolist() == [False, True, False, True]
