from __future__ import annotations

import re
from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.errors import ArgumentValueError, DataError, MissingColumnError
from opp_analytics.org import Org, empty
from opp_analytics.widgets.grid.grid import list_cells
from opp_analytics.widgets.grid.requests import Area, Field, GridCell, GridRow
from opp_analytics.widgets.grid.review import make_plan
from opp_analytics.widgets.grid.sheet import CellEdit, EditSheet
from tests.examples import examples
from tests.writer.frames import opportunities


@pytest.fixture
def sheet() -> EditSheet:
    """Deals 0 to 5 worth 1000, 1100, …, in proposal at 40%, with an owner, seats and a flag."""
    frame = opportunities().assign(
        owner_name="Ann", seats=pd.array([1, 2, 3, 4, 5, None], "Int64"), hot=True
    )
    return EditSheet(frame, today=date(2026, 6, 1))


@pytest.mark.parametrize(
    ("field", "typed", "held"),
    [
        ("value", "$12,000.50", 12_000.5),
        ("close_date", "Dec 31", pd.Timestamp("2026-12-31")),
        ("probability", "75 %", 75),
        ("stage", "closed won", "closed_won"),
        ("status", "inactive", "inactive"),
        ("name", "  Acme & Söhne ", "Acme & Söhne"),
        ("owner_name", "Bea", "Bea"),
        ("seats", "12", 12),
        ("hot", "no", False),
    ],
)
def test_edit__holds_what_was_typed_as_its_column_means_it(sheet, field, typed, held):
    answer = sheet.edit([(1, field, typed)])
    assert sheet.edited.loc[1, field] == held
    assert sheet.edited.dtypes.equals(sheet.frame.dtypes)
    assert answer.cells == [(1, field)]
    assert sheet.edit_of((1, field)) == CellEdit(held, True)
    assert sheet.edited.drop(index=1).equals(sheet.base.drop(index=1))


@pytest.mark.parametrize(
    ("field", "typed", "reason"),
    [
        ("value", "a lot", "“a lot” is not an amount. Try 45000, $45,000 or 45k. Kept 1,100."),
        (
            "close_date",
            "02/30/2027",
            "“02/30/2027” is not a date: February 2027 has 28 days. Kept Jun 30, 2026.",
        ),
        ("probability", "62.5", "“62.5” is not a whole number. Type 62 or 63. Kept 40%."),
        (
            "stage",
            "Closed",
            "“Closed” is not a stage. Did you mean closed won or closed lost? Kept proposal.",
        ),
        ("name", None, "A deal needs a name. Kept Deal 1."),
        ("seats", "1.5", "“1.5” is not a whole number. Type 1 or 2. Kept 2."),
        ("hot", "maybe", "“maybe” is neither true nor false. Kept True."),
    ],
)
def test_edit__refuses_with_the_reason_and_keeps_the_old_value(sheet, field, typed, reason):
    answer = sheet.edit([(1, field, typed)])
    assert answer.cells == [(1, field)]
    assert sheet.edit_of((1, field)) == CellEdit(sheet.frame.loc[1, field], False, typed, reason)
    assert reason in answer.message
    assert sheet.edited.equals(sheet.base)
    assert sheet.counts["changes"] == 0


def test_edit__leaves_read_only_cells_and_says_how_many(sheet):
    answer = sheet.edit([(0, "unique_id", "x"), (0, "updated_at", "x"), (0, "value", "500")])
    assert answer.message == "Value set to 500, 2 read-only cells left"
    assert sheet.edit([(0, "unique_id", "x")]).message == "Nothing to change, 1 read-only cell left"


def test_edit__a_later_edit_settles_a_refusal_and_the_old_value_is_no_change(sheet):
    sheet.edit([(1, "probability", "140"), (2, "probability", "x"), (3, "value", "1,300.00")])
    sheet.edit([(1, "probability", "60"), (2, "probability", "40")])
    assert sheet.problems == {}
    assert sheet.counts["changes"] == 1
    assert sheet.edited["probability"].tolist() == [40, 60, 40, 40, 40, 40]


def test_edit__an_emptied_cell_needs_clear_nulls_in_the_plan(sheet):
    sheet.edit([(0, "close_date", None), (1, "probability", "")])
    changes = oa.plan(sheet.base, sheet.edited).changes
    assert changes["after"].tolist() == [None, None]


def test_undo_and_redo__say_what_they_take_back_and_an_edit_ends_what_can_be_redone(sheet):
    sheet.edit([(0, "value", "5"), (1, "value", "x")])
    assert sheet.undo().message == "Undone: Set 2 cells in Value"
    assert (sheet.undo().message, sheet.problems) == ("Nothing to undo", {})
    assert sheet.redo().message == "Redone: Set 2 cells in Value"
    sheet.undo()
    sheet.edit([(2, "value", "1")])
    assert sheet.redo().message == "Nothing to redo"


def test_revert__gives_cells_back_one_by_one_and_dismiss_forgets_refusals(sheet):
    sheet.edit([(0, "value", "5"), (1, "value", "6")])
    sheet.edit([(0, "value", "x")])
    sheet.dismiss([(0, "value")])
    assert (sheet.edited["value"][0], sheet.problems) == (5, {})
    assert sheet.revert([(0, "value"), (5, "value")]).message == "Reverted 1 cell"
    assert sheet.edited["value"].tolist()[:2] == [1000, 6]
    sheet.undo()
    assert sheet.edited["value"][0] == 5


def test_add__is_a_create_once_it_has_a_name(sheet):
    answer = sheet.add()
    assert (answer.rows, sheet.row_state(6)) == ([6], "added")
    assert answer.cells == [(6, "name")]
    assert sheet.edit_of((6, "name")) == CellEdit(None, False, None, "A deal needs a name.")
    assert sheet.changed_rows == []
    sheet.edit(
        [
            (6, "name", "New"),
            (6, "value", "500"),
            (6, "stage", "discovery"),
            (6, "close_date", "2026-12-01"),
        ]
    )
    assert (sheet.counts["changes"], sheet.changed_rows) == (1, [6])
    plan = oa.plan(sheet.base, sheet.edited)
    assert plan.problems.empty
    assert dict(zip(plan.changes["field"], plan.changes["after"], strict=True)) == {
        "name": "New",
        "value": 500.0,
        "stage": "discovery",
        "close_date": pd.Timestamp("2026-12-01"),
    }


def test_remove__is_a_delete_a_new_row_is_gone_and_both_come_back(sheet):
    sheet.add()
    assert sheet.remove([1, 6]).rows == [1, 6]
    assert [sheet.row_state(row) for row in (1, 6)] == ["removed", "gone"]
    assert sheet.edited["unique_id"].tolist() == ["o000", "o002", "o003", "o004", "o005"]
    assert oa.plan(sheet.base, sheet.edited).changes["operation"].tolist() == ["delete"]
    assert "marked for removal" in sheet.edit([(1, "value", "5")]).message
    sheet.undo()
    assert sheet.remove([1]).message == "Kept 1 deal"
    sheet.undo()
    assert sheet.undo().rows == [1, 6]
    assert [sheet.row_state(row) for row in (1, 6)] == ["", "added"]
    assert len(sheet.edited) == 7


def test_settle__takes_what_the_server_holds_and_counts_the_rest_anew(sheet):
    sheet.edit([(0, "value", "5"), (1, "value", "6"), (2, "value", "7")])
    sheet.settle({(0, "value"): 5.0, (1, "value"): 9.0})
    sheet.refuse((2, "value"), "The server refused: locked")
    assert sheet.counts["changes"] == 2
    assert sheet.base["value"].tolist()[:3] == [5, 9, 1200]
    assert sheet.edited["value"].tolist()[:3] == [5, 6, 7]
    assert [slot.why for slot in sheet.problems.values()] == ["The server refused: locked"]
    sheet.add()
    sheet.edit([(6, "name", "New")])
    sheet.settle_created(6, "o006")
    sheet.settle({(6, "name"): "New"})
    sheet.settle_deleted(3)
    assert sheet.base["unique_id"].tolist() == ["o000", "o001", "o002", "o004", "o005", "o006"]
    assert oa.plan(sheet.base, sheet.edited).changes["unique_id"].tolist() == ["o001", "o002"]


def test_judge_and_operands__read_without_changing_anything(sheet):
    assert sheet.judge([("value", "45k"), ("stage", "x"), ("close_date", "12/31")]) == [
        (45_000.0, ""),
        (None, "“x” is not a stage."),
        ("2026-12-31", ""),
    ]
    # Deals were created before today.
    assert sheet.read_operands(
        [("created_at", "Dec 31"), ("value", "20k"), ("value", "twenty")]
    ) == [
        (["2025-12-31", "2025-12-31"], ""),
        ([20_000.0, 20_000.0], ""),
        (None, "“twenty” is not an amount. Try 45000, $45,000 or 45k."),
    ]
    assert sheet.counts["changes"] == 0


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("Q4 FY27", "2026-11-01", "2027-01-31"),
        ("December 2026", "2026-12-01", "2026-12-31"),
        ("12/2026", "2026-12-01", "2026-12-31"),
        ("FY27", "2026-02-01", "2027-01-31"),
        # A day, though it may be typed for a month elsewhere.
        ("Dec 26", "2026-12-26", "2026-12-26"),
        ("today", "2026-06-01", "2026-06-01"),
        ("This  Month", "2026-06-01", "2026-06-30"),
        ("last week", "2026-05-25", "2026-05-31"),
        ("last quarter", "2026-02-01", "2026-04-30"),
        ("next 30 days", "2026-06-01", "2026-07-01"),
        ("next year", "2027-02-01", "2028-01-31"),
    ],
)
def test_operands__of_dates_are_all_days_of_a_period_of_the_fiscal_year(typed, first, last):
    sheet = EditSheet(Org(fiscal_year_start=2).apply(opportunities()), today=date(2026, 6, 1))
    assert sheet.read_operands([("close_date", typed)]) == [([first, last], "")]
    if typed != "Dec 26":  # without a year a deal was created the year before
        assert sheet.read_operands([("created_at", typed)]) == [([first, last], "")]


@pytest.mark.parametrize(
    ("field", "typed", "why"),
    [
        (
            "close_date",
            "soon",
            (
                "“soon” is not a date or period. Try 12/31/2026, Dec 31, Dec 2026, FY27 Q4 or this "
                "month."
            ),
        ),
        ("close_date", "next day", "“next day” is not a date or period."),
        ("close_date", "Feb 30", "“Feb 30” is not a date: February 2026 has 28 days."),
        ("close_date", "FY1500", "“FY1500” is "),
        (
            "value",
            "€150,000",
            "“€150,000” is in €, not in USD. Convert it first.",
        ),
    ],
)
def test_operands__that_cannot_be_read_are_refused_in_a_sentence(field, typed, why):
    org = Org(fiscal_year_start=2, currency="USD")
    sheet = EditSheet(org.apply(opportunities()), today=date(2026, 6, 1))
    [(values, said)] = sheet.read_operands([(field, typed)])
    assert values is None
    assert said.startswith(why)


def test_sheet__leaves_the_given_frame_alone_and_keeps_its_certificate():
    given_frame = opportunities()
    given_frame.attrs["load"] = {"complete": True}
    untouched = given_frame.copy()
    sheet = EditSheet(given_frame)
    sheet.edit([(0, "value", "5"), (0, "stage", "negotiation")])
    pd.testing.assert_frame_equal(given_frame, untouched)
    assert sheet.edited.attrs["load"] == {"complete": True}


def test_sheet__refuses_frames_whose_rows_cannot_be_told_apart():
    with pytest.raises(MissingColumnError, match="unique_id"):
        EditSheet(pd.DataFrame({"name": ["Acme"]}))
    with pytest.raises(DataError, match="more than once"):
        EditSheet(pd.DataFrame({"unique_id": ["a", "a"]}))


def test_sheet__of_no_opportunities_takes_new_ones():
    sheet = EditSheet(empty())
    sheet.add()
    sheet.edit([(0, "name", "First"), (0, "value", "10")])
    assert sheet.edited[["name", "value"]].to_numpy().tolist() == [["First", 10.0]]


_FIELDS = st.sampled_from(
    ["name", "value", "stage", "close_date", "probability", "status", "unique_id", "seats"]
)
_TEXTS = st.sampled_from([None, "", "5", "x", "negotiation", "2026-12-31", "140", "won", "Acme"])
_CELLS = st.lists(st.tuples(st.integers(0, 5), _FIELDS, _TEXTS), max_size=6)


@examples(25)
@given(st.lists(_CELLS, max_size=6))
def test_undo__of_everything_is_the_base_redo_the_end_and_every_state_can_be_planned(blocks):
    sheet = EditSheet(opportunities().assign(seats=pd.array([1, 2, 3, 4, 5, None], "Int64")))
    frames = [sheet.edited, *(sheet.edited for block in blocks if sheet.edit(block).cells)]
    assert oa.plan(sheet.base, frames[-1]).problems.empty
    assert len(oa.plan(sheet.base, frames[-1]).changes) == sheet.counts["changes"]
    for frame in reversed(frames[:-1]):
        sheet.undo()
        pd.testing.assert_frame_equal(sheet.edited, frame)
    assert sheet.edited.equals(sheet.base)
    for frame in frames[1:]:
        sheet.redo()
        pd.testing.assert_frame_equal(sheet.edited, frame)


def test_edited__blanks_in_fixed_width_columns_stay_blanks():
    frame = opportunities(3).assign(seats=[1, 2, 3], hot=[True, True, False])
    sheet = EditSheet(frame)
    sheet.edit([(0, "seats", None), (1, "hot", None)])
    sheet.add()
    edited = sheet.edited
    assert edited["seats"].isna().tolist() == [True, False, False, True]
    assert edited["hot"].isna().tolist() == [False, True, False, True]


def test_sheet__offers_and_reads_the_stages_of_the_frames_org():
    own = oa.Org(stages=[{"name": "Demo", "kind": "open"}, {"name": "Signed", "kind": "won"}])
    sheet = EditSheet(own.apply(opportunities(2).assign(stage="Demo")))
    assert sheet.column["stage"].options == ("Demo", "Signed")
    assert sheet.edit([(0, "stage", "signed")]).message == "Stage set to Signed"
    assert [sheet.is_open(row) for row in (0, 1)] == [False, True]
    assert "is not a stage" in sheet.edit([(1, "stage", "proposal")]).message
    assert sheet.edited["stage"].tolist() == ["Signed", "Demo"]
    assert sheet.edited.attrs["org"] == sheet.frame.attrs["org"]


def test_edit__takes_a_deal_only_to_stages_of_its_own_pipeline() -> None:
    meaning = oa.Org(
        stages=[
            {"name": "Demo", "kind": "open", "pipeline": "New"},
            {"name": "Quote", "kind": "open", "pipeline": "Renewal"},
            {"name": "Signed", "kind": "won"},
        ]
    )
    deals = pd.DataFrame({"unique_id": ["a"], "name": ["Acme"], "pipeline": "New", "stage": "Demo"})
    sheet = EditSheet(meaning.apply(deals))
    said = sheet.edit([(0, "stage", "quote")]).message
    assert "“Quote” is not a stage of the pipeline 'New'. Use one of Demo, Signed." in said
    assert sheet.value(0, "stage") == "Demo"
    assert sheet.edit([(0, "stage", "Signed")]).message == "Stage set to Signed"
    # Both at once, in the order of the columns.
    sheet.edit([(0, "stage", "Quote"), (0, "pipeline", "Renewal")])
    assert (sheet.value(0, "stage"), sheet.value(0, "pipeline")) == ("Quote", "Renewal")
    assert not sheet.problems


def test_change_many__sets_shifts_and_moves_to_the_end_of_the_month_in_one_step_each():
    frame = opportunities(3)
    frame.loc[1, "close_date"] = None
    sheet = EditSheet(frame.assign(owner_name="Ann"))
    dates = lambda: [sheet.column["close_date"].encode(day) for day in sheet.edited["close_date"]]  # noqa: E731
    said = sheet.change_many([0, 1, 2], "set", field="owner_name", text="Bo").message
    assert said == "Set Owner in 3 deals · Bo is new here"
    said = sheet.change_many([0, 1], "move", text="- 25d").message
    assert said == "Moved Close date by - 25d in 1 deal, 1 empty cell left"
    said = sheet.change_many([0, 1, 2], "month_end").message
    assert said == "Moved Close date to the end of the month in 1 deal, 1 empty cell left"
    assert sheet.edited["owner_name"].tolist() == ["Bo"] * 3
    assert dates() == ["2026-06-30", None, "2026-06-30"]
    sheet.undo()
    assert dates() == ["2026-06-05", None, "2026-06-30"]
    sheet.undo()
    sheet.undo()
    assert sheet.counts["changes"] == 0


@pytest.mark.parametrize(
    ("field", "verb", "text", "why"),
    [
        ("close_date", "move", "", "“” is not a number of days. Try + 30d, -2w or +1m."),
        ("close_date", "move", "1.5", "“1.5” is not a number of days."),
        ("value", "month_end", "", "Value is not a date. Set it instead."),
        ("stage", "move", "7", "Stage is not a date."),
    ],
)
def test_change_many__refuses_what_is_no_change_of_its_column(field, verb, text, why):
    sheet = EditSheet(opportunities(1))
    with pytest.raises(ArgumentValueError, match=re.escape(why)):
        sheet.change_many([0], verb, field=field, text=text)
    assert sheet.preview([0], verb, field=field, text=text)["lines"] == []


def test_change_many__is_shown_before_it_is_one_step():
    sheet = EditSheet(opportunities(5))
    change: dict[str, Any] = {"rows": range(5), "verb": "set", "field": "name", "text": "Oak"}
    shown = sheet.preview(**change)
    assert (sheet.counts["changes"], shown["more"]) == (0, 2)
    assert shown["said"] == "5 of 5 deals would change"
    assert [(line["old"], line["new"]) for line in shown["lines"]] == [
        (f"Deal {n}", "Oak") for n in range(3)
    ]
    assert sheet.change_many(**change).message == "Set Deal in 5 deals"
    assert sheet.edited["name"].tolist() == ["Oak"] * 5
    sheet.undo()
    assert sheet.counts["changes"] == 0


def test_edit__reads_as_the_org_and_the_deal_write():
    """What `inputs` may be told: currency, decimal comma, order of days, and the year that is
    meant."""
    frame = opportunities(2).assign(value=700.0, stage=["proposal", "closed_won"])
    sheet = EditSheet(
        Org(currency="EUR", timezone="Europe/Berlin").apply(frame), today=date(2026, 12, 10)
    )
    sheet.edit([(0, "value", "45.000"), (0, "close_date", "3/4"), (1, "close_date", "5.1.2027")])
    assert sheet.value(0, "value") == 45_000
    assert sheet.value(0, "close_date") == pd.Timestamp("2027-04-03")
    sheet.edit([(1, "close_date", "1 May")])
    assert sheet.value(1, "close_date") == pd.Timestamp("2026-05-01")
    said = sheet.edit([(1, "value", "$45,000")]).message
    assert "is in $, not in EUR. Convert it first. Kept 700." in said


def test_spell__is_read_back_in_one_way_only():
    frame = opportunities().assign(value=12.345, close_date="2027-03-04")
    sheet = EditSheet(frame)
    spelled = {field: sheet.spell(0, field) for field in ("value", "close_date")}
    assert spelled == {"value": "12.3450", "close_date": "2027-03-04"}
    assert [sheet.column[field].read(typed) for field, typed in spelled.items()] == [
        12.345,
        pd.Timestamp("2027-03-04"),
    ]


def euros() -> EditSheet:
    rates = [{"date": "2026-03-20", "currency": "EUR", "rate": 1.25}]
    frame = pd.DataFrame(
        {
            "unique_id": ["a", "b"],
            "name": ["Acme", "Bolt"],
            "value": [100.0, 300.0],
            "stage": "proposal",
            "close_date": "2026-04-10",
            "currency": ["EUR", "USD"],
        }
    )
    frame.attrs["load"] = {"fetched_at": "2026-03-25T12:00:00Z"}
    return EditSheet(Org(currency="USD", currency_rates=rates).apply(frame))


def test_duplicate__has_the_writable_cells_of_its_deal_and_no_id_in_either_currency() -> None:
    sheet = euros()
    answer = sheet.duplicate([0, 1])
    assert (answer.rows, answer.message, answer.refused) == ([2, 3], "Duplicated 2 deals", False)
    copies = sheet.edited.iloc[2:]
    assert copies["unique_id"].isna().all()
    assert copies["name"].tolist() == ["Acme (copy)", "Bolt (copy)"]
    assert copies["currency"].tolist() == ["EUR", "USD"]
    assert copies["value"].tolist() == [125.0, 300.0]
    planned = make_plan(sheet)
    assert planned.problems.empty
    assert set(planned.changes["operation"]) == {"create"}
    assert sheet.undo().rows == [2, 3]
    assert len(sheet.edited) == 2


def test_duplicate__of_a_deal_without_a_name_needs_one(sheet) -> None:
    [row] = sheet.add().rows
    [copy] = sheet.duplicate([row]).rows
    assert sheet.edit_of((copy, "name")) == sheet.edit_of((row, "name"))
    assert sheet.changed_rows == []


def test_edit__of_a_converted_value_is_refused_and_names_the_column_to_edit() -> None:
    sheet = euros()
    said = sheet.edit([(0, "value", "200")]).message
    assert "is a value converted from EUR. Edit Value original instead." in said
    assert sheet.changed_rows == []


def test_edit__of_value_original_moves_the_value_and_is_sent_as_it_is() -> None:
    sheet = euros()
    sheet.edit([(0, "value_original", "200"), (1, "value", "310")])
    assert sheet.edited["value"].tolist() == [250.0, 310.0]
    planned = make_plan(sheet)
    assert planned.problems.empty
    assert planned.changes[["unique_id", "field", "after"]].to_numpy().tolist() == [
        ["a", "value", 200.0],
        ["b", "value", 310.0],
    ]


def test_settle__of_a_value_puts_the_server_s_beside_the_converted_one() -> None:
    sheet = euros()
    sheet.edit([(0, "value_original", "200"), (1, "value", "310")])
    sheet.settle({(0, "value"): 200.0, (1, "value"): 310.0})
    assert sheet.changed_rows == []
    assert sheet.base[["value", "value_original"]].to_numpy().tolist() == [
        [250.0, 200.0],
        [310.0, 310.0],
    ]


def test_list_cells__repeats_a_block_over_its_area() -> None:
    value = Field("value")
    area = Area(
        [GridRow(4), GridRow(7), GridRow(9)], [value], [["10"], [GridCell(GridRow(2), value)]]
    )
    cells = list(list_cells([area], lambda row, name: f"{name} of {row}"))
    assert cells == [(4, "value", "10"), (7, "value", "value of 2"), (9, "value", "10")]


@pytest.fixture
def team() -> EditSheet:
    """Six deals in proposal at 40%, due Jun 30, 2026, of Amara Okafor, with accounts; Grace Lee is
    in the org."""
    frame = opportunities(6).assign(owner_name="Amara Okafor", account_name="Globex GmbH")
    return EditSheet(frame, today=date(2026, 6, 1), people=["Grace Lee"])


@pytest.mark.parametrize(
    ("field", "typed", "held"),
    [
        ("owner_name", "amara okafor", "Amara Okafor"),
        ("owner_name", "AMARA  OKAFOR", "Amara Okafor"),
        ("owner_name", "grace lee", "Grace Lee"),
        ("account_name", "globex gmbh", "Globex GmbH"),
    ],
)
def test_edit__takes_a_known_name_in_any_letters(team, field, typed, held):
    said = team.edit([(0, field, typed), (1, "value", "7")], "Pasted {cells}").message
    assert (team.value(0, field), "new here" in said) == (held, False)
    team.change_many([2, 3], "set", field=field, text=typed)
    assert team.edited[field].nunique() == (
        1 if field == "account_name" or "amara" in typed.lower() else 2
    )


def test_edit__takes_a_new_name_says_so_and_knows_it_from_then_on(team):
    cells = [
        (0, "owner_name", "New Person"),
        (1, "owner_name", "new person"),
        (2, "account_name", "Initech"),
    ]
    said = team.edit(cells, "Pasted {cells}").message
    assert said == "Pasted 3 cells · New Person is new here · Initech is new here"
    team.edit([(3, "owner_name", "NEW PERSON")])
    assert team.edited["owner_name"].tolist()[:4] == [
        "New Person",
        "New Person",
        "Amara Okafor",
        "New Person",
    ]
    assert team.note_of(3, "owner_name") == "New Person is new here"
    # What was taken back is not known any more.
    team.undo()
    team.undo()
    assert team.edit([(0, "owner_name", "new person")]).message.endswith("new person is new here")


@pytest.mark.parametrize(
    ("typed", "held", "note"),
    [
        ("+7", "2026-06-08", ""),
        ("-3", "2026-05-29", "May 29, 2026 is unlikely for an open deal"),
        ("12/31/2062", "2062-12-31", "Dec 31, 2062 is unlikely for an open deal"),
    ],
)
def test_edit__reads_days_from_today_and_says_what_no_open_deal_closes_on(team, typed, held, note):
    said = team.edit([(0, "close_date", typed)]).message
    assert f"{team.value(0, 'close_date'):%Y-%m-%d}" == held
    assert said.partition(" · ")[2] == note


def test_edit__offers_the_chance_and_the_day_of_a_deal_that_is_closed(team):
    answer = team.edit([(0, "stage", "closed won")])
    assert answer.message == "Stage set to closed won"
    assert answer.offer == "Also set Stated to 100% and Close date to Jun 1, 2026?"
    assert team.note_of(0, "stage") == "keeps Stated 40% and Close date Jun 30, 2026"
    answer = team.agree()
    assert (answer.message, answer.offer) == (
        "Set Stated to 100% and Close date to Jun 1, 2026",
        "",
    )
    assert (team.value(0, "probability"), team.value(0, "close_date")) == (
        100,
        pd.Timestamp("2026-06-01"),
    )
    assert (team.note_of(0, "stage"), team.agree().message) == ("", "Nothing to change")
    team.undo()
    assert (team.value(0, "stage"), team.value(0, "probability")) == ("closed_won", 40)


def test_edit__offers_for_many_deals_at_once_and_never_for_those_that_were_closed(team):
    team.edit(
        [(3, "close_date", "May 1, 2026"), (4, "probability", "100"), (4, "close_date", "today")]
    )
    answer = team.change_many(range(6), "set", field="stage", text="closed won")
    assert answer.offer == "Also set Stated to 100% and Close date to Jun 1, 2026 in 5 deals?"
    # One step, nothing silently: another step withdraws the offer.
    team.edit([(0, "value", "5")])
    assert team.agree().message == "Nothing to change"
    lost = team.change_many([0, 3], "set", field="stage", text="closed lost")
    assert lost.offer == "Also set Stated to 0% and Close date to Jun 1, 2026 in 2 deals?"
    team.agree()
    assert team.edited["probability"].tolist() == [0, 40, 40, 0, 100, 40]
    assert team.value(3, "close_date") == pd.Timestamp("2026-05-01")
    closed = EditSheet(opportunities(1).assign(stage="closed_won"), today=date(2026, 6, 1))
    assert closed.edit([(0, "stage", "closed won"), (0, "value", "5")]).offer == ""


def test_edit__adds_deals_for_what_is_pasted_below_the_last_one_as_one_step(team):
    cells = [(5, "name", "Last"), (6, "name", "Seventh"), (6, "value", "7k"), (7, "value", "8k")]
    answer = team.edit(cells, "Pasted {cells}", "2 new deals", added=team.reserve_rows(2))
    assert answer.message == "Pasted 4 cells, 2 new deals · 1 new deal without a name"
    assert (answer.rows, team.end, team.changed_rows) == ([6, 7], 8, [5, 6])
    assert [each["why"] for each in team.list_problems(5)] == ["A deal needs a name"]
    team.undo()
    assert (team.row_state(6), team.row_state(7), team.changed_rows) == ("gone", "gone", [])
    team.redo()
    assert team.edited["name"].tolist()[-2] == "Seventh"


def test_list_problems__groups_refusals_by_reason(team):
    team.edit(
        [(0, "value", "x"), (1, "value", "lots"), (2, "probability", "140")], "Pasted {cells}"
    )
    first, second = team.list_problems(1)
    assert (first["why"], first["count"]) == ("Is not an amount; try 45000, $45,000 or 45k", 2)
    assert first["cells"] == [
        {"row": 0, "field": "value", "deal": "Deal 0", "title": "Value", "typed": "x"}
    ]
    assert (second["count"], second["cells"][0]["typed"]) == (1, "140")


def test_edit__of_cells_that_are_all_refused_says_so_and_what_is_undone() -> None:
    sheet = EditSheet(opportunities(3))
    answer = sheet.edit([(0, "value", "x"), (1, "value", "y")], "Filled right {cells}")
    assert answer.message.startswith("Filled right 0 cells · 2 refused: “x” is not an amount.")
    assert sheet.undo().message == "Undone: Filled right 0 cells"
